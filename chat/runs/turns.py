"""A turn: one call to the model, its events fed to the run."""

import asyncio
import contextlib
import re
import weakref
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from django.db import Error as DatabaseError

from chat import errors, providers
from chat.agents import request as requests
from chat.agents.request import Plan
from chat.models import Response
from chat.protocol import events as wire
from chat.protocol import pace
from chat.protocol.failures import answer_of, from_stream
from chat.protocol.types import Json, Request
from chat.providers import Provider
from chat.runs import capabilities, copies, sending, unasked
from chat.store import history, ledger, log, pool, turns
from chat.store.history import Past
from chat.store.ledger import Keeping

if TYPE_CHECKING:
    from chat.runs.run import Run

THOUGHT: Final = re.compile(r"encrypted|reasoning", re.I)


async def relay(run: "Run", response: Response) -> None:
    """Feed the run with its turn's events: those that are left of one that went on without us, else those of a new one. Where the
    provider does not go on from what it was said to keep, cannot read what it once thought, see what was shown earlier, or take
    as much, the same is asked again without.
    """
    await take_up(run, response)
    if (turn := run.turn) is not None:
        try:
            await follow(run, providers.current().resume(turn.upstream_id, turn.upstream_sequence if run.shown else None))
            return
        except errors.ResponseGone:
            if run.shown:
                raise
    provider = providers.current()
    request = await _begin(run, response, provider)
    reasons = [copies.uncopied, _unchained, _unreadable, unseen, unknown, too_much]
    by_name: tuple[Request, errors.UpstreamError] | None = None  # what was refused with copies that may well be there
    while True:
        try:
            await follow(run, await unasked.stream(provider, request, run.conversation_id), request)
            if unknown not in reasons:  # this was asked with other kinds of images
                sending.plainly(provider, request.model)
            if by_name is not None:
                copies.learn(provider, *by_name)
            return
        except errors.UpstreamError as error:
            if isinstance(error, errors.ModelCannotSee) and tells_of_sight(request):
                capabilities.cannot_see(provider, request.model)
            if run.shown or (why := next((why for why in reasons if why(request, error)), None)) is None:
                raise
            reasons.remove(why)  # each once
            if why is copies.uncopied:
                told = await copies.forsake(provider, request, error) or _unreadable(request, error)
                by_name = None if told else (request, error)
            how = {"plain": unknown not in reasons, "few": too_much not in reasons}
            request = await _begin_anew(run, response, provider, request, error, **how)
            if copies.uncopied in reasons:
                request = await copies.name(run, request, provider, await capabilities.of(provider))


def tells_of_sight(request: Request) -> bool:
    """Whether an image was shown, as itself: that a copy cannot be used says nothing of what a model sees."""
    return not request.copies and bool(request.previous_response_id or any(map(_shows, request.input)))


async def take_up(run: "Run", response: Response) -> None:
    """Where a run went on at the provider without us: that turn, and what is logged of it."""
    if response.attempts > 1 and (turn := await pool.for_runs(turns.resumable, response)) is not None:
        run.turn = turn
        if logged := await pool.for_readers(log.read, run.id):
            run.resume([wire.parse(event) for event in logged])


async def _begin(run: "Run", response: Response, provider: Provider) -> Request:
    """A new turn, noted before it is asked for."""
    model = response.model or providers.default_model() or next(iter(await providers.models()), "")
    can = await capabilities.of(provider) if provider.server else {}
    plan, past = await pool.for_readers(_prepared, response, provider, model, can)
    items, inserts = await sending.placed(past, provider, model, can)
    run.turn = await pool.for_runs(
        turns.begin,
        response,
        index=0,
        provider=provider.name,
        model=model,
        server=provider.server,
        chained=bool(plan.previous),
        background=plan.background,
    )
    request = requests.build(items, plan, model=model, instructions=response.instructions, inserts=inserts)
    return await copies.name(run, request, provider, can)


def _goes_on(provider: Provider, can: Mapping[str, bool]) -> bool:
    """Whether the provider goes on with a reply when nobody listens, and can be asked for the rest: its owner says so, or else
    its newest probe.
    """
    if provider.background is not None:
        return provider.background
    return can.get("background", False) and can.get("reattach", False)


def _prepared(response: Response, provider: Provider, model: str, can: Mapping[str, bool]) -> tuple[Plan, Sequence[Past]]:
    """How it is asked for, and with what: by what the server was found to do, and what it keeps of what is above."""
    store = response.store and provider.keeps(model) and can.get("store", True)
    plan = Plan(store=store, background=store and _goes_on(provider, can), reasoning=can.get("reasoning_replay", False))
    if store and can.get("chain") and provider.chains(model):
        where = {"server": provider.server, "account": provider.account}
        if previous := ledger.chain(response, **where):
            return replace(plan, previous=previous), history.wire_news(response)
    return plan, history.wire_input(response, model=model, server=provider.server)


