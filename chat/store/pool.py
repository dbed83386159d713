"""Threads for the database, bounded, apart from those of requests: a slow page stalls no run and no reader."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from django.conf import settings
from django.db import connections

P = ParamSpec("P")
T = TypeVar("T")

_runs = ThreadPoolExecutor(settings.RUN_THREADS, thread_name_prefix="runs")
_readers = ThreadPoolExecutor(settings.RUN_THREADS, thread_name_prefix="readers")


def _call(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    try:
        return function(*args, **kwargs)
    finally:
        for connection in connections.all(initialized_only=True):
            connection.close_at = None  # these threads stay, and keep what works; requests give theirs back
            connection.close_if_unusable_or_obsolete()


async def for_runs(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call a verb of the store in the runs' threads. Not cancelled midway: a cancelled caller leaves it to finish."""
    return await _submit(_runs, function, *args, **kwargs)


async def for_readers(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """The same, in the readers' threads."""
    return await _submit(_readers, function, *args, **kwargs)


async def _submit(pool: ThreadPoolExecutor, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    return await asyncio.wrap_future(pool.submit(lambda: _call(function, *args, **kwargs)))
