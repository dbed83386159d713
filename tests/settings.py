"""The settings under test: the product's own, in a directory of their own, with cheap passwords."""

import atexit
import os
import shutil
import tempfile

for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_BACKGROUND", "PARLEY_MODEL", "PARLEY_URL", "PARLEY_WORKER"):
    os.environ.pop(name, None)
for name in ("REDIS_URL", "EMAIL_URL", "FILES_URL"):
    os.environ.pop(name, None)
os.environ["SECRET_KEY"] = "a key for tests alone, 0123456789abcdef"
os.environ["PARLEY_VAR"] = tempfile.mkdtemp(prefix="parley-test-")
atexit.register(shutil.rmtree, os.environ["PARLEY_VAR"], ignore_errors=True)

from project.settings import *  # noqa: E402, F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
# A file, as in the product: tests with several threads meet the locks that people meet.
if ON_SQLITE:  # noqa: F405
    DATABASES["default"]["TEST"] = {"NAME": str(PARLEY_VAR / "test.sqlite3")}  # noqa: F405
