"""Threads for the database, bounded, apart from those of requests: a slow page stalls no run and no reader.

On SQLite the runs have one: only one can write at a time, and its connection keeps the pages it knows as long as nobody else has
written. What takes long and does not write is for the readers' threads, and so is waiting for the disk (`checkpoint`).
"""

import asyncio
import select
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Final, ParamSpec, TypeVar

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from django.dispatch import receiver

P = ParamSpec("P")
T = TypeVar("T")

THREADS: Final = {"runs": 1 if settings.ON_SQLITE else settings.RUN_THREADS, "readers": settings.RUN_THREADS}
PATIENCE: Final = 5.0  # seconds

_runs, _readers = (ThreadPoolExecutor(count, thread_name_prefix=name) for name, count in THREADS.items())


def _call(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    for connection in connections.all(initialized_only=True):
        if _lost(connection):
            connection.close()
            connection.pool.check()  # type: ignore[attr-defined]  # else each of its dead ones costs a request a longer pause
    try:
        return function(*args, **kwargs)
    finally:
        for connection in connections.all(initialized_only=True):
            connection.close_at = None  # these threads stay, and keep what works; requests give theirs back
            connection.close_if_unusable_or_obsolete()


def _lost(connection: BaseDatabaseWrapper) -> bool:
    """Whether the server has gone since the last call. Postgres says nothing on an idle connection but that it ends: one look at
    the socket, where a question would be a round trip. (Django asks none of a connection that came from a pool.)
    """
    kept = connection.connection
    if kept is None or connection.vendor != "postgresql" or kept.closed:
        return False
    watched = select.poll()  # unlike select(), for any number of descriptors
    watched.register(kept, select.POLLIN)
    return bool(watched.poll(0))


@receiver(connection_created)
def _leaves_checkpoints(connection: BaseDatabaseWrapper, **_: object) -> None:
    if connection.vendor == "sqlite" and threading.current_thread().name.startswith("runs"):
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA wal_autocheckpoint=0")


def checkpoint() -> None:
    """Bring what SQLite has in its write-ahead log into the database: it waits for the disk, nobody for it. Call it every second
    or so; whoever commits for a request does it too, when much has come together.
    """
    with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
        cursor.execute("PRAGMA wal_checkpoint(PASSIVE)")


def give_back() -> None:
    """This thread asks the database nothing for a while: whoever does may have its connection meanwhile."""
    for connection in connections.all(initialized_only=True):
        if not connection.in_atomic_block:
            connection.close()


async def for_runs(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call a verb of the store in the runs' threads. Not cancelled midway: a cancelled caller leaves it to finish."""
    return await _submit(_runs, function, *args, **kwargs)


async def for_readers(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """The same, in the readers' threads."""
    return await _submit(_readers, function, *args, **kwargs)


async def _submit(pool: ThreadPoolExecutor, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    return await asyncio.wrap_future(pool.submit(lambda: _call(function, *args, **kwargs)))


async def watch() -> None:
    """Notice that the server has gone, also where nobody asks it anything. Call it now and then."""
    await for_readers(lambda: connections[DEFAULT_DB_ALIAS].ensure_connection())


def disconnect() -> None:
    """Close the connections that the threads keep; called again, they open new ones. Waits for calls that are on their way,
    10 s at most.
    """
    for pool, count in zip((_runs, _readers), THREADS.values(), strict=True):
        gate = threading.Barrier(count, timeout=PATIENCE)  # so that each thread takes one, and none takes two
        wait([pool.submit(_close_own, gate) for _ in range(count)], timeout=PATIENCE)


def leave() -> None:
    """At the very end of a process: whoever still waits for a database that is away gives up, and holds the end up no longer."""
    for pool in (_runs, _readers):
        pool.shutdown(wait=False, cancel_futures=True)
    for connection in connections.all():
        if connection.vendor == "postgresql":
            connection.close_pool()  # type: ignore[attr-defined]


def _close_own(gate: threading.Barrier) -> None:
    try:
        gate.wait()
    except threading.BrokenBarrierError:
        pass  # another thread is still at work; this one closes all the same
    finally:
        connections.close_all()
