"""Runs of temporary conversations: executed by the process that was asked, on no queue, and written where those live."""

import asyncio
import logging
import sys
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import Final, TypedDict

from django.db import Error as DatabaseError
from django.utils import timezone

from chat import errors, providers
from chat.agents import request as requests
from chat.agents.request import Plan
from chat.doorbell import Ring, hub
from chat.live import temporary as shown
from chat.live.fragments import Fragments
from chat.models import Response, User
from chat.protocol import events as wire
from chat.protocol.normalize import Cancelled, Cut, Failed
from chat.protocol.types import Request
from chat.runs import capabilities, passing, sending, turns, unasked
from chat.runs.executor import Executor, executor
from chat.runs.run import Run, generate
from chat.store import pool, talk_rows, talks, wake
from chat.store.attached import Held
from chat.store.log import Batch
from chat.store.responses import Ending
from chat.store.talk import Talk
from chat.store.talks import Asked
from chat.store.temporary import EACH, Away, home
from chat.store.wording import TextFile

logger = logging.getLogger(__name__)
TRIES: Final = 20  # to write an end, half a second apart
LOOK: Final = 1.0  # seconds between two looks whether a conversation is still there


class TemporaryRun(Run):
    """As any other, but that nothing of it may be logged, and that there is less room."""

    def __init__(self, talk: Talk, executor: Executor, *, standing: int) -> None:
        reply = talk.last.reply
        row = Response(id=reply.id, model=reply.model, created=reply.created, store=False, epoch=1)
        super().__init__(row, executor, standing=standing)
        self.conversation_id, self.model, self.room = talk.id, reply.model, talk.room()
        self.ticker, self.fragments = executor.aside, Fragments(response_id=self.id, passing=True)
        self.first_token: datetime | None = None

    def feed(self, event: wire.Event) -> None:
        super().feed(event)
        if self.bytes > self.room and self.end is None:
            self.pending.clear()
            self.drained.set()
            raise errors.TooLarge(
                f"A temporary conversation takes {EACH // 1_000_000} MB, and this one is full.", next="Keep it."
            )

    def committed(self, batch: Batch, position: int) -> None:
        self.first_token = self.first_token or timezone.now()
        super().committed(batch, position)

    def complain(self, what: str) -> None:
        """An exception may quote what was said: its kind says enough."""
        logger.error("A temporary run %s: %s", what, type(sys.exc_info()[1]).__name__)


class Said(TypedDict):
    """What the composer of a temporary conversation says."""

    text: str
    model: str
    client_id: str
    files: Sequence[TextFile]
    held: Sequence[Held]


def begin(*, actor: User, said: Said) -> Talk:
    """Say something in a new temporary conversation and have it answered. See `store.talks`, also for the others."""
    return _start(actor, talks.begin(actor=actor, **said))


def say(*, actor: User, talk_id: str, said: Said) -> Talk:
    return _start(actor, talks.say(actor=actor, talk_id=talk_id, **said))


def again(*, actor: User, talk_id: str, response_id: str, model: str = "") -> Talk:
    return _start(actor, talks.again(actor=actor, talk_id=talk_id, response_id=response_id, model=model))


def carry_on(*, actor: User, talk_id: str, response_id: str) -> Talk:
    return _start(actor, talks.carry_on(actor=actor, talk_id=talk_id, response_id=response_id))


def stop(*, actor: User, talk_id: str, response_id: str) -> None:
    """At once in this process, within half a second in another."""
    talks.stop(actor=actor, talk_id=talk_id, response_id=response_id)
    wake.on_loop(executor.cancel, response_id)


def _start(actor: User, asked: Asked) -> Talk:
    talk = asked.talk
    if asked.new:
        where = (talk.id, talk.position, talk.position)
        wake.on_loop(hub.ring, Ring(*where) if asked.again else Ring.showing(*where, shown.added(talk, actor)))
        wake.on_loop(_take_on, actor, talk)
    return talk


def _take_on(actor: User, talk: Talk) -> None:
    executor.take_on(talk.last.reply.id, _execute(actor, talk))


