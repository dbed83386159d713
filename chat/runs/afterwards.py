"""When a run has ended: show the end, start what waited for it, find a title."""

import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING

from django.db import Error as DatabaseError

from chat.doorbell import Ring, hub
from chat.live import transcript
from chat.runs import titles
from chat.runs.dispatch import dispatch
from chat.store import pool, responses
from chat.store.log import Batch
from chat.store.responses import Ending

if TYPE_CHECKING:
    from chat.runs.executor import Executor

LARGE = 50_000  # bytes of a reply: to read a larger one as Markdown takes long, and others wait for the thread that writes


async def end(batch: Batch, ending: Ending, settle: Callable[[], None] | None = None) -> int | None:
    """End a run; ring with the finished Response, whole: the same partial as the page's, which heals whatever was missed. Before
    that is rendered `settle` is called, in the same thread. Returns the position of the last event, None when it is fenced.
    """
    if len(batch.events[-1]) <= LARGE:
        last, content = await pool.for_runs(_end, batch, ending, settle)
    else:
        words = await pool.for_readers(responses.words, ending)
        last = await pool.for_runs(responses.end, batch, ending, words)
        content = None
        with contextlib.suppress(DatabaseError):
            content = None if last is None else await pool.for_readers(_finished, batch, settle)
    if last is not None and batch.conversation_id is not None:
        where = (batch.conversation_id, last - len(batch.events) + 1, last)
        hub.ring(Ring(*where) if content is None else Ring.showing(*where, content))
    return last


def _end(batch: Batch, ending: Ending, settle: Callable[[], None] | None) -> tuple[int | None, str | None]:
    last = responses.end(batch, ending)
    return last, None if last is None else _finished(batch, settle)


def _finished(batch: Batch, settle: Callable[[], None] | None) -> str | None:
    if batch.conversation_id is None:
        return None
    if settle is not None:
        settle()
    try:
        return transcript.final_fragment(batch.response_id)
    except DatabaseError:  # it went away in this moment: readers get the end from the log, when it is back
        return None


async def follow(response_id: str, executor: "Executor") -> None:
    """Start the queued runs that waited for this one, and the title."""
    untitled = await pool.for_runs(_follow, response_id)
    if untitled is not None:
        executor.spawn(titles.find(untitled))


def _follow(response_id: str) -> titles.Untitled | None:
    if waiting := responses.waiting_after(response_id):
        dispatch().start(waiting)
    try:
        return titles.untitled(response_id)
    except DatabaseError:  # a title is never worth an error
        return None
