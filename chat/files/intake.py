"""Taking in what somebody sends: judged by its first bytes, read in a child, made into what may be kept and shown."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import ceil
from typing import Annotated, BinaryIO, Final, Literal

from django.conf import settings
from pydantic import BaseModel, Field

from chat import errors
from chat.decoding import kinds
from chat.decoding.frames import Limits, Task
from chat.files import child, memory, sniff
from chat.files.names import clean_name, typed

IMAGE: Final = Limits(memory=1 << 30, cpu=30, seconds=120)
DOCUMENT: Final = Limits(memory=1 << 30, cpu=20, seconds=90)
DRAWN: Final = Limits(memory=1 << 30, cpu=8, seconds=60)
SAID_BYTES: Final = 4_000_000  # all thumbnails of one file
WIDTHS: Final = frozenset(kinds.WIDTHS)  # of thumbnails
TYPES: Final = {kinds.IMAGES[form]: start for form, start in child.STARTS.items()}


@dataclass(frozen=True, slots=True)
class Taken:
    """A file as it is kept. `type` is what it is (never what somebody called it); `digest` the SHA-256 of `data` in hexadecimal;
    `frames` of an image, more than one where it moves; `pages` of a document, 0 where it has none; `thumbnails` WebP by width,
    only smaller ones than the image; `changed` says what was done to it, in a sentence for people, or is empty.
    """

    kind: sniff.Kind
    type: str
    data: bytes = field(repr=False)
    digest: str
    name: str
    width: int = 0
    height: int = 0
    frames: int = 0
    pages: int = 0
    thumbnails: dict[int, bytes] = field(default_factory=dict, repr=False)
    changed: str = ""


def take_in(source: BinaryIO | bytes, *, name: str, whose: object = None) -> Taken:
    """What somebody sends under this name. It takes up to a minute, so no event loop waits for it. Where many wait, those of one
    `whose` take turns with those of others.

    InvalidInput or TooLarge, with a sentence for people; Busy, where too many files are being read.
    """
    memory.give_back()
    size = len(source) if isinstance(source, bytes) else getattr(source, "size", None)
    if size is not None:
        _small_enough(size)
    pieces = _pieces(source)
    head = next(pieces, b"")
    form = sniff.form_of(head[: sniff.HEAD])
    with child.places().one(whose):
        match form.kind:
            case "image":
                return _image(form.name, _joined(head, pieces), name)
            case "text":
                return _text(b"".join(_joined(head, pieces)), name)
            case "document":
                return _document(form.name, b"".join(_joined(head, pieces)), name)


def _small_enough(size: int, *, whole: bool = True) -> None:
    """Of what has come, which is all of it, or more follows."""
    if size > settings.UPLOAD_BYTES:
        most = f"{settings.UPLOAD_BYTES / 1e6:g} MB"
        has = f"{ceil(size / 1e5) / 10:g} MB; {most} are the most" if whole else f"more than {most}, which are the most"
        raise errors.TooLarge(f"This file has {has}.", next="Make it smaller, then send it again.")


def _pieces(source: BinaryIO | bytes) -> Iterator[bytes]:
    """Its bytes, at most as many as one may send."""
    if isinstance(source, bytes):
        yield source
        return
    size = 0
    while piece := source.read(child.CHUNK):
        size += len(piece)
        _small_enough(size, whole=False)
        yield piece


def _joined(head: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield head
    yield from rest


class OfImage(BaseModel):
    """What a child says of an image that it has made. The first part is the image, the others are its thumbnails."""

    type: Literal["image/png", "image/jpeg", "image/webp", "image/gif"]
    width: Annotated[child.Count, Field(ge=1)]
    height: Annotated[child.Count, Field(ge=1)]
    frames: Annotated[child.Count, Field(ge=1)]
    changed: Annotated[str, Field(max_length=300)]
    widths: list[child.Count]


class OfDocument(BaseModel):
    """What one says of a document; all parts are pictures of its first page."""

    type: str
    pages: child.Count
    widths: list[child.Count]


def _image(form: str, pieces: Iterator[bytes], name: str) -> Taken:
    given = {"pixels": settings.UPLOAD_PIXELS, "frames": settings.UPLOAD_FRAMES, "size": settings.UPLOAD_BYTES}
    said, parts = child.asked(Task("image", form, IMAGE, given), pieces, OfImage, most=settings.UPLOAD_BYTES + SAID_BYTES)
    if not parts or not parts[0].startswith(TYPES[said.type]):
        raise errors.InvalidInput
    return Taken(
        kind="image",
        type=said.type,
        data=parts[0],
        digest=hashlib.sha256(parts[0]).hexdigest(),
        name=typed(clean_name(name, instead="image"), said.type),
        width=said.width,
        height=said.height,
        frames=said.frames,
        thumbnails=_thumbnails(said.widths, parts[1:]),
        changed=said.changed,
    )


def _document(form: str, data: bytes, name: str) -> Taken:
    """Kept as it is. One whose first page cannot be drawn, or takes too much, is taken without a picture of it."""
    try:
        said, parts = _judged(form, data, draw=int(form == "pdf"))
    except (errors.TooLarge, errors.InvalidInput):
        if form != "pdf":
            raise
        said, parts = _judged(form, data, draw=0)
    if said.type not in {kinds.PDF, *kinds.PACKED}:
        raise errors.InvalidInput
    return Taken(
        kind="document",
        type=said.type,
        data=data,
        digest=hashlib.sha256(data).hexdigest(),
        name=typed(clean_name(name, instead="document"), said.type),
        pages=said.pages,
        thumbnails=_thumbnails(said.widths, parts),
    )


def _judged(form: str, data: bytes, *, draw: int) -> tuple[OfDocument, list[bytes]]:
    task = Task("document", form, DRAWN if draw else DOCUMENT, {"draw": draw})
    return child.asked(task, [data], OfDocument, most=SAID_BYTES)


def _thumbnails(widths: list[int], parts: list[bytes]) -> dict[int, bytes]:
    if len(widths) != len(parts) or not set(widths) <= WIDTHS or not all(part.startswith(b"RIFF") for part in parts):
        raise errors.InvalidInput
    return dict(zip(widths, parts, strict=True))


def _text(data: bytes, name: str) -> Taken:
    """In UTF-8 it may take up to three times as much as what came, which is what is bounded."""
    kept, encoding = sniff.as_utf8(data)
    changed = "" if encoding == "UTF-8" else f"It was written in {encoding} and is kept as UTF-8."
    digest = hashlib.sha256(kept).hexdigest()
    return Taken(
        kind="text", type="text/plain", data=kept, digest=digest, name=clean_name(name, instead="text.txt"), changed=changed
    )
