"""Files of a conversation as a model gets them: their bytes in the request, their text, or their name alone."""

from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeGuard

from pydantic import JsonValue

from chat.protocol.inserts import Insert, mark
from chat.protocol.types import Json
from chat.store.history import Past

FILES: Final = ("input_image", "input_file")
MOST: Final = 50  # files whose bytes go into one request
MOST_BYTES: Final = 40_000_000  # of them all; as base64 a third more
MOST_TEXT: Final = 800_000  # characters of files that a model reads as text, in one request


@dataclass(frozen=True, slots=True)
class Given:
    """A file that is there. `open` gives its bytes, where this model takes it as it is; else `text` is what it reads of it; `cut`
    the page on which that ends, where more follows.
    """

    type: str
    size: int
    open: Callable[[], AsyncIterator[bytes]] | None
    text: str = ""
    cut: int | None = None


def any_in(items: Iterable[Past]) -> bool:
    """Whether one comes with any of these."""
    return any(any(_parts(item.wire)) for item in items)


def ids(items: Sequence[Past]) -> list[str]:
    """Of all files that these name, each once, in the order in which they came up last; they are ours."""
    found = [str(part["file_id"]) for item in items for part in _files(item.wire)]
    return [*reversed(dict.fromkeys(reversed(found)))]


def placed(
    items: Sequence[Past], files: Mapping[str, Given], *, sees: bool = True, few: bool = False
) -> tuple[list[Past], dict[str, Insert]]:
    """The items with their files in place, and what goes in where they have marks now. A file that comes up twice goes along once
    where it came up last; so do the newest of more than fit. What does not go along is named. `sees`: the model takes images;
    `few`: those alone that came with the last item.
    """
    room, inserts, found = _Room(), dict[str, Insert](), list[Past]()
    for item in reversed(items):
        if few and found:
            room.left = 0
        if not any(_parts(item.wire)):
            found.append(item)
            continue
        content = item.wire.get("content")
        assert isinstance(content, list)
        parts = [
            _blind(part) if not sees and _is_shown(part) else _part(part, files, room, inserts) for part in reversed(content)
        ]
        found.append(Past({**item.wire, "content": [*reversed(parts)]}, item.upstream_id))
    return found[::-1], inserts


class _Room:
    """What still fits; a file takes it once."""

    def __init__(self) -> None:
        self.left, self.bytes, self.text, self.known = MOST, MOST_BYTES, MOST_TEXT, set[str]()

    def take(self, file_id: str, size: int, text: int = 0) -> bool:
        if file_id in self.known or not self.left or size > self.bytes or text > self.text:
            return False
        self.known.add(file_id)
        self.left, self.bytes, self.text = self.left - (not text), self.bytes - size, self.text - text
        return True


def _part(part: JsonValue, files: Mapping[str, Given], room: _Room, inserts: dict[str, Insert]) -> JsonValue:
    if not isinstance(part, dict) or not _is_file(part):
        return part
    image, file_id = part["type"] == "input_image", str(part["file_id"])
    file = files.get(file_id)
    if file is None:
        return _said(f"{_what(part)} was here. It has been removed.")
    if file.open is None and not file.text:
        return _blind(part)
    if not room.take(file_id, file.size if file.open else 0, len(file.text)):
        return _said(f"{_what(part)} is left out here: it comes again below, or there are too many.")
    if file.open is None:
        where = "after its beginning" if file.type == "text/plain" else f"on page {file.cut}"
        cut = f"\n\n(It goes on: it is cut {where}.)" if file.cut else ""
        return _said(f"{_what(part)}:\n\n{file.text}{cut}")
    where = mark()
    inserts[where] = Insert(f"data:{file.type};base64,", file.size, file.open, of=file_id)
    if image:
        return {"type": "input_image", "image_url": where, "detail": str(part.get("detail") or "auto")}
    return {"type": "input_file", "filename": str(part.get("filename") or ""), "file_data": where}


def _blind(part: Json) -> Json:
    return _said(f"{_what(part)} is attached; you cannot {'see' if part['type'] == 'input_image' else 'read'} it.")


def _what(part: Json) -> str:
    return f"The {'image' if part['type'] == 'input_image' else 'file'} {part.get('filename') or ''}".rstrip()


def _said(text: str) -> Json:
    return {"type": "input_text", "text": text}


def _files(wire: Json) -> Iterator[Json]:
    return (part for part in _parts(wire) if _is_file(part))


def _parts(wire: Json) -> Iterator[Json]:
    """What came with a message of somebody's and is no text. What a model server put out names no file of ours: it would be sent
    whosever file it knows the id of.
    """
    content = wire.get("content") if wire.get("role") == "user" else None
    for part in content if isinstance(content, list) else []:
        if isinstance(part, dict) and (_is_file(part) or _is_shown(part)):
            yield part


def _is_file(part: Json) -> bool:
    return part.get("type") in FILES and isinstance(part.get("file_id"), str)


def _is_shown(part: JsonValue) -> TypeGuard[Json]:
    """An image with its bytes, as in a temporary conversation."""
    return isinstance(part, dict) and part.get("type") == "input_image" and isinstance(part.get("image_url"), str)
