"""Files of a conversation on their way to a model: found, read where it takes no files, opened as they are sent."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from time import monotonic
from typing import Final, TypeVar
from weakref import WeakKeyDictionary

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
from chat.store.talk import TalkFile

LONGEST: Final = 200_000  # characters of one file that a model reads as text
SOME: Final = 4  # of these that are held at once; of older ones that have no room nothing is read
PLAIN: Final = "text/plain"
UNSURE: Final = ("image/webp", "image/gif")  # what not every server knows
MOST_STILLS: Final = 6  # of these that go into one request as PNG or JPEG, made anew and held meanwhile
AGAIN, MOST_UNREAD = 1800.0, 1_000  # seconds until a document is tried again that no child could read; of so many that is known
T = TypeVar("T")
_bytes = ThreadPoolExecutor(8, thread_name_prefix="bytes")
_reading = ThreadPoolExecutor(2, thread_name_prefix="reading")  # each holds a document while a child reads it

_plainly: WeakKeyDictionary[Provider, set[str]] = WeakKeyDictionary()
put_off: dict[str, float] = {}  # file → when a child may try it again


def may_be_unknown(insert: Insert) -> bool:
    """Whether it is an image of a kind that this server may not know."""
    return insert.prefix.startswith(tuple(f"data:{type_};" for type_ in UNSURE))


def plainly(provider: Provider, model: str) -> None:
    """It could not read one, and read the same as another kind: from now on they go to it as PNG or JPEG, of those that move the
    first picture.
    """
    _plainly.setdefault(provider, set()).add(model)


def is_plain(provider: Provider, model: str) -> bool:
    """Whether images go to it as every server knows them."""
    return model in _plainly.get(provider, ())


async def placed(
    items: Sequence[Past], provider: Provider, model: str, can: Mapping[str, bool], *, plain: bool = False, few: bool = False
) -> tuple[Sequence[Past], dict[str, Insert]]:
    """The items as this model takes them, and what goes into the request in the places of their marks. Costs nothing where there
    are no files. `plain`: images as every server knows them, this time; `few`: those files alone that came with the last item.
    FilesAway and Busy, when they cannot be had or read just now.
    """
    if not attachments.any_in(items):
        return items, {}
    sees, ids = await capabilities.sees(provider, model), attachments.ids(items)
    there = await pool.for_readers(files.known, ids)
    known = {pk: there[pk] for pk in ids if pk in there}  # what came up last is the last
    whole = [file for file in known.values() if (sees if file.is_image else can.get("input_file") and file.type == kinds.PDF)]
    unknown = [file for file in whole if file.type in UNSURE] if plain or is_plain(provider, model) else []
    made = set(unknown[-MOST_STILLS:])  # the others cannot go
    cannot = set(unknown[:-MOST_STILLS])
    whole = [file for file in whole if file not in cannot]
    taken = {file.pk for file in whole}
    older, newest = whole[: -attachments.MOST], whole[-attachments.MOST :]
    found = await asyncio.gather(*((_still if file in made else _whole)(file) for file in newest))
    given = {file.pk: one for file, one in zip(newest, found, strict=True) if one is not None} | _left_out(older)
    given |= await _as_text([file for file in known.values() if file.pk not in taken])
    return attachments.placed(items, given, sees=sees, few=few)


def _left_out(some: Iterable[File]) -> dict[str, Given]:
    """These are not even looked at: they have no room."""

    async def never() -> AsyncIterator[bytes]:
        yield b""

    return {file.pk: Given(file.type, attachments.MOST_BYTES + 1, never) for file in some}


async def _whole(file: File) -> Given | None:
    """As it is; None where its bytes are gone. What is sent is as long as what lies there."""
    place = uploads.place(file)
    try:
        size = await _in(_bytes, storage.size, place)
    except errors.NotFound:
        return None
    return Given(file.type, size, partial(pieces, place))


async def _still(file: File) -> Given | None:
    return await still(file, lambda: storage.read(uploads.place(file)))


async def still(file: File | TalkFile, read: Callable[[], bytes]) -> Given | None:
    """As PNG or JPEG, made now of what `read` gives; named where that cannot be done, None where there is nothing."""
    try:
        data, type_ = await _in(_reading, lambda: bytes_of.still(read()))
    except errors.NotFound:
        return None
    except (errors.InvalidInput, errors.TooLarge):
        return Given(file.type, file.size, None)

    async def once() -> AsyncIterator[bytes]:
        yield data

    return Given(type_, len(data), once)


async def pieces(place: str) -> AsyncIterator[bytes]:
    """The bytes that lie there, read in a thread, some at a time."""
    chunks = storage.chunks(place)
    while (chunk := await _in(_bytes, next, chunks, b"")) != b"":
        yield chunk


async def _as_text(asked: Sequence[File]) -> dict[str, Given]:
    """What a model reads of these, the newest first, until there is no more room; of an image it is told that it is there."""
    images, rest, room = [file for file in asked if file.is_image], [file for file in asked if not file.is_image], 0
    given = {file.pk: Given(file.type, file.size, None) for file in images}
    while rest and room < attachments.MOST_TEXT:
        rest, some = rest[:-SOME], rest[-SOME:]
        kept = await pool.for_readers(files.texts, [file.pk for file in some if file.type != PLAIN])
        for file in reversed(some):
            try:
                text = kept.get(file.pk) or await _read(file)
            except errors.NotFound:
                continue
            given[file.pk], room = Given(file.type, file.size, None, text.text, text.cut), room + len(text.text)
    return given | _left_out(rest)


async def _read(file: File) -> FileText:
    """Its text, read for the first time; a plain one is as it is: that it is cut is kept, to be told to people."""
    if is_put_off(file):
        return FileText()
    plain = file.type == PLAIN
    pages = await (_in(_bytes, _plain, file) if plain else _in(_reading, pages_of, file))
    if pages is None:
        return FileText()
    text = joined(pages)
    if text.cut or not plain:
        await pool.for_readers(files.keep_text, file.pk, "" if plain else text.text, cut=text.cut)
    return text


def is_put_off(file: File) -> bool:
    """Whether a child came to no end with it just now: it is tried again later."""
    return monotonic() < put_off.get(file.pk, 0.0)


def _plain(file: File) -> list[Page] | None:
    """As much of it as goes along, and a little more, which tells that there is more."""
    data = b""
    for chunk in storage.chunks(uploads.place(file)):
        data += chunk
        if len(data) > 4 * LONGEST:
            break
    return [Page(1, data.decode(errors="ignore"))]


def pages_of(file: File) -> list[Page] | None:
    """Of a document, as `pages_in`; where that is None, it is put off."""
    if is_put_off(file):
        return None
    pages = pages_in(storage.read(uploads.place(file)), file.type, file.name)
    if pages is None:
        if len(put_off) >= MOST_UNREAD:
            put_off.clear()
        put_off[file.pk] = monotonic() + AGAIN
    return pages


def pages_in(data: bytes, type_: str, name: str) -> list[Page] | None:
    """Of a document, read in a child; none where there is nothing to be read. None where the child came to no end, which may lie
    in this machine. Busy.
    """
    try:
        return bytes_of.text_of(data, type_, name)
    except (errors.InvalidInput, errors.TooLarge, errors.Busy) as error:
        if isinstance(error.__cause__, bytes_of.Ended):
            return None
        if isinstance(error, errors.Busy):
            raise
        return []


def joined(pages: Sequence[Page]) -> FileText:
    """The pages one after the other, each with its number where there are several, as many characters as may go along."""
    several, cut = len(pages) > 1, pages[-1].number if pages and pages[-1].cut else None
    pages = [page for page in pages if page.text.strip()]  # of a scan nothing is left
    if several:
        pages = [replace(page, text=f"[Page {page.number}]\n{page.text}") for page in pages]
    text = "\n\n".join(page.text for page in pages)
    if len(text) <= LONGEST:
        return FileText(text=text, cut=cut)
    at, number = 0, 1
    for page in pages:
        number = page.number
        at += len(page.text) + 2
        if at >= LONGEST:
            break
    return FileText(text=text[:LONGEST], cut=number)


async def _in(threads: ThreadPoolExecutor, call: Callable[..., T], *args: object) -> T:
    return await asyncio.get_running_loop().run_in_executor(threads, partial(call, *args))
