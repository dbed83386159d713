"""Files of temporary conversations: looked at, put where these live, in memory. They become ordinary ones when kept."""

import io
from collections.abc import AsyncIterator, Sequence
from functools import partial
from typing import BinaryIO

from django.utils import timezone

from chat import errors
from chat.agents import attachments
from chat.agents.attachments import Given
from chat.decoding import kinds
from chat.files import Taken
from chat.models import Conversation, FileText, User, ids
from chat.protocol.inserts import Insert
from chat.providers import Provider
from chat.runs import capabilities, sending, uploads
from chat.store import attached, files, keeping, pool, talk_files, talks
from chat.store.attached import Held
from chat.store.history import Past
from chat.store.talk import Talk, TalkFile
from chat.store.temporary import Away


def put(*, actor: User, talk: Talk | None, source: BinaryIO, name: str, index: int | None = None) -> TalkFile:
    """Have this file wait in the composer of a temporary conversation, or of a new one. As `uploads.take` otherwise; its text is
    read at once, for whatever model it goes to.
    """
    if talk is None:
        talks.heed()
    taken = uploads.looked_at(actor=actor, source=source, name=name)
    read = _text(taken)
    text = read or FileText()
    file = TalkFile(
        id=ids.file_id(),
        added=timezone.now(),
        name=taken.name,
        kind=taken.kind,
        type=taken.type,
        size=len(taken.data),
        width=taken.width or None,
        height=taken.height or None,
        frames=taken.frames or None,
        pages=taken.pages or None,
        thumbnails=sorted(taken.thumbnails),
        characters=len(text.text),
        cut=text.cut,
        unread=read is None,
        index=index,
        changed=taken.changed,
        digest=taken.digest,
    )
    made = {"text": text.text.encode("utf-8", "replace")} if text.text and taken.kind == "document" else {}
    pieces = {"0": taken.data, **{str(width): data for width, data in taken.thumbnails.items()}, **made}
    talk_files.put(actor, talk, file, pieces)
    return file


def _text(taken: Taken) -> FileText | None:
    """None where no child came to an end with it."""
    if taken.kind == "image":
        return FileText()
    pages = sending.pages_in(taken.data, taken.type, taken.name)
    return sending.joined(pages) if pages is not None else None


async def placed(
    talk: Talk, provider: Provider, model: str, *, plain: bool = False, few: bool = False
) -> tuple[Sequence[Past], dict[str, Insert]]:
    """As `sending.placed`, of what was said in this one. Conflict, where it cannot be reached."""
    items = [Past(item) for item in talk.input()]
    if not attachments.any_in(items):
        return items, {}
    sees, plain = await capabilities.sees(provider, model), plain or sending.is_plain(provider, model)
    can = await capabilities.of(provider) if provider.server else {}
    there = await pool.for_readers(talk_files.there, talk.id)
    known = [there[pk] for pk in attachments.ids(items) if pk in there]
    unsure = [file.id for file in known if plain and sees and file.type in sending.UNSURE]
    given = {}
    for file in known:
        if file.id in unsure:
            one = await _still(talk.id, file) if file.id in unsure[-sending.MOST_STILLS :] else Given(file.type, file.size, None)
        elif sees if file.is_image else can.get("input_file") and file.type == kinds.PDF:
            one = Given(file.type, file.size, partial(_pieces, talk.id, file.id))
        else:
            one = await _as_text(talk.id, file)
        if one is not None:
            given[file.id] = one
    return attachments.placed(items, given, sees=sees, few=few)


async def _still(place: str, file: TalkFile) -> Given | None:
    return await sending.still(file, partial(talk_files.whole, place, file.id))


async def _as_text(place: str, file: TalkFile) -> Given:
    data = bytearray()
    async for chunk in _pieces(place, file.id, "0" if file.kind == "text" else "text"):
        data += chunk
        if len(data) > 4 * sending.LONGEST:
            break
    return Given(file.type, file.size, None, data.decode(errors="ignore")[: file.characters], file.cut)


async def _pieces(place: str, file_id: str, name: str = "0") -> AsyncIterator[bytes]:
    try:
        chunks = await pool.for_readers(talk_files.read, place, file_id, name)
        while chunk := await pool.for_readers(next, chunks, b""):
            yield chunk
    except Away:
        raise errors.FilesAway from None


def keep(*, actor: User, talk_id: str, store: bool | None) -> Conversation:
    """As `store.keeping.keep`; its files become ordinary ones of whose conversation it is. Of one that has gone it is told."""
    talk = talks.find(actor=actor, talk_id=talk_id)
    if (found := keeping.kept(actor=actor, talk=talk)) is not None:
        return found
    keeping.heed(talk)
    held: dict[str, Held | None] = {}
    try:
        for exchange in talk.document.exchanges:
            for pk in attached.ids_of(exchange.wire):
                held[pk] = _taken(actor, talk, pk, attached.detail_of(exchange.wire, pk))
        return keeping.keep(actor=actor, talk_id=talk_id, store=store, held=held)
    finally:  # where nothing was kept, or another tab was faster, nothing of it waits to be sent
        for one in filter(None, held.values()):
            files.let_go(actor=actor, use_id=one.use_id)


def _taken(actor: User, talk: Talk, file_id: str, detail: str) -> Held | None:
    """An ordinary file, of the same bytes; None where these have gone."""
    file = talk.document.files.get(file_id)
    try:
        data = talk_files.whole(talk.id, file_id)
    except errors.NotFound:
        return None
    if file is None or len(data) != file.size:
        return None
    return Held(uploads.take(actor=actor, source=io.BytesIO(data), name=file.name).use.pk, detail)
