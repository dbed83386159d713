"""Bytes that go into a request as it is sent: the JSON holds a mark where they belong, and nobody holds them all.

A mark is a text that cannot be guessed, so no words of a person are taken for one.
"""

import base64
import json
import secrets
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, TypeAlias

from pydantic import JsonValue

NOTHING: Final[Mapping[str, "Insert"]] = MappingProxyType({})
STEP: Final = 48 * 1024  # bytes; three of them are four letters of base64, without a rest


@dataclass(frozen=True, slots=True)
class Insert:
    """What stands in the place of a mark: `prefix` (of a data: address), then `size` bytes in base64, or as they are (`raw`).
    `open` gives them in pieces of any size, anew each time: a request may be sent again. Should it give fewer or more, the
    request breaks off. `of`: what they are, for whoever has put them there.
    """

    prefix: str
    size: int
    open: Callable[[], AsyncIterator[bytes]]
    of: str = ""
    raw: bool = False

    @property
    def length(self) -> int:
        """Of what is sent, in bytes."""
        return len(self.prefix.encode()) + (self.size if self.raw else 4 * ((self.size + 2) // 3))


class WrongSize(OSError):
    """What was to be inserted is not as long as it was said to be."""


def mark() -> str:
    """A new one."""
    return f"parley-insert-{secrets.token_hex(16)}"


def encoded(body: dict[str, JsonValue], inserts: Mapping[str, Insert] = NOTHING) -> "Content":
    """The body to send: bytes where nothing is inserted."""
    text = json.dumps(body, ensure_ascii=False)
    pieces = list(_pieces(text, inserts))
    if len(pieces) == 1 and isinstance(pieces[0], bytes):
        return pieces[0]
    return Streamed(pieces)


def _pieces(text: str, inserts: Mapping[str, Insert]) -> Iterator[bytes | Insert]:
    """`text` with what belongs in the places of its marks; a mark may stand there more than once, or not at all."""
    at = 0
    for place, name in sorted(_places(text, inserts)):
        yield text[at:place].encode("utf-8", "replace")
        yield inserts[name]
        at = place + len(name)
    yield text[at:].encode("utf-8", "replace")


def _places(text: str, inserts: Mapping[str, Insert]) -> Iterator[tuple[int, str]]:
    for name in inserts:
        place = text.find(name)
        while place >= 0:
            yield place, name
            place = text.find(name, place + len(name))


class Streamed:
    """A body of this `type` that is made while it is sent. Each iteration begins anew; `moves` is called with each piece that is
    taken. `broken`: what kept its bytes from coming, where the fault is not the line's.
    """

    def __init__(self, pieces: list[bytes | Insert], type: str = "application/json") -> None:
        self._pieces, self.type = pieces, type
        self.moves: Callable[[], None] = _nothing
        self.broken: Exception | None = None
        self.size = sum(len(piece) if isinstance(piece, bytes) else piece.length for piece in pieces)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        self.broken = None
        for piece in self._pieces:
            if isinstance(piece, bytes):
                yield piece
            else:
                yield piece.prefix.encode()
                async for letters in self._letters(piece):
                    yield letters
                    self.moves()

    async def _letters(self, insert: Insert) -> AsyncIterator[bytes]:
        try:
            async for some in _counted(insert) if insert.raw else _base64(insert):
                yield some
        except Exception as error:
            self.broken = error
            raise


def _nothing() -> None:
    """Nobody waits for it."""


async def _counted(insert: Insert) -> AsyncIterator[bytes]:
    """As they come, no more and no fewer than were told."""
    size = 0
    async for chunk in insert.open():
        size += len(chunk)
        if size > insert.size:
            break
        yield chunk
    if size != insert.size:
        raise WrongSize


async def _base64(insert: Insert) -> AsyncIterator[bytes]:
    rest = b""
    async for chunk in _counted(insert):
        rest += chunk
        whole = len(rest) - len(rest) % STEP
        for at in range(0, whole, STEP):
            yield base64.b64encode(rest[at : at + STEP])
        rest = rest[whole:]
    yield base64.b64encode(rest)


def form(fields: Mapping[str, str], *, name: str, type: str, content: Insert) -> Streamed:
    """A form (multipart/form-data) with these fields, and in the field `file` a file of this name and type. Only the name may be
    somebody else's.
    """
    edge = f"parley-{secrets.token_hex(16)}"
    quoted = name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
    text = "".join(
        f'--{edge}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n' for key, value in fields.items()
    )
    text += f'--{edge}\r\nContent-Disposition: form-data; name="file"; filename="{quoted}"\r\nContent-Type: {type}\r\n\r\n'
    pieces: list[bytes | Insert] = [text.encode("utf-8", "replace"), content, f"\r\n--{edge}--\r\n".encode()]
    return Streamed(pieces, f"multipart/form-data; boundary={edge}")


Content: TypeAlias = bytes | Streamed
