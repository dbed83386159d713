"""The news that a conversation has got further. It knows ids, numbers and an opaque payload, nothing else.

A ring may be lost, doubled or late: whoever listens compares its numbers with a cursor and reads the log when they do not join.
"""

import json
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Ring:
    """Events `first`…`last` (positions) of a conversation are committed. `payload` is what to forward, message by message;
    None means: read the log.
    """

    conversation: str
    first: int
    last: int
    payload: tuple[str, ...] | None = None

    @classmethod
    def showing(cls, conversation: str, first: int, last: int, content: str) -> "Ring":
        """With HTML that brings pages past all of them, in one message."""
        return cls(conversation, first, last, (json.dumps({"position": last, "content": content}),))

    @property
    def size(self) -> int:
        return sum(map(len, self.payload or ()))


@dataclass(frozen=True, slots=True)
class Note:
    """What to forward to one reader beside the log: it has no number, and a lost one is made up for by the next."""

    text: str

    @property
    def size(self) -> int:
        return len(self.text)


class Listener(Protocol):
    def hear(self, ring: Ring) -> None:
        """Called on the loop that rings. It must not block and must bound what it keeps."""


@dataclass
class Hub:
    """The in-process doorbell: hands each ring to the listeners of its conversation, at once, on the caller's thread.

    `elsewhere` is told of every ring that began here; it carries them to other processes. It must not block.
    """

    listeners: dict[str, set[Listener]] = field(default_factory=dict)
    elsewhere: Callable[[Ring], None] | None = None

    def subscribe(self, conversation: str, listener: Listener) -> None:
        self.listeners.setdefault(conversation, set()).add(listener)

    def unsubscribe(self, conversation: str, listener: Listener) -> None:
        listeners = self.listeners.get(conversation, set())
        listeners.discard(listener)
        if not listeners:
            self.listeners.pop(conversation, None)

    def ring(self, ring: Ring) -> None:
        """News of this process."""
        self.deliver(ring)
        if self.elsewhere is not None:
            self.elsewhere(ring)

    def deliver(self, ring: Ring) -> None:
        """News for the readers here, wherever it comes from."""
        for listener in tuple(self.listeners.get(ring.conversation, ())):
            listener.hear(ring)


class Mailbox:
    """A bounded queue of rings and notes for one reader. When a ring would overflow it, it forgets them all and asks for the log
    instead; a note that would is left out.
    """

    def __init__(self, *, most_bytes: int) -> None:
        self.most_bytes = most_bytes
        self.rings: deque[Ring | Note] = deque()
        self.bytes = 0

    def put(self, ring: Ring | Note) -> None:
        size = ring.size
        if self.bytes + size > self.most_bytes:
            if isinstance(ring, Note):
                return
            self.rings.clear()
            self.bytes = 0
            ring = Ring(ring.conversation, ring.first, ring.last)
            size = 0
        self.rings.append(ring)
        self.bytes += size

    def drain(self) -> Iterator[Ring | Note]:
        while self.rings:
            ring = self.rings.popleft()
            self.bytes -= ring.size
            yield ring


hub = Hub()
