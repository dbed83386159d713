"""Files that a model gets by the name of a copy that its server keeps: sent there once, where a conversation is stored and the
newest probe found that the server can. All that goes wrong with it ends in what is done otherwise: the bytes go along.
"""

import asyncio
import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from time import monotonic
from typing import TYPE_CHECKING, Final, NamedTuple
from weakref import WeakKeyDictionary

from django.db import Error as DatabaseError
from pydantic import JsonValue

from chat import errors
from chat.models import LONGEST_NAME
from chat.protocol.failures import answer_of
from chat.protocol.inserts import Insert
from chat.protocol.types import Json, Request
from chat.providers import Provider
from chat.providers.files import Sent, is_lost, is_refused
from chat.runs import capabilities
from chat.store import copies, ledger, pool
from chat.store.copies import Coming, Place

if TYPE_CHECKING:
    from chat.runs.run import Run

logger = logging.getLogger(__name__)
SMALLEST: Final = 64_000  # bytes of a file of which keeping a copy is worth it
AT_ONCE: Final = 4  # files that one run sends at a time
PATIENCE: Final = 20.0  # seconds that a reply waits for files to arrive; later ones serve the next
REST: Final = 60.0  # seconds without another try, after one that the server could not serve
MOST_REFUSED: Final = 1_000  # files that a process remembers of one server
LEARNED: Final = 3_600.0  # seconds in which a model gets bytes alone that was seen to take these, and not the copies
MOST_MODELS: Final = 200  # of one server, that a process remembers
OTHERWISE: Final = (errors.RateLimited, errors.QuotaExceeded, errors.Filtered, errors.ContextTooLong)
CANNOT: Final = (404, 405, 501)  # there is no such address
UNFIT: Final = (400, 413, 415, 422)  # this file it does not take


class Asked(NamedTuple):
    """A file that goes with what is asked, and what it is called there: "" for images, of which nobody is told."""

    insert: Insert
    name: str


@dataclass
class Lessons:
    """What was learned of one server: model → until when. `lost`: it has said that a copy is not there, and that was believed;
    `doubted`: it has failed with a copy, perhaps for another reason.
    """

    alone: dict[str, float] = field(default_factory=dict)
    lost: dict[str, float] = field(default_factory=dict)
    doubted: dict[str, float] = field(default_factory=dict)


_lessons: WeakKeyDictionary[Provider, Lessons] = WeakKeyDictionary()
_resting: WeakKeyDictionary[Provider, float] = WeakKeyDictionary()
_refused: WeakKeyDictionary[Provider, dict[str, None]] = WeakKeyDictionary()


async def name(run: "Run", request: Request, provider: Provider, can: Mapping[str, bool]) -> Request:
    """The same, with copies named in the places of such bytes as are worth it. Only where it is to be kept, too."""
    wanted = {mark: one for mark, one in request.inserts.items() if one.of and one.size >= SMALLEST}
    if not (wanted and request.store and run.conversation_id and provider.files and can.get("files")):
        return request
    if _holds(_of(provider).alone, request.model):
        return request
    called = _called(request.input)
    files = {one.of: Asked(one, called.get(mark, "")) for mark, one in wanted.items()}
    try:
        there = await _had(run, provider, files)
    except DatabaseError as error:
        logger.warning("Copies of files could not be looked for: %s", type(error).__name__)
        return request
    names = {mark: there[one.of] for mark, one in wanted.items() if one.of in there}
    request.input = [_named(item, names) for item in request.input]
    request.inserts = {mark: one for mark, one in request.inserts.items() if mark not in names}
    request.copies = {names[mark]: wanted[mark].of for mark in names}
    return request


def _called(items: Sequence[Json]) -> dict[str, str]:
    """What the messages that go along call these documents, by their marks: elsewhere they may be called something else."""
    contents = (item.get("content") for item in items)
    parts = [part for content in contents if isinstance(content, list) for part in content if isinstance(part, dict)]
    return {str(part["file_data"]): str(part.get("filename") or "") for part in parts if "file_data" in part}


def _named(item: Json, names: Mapping[str, str]) -> Json:
    content = item.get("content")
    if not isinstance(content, list):
        return item
    return {**item, "content": [_part(part, names) for part in content]}


def _part(part: JsonValue, names: Mapping[str, str]) -> JsonValue:
    if not isinstance(part, dict):
        return part
    mark = str(part.get("image_url") or part.get("file_data"))
    if mark not in names:
        return part
    detail = {"detail": part["detail"]} if "detail" in part else {}
    return {"type": part["type"], "file_id": names[mark], **detail}


async def _had(run: "Run", provider: Provider, wanted: Mapping[str, Asked]) -> dict[str, str]:
    """What the provider calls those of these files that it has, or gets soon. Whoever waits for that may give up: they are sent
    all the same.
    """
    place = Place(provider.server, provider.account)
    there = await pool.for_readers(copies.found, wanted.keys(), place)
    missing = sorted(wanted.keys() - there.keys() - _refused.get(provider, {}).keys())
    if missing and run.conversation_id and monotonic() >= _resting.get(provider, 0.0):
        turns = asyncio.Semaphore(AT_ONCE)
        coming = await pool.for_readers(copies.begin, missing, place, run.conversation_id)
        sent = [run.executor.spawn(_send(one, wanted[one.file.pk], provider, there, turns)) for one in coming]
        if sent:
            await asyncio.wait(sent, timeout=PATIENCE)
    return dict(there)


