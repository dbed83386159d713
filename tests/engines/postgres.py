"""PostgreSQL: a server to be restarted, killed and thrown away, and databases made in it."""

import itertools
import os
import secrets
import shutil
import signal
import subprocess
from typing import Any, Self
from urllib.parse import quote, urlsplit, urlunsplit

import psycopg
from psycopg import sql

from tests.engines import binaries
from tests.engines.process import Engine, as_user, environment

MODES = {"smart": signal.SIGTERM, "fast": signal.SIGINT, "immediate": signal.SIGQUIT}
# Nothing here survives a power cut; everything survives a killed process: a commit has reached the kernel.
OPTIONS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "fsync": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "jit": "off",
    "autovacuum": "off",  # what it found of the rows of other tests would decide which index is taken
    "timezone": "UTC",
}


class Databases:
    """Databases in a server that is reached at `address(name)`."""

    numbers = itertools.count(1)

    def address(self, name: str = "postgres") -> str:
        raise NotImplementedError

    def url(self, name: str = "parley") -> str:
        """DATABASE_URL for this database, which is made where it does not exist."""
        if not self.run("SELECT 1 FROM pg_database WHERE datname = %s", name):
            self.run(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return self.address(name)

    def fresh(self, *, like: str = "template1") -> str:
        """DATABASE_URL for a database that nobody has used; `like` names one to copy (which nobody may be using just now)."""
        name = f"parley_{os.getpid()}_{next(self.numbers)}"
        self.run(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(like)))
        return self.address(name)

    def drop(self, name: str) -> None:
        """Gone, whoever uses it."""
        self.run(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def run(self, statement: str | sql.Composed, *values: Any, database: str = "postgres") -> list[tuple[Any, ...]]:
        """Run one statement by itself, as the server's owner; the rows, where it gives some."""
        with psycopg.connect(self.address(database), autocommit=True, connect_timeout=10) as connection:
            cursor = connection.execute(statement, values or None)
            return cursor.fetchall() if cursor.description else []


class Postgres(Databases, Engine):
    """A server of one's own. `options` are its settings, for example `Postgres(fsync="on", max_connections="20")`."""

    name, last_resort = "postgres", signal.SIGQUIT

    def __init__(self, **options: str) -> None:
        self.options = {**OPTIONS, **options}
        self.binaries, self.user = binaries.postgres(), binaries.unprivileged()
        self.password = secrets.token_hex(16)  # other people of this machine reach the port too
        super().__init__()

    def prepare(self) -> None:
        password = self.folder / "password"
        password.write_text(self.password)
        if self.user:
            for path in (self.folder, password):
                shutil.chown(path, self.user)
        options = ["--no-sync", "--encoding=UTF8", "--locale=C.UTF-8", "--username=parley", "--auth=scram-sha-256"]
        command = [str(self.binaries / "initdb"), *options, f"--pwfile={password}", str(self.folder / "data")]
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=environment(),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            **as_user(self.user),
        )
        if done.returncode:
            raise RuntimeError(f"initdb failed: {done.stderr[-2000:]}")

    def command(self) -> list[str]:
        options = [word for name, value in self.options.items() for word in ("-c", f"{name}={value}")]
        return [str(self.binaries / "postgres"), "-D", str(self.folder / "data"), "-p", str(self.port), *options]

    def address(self, name: str = "postgres") -> str:
        return f"postgres://parley:{self.password}@127.0.0.1:{self.port}/{quote(name)}"

    def answers(self) -> bool:
        try:
            psycopg.connect(self.address(), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def stop(self, mode: str = "fast") -> None:
        """Down, as `pg_ctl stop -m` does it: smart (waits for clients), fast (they are cut off), immediate (a crash)."""
        self.end(MODES[mode])

    def restart(self, mode: str = "fast") -> None:
        """Down and up again, at the same address."""
        self.stop(mode)
        self.start()


class GivenPostgres(Databases):
    """Somebody else's server: databases are made and dropped in it, and it is left running."""

    def __init__(self, url: str) -> None:
        self.given = url
        self.before: set[str] = set()

    def address(self, name: str = "") -> str:
        parts = urlsplit(self.given)
        return urlunsplit(parts._replace(path="/" + quote(name))) if name else self.given

    def _names(self) -> set[str]:
        return {str(name) for (name,) in self.run("SELECT datname FROM pg_database", database="")}

    def __enter__(self) -> Self:
        self.before = self._names()
        return self

    def __exit__(self, *_: object) -> None:
        for name in sorted(self._names() - self.before):
            self.drop(name)