async def _execute(actor: User, talk: Talk) -> None:
    """From its row, without which nothing is asked, to its one end. The sweep finds no row that is not held here."""
    run = TemporaryRun(talk, executor, standing=actor.auth_epoch)
    try:
        if await _noted(run, actor, talk):
            executor.runs[run.id] = run
            executor.spawn(_watch(run, actor))
            await generate(run, _relay(run, talk, actor.instructions))
        await _end(run)
    except Exception:  # asyncio would tell all of it
        run.complain("could not be ended")
    finally:
        executor.runs.pop(run.id, None)


async def _watch(run: TemporaryRun, actor: User) -> None:
    """Stop it once its conversation has gone: what says nothing for long is written nowhere, and would never learn that."""
    while executor.runs.get(run.id) is run and not run.why:
        await asyncio.sleep(LOOK)
        with suppress(Away):
            if run.conversation_id not in await pool.for_readers(home().of, actor.pk):
                run.stop()


async def _noted(run: TemporaryRun, actor: User, talk: Talk) -> bool:
    """Whether it may begin. It may have been stopped already, here or in another process."""
    try:
        begins = await pool.for_runs(talk_rows.note_start, actor, talk.last.reply)
    except DatabaseError as error:
        logger.warning("A temporary run cannot begin: %s", type(error).__name__)
        run.finish(Failed("server_error", f"{errors.ParleyError.message} {errors.ParleyError.next}"))
        return False
    if not begins:
        run.finish(Cancelled())
    return begins


async def _relay(run: TemporaryRun, talk: Talk, instructions: str) -> None:
    """Ask with all that was said, and have nothing kept at the provider. What fails with a file is asked again, as by
    `turns.relay`.
    """
    async with executor.room:
        provider = providers.current()
        run.model = run.model or providers.default_model() or next(iter(await providers.models()), "")
        reasons = [_gone, turns.unseen, turns.unknown, turns.too_much]
        while True:
            how = {"plain": turns.unknown not in reasons, "few": turns.too_much not in reasons}
            said, inserts = await passing.placed(talk, provider, run.model, **how)
            request = requests.build(said, Plan(store=False), model=run.model, instructions=instructions, inserts=inserts)
            try:
                await turns.follow(run, await unasked.stream(provider, request))
                if turns.unknown not in reasons:
                    sending.plainly(provider, run.model)
                return
            except errors.ParleyError as error:
                if isinstance(error, errors.ModelCannotSee) and turns.tells_of_sight(request):
                    capabilities.cannot_see(provider, run.model)
                if run.shown or (why := next((why for why in reasons if why(request, error)), None)) is None:
                    raise
                reasons.remove(why)  # each once


def _gone(_: Request, error: errors.ParleyError) -> bool:
    """Whether a file has gone while it was sent: it is told of, if it has."""
    return isinstance(error, errors.FilesAway)


async def _end(run: TemporaryRun) -> None:
    """Where it was said, on the pages, then in its row: whoever finds the row ended finds the reply ended, too."""
    if run.end is None:
        run.finish(Cancelled() if run.why == "stopped" else Cut("interrupted"))
    await run.ticker.landed()
    run.first_token = run.first_token or (timezone.now() if run.shown else None)
    batch, ending = run.ending()
    count = len(batch.events)
    for _ in range(TRIES):
        try:
            talk = await pool.for_readers(_ended, run, ending, count)
        except Away:
            await asyncio.sleep(0.5)
            continue
        if talk is not None:
            content = await pool.for_readers(_finished, run, talk)
            hub.ring(Ring.showing(talk.id, talk.position - count + 1, talk.position, content))
        break
    await _note(run, ending)


def _ended(run: TemporaryRun, ending: Ending, count: int) -> Talk | None:
    conversation = str(run.conversation_id)
    return talks.ended(conversation, run.id, ending, count=count, model=run.model, first_token=run.first_token)


def _finished(run: TemporaryRun, talk: Talk) -> str:
    run.settle()
    return shown.finished(talk)


async def _note(run: TemporaryRun, ending: Ending) -> None:
    for _ in range(TRIES):
        try:
            await pool.for_runs(_note_end, run, ending)
        except DatabaseError:
            await asyncio.sleep(0.5)
            continue
        return


def _note_end(run: TemporaryRun, ending: Ending) -> None:
    talk_rows.note_end(run.id, ending, model=run.model, first_token=run.first_token)
