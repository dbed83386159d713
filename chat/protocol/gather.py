"""Deltas of one text that came together are one delta: what follows costs per delta, next to nothing per character."""

from collections.abc import Iterable, Iterator
from typing import Final, TypeAlias

from chat import errors
from chat.protocol import events as ev

Delta: TypeAlias = ev.PartDelta | ev.ArgumentsDelta
DELTAS: Final = (ev.OutputTextDelta, ev.RefusalDelta, ev.ReasoningTextDelta, ev.SummaryTextDelta, ev.ArgumentsDelta)


class Gatherer:
    """Holds a delta back as long as nothing but more of the same text follows. Take it `out` before waiting for anything.

    What comes out has the number of the last delta that went in. Deltas with `logprobs` stay alone: those belong to their tokens.
    """

    def __init__(self) -> None:
        self._held: Delta | None = None
        self._key: tuple[object, ...] = ()
        self._texts: list[str] = []

    def feed(self, event: ev.Event) -> list[ev.Event]:
        """What need not wait any more: what was held, unless it goes on, and the event itself, unless it is held now."""
        if not isinstance(event, DELTAS) or getattr(event, "logprobs", None):
            return [*self.out(), event]
        key = _key(event)
        out = self.out() if key != self._key else []
        self._held, self._key = event, key
        self._texts.append(event.delta)
        return out

    def out(self) -> list[ev.Event]:
        """What is held, as one event."""
        held, texts = self._held, self._texts
        if held is None:
            return []
        self._held, self._key, self._texts = None, (), []
        if len(texts) > 1:
            held.delta = "".join(texts)
        return [held]


def gathered(events: Iterable[ev.Event]) -> Iterator[ev.Event]:
    """Events that came together, with as few deltas as they can be told in. What came before an error comes out before it."""
    gatherer = Gatherer()
    try:
        for event in events:
            yield from gatherer.feed(event)
    except errors.ParleyError:
        yield from gatherer.out()
        raise
    yield from gatherer.out()


def _key(event: Delta) -> tuple[object, ...]:
    """What deltas of one text have in common."""
    match event:
        case ev.OfContent():
            index = event.content_index
        case ev.OfSummary():
            index = event.summary_index
        case _:
            index = None
    return (event.type, event.item_id, event.output_index, index)
