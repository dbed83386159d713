"""A turn: one call to the model, its events fed to the run."""

import contextlib
import weakref
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING

from django.db import Error as DatabaseError

from chat import errors, providers
from chat.agents import request as requests
from chat.models import Response
from chat.protocol import events as wire
from chat.protocol import pace
from chat.protocol.failures import from_stream
from chat.store import history, log, pool, responses

if TYPE_CHECKING:
    from chat.runs.run import Run


async def relay(run: "Run", response: Response) -> None:
    """Feed the run with its turn's events: those that are left of one that went on without us, else those of a new one."""
    await take_up(run, response)
    if (turn := run.turn) is not None:
        try:
            await follow(run, providers.current().resume(turn.upstream_id, turn.upstream_sequence if run.shown else None))
            return
        except errors.ResponseGone:
            if run.shown:
                raise
    await follow(run, await _begin(run, response))


async def take_up(run: "Run", response: Response) -> None:
    """Where a run went on at the provider without us: that turn, and what is logged of it."""
    if response.attempts > 1 and (turn := await pool.for_runs(responses.resumable, response)) is not None:
        run.turn = turn
        if logged := await pool.for_readers(log.read, run.id):
            run.resume([wire.parse(event) for event in logged])


async def _begin(run: "Run", response: Response) -> AsyncGenerator[wire.Event, None]:
    """A new turn, noted before it is asked for."""
    provider = providers.current()
    model = response.model or providers.default_model() or next(iter(await providers.models()), "")
    background = provider.background and response.store
    items = await pool.for_readers(history.wire_input, response)
    run.turn = await pool.for_runs(
        responses.open_turn, response, index=0, provider=provider.name, model=model, background=background
    )
    request = requests.build(items, model=model, instructions=response.instructions)
    if background:
        request.background = request.store = True
    return provider.stream(request)


async def follow(run: "Run", stream: AsyncGenerator[wire.Event, None]) -> None:
    """Feed it what the provider says, until one of both ends."""
    noted = False
    pace.current.set(weakref.proxy(run))  # a connection keeps the context in which it was opened, and is kept for others
    try:
        async for event in stream:
            if isinstance(event, wire.ResponseFailed):
                error = event.response.error
                raise from_stream(error.code if error else "", error.message if error else "")
            run.feed(event)
            if not noted and run.normalizer.upstream_response_id:
                noted = True
                await _note(run)
            if run.end is not None:
                break
    finally:
        await stream.aclose()


async def _note(run: "Run") -> None:
    """Keep what the provider calls this turn: where it goes on without us, before anything of it is shown."""
    if run.turn is None or run.turn.upstream_id or not run.turn.background:
        return
    run.turn.upstream_id = run.normalizer.upstream_response_id or ""
    with contextlib.suppress(DatabaseError):
        await pool.for_runs(responses.note_turn, run.turn.pk, upstream_id=run.turn.upstream_id)
