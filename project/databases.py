"""What DATABASE_URL means to Django."""

from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured


def sqlite(path: Path) -> dict[str, Any]:
    """Write-ahead log, transactions that lock at once, patience: several threads and commands share the file."""
    pragmas = "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA secure_delete=ON; PRAGMA cache_size=-4000;"
    options = {"transaction_mode": "IMMEDIATE", "timeout": 20, "init_command": pragmas}
    return {"ENGINE": "django.db.backends.sqlite3", "NAME": path, "OPTIONS": options, "CONN_MAX_AGE": None}


def postgres(url: str, *, pool: int) -> dict[str, Any]:
    parts = urlsplit(url)
    try:
        port = parts.port or 5432
    except ValueError:
        raise ImproperlyConfigured("DATABASE_URL has a port that is not a number.") from None
    if not parts.path.strip("/"):
        raise ImproperlyConfigured("DATABASE_URL names no database: postgres://user:password@host:5432/NAME")
    who = {
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname or "",
        "PORT": port,
    }
    # Connecting is tried with pauses that double; begun anew every few seconds, so that a server that is back is found at once
    again = {"reconnect_timeout": 3.0, "reconnect_failed": lambda pool: pool.check()}
    kept = {"min_size": 1, "max_size": pool, "timeout": 15, "name": "parley", **again}
    apart = {"server_side_binding": True}  # values stand in no statement, so in no log of those that failed
    options = {"pool": kept, "connect_timeout": 5, **apart, **dict(parse_qsl(parts.query))}
    more = {"CONN_HEALTH_CHECKS": True, "OPTIONS": options}  # a connection that a restart broke is noticed before it is used
    return {"ENGINE": "django.db.backends.postgresql", "NAME": unquote(parts.path[1:]), **who, **more}


def database(url: str, *, home: Path, pool: int) -> dict[str, Any]:
    """The database at DATABASE_URL; without one, SQLite at `home`. `pool` is the most connections of a process to Postgres."""
    scheme = urlsplit(url).scheme
    if not url:
        return sqlite(home / "parley.sqlite3")
    if scheme in ("postgres", "postgresql"):
        return postgres(url, pool=pool)
    if scheme == "sqlite":
        return sqlite(Path(unquote(urlsplit(url).path)))
    raise ImproperlyConfigured("DATABASE_URL must begin with postgres:// (or be left out, for SQLite under PARLEY_VAR).")
