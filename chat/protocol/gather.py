"""Deltas of one text that came together are one delta: what follows costs per delta, next to nothing per character.

Server-sent events are gathered before they are parsed, as far as they say in JSON what they are; what is made of another protocol
is gathered as events.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, Final, Generic, TypeAlias, TypeVar

from chat import errors
from chat.protocol import events as ev
from chat.protocol.items import Json
from chat.protocol.sse import ServerSentEvent

Delta: TypeAlias = ev.PartDelta | ev.ArgumentsDelta
DELTAS: Final = (ev.OutputTextDelta, ev.RefusalDelta, ev.ReasoningTextDelta, ev.SummaryTextDelta, ev.ArgumentsDelta)
NAMES: Final = frozenset(name for name in (*ev.EVENTS, *ev.ALIASES) if ev.EVENTS.get(ev.ALIASES.get(name, name)) in DELTAS)
PLACE: Final = ("item_id", "output_index", "content_index", "summary_index")
T = TypeVar("T")
Key: TypeAlias = tuple[Any, ...]


class Gatherer(Generic[T]):
    """Holds a delta back as long as nothing but more of the same text follows. Take it `out` before waiting for anything.

    `read` tells what a delta's text has in common with its next piece, and the piece; None for what is no delta, or stays alone.
    `write` gives a delta another text. What comes out is the last delta that went in, with the text of all.
    """

    def __init__(self, read: Callable[[T], tuple[Key, str] | None], write: Callable[[T, str], object]) -> None:
        self._read, self._write = read, write
        self._held: list[T] = []
        self._key: Key = ()
        self._texts: list[str] = []

    def feed(self, event: T) -> list[T]:
        """What need not wait any more: what was held, unless it goes on, and the event itself, unless it is held now."""
        found = self._read(event)
        if found is None:
            return [*self.out(), event]
        key, text = found
        if key == self._key:
            self._held[0] = event
            self._texts.append(text)
            return []
        out = self.out()
        self._held, self._key, self._texts = [event], key, [text]
        return out

    def out(self) -> list[T]:
        """What is held, as one event."""
        held, texts = self._held, self._texts
        self._held, self._key, self._texts = [], (), []
        if len(texts) > 1:
            self._write(held[0], "".join(texts))
        return held


def gathered(events: Iterable[T], gatherer: Gatherer[T]) -> Iterator[T]:
    """Events that came together, with as few deltas as they can be told in. What came before an error comes out before it."""
    try:
        for event in events:
            if out := gatherer.feed(event):
                yield from out
    except errors.ParleyError:
        yield from gatherer.out()
        raise
    yield from gatherer.out()


def parsed(batch: Iterable[ServerSentEvent], *, after: int | None = None) -> Iterator[ev.Event]:
    """The events of server-sent events that came together. No delta holds both what has this number at most and what follows it:
    in a replay the one is known already.
    """
    named = ((wire, sent.event) for sent in batch if (wire := ev.wire_of(sent)) is not None)
    read = _text_of_wire if after is None else partial(_text_of_replayed, after)
    for wire, name in gathered(named, Gatherer(read, _set_text_of_wire)):
        yield ev.parse(wire, name=name)


def of_events() -> Gatherer[ev.Event]:
    """For events that have been parsed already."""
    return Gatherer(_text_of_event, _set_text_of_event)


def _text_of_wire(named: tuple[Json, str]) -> tuple[Key, str] | None:
    wire, _ = named
    get = wire.get
    kind, text = get("type"), get("delta")
    if not isinstance(kind, str) or kind not in NAMES or not isinstance(text, str) or get("logprobs"):
        return None
    return (kind, get("item_id"), get("output_index"), get("content_index"), get("summary_index")), text


def _text_of_replayed(after: int, named: tuple[Json, str]) -> tuple[Key, str] | None:
    found, number = _text_of_wire(named), named[0].get("sequence_number")
    return found and ((*found[0], isinstance(number, int) and number > after), found[1])


def _set_text_of_wire(named: tuple[Json, str], text: str) -> None:
    named[0]["delta"] = text


def _text_of_event(event: ev.Event) -> tuple[Key, str] | None:
    if not isinstance(event, DELTAS) or getattr(event, "logprobs", None):
        return None
    return (event.type, *(getattr(event, name, None) for name in PLACE)), event.delta


def _set_text_of_event(event: ev.Event, text: str) -> None:
    assert isinstance(event, DELTAS)
    event.delta = text
