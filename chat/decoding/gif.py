"""A GIF written anew block by block: the same pictures, and nothing of what else such a file may carry (comments, programs' own
blocks, whatever follows its end). Its palettes stay, which decoding and encoding would not keep.
"""

from dataclasses import dataclass
from typing import Final

from chat.decoding.frames import Refusal

IMAGE, EXTENSION, END = 0x2C, 0x21, 0x3B
CONTROL, APPLICATION = 0xF9, 0xFF
LOOP: Final = b"NETSCAPE2.0"
DAMAGED: Final = "This GIF is damaged."


@dataclass(slots=True)
class _Reader:
    data: bytes
    at: int = 0

    def take(self, count: int) -> bytes:
        piece = self.data[self.at : self.at + count]
        if len(piece) < count:
            raise Refusal(DAMAGED)
        self.at += count
        return piece

    def chain(self) -> bytes:
        """Sub-blocks, each with its length before it, up to the empty one."""
        start = self.at
        while length := self.take(1)[0]:
            self.take(length)
        return self.data[start : self.at]

    def palette(self, flags: int) -> bytes:
        return self.take(3 << ((flags & 7) + 1)) if flags & 0x80 else b""


def rewritten(data: bytes, *, frames: int) -> tuple[bytes, int]:
    """The GIF, and how many pictures it has; refused with more than `frames`."""
    reader = _Reader(data)
    head = reader.take(13)
    out = [b"GIF89a", head[6:], reader.palette(head[10])]
    count = 0
    while reader.at < len(data):
        kind = reader.take(1)[0]
        if kind == END:
            break
        if kind == IMAGE:
            count += 1
            if count > frames:
                raise Refusal(f"This animation has more than {frames} pictures.", "Send a shorter one.", kind="large")
            described = reader.take(9)
            out += [b"\x2c", described, reader.palette(described[8]), reader.take(1), reader.chain()]
        elif kind == EXTENSION:
            out.append(_extension(reader))
        elif kind:
            raise Refusal(DAMAGED)
    if not count:
        raise Refusal(DAMAGED)
    return b"".join([*out, b"\x3b"]), count


def _extension(reader: _Reader) -> bytes:
    """How a picture follows another, and how often they are shown; no other."""
    label = reader.take(1)[0]
    body = reader.chain()
    if label == CONTROL and body[:1] == b"\x04" and len(body) == 6:
        return b"\x21\xf9" + body
    if label == APPLICATION and body[:12] == b"\x0b" + LOOP and body[12:14] == b"\x03\x01":
        return b"\x21\xff" + body[:16] + b"\x00"
    return b""
