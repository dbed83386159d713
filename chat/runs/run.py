"""One run, from taking it to its one end."""

import asyncio
import contextlib
import json
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from django.conf import settings
from django.db import DataError, IntegrityError, InterfaceError, OperationalError
from django.db import Error as DatabaseError
from pydantic_core import PydanticSerializationError

from chat import errors
from chat.doorbell import Ring, hub
from chat.live.fragments import Fragments
from chat.models import Response, Turn
from chat.models.ids import new_id
from chat.protocol import events as wire
from chat.protocol.gather import DELTAS
from chat.protocol.normalize import Cancelled, Cut, Failed, Normalizer
from chat.protocol.pace import ReadOn
from chat.protocol.types import dump_item
from chat.runs import afterwards, upstream
from chat.runs.turns import relay, take_up
from chat.store import pool, responses
from chat.store.ledger import Keeping
from chat.store.log import Batch, Row
from chat.store.responses import Ending

if TYPE_CHECKING:
    from chat.runs.executor import Executor

logger = logging.getLogger(__name__)
Why = Literal["", "stopped", "fenced", "abandoned"]
ENDS = (wire.ResponseCompleted, wire.ResponseIncomplete, wire.ResponseFailed, wire.ResponseCancelled)


class Run:
    """The state of a run in this process. Events wait in `pending` until the ticker has committed them; only then are
    they shown.
    """

    def __init__(self, response: Response, executor: "Executor", *, standing: int | None) -> None:
        self.standing = standing  # its author's: None, and they may not have it written
        self.id, self.epoch, self.conversation_id = response.pk, response.epoch, response.conversation_id
        self.executor, self.ticker = executor, executor.ticker()
        self.task = asyncio.current_task()
        created = int(response.created.timestamp())
        self.normalizer = Normalizer(
            response_id=self.id, model=response.model, new_id=new_id, created_at=created, store=response.store
        )
        self.fragments: Fragments | None = Fragments(response_id=self.id)
        self.pending: deque[tuple[wire.Event, bytes]] = deque()
        self.sequence = response.sequence
        self.row: Row | None = None  # of the log, that its last flush is in
        self.end: wire.Event | None = None
        self.why: Why = ""
        self.shown = False  # nothing is logged before the first output item, so that a run cut earlier may simply begin again
        self.spoken = False  # its first words have come
        self.bytes = self.size = 0  # of its events, and of the text in them
        self.turn: Turn | None = None
        self.kept: Keeping | None = None  # what that leaves at the provider
        self.noted: asyncio.Task[None] | None = None  # the writing down of that
        self.drained = asyncio.Event()
        self.drained.set()

    def heed(self, verdict: responses.Verdict) -> None:
        """What the look has found."""
        match verdict:
            case "cancelled":
                self.stop()
            case "lost":
                self.fence()
            case _:
                self.standing = verdict

    def stop(self) -> None:
        self._interrupt("stopped")

    def fence(self) -> None:
        """Another process has this run now: say no more."""
        self._interrupt("fenced")
        self.pending.clear()
        self.drained.set()

    def abandon(self) -> None:
        """This process goes away: commit what has come, leave the end to the next one."""
        self._interrupt("abandoned")

    def _interrupt(self, why: Why) -> None:
        if not self.why and self.end is None and self.task is not None:
            self.why = why
            self.task.cancel()

    def feed(self, event: wire.Event) -> None:
        """One event of the provider, in any dialect."""
        self._accept(self.normalizer.feed(event))
        if max(self.size, self.bytes // 8) > settings.REPLY_BYTES and self.end is None:
            raise errors.TooLarge("This reply is longer than this server keeps.", next="Ask for less at once.")

    def rest(self, hold: Callable[[], ReadOn]) -> None:
        """All that came together has been fed. What follows the first words is read in ticks."""
        if self.spoken and not self.why:
            self.ticker.rest(hold())

    def finish(self, outcome: Cut | Failed | Cancelled) -> None:
        self._accept(self.normalizer.finish(outcome))

    def _accept(self, events: list[wire.Event]) -> None:
        """Take well-formed events up for the next flush. The terminal one, and what comes with it, waits for the end."""
        urgent = False
        for event in events:
            if isinstance(event, ENDS):
                self.end = event
                return
            urgent = self._shows(event) or urgent
            data = encode(event)
            self.bytes += len(data)
            self.pending.append((event, data))
        if self.shown and self.pending:
            self.drained.clear()
            self.ticker.put(self, urgent=urgent)

    def _shows(self, event: wire.Event) -> bool:
        """Whether it is to be shown at once: the first words."""
        if isinstance(event, DELTAS):
            self.size += len(event.delta.encode("utf-8", "surrogatepass"))
            first, self.spoken = not self.spoken, True
            return first
        self.shown = self.shown or isinstance(event, wire.OutputItemAdded)
        return False

    def batch(self) -> Batch:
        """What is to be committed next."""
        data = [data for _, data in self.pending]
        turn = (self.turn.pk, self.normalizer.upstream_sequence) if self.turn and self.turn.background else None
        return Batch(self.id, self.epoch, self.conversation_id, self.sequence, data, turn, shows=True, row=self.row)

    def resume(self, logged: list[wire.Event]) -> None:
        """Go on with what another process began. Readers get it from the log: the beginning is not rendered here."""
        self.normalizer.replay(logged)
        self.shown, self.spoken, self.fragments = True, True, None

    def committed(self, batch: Batch, position: int) -> None:
        """The first pending events, those of the batch, are in the log, up to this position: render them and ring."""
        count, self.row = len(batch.events), batch.at(position)
        done = [self.pending.popleft()[0] for _ in range(min(count, len(self.pending)))]
        self.sequence += count
        if not self.pending:
            self.drained.set()
        if self.conversation_id is not None:
            hub.ring(Ring(self.conversation_id, position - count + 1, position, self._payload(done, position)))

    def _payload(self, events: list[wire.Event], position: int) -> tuple[str, ...] | None:
        """What to forward to readers, None where they are to read the log."""
        contents = self._render(events)
        if contents is None:
            return None
        if not contents:
            return (f'{{"position":{position}}}',)
        *before, last = map(json.dumps, contents)  # strings alone: objects take three times as long
        return (*(f'{{"content":{content}}}' for content in before), f'{{"position":{position},"content":{last}}}')

    def _render(self, events: list[wire.Event]) -> list[str] | None:
        """None, now and from now on, where rendering broke: readers go to the log, the run goes on."""
        if self.fragments is None:
            return None
        try:
            return self.fragments.render(events)
        except Exception:  # one reply that cannot be rendered must not stop the tick of all
            self.complain("cannot be rendered while it grows")
            self.fragments = None
            return None

    def complain(self, what: str) -> None:
        """Log the exception that is being handled."""
        logger.exception("Run %s %s", self.id, what)

    def settle(self) -> None:
        """Finish the parts that grew, from what their growing has left: the whole Response, made next, is then half the work.
        Called once, when the run is over, in any thread.
        """
        self._render([event for event, _ in list(self.pending)])

    def ending(self) -> tuple[Batch, Ending]:
        """The last events (all that is not committed, and the terminal one) and what the rows shall say."""
        assert self.end is not None
        snapshot = self.normalizer.snapshot
        final = snapshot.response
        data = [*(data for _, data in self.pending), encode(self.end)]
        ending = Ending(
            status=snapshot.status,
            items=[dump_item(item) for item in snapshot.output],
            upstream_ids=self.normalizer.upstream_item_ids,
            upstream_id=self.normalizer.upstream_response_id or "",
            usage=final.usage.model_dump(mode="json") if final.usage else None,
            error_code=final.error.code if final.error else "",
            error_message=final.error.message if final.error else "",
            incomplete_reason=final.incomplete_details.reason if final.incomplete_details else "",
            kept=self.kept,
        )
        return Batch(self.id, self.epoch, self.conversation_id, self.sequence, data, shows=self.shown), ending


_json = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


def encode(event: wire.Event) -> bytes:
    """An event as the log keeps it."""
    try:
        return event.__pydantic_serializer__.to_json(event, exclude_unset=True)
    except PydanticSerializationError:  # half a character
        return _json(wire.dump(event)).encode("utf-8", "surrogatepass")


async def execute(response_id: str, executor: "Executor") -> None:
    """Take a queued run and bring it to its end. Returns quietly when another process was faster or takes it over."""
    response, standing = await pool.for_runs(_take, response_id)
    if response is None:
        return
    if not executor.accepting:
        await pool.for_runs(responses.release, {response_id: response.epoch})
        return
    run = executor.runs[response_id] = Run(response, executor, standing=standing)
    try:
        if standing is None or response.cancel_requested:
            await take_up(run, response)  # what was shown stays, and what goes on at the provider is stopped there
            run.why = "stopped"
            run.finish(Cancelled())
        else:
            await generate(run, relay(run, response))
        if run.why in ("", "stopped"):
            await _end(run)
    finally:
        executor.runs.pop(response_id, None)
    if run.end is not None:
        await afterwards.follow(response_id, executor)
    if run.end is not None and run.turn is not None and run.why == "stopped":
        await upstream.stop(run.turn)


def _take(response_id: str) -> tuple[Response | None, int | None]:
    """The run, and whether its author may have it written: it may have waited long."""
    response = responses.take(response_id)
    return response, responses.author_standing(response_id) if response is not None else None


async def generate(run: Run, feeding: Awaitable[None]) -> None:
    """Feed the run from its provider until it ends, is stopped or fails: whatever happens, it has a terminal event after this."""
    try:
        async with asyncio.timeout(settings.RUN_LIMIT):
            await feeding
        run.finish(Cut("interrupted"))
    except asyncio.CancelledError:
        if not run.why:
            raise
        if run.task is not None:
            run.task.uncancel()
        if run.why == "stopped":
            run.finish(Cancelled())
        elif run.why == "abandoned":
            with contextlib.suppress(TimeoutError):  # the database is away: what was not committed was not shown either
                await asyncio.wait_for(run.drained.wait(), 3)
    except TimeoutError:
        run.finish(Failed(errors.Slow.code, "This reply took longer than this server waits. " + errors.Slow.next))
    except errors.ParleyError as error:
        run.finish(_outcome(run, error))
    except (OperationalError, InterfaceError) as error:  # the database is away: the run begins again when its lease has run out
        logger.warning("Run %s cannot begin: %s", run.id, type(error).__name__)
        run.why = "abandoned"
    except Exception:  # the one place: whatever broke, the run ends and says so
        run.complain("broke")
        run.finish(Failed("server_error", f"{errors.ParleyError.message} {errors.ParleyError.next}"))


def _outcome(run: Run, error: errors.ParleyError) -> Cut | Failed:
    """What has been shown stays as a reply that was cut; without a word of output it is a failure that says what to do."""
    if run.shown and isinstance(error, errors.Unreachable | errors.Slow | errors.ResponseGone):
        return Cut("interrupted")
    return Failed(error.code, f"{error.message} {error.next}")


async def _end(run: Run) -> None:
    """Commit the end; a database that is away is waited for, as long as the run would have been."""
    for attempt in range(120):
        await run.ticker.landed()
        if run.why == "fenced":
            return
        try:
            batch, ending = run.ending()
            await afterwards.end(batch, ending, run.settle)
        except (DataError, IntegrityError):
            logger.exception("Run %s ended with something that cannot be kept", run.id)
            await afterwards.end(batch, replace(responses.UNKEPT, kept=run.kept))
        except DatabaseError as error:
            logger.warning("Run %s cannot be ended yet: %s", run.id, type(error).__name__)
            await asyncio.sleep(min(0.5 * (attempt + 1), 5))
            continue
        return
