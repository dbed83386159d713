"""A temporary conversation: a document, which is bytes where it lives (`temporary`), and what is known of it beside."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from pydantic import BaseModel

from chat.models import File
from chat.protocol.types import Json
from chat.store.temporary import EACH, Kept

RUNNING: Final = "in_progress"
SHOWN: Final = ("id", "name", "kind", "type", "size", "width", "height", "frames", "pages", "thumbnails")


class Reply(BaseModel):
    """As a `Response`, with what it put out."""

    id: str
    model: str
    created: datetime
    status: str = RUNNING
    first_token: datetime | None = None
    ended: datetime | None = None
    usage: Json | None = None
    error_code: str = ""
    error_message: str = ""
    incomplete_reason: str = ""
    output: list[Json] = []

    @property
    def running(self) -> bool:
        return self.status == RUNNING


class Exchange(BaseModel):
    """What was said and the reply to it. `hidden`: it only asks for the rest of the one above."""

    id: str
    wire: Json
    created: datetime
    reply: Reply
    client_id: str = ""
    hidden: bool = False


class TalkFile(BaseModel):
    """As a `File`, of bytes in memory alone. `characters`: so many are read of it, where a model takes no files; `cut`: the page
    on which that ends, where more follows; `unread`: it could not be read in time; `index`: where it stands in the composer.
    """

    id: str
    name: str
    kind: str
    type: str
    size: int
    added: datetime
    width: int | None = None
    height: int | None = None
    frames: int | None = None
    pages: int | None = None
    thumbnails: list[int] = []
    characters: int = 0
    cut: int | None = None
    unread: bool = False
    index: int | None = None
    changed: str = ""
    digest: str = ""

    @property
    def is_image(self) -> bool:
        return self.kind == File.Kind.IMAGE

    def row(self) -> File:
        """For what shows files."""
        file = File(**self.model_dump(include=set(SHOWN)), room=0)
        file.as_text = None if self.unread else bool(self.characters) and not self.is_image
        return file


class Document(BaseModel):
    """`kept`: it is being made an ordinary conversation. `files`: those that came with what was said, by their ids."""

    model: str
    created: datetime
    exchanges: list[Exchange] = []
    kept: bool = False
    files: dict[str, TalkFile] = {}

    @property
    def last(self) -> Exchange:
        return self.exchanges[-1]


@dataclass(frozen=True, slots=True)
class Talk:
    """A temporary conversation as it was at `position`. `log`: the events of the reply that is being written."""

    id: str
    owner: int
    document: Document
    position: int
    log: tuple[bytes, ...] = ()

    @property
    def url(self) -> str:
        return f"/t/{self.id}/"

    @property
    def last(self) -> Exchange:
        return self.document.last

    def input(self) -> list[Json]:
        """What the model gets for the last reply: everything before it, as wire JSON."""
        *before, last = self.document.exchanges
        return [item for each in before for item in (each.wire, *each.reply.output)] + [last.wire]

    def room(self) -> int:
        """Bytes that still may come."""
        return EACH - len(packed(self.document))


def opened(talk_id: str, kept: Kept) -> Talk:
    return Talk(talk_id, kept.owner, Document.model_validate_json(kept.document), kept.position, kept.log)


def packed(document: Document) -> bytes:
    """Half a character, which no bytes can be, becomes a question mark."""
    data = document.model_dump(exclude_defaults=True)
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"), default=datetime.isoformat).encode("utf-8", "replace")
