"""Threads for the database, bounded, apart from those of requests: a slow page stalls no run and no reader."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from django.conf import settings
from django.db import close_old_connections

P = ParamSpec("P")
T = TypeVar("T")

_runs = ThreadPoolExecutor(settings.RUN_THREADS, thread_name_prefix="runs")
_readers = ThreadPoolExecutor(settings.RUN_THREADS, thread_name_prefix="readers")


def _call(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    close_old_connections()
    try:
        return function(*args, **kwargs)
    finally:
        close_old_connections()


async def for_runs(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call a verb of the store in the runs' threads. Not cancelled midway: a cancelled caller leaves it to finish."""
    return await _submit(_runs, function, *args, **kwargs)


async def for_readers(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """The same, in the readers' threads."""
    return await _submit(_readers, function, *args, **kwargs)


async def _submit(pool: ThreadPoolExecutor, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    return await asyncio.wrap_future(pool.submit(lambda: _call(function, *args, **kwargs)))
