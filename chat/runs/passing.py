"""Files of temporary conversations: looked at, and put nowhere but into what is said, in memory. Kept, they become files."""

import base64
import io
from typing import Any, BinaryIO, Final

from chat import errors
from chat import files as bytes_of
from chat.models import Conversation, User
from chat.protocol.types import Json
from chat.runs import uploads
from chat.store import keeping, talks
from chat.store.attached import Held
from chat.store.talk import Talk
from chat.store.wording import TextFile

SHOWN: Final = ("image/png", "image/jpeg", "image/webp", "image/gif")


def take(*, actor: User, source: BinaryIO, name: str) -> TextFile | Json:
    """An image as a part of a message, with its bytes; of a document its words, as a text that comes along."""
    taken = uploads.looked_at(actor=actor, source=source, name=name)
    if taken.kind == "image":
        url = f"data:{taken.type};base64,{base64.b64encode(taken.data).decode()}"
        seen: Json = {"width": taken.width, "height": taken.height, "filename": taken.name}
        return {"type": "input_image", "image_url": url, "detail": "auto", **seen}
    pages = bytes_of.text_of(taken.data, taken.type, taken.name)
    return TextFile(taken.name, "\n\n".join(page.text for page in pages))


def image(part: object) -> tuple[str, bytes] | None:
    """The type and the bytes of one that such a part holds; None for any other part."""
    url = part.get("image_url") if isinstance(part, dict) else None
    head, _, data = str(url or "").partition(";base64,")
    type_ = head.removeprefix("data:")
    return (type_, base64.b64decode(data)) if type_ in SHOWN else None


def found(talk: Talk, item_id: str, index: int) -> tuple[str, bytes]:
    """The image at this place of a message; NotFound where there is none."""
    for exchange in talk.document.exchanges:
        content: Any = exchange.wire.get("content")
        if exchange.id == item_id and index < len(content) and (there := image(content[index])) is not None:
            return there
    raise errors.NotFound("This image is not here any more.")


def keep(*, actor: User, talk_id: str, store: bool | None) -> Conversation:
    """As `store.keeping.keep`; images become files of whose conversation it is."""
    talk = talks.find(actor=actor, talk_id=talk_id)
    held: dict[str, list[Held]] = {}
    for exchange in talk.document.exchanges:
        content: Any = exchange.wire.get("content")
        for part in content:
            if (there := image(part)) is not None:
                put = uploads.take(actor=actor, source=io.BytesIO(there[1]), name=str(part.get("filename") or ""))
                held.setdefault(exchange.id, []).append(Held(put.use.pk, str(part.get("detail") or "auto")))
    return keeping.keep(actor=actor, talk_id=talk_id, store=store, held=held)
