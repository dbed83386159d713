"""`manage.py serve`: the server we ship. One process; the same command behind a proxy and on a laptop."""

import errno
import fcntl
import hashlib
import importlib
import os
import socket
import sys
from pathlib import Path
from typing import Any, TextIO
from urllib.parse import urlsplit

import django
import uvicorn
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import Error as DatabaseError
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from servestatic import ServeStaticASGI

from chat.web.bodies import BodyLimit

LOOPBACK = ("localhost", "127.0.0.1", "::1")
WHERE = f"Check DATABASE_URL, or PARLEY_VAR ({settings.PARLEY_VAR})."
SOCKET_MESSAGE_BYTES = 4096  # nothing comes up a socket


class Command(BaseCommand):
    help = (
        "Serve Parley: pages, sockets and runs, with static files and limits in front. Prepares the database and the files first."
    )
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            lock = alone() if settings.ON_SQLITE else None
            listening = listen(settings.HOST, settings.PORT)
            prepare_database()
            prepare_static()
        except DatabaseError as error:
            raise CommandError(f"The database cannot be used: {str(error).strip()}. {WHERE}") from None
        except OSError as error:
            raise CommandError(f"{error.filename} cannot be used: {error.strerror}. {WHERE}") from None
        server = Server(config(), said=self.welcome(), out=sys.stdout)
        server.run(sockets=[listening])
        if lock is not None:
            lock.close()
        if not server.started:
            raise CommandError("The server did not start; the lines above say why.")

    def welcome(self) -> str:
        said = f"Parley is ready: {settings.PARLEY_URL}\n"
        if settings.HOST not in LOOPBACK and urlsplit(settings.PARLEY_URL).hostname in LOOPBACK:
            said += (
                f"It listens on {settings.HOST}, but answers only to that address: set PARLEY_URL to the one that people type.\n"
            )
        if settings.REDIS_URL:
            said += "REDIS_URL is set, but this version does not use it yet: other processes' news comes up to a second late.\n"
        return said


class Server(uvicorn.Server):
    """uvicorn, and one line that says where to go once it answers."""

    def __init__(self, config: uvicorn.Config, *, said: str, out: TextIO) -> None:
        super().__init__(config)
        self.said, self.out = said, out

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        if self.started:
            self.out.write(self.said)
            self.out.flush()


def config() -> uvicorn.Config:
    application = importlib.import_module("project.asgi").application
    static = ServeStaticASGI(BodyLimit(application, most=settings.BODY_BYTES), root=str(settings.STATIC_ROOT), prefix="static/")
    return uvicorn.Config(
        static,
        loop="uvloop",
        ws="websockets-sansio",
        ws_max_size=SOCKET_MESSAGE_BYTES,
        ws_per_message_deflate=False,
        lifespan="on",
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=5,
    )


def alone() -> TextIO:
    """Hold the lock of this installation: SQLite is for one serving process."""
    file = (settings.PARLEY_VAR / "serve.lock").open("a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.seek(0)
        who = file.read().strip() or "unknown"
        raise CommandError(
            f"Parley already runs with the data in {settings.PARLEY_VAR} (process {who}). Stop it first, or set PARLEY_VAR."
        ) from None
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    return file


def listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listening = socket.socket(family, socket.SOCK_STREAM)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(2048)
    except OSError as error:
        if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
            raise CommandError(f"HOST is {host}, which is no address of this machine.") from None
        if error.errno == errno.EADDRINUSE:
            raise CommandError(
                f"Port {port} is taken by another program. Choose another: make run PORT={port + 1 if port < 65535 else 8000}"
            ) from None
        if error.errno == errno.EACCES:
            raise CommandError(f"Port {port} is only for root. Choose one above 1023: make run PORT=8000") from None
        raise CommandError(f"Cannot listen on {host}:{port}: {error.strerror}.") from None
    return listening


def prepare_database() -> None:
    """Bring SQLite up to date by ourselves; on Postgres several processes start at once, and migrating is a step of its own."""
    executor = MigrationExecutor(connection)
    if not executor.migration_plan(executor.loader.graph.leaf_nodes()):
        return
    if not settings.ON_SQLITE:
        raise CommandError("The database is not up to date. Run once, before the servers start: manage.py migrate")
    call_command("migrate", verbosity=0, interactive=False)
    connection.close()


def prepare_static() -> None:
    """Gather the static files under PARLEY_VAR, if they have changed since the last time."""
    stamp = settings.STATIC_ROOT / ".stamp"
    now = fingerprint(settings.BASE_DIR / "static")
    if stamp.is_file() and stamp.read_text() == now:
        return
    call_command("collectstatic", verbosity=0, interactive=False, clear=True)
    stamp.write_text(now)


def fingerprint(folder: Path) -> str:
    digest = hashlib.sha256(django.__version__.encode())
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            digest.update(f"{path.relative_to(folder)} {path.stat().st_size} {path.stat().st_mtime_ns}".encode())
    return digest.hexdigest()
