"""From the database's threads back to the loop that serves: rings and starts happen there, never in a worker thread."""

import asyncio
from collections.abc import Callable
from typing import ParamSpec

P = ParamSpec("P")

_loop: asyncio.AbstractEventLoop | None = None


def attach(loop: asyncio.AbstractEventLoop | None) -> None:
    """The loop of this process, or None when it closes."""
    global _loop
    _loop = loop


def on_loop(function: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> bool:
    """Call it soon on the serving loop. False where none serves (a command, a test): what is due stands in the database."""
    if _loop is None or _loop.is_closed():
        return False
    _loop.call_soon_threadsafe(lambda: function(*args, **kwargs))
    return True
