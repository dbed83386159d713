"""Where the engines' programs are, or a sentence that says how to get them."""

import os
import pwd
import shutil
from pathlib import Path

DEBIAN = Path("/usr/lib/postgresql")  # <version>/bin, which is on nobody's PATH
PLACES = os.pathsep.join([os.environ.get("PATH", ""), "/usr/local/sbin", "/usr/sbin", "/sbin"])


class Missing(Exception):
    """An engine that the tests need is not installed."""

    def __init__(self, what: str, package: str, variable: str = "") -> None:
        otherwise = f", or set {variable}" if variable else ""
        super().__init__(f"{what} is not installed: run `deploy/setup test` as root, or apt-get install {package}{otherwise}.")


def postgres() -> Path:
    """The folder of the newest initdb and postgres."""
    versions = [path for path in DEBIAN.glob("*/bin") if path.parent.name.isdigit() and (path / "initdb").exists()]
    if versions:
        return max(versions, key=lambda path: int(path.parent.name))
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    raise Missing("PostgreSQL", "postgresql", "TEST_DATABASE_URL")


def redis() -> Path:
    if found := shutil.which("redis-server", path=PLACES):
        return Path(found)
    raise Missing("Redis", "redis-server", "TEST_REDIS_URL")


def nginx() -> Path:
    if found := shutil.which("nginx", path=PLACES):
        return Path(found)
    raise Missing("nginx", "nginx")


def unprivileged() -> str | None:
    """Who runs PostgreSQL, which refuses to be run by root; None: whoever we are."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"
