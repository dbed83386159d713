"""Server-sent events: bytes to events and back. Pure state machines, no I/O.

Follows the WHATWG grammar (CR, LF and CRLF, a byte order mark, comments, data of several lines) on bytes, so U+2028 and its like
are ordinary characters. Differs at the end of a stream: a last event whose blank line is missing is given if its JSON is whole.
"""

from typing import TYPE_CHECKING, Final, NamedTuple

from pydantic_core import from_json

from chat.errors import MalformedStream

if TYPE_CHECKING:
    from chat.protocol.events import Event

DONE: Final = "[DONE]"
MAX_EVENT_BYTES: Final = 8 * 1024 * 1024
BOM: Final = b"\xef\xbb\xbf"


class ServerSentEvent(NamedTuple):
    """`event` is "" when the server named none."""

    event: str
    data: str


class Decoder:
    """Feed it the bytes as they come, however they are cut; never holds more than one event of `max_event_bytes`."""

    def __init__(self, *, max_event_bytes: int = MAX_EVENT_BYTES) -> None:
        self._limit = max_event_bytes
        self._rest: list[bytes] = []  # of the line that has not ended
        self._held = 0  # bytes in _rest and _data
        self._data: list[bytes] = []
        self._event = b""
        self._after_cr = False
        self._head: bytes | None = b""  # the first bytes, until it is clear whether they are a byte order mark

    def feed(self, chunk: bytes) -> list[ServerSentEvent]:
        """The events that `chunk` completes. Raises MalformedStream above the limit; the decoder is of no use then."""
        if self._head is not None:
            chunk = self._past_bom(chunk)
        if self._after_cr and chunk:
            self._after_cr = False
            chunk = chunk.removeprefix(b"\n")
        if not (self._rest or self._data or self._event) and len(chunk) <= self._limit and (usual := _usual(chunk)) is not None:
            return usual
        return [event for line in self._lines(chunk) if (event := self._line(line)) is not None]

    def end(self) -> list[ServerSentEvent]:
        """The stream is over: the event whose blank line never came, if nothing of it can be missing."""
        head, self._head = self._head or b"", None
        events = self.feed(head) if head else []
        rest, self._rest = b"".join(self._rest), []
        self._held -= len(rest)
        last = self._line(rest) if rest else None
        last = last or self._line(b"")
        if last is not None and (last.data.strip() == DONE or _is_object(last.data)):
            events.append(last)
        return events

    def _past_bom(self, chunk: bytes) -> bytes:
        head = (self._head or b"") + chunk
        if len(head) < len(BOM) and BOM.startswith(head):
            self._head = head
            return b""
        self._head = None
        return head.removeprefix(BOM)

    def _lines(self, chunk: bytes) -> list[bytes]:
        """The finished lines without their ends; bytes.splitlines splits at CR, LF and CRLF only."""
        lines = chunk.splitlines(keepends=True)
        if not lines:
            return lines
        whole = lines[-1].endswith((b"\n", b"\r"))
        self._after_cr = lines[-1].endswith(b"\r")
        rest = None if whole else lines.pop()
        if lines and self._rest:
            self._hold(len(lines[0]))
            lines[0] = b"".join((*self._rest, lines[0]))
            self._held -= len(lines[0])
            self._rest = []
        if rest is not None:
            self._hold(len(rest))
            self._rest.append(rest)
        return [line.rstrip(b"\r\n") for line in lines]

    def _hold(self, size: int) -> None:
        self._held += size
        if self._held > self._limit:
            raise MalformedStream("The model server sent an event that is too large to read.")

    def _line(self, line: bytes) -> ServerSentEvent | None:
        if not line:
            return self._dispatch()
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            self._hold(len(value) + 1)
            self._data.append(value)
        elif field == b"event":
            self._event = value[:200]
        return None

    def _dispatch(self) -> ServerSentEvent | None:
        data, event = self._data, self._event
        self._data, self._event = [], b""
        if not data:
            return None
        self._held -= sum(map(len, data)) + len(data)
        return ServerSentEvent(event.decode("utf-8", "replace"), b"\n".join(data).decode("utf-8", "replace"))


def _usual(chunk: bytes) -> list[ServerSentEvent] | None:
    """The events of a chunk that holds nothing but whole ones as nearly all servers write them: perhaps a name, one line of data,
    a blank line. None for any other: the grammar knows more.
    """
    if not chunk.endswith(b"\n\n") or b"\r" in chunk:
        return None
    found = []
    for piece in chunk[:-2].decode("utf-8", "replace").split("\n\n"):
        event, named, data = piece.partition("\ndata: ")
        if not named:
            start, event, data = piece[:6], "event: ", piece[6:]
            if start != "data: ":
                return None
        if not event.startswith("event: ") or "\n" in event or "\n" in data or len(event) > 200:
            return None
        found.append(ServerSentEvent(event[7:], data))
    return found


def encode(event: "Event") -> bytes:
    """One event as event:, data: and a blank line, in one piece (a reader may drop an event that comes in two).

    U+0085, U+2028 and U+2029 are escaped: some readers take them for line ends. Raises ValueError for our inner events.
    """
    if event.type.startswith("parley:"):
        raise ValueError(f"{event.type} is never sent")
    data = event.model_dump_json(exclude_unset=True).encode()
    data = data.replace(b"\xe2\x80\xa8", b"\\u2028").replace(b"\xe2\x80\xa9", b"\\u2029").replace(b"\xc2\x85", b"\\u0085")
    name = event.type if event.type.isprintable() else "message"
    return b"event: %b\ndata: %b\n\n" % (name.encode(), data)


def _is_object(data: str) -> bool:
    try:
        return isinstance(from_json(data), dict)
    except ValueError:
        return False
