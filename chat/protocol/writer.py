"""Well-formed events out, whatever came in: our ids, gapless numbers, nothing done before it is added, nothing after it is done.

The writer folds what it writes, so that what it closes an item with is what every reader of its events has.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from chat.protocol import events as ev
from chat.protocol.items import FunctionCall, Item, Json, Message, Part, Reasoning, SummaryText
from chat.protocol.kinds import KINDS, index_of, parts_of, said, text_of
from chat.protocol.merge import merge, merge_part, missing, settle
from chat.protocol.snapshot import Snapshot, apply
from chat.protocol.types import Response

Extra: TypeAlias = Mapping[str, object]  # fields of Response
PREFIXES: Final = {"message": "msg", "reasoning": "rs", "function_call": "fc"}
LARGEST: Final = 16 * 1024 * 1024  # characters of text in one response
ITEM_SIZE: Final = 16 * 1024  # what an item counts for, whatever it holds: at most 1,024 of them
PART_SIZE: Final = 1024


@dataclass(slots=True, eq=False)
class OpenPart:
    """`index`: ours, in the item's content or summary. `said`: its whole text, once the server told it; `told`: and so did we."""

    kind: str
    index: int
    summary: bool
    upstream_index: int | None = None
    said: str | None = None
    told: bool = False
    closed: bool = False

    @property
    def done(self) -> bool:
        """Whether it takes no more text."""
        return self.closed or self.said is not None


@dataclass(slots=True, eq=False)
class Entry:
    """An output item on its way. `index`, `id` are ours; `settled`: its arguments were said to be complete."""

    index: int
    id: str
    type: str
    announced: bool
    upstream_index: int | None = None
    upstream_ids: set[str] = field(default_factory=set)
    parts: list[OpenPart] = field(default_factory=list)
    settled: bool = False
    closed: bool = False


