"""Starting: what is wrong with a setting is one sentence that names it, never a traceback."""

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def start(tmp_path: Path, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if not re.match("OPENAI|PARLEY|DATABASE|REDIS|SECRET|DJANGO|EMAIL", name)
    }
    given = {"PARLEY_VAR": str(tmp_path / "var"), "PORT": "8000", **environment}
    program = [sys.executable, *(command or ("manage.py", "serve"))]
    return subprocess.run(program, cwd=ROOT, env={**kept, **given}, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "eighty"),
        ("PORT", "70000"),
        ("PORT", "0"),
        ("PARLEY_URL", "chat.example.org"),
        ("PARLEY_URL", "https://chat.example.org/parley"),
        ("PARLEY_URL", "http://x:99999"),
        ("OPENAI_BASE_URL", "localhost:11434"),
        ("OPENAI_BASE_URL", "http://"),
        ("DATABASE_URL", "mysql://somewhere/parley"),
        ("DATABASE_URL", "postgres://user@localhost:port/parley"),
        ("SECRET_KEY", "short"),
        ("EMAIL_URL", "mail.example.org"),
        ("LOG_LEVEL", "chatty"),
        ("REDIS_URL", "redis://localhost"),
        ("PARLEY_MODEL_FILE", "/nowhere/model"),
        ("HOST", "203.0.113.7"),
    ],
)
def test_a_wrong_setting_is_named_in_one_sentence(tmp_path: Path, name: str, value: str) -> None:
    done = start(tmp_path, **{name: value})
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    assert name in done.stderr


def test_postgres_wants_a_secret_of_its_own(tmp_path: Path) -> None:
    done = start(tmp_path, DATABASE_URL="postgres://user@localhost/parley")
    assert "SECRET_KEY" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_taken_port_is_a_sentence(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = start(tmp_path, PORT=str(port))
    assert done.returncode != 0
    assert f"Port {port} is taken" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_file_that_is_no_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = start(tmp_path, PARLEY_VAR=str(tmp_path / "file" / "var"))
    assert "PARLEY_VAR" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_database_that_is_away_is_a_sentence(tmp_path: Path) -> None:
    done = start(tmp_path, DATABASE_URL="postgres://user@127.0.0.1:1/parley", SECRET_KEY="0123456789abcdefghijklmnopqrstuvwxyz")
    assert "DATABASE_URL" in done.stderr
    assert "Traceback" not in done.stderr


def test_behind_https_djangos_own_check_has_nothing_to_complain_of(tmp_path: Path) -> None:
    check = ("-W", "error", "manage.py", "check", "--deploy", "--fail-level", "WARNING")
    done = start(tmp_path, *check, PARLEY_URL="https://chat.example.org")
    assert (done.returncode, done.stderr) == (0, "")
    assert "no issues" in done.stdout
