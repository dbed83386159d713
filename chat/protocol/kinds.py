"""The parts whose text comes in pieces: where each lives in its item, and the events that speak of it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from chat.protocol import events as ev
from chat.protocol.items import Item, OutputText, Part, ReasoningText, Refusal, SummaryText

Group: TypeAlias = Literal["content", "summary"]


@dataclass(frozen=True, slots=True)
class Kind:
    """`item`: the type of item it belongs to; `group`: the item's list of parts; `field`: the part's text."""

    name: str
    item: str
    group: Group
    field: str
    part: Callable[..., Part]
    delta: Callable[..., ev.PartDelta]
    done: Callable[..., ev.PartDone]

    def blank(self) -> Part:
        """A part as it is announced, with all that the wire requires."""
        return self.part(**{self.field: ""}, **({"annotations": []} if self.name == "output_text" else {}))


KINDS: Final = {
    kind.name: kind
    for kind in (
        Kind("output_text", "message", "content", "text", OutputText, ev.OutputTextDelta, ev.OutputTextDone),
        Kind("refusal", "message", "content", "refusal", Refusal, ev.RefusalDelta, ev.RefusalDone),
        Kind("reasoning_text", "reasoning", "content", "text", ReasoningText, ev.ReasoningTextDelta, ev.ReasoningTextDone),
        Kind("summary_text", "reasoning", "summary", "text", SummaryText, ev.SummaryTextDelta, ev.SummaryTextDone),
    )
}
TEXT, REFUSAL, REASONING, SUMMARY = KINDS.values()
OF_EVENT: Final[dict[type[ev.Event], Kind]] = {
    ev.OutputTextDelta: TEXT,
    ev.OutputTextDone: TEXT,
    ev.RefusalDelta: REFUSAL,
    ev.RefusalDone: REFUSAL,
    ev.ReasoningTextDelta: REASONING,
    ev.ReasoningTextDone: REASONING,
    ev.SummaryTextDelta: SUMMARY,
    ev.SummaryTextDone: SUMMARY,
}


def index_of(event: ev.Event | ev.OfOutput) -> int | None:
    """The event's content_index or summary_index."""
    match event:
        case ev.OfContent():
            return event.content_index
        case ev.OfSummary():
            return event.summary_index
        case _:
            return None


def parts_of(item: Item, group: Group) -> list[Part]:
    """The item's own list, not a copy; a new empty one where it has none."""
    parts = getattr(item, group, None)
    return parts if isinstance(parts, list) else []


def text_of(part: Part) -> str:
    """The text of a part; "" for parts that have none."""
    kind = KINDS.get(part.type)
    return str(getattr(part, kind.field)) if kind and isinstance(part, OutputText | Refusal | ReasoningText | SummaryText) else ""


def said(event: ev.PartDone) -> str:
    """The whole text in a text's done event."""
    return event.refusal if isinstance(event, ev.RefusalDone) else event.text
