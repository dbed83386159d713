"""Events → HTML, for whoever watches: rendered once, the same bytes for every viewer and in every process."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

from django.template.loader import render_to_string
from django.utils.html import conditional_escape

from chat import markdown
from chat.live.rendered import rendered
from chat.live.views import ItemView, PartView, item_view
from chat.protocol import events as wire
from chat.protocol.types import Item, dump_item

Op = markdown.Append | markdown.Replace
LARGEST_FINISHED = 50_000  # characters of a part: reading a larger one once more would make all other streams wait


@dataclass(frozen=True, slots=True)
class _Growing:
    """What the templates ask of a Response while it runs."""

    id: str
    status: str = "in_progress"
    running: bool = True


@dataclass
class Fragments:
    """The renderer of one run. It keeps the Markdown state of the parts that grow. `passing`: and nothing of those that are
    finished.
    """

    response_id: str
    passing: bool = False
    streams: dict[str, markdown.Stream] = field(default_factory=dict)
    of_item: dict[str, list[str]] = field(default_factory=dict)

    def render(self, events: Sequence[wire.Event]) -> list[str]:
        """The messages that bring a reader's page past these events, none when nothing is to be seen.

        A page finds the places of all partials of one message before it puts any of them in. So what goes into an element
        that is new itself comes in a message after it.
        """
        html: list[str] = []
        text: dict[str, str] = {}
        for event in events:
            match event:
                case wire.OutputTextDelta() | wire.RefusalDelta() | wire.ReasoningTextDelta() | wire.SummaryTextDelta():
                    part = part_id(event)
                    text[part] = text.get(part, "") + event.delta
                case _:
                    html += self._grow(text)
                    html.append(self._structure(event))
        return [message for message in html + self._grow(text) if message]

    def _grow(self, text: dict[str, str]) -> list[str]:
        """Growing parts have their places already, and one feed never builds on itself: one message for all of them."""
        html = "".join(_op(op) for part, delta in text.items() for op in self._stream(part).feed(delta))
        text.clear()
        return [html]

    def _stream(self, part: str) -> markdown.Stream:
        if part not in self.streams:
            self.streams[part] = markdown.Stream(part)
        return self.streams[part]

    def _structure(self, event: wire.Event) -> str:
        response = _Growing(self.response_id)
        match event:
            case wire.OutputItemAdded(item=item):
                view = self._view(item, response)
                return render_to_string("events/output_item_added.html", {"response": response, "item": view})
            case wire.ContentPartAdded() | wire.SummaryPartAdded():
                part = PartView(part_id(event), str(event.part.type), "", growing=True)
                self.of_item.setdefault(str(event.item_id), []).append(part.id)
                self._stream(part.id)
                return render_to_string("events/part_added.html", {"item": {"id": event.item_id}, "part": part})
            case wire.ArgumentsDelta():
                return render_to_string("events/arguments_delta.html", {"item_id": event.item_id, "delta": event.delta})
            case wire.OutputItemDone(item=item):
                return self._done(item, response)
            case _:
                return ""

    def _done(self, item: Item, response: _Growing) -> str:
        if parts := self.of_item.pop(str(item.id), []):
            return "".join(map(self._end_part, parts))
        return render_to_string("events/output_item_done.html", {"response": response, "item": self._view(item, response)})

    def _view(self, item: Item, response: _Growing) -> ItemView:
        return item_view(dump_item(item), id=str(item.id), status=response.status, passing=self.passing)

    def _end_part(self, part: str) -> str:
        """Nothing where it is large: what is put right at the end comes with the finished Response, which is made in a thread."""
        stream = self.streams.pop(part)
        if stream.size > LARGEST_FINISHED:
            return ""
        html = "".join(map(_op, stream.finish()))
        if not self.passing:
            rendered.keep(part, stream.text, stream.html())
        return html


def part_id(event: wire.OfContent | wire.OfSummary) -> str:
    """The DOM id of the part an event is about: the item's, with the part's number."""
    if isinstance(event, wire.OfSummary):
        return f"{event.item_id}-s-{event.summary_index}"
    return f"{event.item_id}-{event.content_index}"


def _op(op: Op) -> str:
    """As a template would make it, at a tenth of the price: there is one for every tick of every reply."""
    swap = "beforeend" if isinstance(op, markdown.Append) else "innerHTML"
    return f'<hx-partial hx-target="#{escape(op.target)}" hx-swap="{swap}">{conditional_escape(op.html)}</hx-partial>\n'
