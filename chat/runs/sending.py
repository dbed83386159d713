"""Files of a conversation on their way to a model: found, read where it takes no files, opened as they are sent."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final, TypeVar
from weakref import WeakSet

from chat import errors
from chat import files as bytes_of
from chat.agents import attachments
from chat.agents.attachments import Given
from chat.decoding import kinds
from chat.files import Page, storage
from chat.models import File, FileText
from chat.protocol.inserts import Insert
from chat.providers import Provider
from chat.runs import capabilities, uploads
from chat.store import files, pool
from chat.store.history import Past

LONGEST: Final = 200_000  # characters of one file that a model reads as text
PLAIN: Final = "text/plain"
UNSURE: Final = ("image/webp", "image/gif")  # what not every server knows
MOST_STILLS: Final = 6  # of these that go into one request as PNG or JPEG, made anew and held meanwhile
T = TypeVar("T")
_bytes = ThreadPoolExecutor(8, thread_name_prefix="bytes")
_reading = ThreadPoolExecutor(2, thread_name_prefix="reading")  # each holds a document while a child reads it

_plainly: WeakSet[Provider] = WeakSet()


def may_be_unknown(insert: Insert) -> bool:
    """Whether it is an image of a kind that this server may not know."""
    return insert.prefix.startswith(tuple(f"data:{type_};" for type_ in UNSURE))


def plainly(provider: Provider) -> None:
    """It could not read one: from now on they go to it as PNG or JPEG, of those that move the first picture."""
    _plainly.add(provider)


async def placed(
    items: Sequence[Past], provider: Provider, model: str, can: Mapping[str, bool]
) -> tuple[Sequence[Past], dict[str, Insert]]:
    """The items as this model takes them, and what goes into the request in the places of their marks. Costs nothing where there
    are no files. FilesAway and Busy, when they cannot be had or read just now.
    """
    if not attachments.any_in(items):
        return items, {}
    sees = await capabilities.sees(provider, model)
    known = await pool.for_readers(files.known, sorted(attachments.ids(items)))
    whole = [file for file in known.values() if (sees if file.is_image else can.get("input_file") and file.type == kinds.PDF)]
    unknown = [file for file in whole if file.type in UNSURE] if provider in _plainly else []
    made = unknown[-MOST_STILLS:]  # the others cannot go
    whole = [file for file in whole if file not in unknown or file in made]
    found = await asyncio.gather(*((_still if file in made else _whole)(file) for file in whole))
    given = {file.pk: one for file, one in zip(whole, found, strict=True) if one is not None}
    given |= await _as_text([file for file in known.values() if file not in whole])
    return attachments.placed(items, given, sees=sees)


async def _whole(file: File) -> Given | None:
    """As it is; None where its bytes are gone. What is sent is as long as what lies there."""
    place = uploads.place(file)
    try:
        size = await _in(_bytes, storage.size, place)
    except errors.NotFound:
        return None
    return Given(file.type, size, partial(pieces, place))


async def _still(file: File) -> Given | None:
    """As PNG or JPEG, made now."""
    try:
        data, type_ = await _in(_reading, _made_still, file)
    except errors.NotFound:
        return None

    async def once() -> AsyncIterator[bytes]:
        yield data

    return Given(type_, len(data), once)


def _made_still(file: File) -> tuple[bytes, str]:
    return bytes_of.still(storage.read(uploads.place(file)))


async def pieces(place: str) -> AsyncIterator[bytes]:
    """The bytes that lie there, read in a thread, some at a time."""
    chunks = storage.chunks(place)
    while (chunk := await _in(_bytes, next, chunks, b"")) != b"":
        yield chunk


async def _as_text(asked: Sequence[File]) -> dict[str, Given]:
    """What a model reads of these; of an image it is told that it is there."""
    documents = [file.pk for file in asked if not file.is_image and file.type != PLAIN]
    kept = await pool.for_readers(files.texts, documents) if documents else {}
    given = {}
    for file in asked:
        try:
            text = FileText() if file.is_image else kept.get(file.pk) or await _read(file)
        except errors.NotFound:
            continue
        given[file.pk] = Given(file.type, file.size, None, text.text, text.cut)
    return given


async def _read(file: File) -> FileText:
    """Its text, read for the first time; a plain one is as it is."""
    if file.type == PLAIN:
        return joined(await _in(_bytes, _plain, file))
    text = joined(await _in(_reading, pages_of, file))
    await pool.for_readers(files.keep_text, file.pk, text.text, cut=text.cut)
    return text


def _plain(file: File) -> list[Page]:
    """As much of it as goes along, and a little more, which tells that there is more."""
    data = b""
    for chunk in storage.chunks(uploads.place(file)):
        data += chunk
        if len(data) > 4 * LONGEST:
            break
    return [Page(1, data.decode(errors="ignore"))]


def pages_of(file: File) -> list[Page]:
    """Of a document, read in a child; none where there is nothing to be read."""
    data = storage.read(uploads.place(file))
    try:
        return bytes_of.text_of(data, file.type, file.name)
    except (errors.InvalidInput, errors.TooLarge):
        return []


def joined(pages: Sequence[Page]) -> FileText:
    """The pages one after the other, as many characters as may go along."""
    text = "\n\n".join(page.text for page in pages)
    if len(text) <= LONGEST:
        return FileText(text=text, cut=pages[-1].number if pages and pages[-1].cut else None)
    at, number = 0, 1
    for page in pages:
        number = page.number
        at += len(page.text) + 2
        if at >= LONGEST:
            break
    return FileText(text=text[:LONGEST], cut=number)


async def _in(threads: ThreadPoolExecutor, call: Callable[..., T], *args: object) -> T:
    return await asyncio.get_running_loop().run_in_executor(threads, partial(call, *args))