class Writer:
    def __init__(self, snapshot: Snapshot, *, new_id: Callable[[str], str], first_sequence: int, first_output_index: int) -> None:
        self.snapshot = snapshot
        self.entries: list[Entry] = []
        self.size = 0  # characters and allowances; the reader of the stream gives up above LARGEST
        self._new_id = new_id
        self._next = first_sequence
        self._first = first_output_index
        self._created = self._queued = self._begun = first_sequence > 0
        self._out: list[ev.Event] = []

    def take(self) -> list[ev.Event]:
        out, self._out = self._out, []
        return out

    def replay(self, event: ev.Event) -> None:
        """Take up an event that was written before, by another writer; nothing comes out."""
        apply(self.snapshot, event)
        self._next = self._next if event.sequence_number is None else event.sequence_number + 1
        match event:
            case ev.ResponseCreated():
                self._created = True
            case ev.ResponseQueued():
                self._queued = True
            case ev.ResponseInProgress():
                self._begun = True
            case ev.OutputItemAdded():
                self.size += ITEM_SIZE
                index = self._first + len(self.entries)
                self.entries.append(Entry(index, event.item.id or "", event.item.type, announced=True))
            case ev.OfOutput() if event.output_index is not None and 0 <= event.output_index - self._first < len(self.entries):
                self._replay_inner(event, self.entries[event.output_index - self._first])

    def create(self, extra: Extra, *, status: str = "in_progress") -> None:
        """response.created, once."""
        if not self._created:
            self._created = True
            self._write(ev.ResponseCreated, response=self._response(status, extra, output=[]))

    def queue(self, extra: Extra) -> None:
        """response.queued, once, and only before it is in progress."""
        self.create(extra, status="queued")
        if not self._queued and not self._begun:
            self._queued = True
            self._write(ev.ResponseQueued, response=self._response("queued", extra, output=[]))

    def begin(self, extra: Extra) -> None:
        """response.in_progress, once."""
        self.create(extra)
        if not self._begun:
            self._begun = True
            self._write(ev.ResponseInProgress, response=self._response("in_progress", extra, output=[]))

    def open(self, item: Item, *, announced: bool) -> Entry:
        """Add an empty item; its id is replaced by ours."""
        identity = self._new_id(PREFIXES.get(item.type) or item.type.rpartition(":")[2][:40] or "item")
        item = item.model_copy(update={"id": identity})
        entry = Entry(index=self._first + len(self.entries), id=identity, type=item.type, announced=announced)
        self.entries.append(entry)
        self.size += ITEM_SIZE
        self._write(ev.OutputItemAdded, output_index=entry.index, item=item)
        return entry

    def new_call_id(self) -> str:
        return self._new_id("call")

    def item(self, entry: Entry) -> Item:
        """The entry's item as it has become so far."""
        item = self.snapshot.item(entry.index)
        if item is None:
            raise LookupError(entry.index)
        return item

    def part(self, entry: Entry, part: Part, *, upstream_index: int | None) -> OpenPart:
        """Add an empty part, to the item's summary or content."""
        summary = isinstance(part, SummaryText)
        opened = OpenPart(part.type, sum(other.summary == summary for other in entry.parts), summary, upstream_index)
        entry.parts.append(opened)
        self.size += PART_SIZE
        self._write(ev.SummaryPartAdded if summary else ev.ContentPartAdded, **_place(entry, opened), part=part)
        return opened

    def delta(self, entry: Entry, part: OpenPart, text: str, **more: object) -> None:
        if text:
            self.size += len(text)
            self._write(KINDS[part.kind].delta, **_place(entry, part), delta=text, **_logprobs(part, more))

    def say(self, entry: Entry, part: OpenPart, text: str) -> None:
        """The text is whole: what is missing of `text` goes out. Its done event waits for the part's, which may know more."""
        shown = text_of(self._shown(entry, part))
        self.delta(entry, part, missing(shown, text))
        part.said = settle(shown, text)

    def close_part(self, entry: Entry, part: OpenPart, theirs: Part | None = None) -> None:
        shown = self._shown(entry, part)
        kind = KINDS.get(part.kind)
        whole = shown if kind is None or part.said is None else shown.model_copy(update={kind.field: part.said})
        final = whole if theirs is None else merge_part(whole, theirs)
        if part.told:
            final = whole
        elif kind is not None:
            self.delta(entry, part, missing(text_of(shown), text_of(final)))
            self._write(kind.done, **_place(entry, part), **{kind.field: text_of(final)}, **_logprobs(part, {}))
        part.closed = True
        self._write(ev.SummaryPartDone if part.summary else ev.ContentPartDone, **_place(entry, part), part=final)

    def annotate(self, entry: Entry, part: OpenPart, annotation: Json) -> None:
        shown = self._shown(entry, part)
        number = len(getattr(shown, "annotations", []))
        self.size += PART_SIZE
        self._write(ev.AnnotationAdded, **_place(entry, part), annotation_index=number, annotation=annotation)

    def arguments(self, entry: Entry, text: str) -> None:
        if text:
            self.size += len(text)
            self._write(ev.ArgumentsDelta, item_id=entry.id, output_index=entry.index, delta=text)

    def close(self, entry: Entry, theirs: Item | None, *, status: str) -> None:
        """Done, with all of it: missing parts and arguments first."""
        self._close_said(entry, theirs)
        final = merge(self.item(entry), theirs, status=status)
        if isinstance(final, Message | Reasoning):
            self._complete_parts(entry, final)
            final = merge(self.item(entry), final, status=status)
        elif isinstance(final, FunctionCall):
            self._complete_arguments(entry, final)
        else:
            self.size += len(final.model_dump_json())
        entry.closed = True
        self._write(ev.OutputItemDone, output_index=entry.index, item=final)

    def relay(self, event: ev.UnknownEvent, entry: Entry | None) -> None:
        """An event that we do not know, about our item."""
        known = {"type", "sequence_number", "item_id", "output_index"}
        wire: dict[str, Any] = {key: value for key, value in ev.dump(event).items() if key not in known}
        if "response" in wire:  # theirs, with their ids
            wire["response"] = {"id": self.snapshot.response.id}
        if "response_id" in wire:
            wire["response_id"] = self.snapshot.response.id
        if entry is not None:
            wire |= {"output_index": entry.index} | ({"item_id": entry.id} if event.item_id is not None else {})
        self.size += len(str(wire.get("delta", "")))
        self._write(ev.UnknownEvent, type=event.type, **wire)

    def end(self, model: Callable[..., ev.End], status: str, extra: Extra, *, output: list[Item] | None = None) -> None:
        output = self.snapshot.output if output is None else output
        self._write(model, response=self._response(status, extra, output=output))

    def _replay_inner(self, event: ev.OfOutput, entry: Entry) -> None:
        index, summary = index_of(event), isinstance(event, ev.OfSummary)
        part = next((part for part in entry.parts if (part.index, part.summary) == (index, summary)), None)
        match event:
            case ev.OutputItemDone():
                entry.closed = True
            case ev.ContentPartAdded() | ev.SummaryPartAdded():
                entry.parts.append(OpenPart(event.part.type, index or 0, summary, upstream_index=index))
            case ev.ContentPartDone() | ev.SummaryPartDone() if part is not None:
                part.closed = True
            case ev.OutputTextDone() | ev.RefusalDone() | ev.ReasoningTextDone() | ev.SummaryTextDone() if part is not None:
                part.said, part.told = said(event), True

    def _close_said(self, entry: Entry, theirs: Item | None) -> None:
        for part in entry.parts:
            if part.said is not None and not part.closed:
                known = parts_of(theirs, "summary" if part.summary else "content") if theirs is not None else []
                self.close_part(entry, part, known[part.index] if part.index < len(known) else None)

    def _complete_parts(self, entry: Entry, final: Message | Reasoning) -> None:
        for group in ("content", "summary"):
            ours = [part for part in entry.parts if part.summary == (group == "summary")]
            for number, part in enumerate(parts_of(final, group)):
                if number >= len(ours):
                    kind = KINDS.get(part.type)
                    ours.append(self.part(entry, kind.blank() if kind else part, upstream_index=None))
                if not ours[number].closed:
                    self.close_part(entry, ours[number], part)

    def _complete_arguments(self, entry: Entry, final: FunctionCall) -> None:
        shown = self.item(entry)
        self.arguments(entry, missing(shown.arguments if isinstance(shown, FunctionCall) else "", final.arguments))
        if final.status == "completed":  # of a call that was cut nobody may think that it is whole
            self._write(ev.ArgumentsDone, item_id=entry.id, output_index=entry.index, arguments=final.arguments, name=final.name)

    def _shown(self, entry: Entry, part: OpenPart) -> Part:
        return parts_of(self.item(entry), "summary" if part.summary else "content")[part.index]

    def _response(self, status: str, extra: Extra, *, output: list[Item]) -> Response:
        return self.snapshot.response.model_copy(update={**extra, "status": status, "output": output})

    def _write(self, model: Callable[..., ev.Event], **fields: Any) -> None:
        event = model(sequence_number=self._next, **fields)
        self._next += 1
        apply(self.snapshot, event)
        self._out.append(event)


def _place(entry: Entry, part: OpenPart) -> dict[str, Any]:
    name = "summary_index" if part.summary else "content_index"
    return {"item_id": entry.id, "output_index": entry.index, name: part.index}


def _logprobs(part: OpenPart, more: dict[str, object]) -> dict[str, object]:
    return {"logprobs": more.get("logprobs") or []} if part.kind == "output_text" else {}