async def _send(coming: Coming, asked: Asked, provider: Provider, there: dict[str, str], turns: asyncio.Semaphore) -> None:
    """Into `there`, if all went well."""
    async with turns:
        found = await _sent(coming, asked, provider)
    if found is None:
        return
    endless = found.seconds is None and ledger.expires_at(provider.server)  # where all else has an end, this has none
    fleeting = found.seconds is not None and found.seconds <= ledger.MARGIN  # it would be sent anew for each reply
    unfit = endless or fleeting or len(found.id) >= LONGEST_NAME or ledger.written(found.id) != found.id
    seconds = ledger.DAYS * 86_400 if found.seconds is None else found.seconds
    if await pool.for_readers(copies.arrive, coming, upstream_id=found.id, seconds=seconds, fit=not unfit):
        if await pool.for_readers(copies.alone, found.id, coming.place):
            there[coming.file.pk] = found.id
        else:
            unfit = True
    if unfit:
        await capabilities.contradicted(provider, "files")


async def _sent(coming: Coming, asked: Asked, provider: Provider) -> Sent | None:
    assert provider.files is not None
    rests = monotonic() < _resting.get(provider, 0.0)  # another of them could not be sent meanwhile
    if rests or not await pool.for_readers(copies.still, coming):
        await pool.for_readers(copies.refused, coming)
        return None
    whole, keep = replace(asked.insert, prefix="", raw=True), timedelta(days=ledger.DAYS)
    try:
        async with asyncio.timeout(copies.LEASE):
            return await provider.files.send(whole, type=coming.file.type, mark=coming.mark, name=asked.name, keep=keep)
    except TimeoutError:
        await _failed(coming, provider, errors.Slow())
    except errors.ParleyError as error:
        await _failed(coming, provider, error)
    return None


async def _failed(coming: Coming, provider: Provider, error: errors.ParleyError) -> None:
    answer = answer_of(error)
    status = answer.status if answer is not None else 0
    logger.warning("A file could not be left at the model server (%s), and goes along with what is asked.", error.code)
    await pool.for_readers(copies.refused if is_refused(status) else copies.broken, coming)
    if status in CANNOT:
        await capabilities.contradicted(provider, "files")
    elif status in UNFIT:
        known = _refused.setdefault(provider, {})
        known[coming.file.pk] = None
        for pk in list(known)[:-MOST_REFUSED]:
            del known[pk]
    else:
        _resting[provider] = monotonic() + REST


def uncopied(request: Request, error: errors.UpstreamError) -> bool:
    """Whether it may have failed because of a copy that is named there, or in what it goes on from: it has expired, was deleted,
    or cannot be used so. Servers say that in many ways; what was wrong otherwise is so with the bytes, too.
    """
    answer = answer_of(error)
    if answer is None or answer.status == 413 or answer.code == "previous_response_not_found":
        return False
    if not request.copies:
        return bool(request.previous_response_id) and is_lost(error)
    return answer.status != 401 and not isinstance(error, OTHERWISE)


def _of(provider: Provider) -> Lessons:
    return _lessons.setdefault(provider, Lessons())


def _holds(lessons: Mapping[str, float], model: str) -> bool:
    return monotonic() < lessons.get(model, 0.0)


def _note(lessons: dict[str, float], model: str) -> None:
    lessons.pop(model, None)
    lessons[model] = monotonic() + LEARNED
    for old in list(lessons)[:-MOST_MODELS]:
        del lessons[old]


def learn(provider: Provider, refused: Request, error: errors.UpstreamError) -> None:
    """The same went through with the bytes: for a while this model gets no copies, lest each reply be asked for twice. Where it
    may have been for want of what it was to go on from, or because the server was busy: once that has happened twice.
    """
    if not refused.copies:
        return
    lessons, answer = _of(provider), answer_of(error)
    may_be = bool(refused.previous_response_id) or (answer is not None and answer.transient)
    doubted = may_be and not _holds(lessons.doubted, refused.model)
    _note(lessons.doubted if doubted else lessons.alone, refused.model)


async def forsake(provider: Provider, request: Request, error: errors.UpstreamError) -> bool:
    """Those that it says it has not are used no more: all, where it does not say which. False where it says nothing of the kind,
    or says so again and again: that is the model's way, and others may use them.
    """
    answer = answer_of(error)
    if answer is None or not is_lost(error) or (request.copies and _holds(_of(provider).lost, request.model)):
        return False
    _note(_of(provider).lost, request.model)
    lost = [name for name in request.copies if _says(answer.message, name)] or list(request.copies)
    try:
        await pool.for_readers(copies.lose, lost, Place(provider.server, provider.account))
    except DatabaseError as failure:
        logger.warning("That copies of files are lost could not be noted: %s", type(failure).__name__)
    return True


def _says(words: str, name: str) -> bool:
    """Whether it is named there; one that only begins like it is another."""
    return re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", words) is not None
