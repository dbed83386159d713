"""When a run has ended: show the end, start what waited for it, find a title."""

import json
from typing import TYPE_CHECKING

from django.db import Error as DatabaseError

from chat.doorbell import Ring, hub
from chat.live import transcript
from chat.runs import titles
from chat.runs.dispatch import dispatch
from chat.store import pool, responses

if TYPE_CHECKING:
    from chat.runs.executor import Executor


async def show_end(conversation_id: str, response_id: str, *, first: int, last: int) -> None:
    """Ring with the finished Response, whole: the same partial as the page's, which heals whatever was missed."""
    try:
        content = await pool.for_readers(transcript.final_fragment, response_id)
    except DatabaseError:  # it went away in this moment: readers get the end from the log, when it is back
        hub.ring(Ring(conversation_id, first, last))
    else:
        hub.ring(Ring(conversation_id, first, last, (json.dumps({"position": last, "content": content}),)))


async def follow(response_id: str, executor: "Executor") -> None:
    """Start the queued runs that waited for this one, and the title."""
    if waiting := await pool.for_runs(responses.waiting_after, response_id):
        await pool.for_runs(dispatch().start, waiting)
    executor.spawn(titles.find(response_id))
