# Two commands do everything: `make run` and `make test`. Settings are environment variables (README), for example: make run PORT=9000
.POSIX:
.PHONY: run test check soak bench lock format

PY = .venv/bin/python
PYTEST = $(PY) -m pytest -q
DATABASE_TESTS = tests/store tests/runs tests/live tests/accounts tests/teams tests/own_data tests/notifications tests/web tests/settings_pages \
	tests/admin tests/log tests/temporary

run:
	@deploy/setup run
	@exec $(PY) manage.py serve

# On SQLite everything; on Postgres what touches the database; then the browser; then real processes that are broken on purpose,
# and last the tests that measure what one of them costs the others.
test:
	@deploy/setup test
	DATABASE_URL= $(PYTEST) -n 3
	$(PY) -m tests.engines postgres -- $(PYTEST) -n 2 $(DATABASE_TESTS)
	$(PYTEST) tests/browser -o addopts=--strict-markers -p no:randomly -n 2
	$(PYTEST) tests/faults -p no:randomly -n 2 --dist worksteal -m "not soak and not alone"
	$(PYTEST) tests/faults -p no:randomly -m "alone and not soak"

check:
	@deploy/setup test
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/djade --target-version 5.2 --check $$(find templates -name '*.html')
	.venv/bin/mypy
	.venv/bin/lint-imports
	$(PY) manage.py makemigrations --check --dry-run
	@$(MAKE) test

# Full counts, for about SOAK_SECONDS (an hour).
soak:
	@deploy/setup test
	DATABASE_URL= $(PYTEST) -n 2 -m soak
	SOAK=1 $(PYTEST) tests/faults -p no:randomly -m "soak or not soak"

bench:
	@deploy/setup test
	$(PY) -m benchmarks

format:
	.venv/bin/ruff format .
	.venv/bin/ruff check --fix .
	.venv/bin/djade --target-version 5.2 $$(find templates -name '*.html')

# The lock files: hashes, no addresses. Needs uv.
lock:
	uv pip compile pyproject.toml --quiet --universal --generate-hashes --no-header --no-annotate --only-binary :all: -o deploy/requirements.lock
	for extra in ocr s3; do uv pip compile pyproject.toml --quiet --universal --extra $$extra -c deploy/requirements.lock --generate-hashes --no-header --no-annotate --only-binary :all: -o deploy/requirements-$$extra.lock; done
	uv pip compile pyproject.toml --quiet --universal --extra dev --extra ocr --extra s3 -c deploy/requirements.lock --generate-hashes --no-header --no-annotate --only-binary :all: -o deploy/requirements-dev.lock
