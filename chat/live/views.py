"""Plain objects for the templates: an item, a Response, an entry. The same for page, stream and search."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Final, NamedTuple

from django.utils.safestring import SafeString

from chat import markdown
from chat.live.rendered import rendered
from chat.models import File
from chat.protocol.types import Json
from chat.store import mentions

FILES: Final = "/files/"


class Copy(NamedTuple):
    """A file for somebody who can open none: a `data:` address of its image, the text of a document, or why it is `missing`."""

    image: str = ""
    text: str = ""
    missing: str = ""


class Files(NamedTuple):
    """Those that go with a message and are there, by id, or by their place where they have none; their addresses begin with
    `base`: with "" they are told, and shown as far as there are `copies`.
    """

    known: Mapping[str, File] = MappingProxyType({})
    base: str = FILES
    within: str = ""
    copies: Mapping[str, Copy] = MappingProxyType({})


NO_FILES: Final = Files()


@dataclass(frozen=True, slots=True)
class Versions:
    """Which of several versions this is, from 1, and where its buttons post to ("" at the ends)."""

    index: int
    count: int
    previous_url: str
    next_url: str


@dataclass(frozen=True, slots=True)
class FileView:
    """A file that goes with a message, for whoever reads that; `base`: what its addresses begin with, `within`: the conversation.
    Without `file` it is gone.
    """

    name: str
    is_image: bool
    file: File | None = None
    base: str = FILES
    within: str = ""
    copy: Copy | None = None

    @property
    def url(self) -> str:
        return f"{self.base}{self.file.pk}/" if self.file else ""

    @property
    def view_url(self) -> str:
        """The page that shows it: visitors have none."""
        return f"{self.url}view/?in={self.within}" if self.base == FILES else self.url

    @property
    def small_url(self) -> str:
        widths = self.file.thumbnails if self.file else []
        return f"{self.url}{min(widths)}/" if widths else self.url

    @property
    def large_url(self) -> str:
        """The largest thumbnail, "" where there is none."""
        return f"{self.url}{max(self.file.thumbnails)}/" if self.file and self.file.thumbnails else ""

    @property
    def srcset(self) -> str:
        """Every width in which it is there, its own among them; what moves moves in none but that."""
        moves = self.file is not None and (self.file.frames or 1) > 1
        widths = self.file.thumbnails if self.file and not moves else []
        own = [f"{self.url} {self.file.width}w"] if self.file and self.file.width else []
        return ", ".join([*(f"{self.url}{width}/ {width}w" for width in sorted(widths)), *own])


@dataclass(frozen=True, slots=True)
class PartView:
    """One part of a message. A growing one shows its open end as the stream does, which is not yet how it ends. Of a passing
    one nothing is kept, not even in memory.
    """

    id: str
    kind: str
    text: str
    growing: bool = False
    filename: str = ""
    named: frozenset[str] = frozenset()
    passing: bool = False
    file: FileView | None = None

    @property
    def pieces(self) -> list[tuple[str, bool]]:
        """The text, cut where it names somebody: which pieces do."""
        return mentions.pieces(self.text, self.named)

    @property
    def html(self) -> SafeString:
        if not self.growing:
            return markdown.render(self.text, prefix=self.id) if self.passing else rendered.html(self.id, self.text)
        stream = markdown.Stream(self.id)
        stream.feed(self.text)
        return stream.html()


@dataclass(slots=True)
class ItemView:
    """One item. `status` is the status word of its Response, "" for what a person said."""

    id: str
    type: str
    role: str
    status: str
    wire: Json
    author_name: str = ""
    created: datetime | None = None
    versions: Versions | None = None
    edit_url: str = ""
    delete_url: str = ""
    passing: bool = False
    parts: list[PartView] = field(default_factory=list)

    @property
    def growing(self) -> bool:
        return self.status == "in_progress" and self.wire.get("status") == "in_progress"

    @property
    def text(self) -> str:
        return "\n\n".join(part.text for part in self.parts if not part.filename)

    @property
    def summary(self) -> list[PartView]:
        """What a model says of its reasoning, part by part."""
        return part_views(self.wire.get("summary"), f"{self.id}-s", growing=self.growing, passing=self.passing)

    @property
    def name(self) -> str:
        return str(self.wire.get("name") or self.type)

    @property
    def arguments(self) -> str:
        return str(self.wire.get("arguments") or "")

    @property
    def output(self) -> str:
        output = self.wire.get("output")
        return output if isinstance(output, str) else json.dumps(output, indent=2, ensure_ascii=False)

    @property
    def raw(self) -> str:
        return json.dumps(self.wire, indent=2, ensure_ascii=False)[:20_000]


@dataclass(frozen=True, slots=True)
class ErrorView:
    sentence: str
    next: str


@dataclass(slots=True)
class ResponseView:
    id: str
    conversation_id: str
    status: str
    model: str
    items: list[ItemView]
    created: datetime
    usage: Json | None = None
    error: ErrorView | None = None
    seconds: float | None = None
    first_token_seconds: float | None = None
    versions: Versions | None = None
    is_continuation: bool = False
    is_followed: bool = False  # something was said after it

    @property
    def running(self) -> bool:
        return self.status in ("queued", "in_progress")

    @property
    def can_continue(self) -> bool:
        cut = self.status in ("incomplete", "cancelled", "failed") and any(item.type == "message" for item in self.items)
        return cut and not self.is_followed

    @property
    def can_regenerate(self) -> bool:
        return not self.running and not (self.temporary and self.is_followed)

    @property
    def temporary(self) -> bool:
        return self.conversation_id.startswith("temp_")

    def _url(self, verb: str) -> str:
        return f"/{'t' if self.temporary else 'c'}/{self.conversation_id}/responses/{self.id}/{verb}/"

    @property
    def stop_url(self) -> str:
        return self._url("stop")

    @property
    def regenerate_url(self) -> str:
        return self._url("regenerate")

    @property
    def continue_url(self) -> str:
        return self._url("continue")


@dataclass(frozen=True, slots=True)
class Entry:
    """What somebody said and the Response to it. `item` is None where a reply goes on that was cut."""

    item: ItemView | None
    response: ResponseView


def part_views(
    content: object,
    prefix: str,
    *,
    growing: bool = False,
    named: frozenset[str] = frozenset(),
    passing: bool = False,
    files: Files = NO_FILES,
) -> list[PartView]:
    """The parts of a content or summary list, or of a bare string; what is no part is left out."""
    if isinstance(content, str):
        return [PartView(f"{prefix}-0", "output_text", content, growing, passing=passing)]
    if not isinstance(content, list):
        return []
    return [
        PartView(
            f"{prefix}-{index}",
            str(part.get("type")),
            str(part.get("text") or part.get("refusal") or ""),
            growing,
            str(part.get("filename") or ""),
            named,
            passing,
            _file_view(part, files, index),
        )
        for index, part in enumerate(content)
        if isinstance(part, dict)
    ]


def _file_view(part: Mapping[str, object], files: Files, index: int) -> FileView | None:
    if part.get("type") not in ("input_image", "input_file"):
        return None
    name = str(part.get("filename") or "")
    known = files.known.get(str(part.get("file_id") or index))
    copy = files.copies.get(known.pk) if known else None
    return FileView(name or "file", part["type"] == "input_image", known, files.base, files.within, copy)


def item_view(wire_item: Json, *, id: str, status: str, passing: bool = False) -> ItemView:
    """A model's output item, from its wire JSON."""
    type_ = str(wire_item.get("type") or "unknown")
    role = str(wire_item.get("role") or "assistant")
    view = ItemView(id=id, type=type_, role=role, status=status, wire=wire_item, passing=passing)
    view.parts = part_views(wire_item.get("content"), id, growing=view.growing, passing=passing)
    return view
