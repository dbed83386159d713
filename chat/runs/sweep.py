"""What other processes left behind: begun again where nothing had been shown, else ended as cut, with all that was shown."""

import logging
from collections.abc import Callable, Collection, Coroutine
from time import monotonic
from typing import Any

from django.conf import settings
from django.db import DataError, IntegrityError
from django.db import Error as DatabaseError

from chat import errors
from chat.models import Response
from chat.models.ids import new_id
from chat.protocol import events as wire
from chat.protocol.normalize import Cancelled, Cut, Normalizer
from chat.protocol.types import dump_item
from chat.runs import afterwards, upstream
from chat.runs.run import encode
from chat.store import log, pool, responses, turns
from chat.store.log import Batch
from chat.store.responses import Ending

logger = logging.getLogger(__name__)


class Leases:
    """When a lease that ran out means that its process is gone. Not when the database was away: then all ran out, and whoever
    lives needs a moment to come back to it and renew theirs.
    """

    def __init__(self) -> None:
        self.away, self.judged_from = False, 0.0

    async def run_out(self) -> list[Response]:
        """The runs whose processes are gone."""
        asked = monotonic()
        try:
            found = await pool.for_runs(responses.abandoned, alone=False)
        except DatabaseError:
            self.away = True
            raise
        now = monotonic()
        if self.away or now - asked > settings.RUN_LEASE / 4:
            self.away, self.judged_from = False, now + settings.RUN_LEASE
        return found if now >= self.judged_from else []


async def sweep(
    *, alone: bool, held: Collection[str], leases: Leases, spawn: Callable[[Coroutine[Any, Any, None]], object]
) -> list[str]:
    """Settle the abandoned runs; returns the ids of all that are due now, except those held here: also those that have begun
    since the look, so `held` is no copy.
    """
    for response in await (pool.for_runs(responses.abandoned, alone=True) if alone else leases.run_out()):
        if response.pk not in held and not await pool.for_runs(responses.requeue, response):
            try:
                turn = await pool.for_runs(turns.resumable, response)
                await _cut(response)
                if turn is not None:
                    spawn(upstream.stop(turn))
            except (errors.ParleyError, DataError, IntegrityError):  # one that cannot be settled must not keep the others waiting
                logger.exception("Run %s cannot be cut", response.pk)
    age = 0 if alone else settings.RUN_SWEEP  # younger ones are on their way
    return [pk for pk in await pool.for_runs(responses.due, age=age) if pk not in held]


async def _cut(response: Response) -> None:
    epoch = await pool.for_runs(responses.seize, response)  # reads anew whether it was to be stopped
    if epoch is None:
        return
    logged = await pool.for_readers(log.read, response.pk)
    batch, ending = interrupted(response, epoch, [wire.parse(event) for event in logged])
    await afterwards.end(batch, ending)


def interrupted(response: Response, epoch: int, logged: list[wire.Event]) -> tuple[Batch, Ending]:
    """The last events and the rows of a run whose process died: what was there, its open item closed as incomplete."""
    created = int(response.created.timestamp())
    normalizer = Normalizer(
        response_id=response.pk, model=response.model, new_id=new_id, created_at=created, store=response.store
    )
    normalizer.replay(logged)
    outcome = Cancelled() if response.cancel_requested else Cut("interrupted")
    tail = normalizer.finish(outcome)
    snapshot = normalizer.snapshot
    final = snapshot.response
    ending = Ending(
        status=snapshot.status,
        items=[dump_item(item) for item in snapshot.output],
        usage=final.usage.model_dump(mode="json") if final.usage else None,
        incomplete_reason=final.incomplete_details.reason if final.incomplete_details else "",
    )
    return Batch(response.pk, epoch, response.conversation_id, len(logged), list(map(encode, tail))), ending
