"""Files of a conversation as a model gets them: their bytes in the request, their text, or their name alone."""

from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pydantic import JsonValue

from chat.protocol.inserts import Insert, mark
from chat.protocol.types import Json
from chat.store.history import Past

FILES: Final = ("input_image", "input_file")
MOST: Final = 50  # files whose bytes go into one request
MOST_BYTES: Final = 40_000_000  # of them all; as base64 a third more


@dataclass(frozen=True, slots=True)
class Given:
    """A file that is there. `text` is what is written in it, where the model is to read that."""

    type: str
    size: int
    open: Callable[[], AsyncIterator[bytes]]
    text: str = ""


@dataclass(frozen=True, slots=True)
class Takes:
    """What a model takes as it is: images, other files."""

    images: bool = True
    files: bool = False


def ids(items: Iterable[Past]) -> set[str]:
    """Of all files that these name; they are ours."""
    return {str(part["file_id"]) for item in items for part in _files(item.wire)}


def placed(items: Sequence[Past], files: Mapping[str, Given], takes: Takes) -> tuple[list[Past], dict[str, Insert]]:
    """The items with their files in place, and what goes in where they have marks now. A file that comes up twice goes along once
    where it came up last; so do the newest of more than fit. What does not go along is named.
    """
    room, inserts, found = _Room(), dict[str, Insert](), list[Past]()
    for item in reversed(items):
        if not any(_files(item.wire)):
            found.append(item)
            continue
        content = item.wire.get("content")
        assert isinstance(content, list)
        parts = [_part(part, files, takes, room, inserts) for part in reversed(content)]
        found.append(Past({**item.wire, "content": [*reversed(parts)]}, item.upstream_id))
    return found[::-1], inserts


class _Room:
    """What still fits; a file takes it once."""

    def __init__(self) -> None:
        self.left, self.bytes, self.known = MOST, MOST_BYTES, set[str]()

    def take(self, file_id: str, size: int) -> bool:
        if file_id in self.known or not self.left or size > self.bytes:
            return False
        self.known.add(file_id)
        self.left, self.bytes = self.left - 1, self.bytes - size
        return True


def _part(part: JsonValue, files: Mapping[str, Given], takes: Takes, room: _Room, inserts: dict[str, Insert]) -> JsonValue:
    if not isinstance(part, dict) or not _is_file(part):
        return part
    file_id, name = str(part["file_id"]), str(part.get("filename") or "")
    image, file = part["type"] == "input_image", files.get(file_id)
    what = f"The {'image' if image else 'file'} {name}".rstrip()
    if file is None:
        return _said(f"{what} was here. It has been removed.")
    if image and not takes.images:
        return _said(f"{what} is attached; you cannot see it.")
    if not image and file.text:
        return _said(f"{what}:\n\n{file.text}")
    if not image and not takes.files:
        return _said(f"{what} is attached; you cannot read it.")
    if not room.take(file_id, file.size):
        return _said(f"{what} is left out here: it comes again below, or there are too many.")
    where = mark()
    inserts[where] = Insert(f"data:{file.type};base64,", file.size, file.open)
    if image:
        return {"type": "input_image", "image_url": where, "detail": str(part.get("detail") or "auto")}
    return {"type": "input_file", "filename": name, "file_data": where}


def _said(text: str) -> Json:
    return {"type": "input_text", "text": text}


def _files(wire: Json) -> Iterator[Json]:
    content = wire.get("content")
    for part in content if isinstance(content, list) else []:
        if isinstance(part, dict) and _is_file(part):
            yield part


def _is_file(part: Json) -> bool:
    return part.get("type") in FILES and isinstance(part.get("file_id"), str)
