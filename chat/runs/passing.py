"""Files of temporary conversations: looked at, put where these live, in memory. They become ordinary ones when kept."""

import io
from collections.abc import AsyncIterator, Sequence
from functools import partial
from typing import BinaryIO

from django.utils import timezone

from chat import errors
from chat import files as bytes_of
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


def put(*, actor: User, talk: Talk | None, source: BinaryIO, name: str) -> TalkFile:
    """Have this file wait in the composer of a temporary conversation, or of a new one. As `uploads.take` otherwise; its text is
    read at once, for whatever model it goes to.
    """
    taken = uploads.looked_at(actor=actor, source=source, name=name)
    text = _text(taken)
    file = TalkFile(
        id=ids.file_id(),
        added=timezone.now(),
        name=taken.name,
        kind=taken.kind,
        type=taken.type,
        size=len(taken.data),
        width=taken.width or None,
        height=taken.height or None,
        pages=taken.pages or None,
        thumbnails=sorted(taken.thumbnails),
        characters=len(text.text),
        cut=text.cut,
        changed=taken.changed,
    )
    made = {"text": text.text.encode("utf-8", "replace")} if text.text and taken.kind == "document" else {}
    pieces = {"0": taken.data, **{str(width): data for width, data in taken.thumbnails.items()}, **made}
    talk_files.put(actor, talk, file, pieces)
    return file


def _text(taken: Taken) -> FileText:
    if taken.kind == "image":
        return FileText()
    try:
        return sending.joined(bytes_of.text_of(taken.data, taken.type, taken.name))
    except (errors.InvalidInput, errors.TooLarge):
        return FileText()


async def placed(talk: Talk, provider: Provider, model: str) -> tuple[Sequence[Past], dict[str, Insert]]:
    """As `sending.placed`, of what was said in this one."""
    items = [Past(item) for item in talk.input()]
    if not attachments.any_in(items):
        return items, {}
    sees = await capabilities.sees(provider, model)
    can = await capabilities.of(provider) if provider.server else {}
    given = {}
    for pk in attachments.ids(items) & talk.document.files.keys():
        file = talk.document.files[pk]
        whole = sees if file.is_image else can.get("input_file") and file.type == kinds.PDF
        given[pk] = await _whole(talk.id, file) if whole else await _as_text(talk.id, file)
    return attachments.placed(items, given, sees=sees)


async def _whole(place: str, file: TalkFile) -> Given:
    return Given(file.type, file.size, partial(_pieces, place, file.id))


async def _as_text(place: str, file: TalkFile) -> Given:
    data = bytearray()
    async for chunk in _pieces(place, file.id, "0" if file.kind == "text" else "text"):
        data += chunk
        if len(data) > 4 * sending.LONGEST:
            break
    return Given(file.type, file.size, None, data.decode(errors="ignore")[: file.characters], file.cut)


async def _pieces(place: str, file_id: str, name: str = "0") -> AsyncIterator[bytes]:
    chunks = talk_files.read(place, file_id, name)
    while chunk := await pool.for_readers(next, chunks, b""):
        yield chunk


def keep(*, actor: User, talk_id: str, store: bool | None) -> Conversation:
    """As `store.keeping.keep`; its files become ordinary ones of whose conversation it is."""
    talk = talks.find(actor=actor, talk_id=talk_id)
    held: dict[str, list[Held]] = {}
    try:
        for exchange in talk.document.exchanges:
            held[exchange.id] = []
            for pk in attached.ids_of(exchange.wire):
                source = io.BytesIO(talk_files.whole(talk_id, pk))
                put = uploads.take(actor=actor, source=source, name=talk.document.files[pk].name)
                held[exchange.id].append(Held(put.use.pk, attached.detail_of(exchange.wire, pk)))
        return keeping.keep(actor=actor, talk_id=talk_id, store=store, held=held)
    except BaseException:  # nothing was kept: nothing of it waits to be sent either
        for one in (one for some in held.values() for one in some):
            files.let_go(actor=actor, use_id=one.use_id)
        raise