def _unchained(request: Request, error: errors.UpstreamError) -> bool:
    """Whether it may have failed because the server does not go on from the Response that was named: it has forgotten it, or
    cannot. Servers say that in many ways; what was wrong otherwise is so with the history, too.
    """
    answer = answer_of(error)
    if not request.previous_response_id or answer is None or isinstance(error, errors.ImageRefused):
        return False
    if answer.code == "previous_response_not_found":
        return True
    return isinstance(error, errors.UpstreamRejected) and answer.status in (400, 404, 409, 410, 422)


def _unreadable(request: Request, error: errors.UpstreamError) -> bool:
    """Whether it may have failed because of a thought that went back: encrypted for another key, or in another way."""
    answer = answer_of(error)
    if answer is None or answer.status not in (400, 422) or not THOUGHT.search(answer.words):
        return False
    return any(item.get("type") == "reasoning" for item in request.input)


def unseen(request: Request, error: errors.ParleyError) -> bool:
    """Whether the model cannot see images that came before what it is asked now: it is told of them instead. One that came with
    the question itself is the question.
    """
    *before, last = request.input or [{}]
    return (
        isinstance(error, errors.ModelCannotSee)
        and not _shows(last)
        and (bool(request.previous_response_id) or any(map(_shows, before)))
    )


def unknown(request: Request, error: errors.ParleyError) -> bool:
    """Whether it may not know a kind of image that can be sent as another one."""
    return isinstance(error, errors.ImageRefused) and any(sending.may_be_unknown(one) for one in request.inserts.values())


def too_much(request: Request, error: errors.ParleyError) -> bool:
    """Whether it may have been too large for files that came before what is asked now."""
    answer = answer_of(error)
    return answer is not None and answer.status == 413 and any(_shows(item, "input_file") for item in request.input[:-1])


def _shows(item: Json, *kinds: str) -> bool:
    """Whether an image goes with it, or one of these."""
    content, kinds = item.get("content"), ("input_image", *kinds)
    return isinstance(content, list) and any(isinstance(part, dict) and part.get("type") in kinds for part in content)


async def _begin_anew(
    run: "Run", response: Response, provider: Provider, refused: Request, error: errors.UpstreamError, **how: bool
) -> Request:
    """The same with the whole history, where a chain starts; with that already, without thoughts. `how`: as `sending.placed`."""
    assert run.turn is not None
    if run.noted is not None:  # what it has kept of the first try is there all the same
        await asyncio.wait([run.noted])
    run.turn.upstream_id, run.kept, run.noted = "", None, None
    if refused.previous_response_id:
        await pool.for_runs(ledger.unchain, run.turn.pk)
    elif _unreadable(refused, error):
        await pool.for_runs(history.forget_thoughts, response)
    past = await pool.for_readers(history.wire_input, response, model=refused.model, server=provider.server)
    can = await capabilities.of(provider) if provider.server else {}
    items, inserts = await sending.placed(past, provider, refused.model, can, **how)
    plan = Plan(store=bool(refused.store), background=bool(refused.background), reasoning=bool(refused.include))
    return requests.build(items, plan, model=refused.model, instructions=response.instructions, inserts=inserts)


async def follow(run: "Run", stream: AsyncGenerator[wire.Event, None], request: Request | None = None) -> None:
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
                await _note(run, kept=request is not None and bool(request.store) and not _says_not_kept(event))
            if run.end is not None:
                break
    finally:
        await stream.aclose()
        await capabilities.heed(providers.current())


def _says_not_kept(event: wire.Event) -> bool:
    """A server that takes `store` and does not heed it may say so."""
    return isinstance(event, wire.Lifecycle) and (event.response.model_extra or {}).get("store") is False


async def _note(run: "Run", *, kept: bool) -> None:
    """Note what the provider calls this turn, where it keeps it: before anything is shown of what goes on without us."""
    if run.turn is None or run.turn.upstream_id or not (kept or run.turn.background):
        return
    turn, provider = run.turn, providers.current()
    turn.upstream_id = run.normalizer.upstream_response_id or ""
    if kept:
        run.kept = Keeping(turn.pk, provider.server, provider.account, turn.upstream_id, run.conversation_id)
    run.noted = run.executor.spawn(_write(turn.pk, turn.upstream_id, run.kept))
    if turn.background:
        await asyncio.wait([run.noted])


async def _write(turn_id: str, upstream_id: str, kept: Keeping | None) -> None:
    with contextlib.suppress(DatabaseError):
        await pool.for_runs(turns.note, turn_id, upstream_id=upstream_id, kept=kept)
