"""`manage.py serve`: the server we ship. One process; the same command behind a proxy and on a laptop."""

import asyncio
import contextlib
import fcntl
import hashlib
import importlib
import os
import socket
import sys
from importlib import metadata
from pathlib import Path
from types import FrameType
from typing import Any, TextIO
from urllib.parse import urlsplit

import django
import uvicorn
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import Error as DatabaseError
from django.db import connection
from servestatic import ServeStaticASGI

from chat.management.database import up_to_date
from chat.management.sockets import BrowserSocket, inherited, listen
from chat.runs.process import process
from chat.store import pool, record, sealed
from chat.web.bodies import BodyLimit

LOOPBACK = ("localhost", "127.0.0.1", "::1")
WHERE = f"Check DATABASE_URL, or PARLEY_VAR ({settings.PARLEY_VAR})."
SOCKET_MESSAGE_BYTES = 4096  # nothing comes up a socket
LAST_WORDS = 0.3  # seconds for requests on connections that were accepted a moment ago


class Command(BaseCommand):
    help = (
        "Serve Parley: pages, sockets and runs, with static files and limits in front. Prepares the database and the files first."
    )
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            lock = alone() if settings.ON_SQLITE else None
            held = inherited()
            listening = held or [listen(settings.HOST, settings.PORT)]
            prepare_database()
            if settings.SECRET_KEY_FALLBACKS:
                sealed.renew()
            record.environment()
            prepare_static()
        except DatabaseError as error:
            raise CommandError(f"The database cannot be used: {str(error).strip()}. {WHERE}") from None
        except OSError as error:
            raise CommandError(f"{error.filename} cannot be used: {error.strerror}. {WHERE}") from None
        server = Server(config(), said=self.welcome(), out=sys.stdout, stays=settings.ON_SQLITE or bool(held))
        server.run(sockets=listening)
        pool.leave()
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
        if not settings.ON_SQLITE and not settings.REDIS_URL:
            said += "Without REDIS_URL, news from other processes comes up to two seconds late.\n"
        if settings.WORKER_APART:
            said += "Replies are written by workers: start at least one with `manage.py worker`.\n"
        return said


class Server(uvicorn.Server):
    """uvicorn, one line that says where to go once it answers, and an end that loses nothing.

    Where it `stays`, it goes on serving while the replies under way are finished: alone (on SQLite) nobody else would, and on a
    socket that systemd holds whoever comes would wait for the next process. Otherwise it leaves the sockets and the new requests
    to others at once; `lifespan` then waits for the replies.
    """

    def __init__(self, config: uvicorn.Config, *, said: str, out: TextIO, stays: bool) -> None:
        super().__init__(config)
        self.said, self.out, self.stays = said, out, stays
        self.loop: asyncio.AbstractEventLoop | None = None
        self.told = asyncio.Event()

    async def main_loop(self) -> None:
        """uvicorn's own wakes ten times a second. Once is enough for the date in answers; a signal wakes it."""
        self.loop = asyncio.get_running_loop()
        while not await self.on_tick(0):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.told.wait(), 1)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        super().handle_exit(sig, frame)
        if self.loop is not None:
            self.loop.call_soon_threadsafe(self.told.set)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        if self.started:
            self.out.write(self.said)
            self.out.flush()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        process.draining = True
        if self.stays:
            draining = asyncio.ensure_future(process.drain())
            while not draining.done() and not self.force_exit:  # a second Ctrl+C
                await asyncio.wait((draining,), timeout=0.1)
            draining.cancel()
        for server in self.servers:
            server.close()
        await asyncio.sleep(LAST_WORDS)
        await super().shutdown(sockets)


def config() -> uvicorn.Config:
    application = importlib.import_module("project.asgi").application
    limited = BodyLimit(application, most=settings.BODY_BYTES, in_memory=settings.MEMORY_BODY_BYTES)
    static = ServeStaticASGI(limited, root=str(settings.STATIC_ROOT), prefix="static/")
    return uvicorn.Config(
        static,
        loop="uvloop",
        http="h11",  # httptools takes headers without end
        ws=BrowserSocket,
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


def prepare_database() -> None:
    """Bring SQLite up to date by ourselves; on Postgres several processes start at once, and migrating is a step of its own."""
    if up_to_date():
        return
    if not settings.ON_SQLITE:
        raise CommandError("The database is not up to date. Run once, before the servers start: manage.py migrate")
    call_command("migrate", verbosity=0, interactive=False)
    connection.close()


def prepare_static() -> None:
    """Gather the static files under PARLEY_VAR, if they have changed since the last time.

    One process at a time; and nothing is removed: while an upgrade rolls, pages of the old processes still ask for their files.
    """
    stamp = settings.STATIC_ROOT / ".stamp"
    now = fingerprint(settings.BASE_DIR / "static")
    with (settings.PARLEY_VAR / "static.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if stamp.is_file() and stamp.read_text() == now:
            return
        call_command("collectstatic", verbosity=0, interactive=False)
        stamp.write_text(now)


def fingerprint(folder: Path) -> str:
    digest = hashlib.sha256(f"{django.__version__} {metadata.version('django-unfold')}".encode())
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            digest.update(f"{path.relative_to(folder)} {path.stat().st_size} {path.stat().st_mtime_ns}".encode())
    return digest.hexdigest()
