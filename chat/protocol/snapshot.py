"""The fold: events become a Response. Used live, on resume, by the page and by /v1.

`loads(dumps(S(k)))` followed by the events k+1… is the same as the fold of them all, for every k: all that the fold knows is in
the Response and the number of the last event. Texts grow in lists of pieces and are joined when somebody looks.
"""

import json
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from pydantic_core import from_json

from chat.protocol import events as ev
from chat.protocol.items import FunctionCall, Item, Json, Message, OutputText, Part, Reasoning, UnknownItem, Wire
from chat.protocol.kinds import OF_EVENT, Group, index_of, parts_of, said
from chat.protocol.types import TERMINAL, ErrorBody, IncompleteDetails, Response, Usage

Key: TypeAlias = tuple[int | None, str, int | None]
# Fields of other items that come in pieces, by event; and the words that tell how far a hosted call has got.
PIECES: Final = {
    "response.custom_tool_call_input": "input",
    "response.mcp_call_arguments": "arguments",
    "response.code_interpreter_call_code": "code",
}
PHASES: Final = frozenset({"in_progress", "searching", "interpreting", "generating", "completed", "failed"})


@dataclass(slots=True)
class _Growing:
    """A text that still grows: `target.name`, and the pieces that are not in it yet."""

    target: Wire
    name: str
    pieces: list[str] = field(default_factory=list)

    def settle(self) -> None:
        if self.pieces:
            text = getattr(self.target, self.name, "")
            setattr(self.target, self.name, "".join((text if isinstance(text, str) else "", *self.pieces)))
            self.pieces.clear()


class Snapshot:
    """A Response as of `sequence_number` (-1: nothing applied yet). What its properties give is the fold's: to be read only."""

    __slots__ = ("_base", "_growing", "_response", "sequence_number")

    def __init__(self, response: Response, *, sequence_number: int = -1, first_output_index: int = 0) -> None:
        self._response = response
        self._growing: dict[Key, _Growing] = {}
        self._base = first_output_index
        self.sequence_number = sequence_number

    @classmethod
    def start(cls, *, response_id: str, model: str = "", created_at: int = 0, first_output_index: int = 0) -> "Snapshot":
        """A queued Response without output."""
        response = Response(id=response_id, object="response", created_at=created_at, model=model, status="queued", output=[])
        return cls(response, first_output_index=first_output_index)

    @property
    def response(self) -> Response:
        for growing in self._growing.values():
            growing.settle()
        return self._response

    @property
    def output(self) -> list[Item]:
        return self.response.output

    @property
    def status(self) -> str:
        return self._response.status or "in_progress"

    @property
    def terminal(self) -> bool:
        return self._response.status in TERMINAL

    @property
    def usage(self) -> Usage | None:
        return self._response.usage

    @property
    def error(self) -> ErrorBody | None:
        return self._response.error

    @property
    def incomplete_details(self) -> IncompleteDetails | None:
        return self._response.incomplete_details

    @property
    def output_text(self) -> str:
        """What the model said, without reasoning and refusals."""
        messages = (parts_of(item, "content") for item in self.output if isinstance(item, Message))
        return "".join(part.text for parts in messages for part in parts if isinstance(part, OutputText))

    def item(self, output_index: int | None) -> Item | None:
        """The item at this index, its texts as they are by now."""
        self._settle(output_index)
        return self._item(output_index)

    def grow(self, key: Key, piece: str) -> None:
        growing = self._growing.get(key) or self._begin(key)
        if growing is not None:
            growing.pieces.append(piece)

    def replace(self, key: Key, text: str) -> None:
        growing = self._growing.get(key) or self._begin(key)
        if growing is not None:
            growing.pieces.clear()
            setattr(growing.target, growing.name, text)

    def put(self, output_index: int | None, item: Item) -> None:
        """Add an item at the end, or replace one; an index beyond the end is ignored."""
        items, index = self._response.output, -1 if output_index is None else output_index - self._base
        if 0 <= index <= len(items):
            self._settle(output_index)
            items[index : index + 1] = [item.model_copy(deep=True)]

    def put_part(self, output_index: int | None, group: Group, index: int | None, part: Part) -> None:
        item = self._item(output_index)
        if not isinstance(item, Message | Reasoning) or index is None:
            return
        if group == "content" and not isinstance(item.content, list):
            item.content = []
        parts = parts_of(item, group)
        if 0 <= index <= len(parts):
            self._settle(output_index)
            parts[index : index + 1] = [part.model_copy(deep=True)]

    def become(self, response: Response) -> None:
        """Take over a lifecycle event's Response; one that only begins leaves the output as it is."""
        output = self.output
        self._growing.clear()
        ended = response.status in TERMINAL
        self._response = response if ended else response.model_copy(update={"output": output})

    def _item(self, output_index: int | None) -> Item | None:
        index = -1 if output_index is None else output_index - self._base
        return self._response.output[index] if 0 <= index < len(self._response.output) else None

    def _begin(self, key: Key) -> _Growing | None:
        output_index, name, index = key
        item = self._item(output_index)
        target = _target(item, name, index) if item is not None else None
        if target is None:
            return None
        growing = self._growing[key] = _Growing(*target)
        return growing

    def _settle(self, output_index: int | None) -> None:
        """Join the texts of an item, before one of its parts or all of it is replaced."""
        for key in [key for key in self._growing if key[0] == output_index]:
            self._growing.pop(key).settle()


def apply(snapshot: Snapshot, event: ev.Event) -> Snapshot:
    """The same snapshot, one event further. What was applied already is ignored, and so is everything after the end."""
    number = event.sequence_number
    if number is not None:
        if number <= snapshot.sequence_number:
            return snapshot
        snapshot.sequence_number = number
    if snapshot.terminal:
        return snapshot
    if (kind := OF_EVENT.get(type(event))) is not None:
        _apply_text(snapshot, event, kind.name)
    else:
        _apply_structure(snapshot, event)
    return snapshot


def dumps(snapshot: Snapshot) -> str:
    """JSON; `loads` is its inverse."""
    response: Json = snapshot.response.model_dump(mode="json", exclude_unset=True)
    return json.dumps({"sequence_number": snapshot.sequence_number, "response": response}, ensure_ascii=False)


def loads(data: str | bytes) -> Snapshot:
    """Raises ValueError for what `dumps` did not write."""
    wire = from_json(data)
    return Snapshot(Response.model_validate(wire["response"]), sequence_number=wire["sequence_number"])


def _apply_text(snapshot: Snapshot, event: ev.Event, name: str) -> None:
    match event:
        case ev.OutputTextDelta() | ev.RefusalDelta() | ev.ReasoningTextDelta() | ev.SummaryTextDelta():
            snapshot.grow((event.output_index, name, index_of(event)), event.delta)
        case ev.OutputTextDone() | ev.RefusalDone() | ev.ReasoningTextDone() | ev.SummaryTextDone():
            snapshot.replace((event.output_index, name, index_of(event)), said(event))


def _apply_structure(snapshot: Snapshot, event: ev.Event) -> None:
    match event:
        case ev.ArgumentsDelta():
            snapshot.grow((event.output_index, "arguments", None), event.delta)
        case ev.ArgumentsDone():
            snapshot.replace((event.output_index, "arguments", None), event.arguments)
        case ev.OutputItemAdded() | ev.OutputItemDone():
            snapshot.put(event.output_index, event.item)
        case ev.ContentPartAdded() | ev.ContentPartDone():
            snapshot.put_part(event.output_index, "content", event.content_index, event.part)
        case ev.SummaryPartAdded() | ev.SummaryPartDone():
            snapshot.put_part(event.output_index, "summary", event.summary_index, event.part)
        case ev.AnnotationAdded():
            _annotate(snapshot, event)
        case ev.Lifecycle():
            snapshot.become(event.response)
        case ev.UnknownEvent():
            _apply_unknown(snapshot, event)


def _annotate(snapshot: Snapshot, event: ev.AnnotationAdded) -> None:
    item = snapshot.item(event.output_index)
    parts = parts_of(item, "content") if item else []
    index = event.content_index or 0
    if index < len(parts) and isinstance(part := parts[index], OutputText):
        annotations = part.annotations
        annotations.append(event.annotation)
        part.annotations = annotations  # assigned, so that it counts as set and is dumped


def _apply_unknown(snapshot: Snapshot, event: ev.UnknownEvent) -> None:
    """A hosted tool's progress, and the fields of its call that come in pieces."""
    about, _, verb = event.type.rpartition(".")
    extra = event.model_extra or {}
    if (name := PIECES.get(about)) is not None:
        if verb == "delta" and isinstance(delta := extra.get("delta"), str):
            snapshot.grow((event.output_index, name, None), delta)
        elif verb == "done" and isinstance(text := extra.get(name), str):
            snapshot.replace((event.output_index, name, None), text)
        return
    item = snapshot.item(event.output_index)
    if verb in PHASES and isinstance(item, UnknownItem) and about == f"response.{item.type}":
        item.status = verb


def _target(item: Item, name: str, index: int | None) -> tuple[Wire, str] | None:
    if index is None:
        return (item, name) if isinstance(item, FunctionCall | UnknownItem) else None
    group: Group = "summary" if name == "summary_text" else "content"
    parts = parts_of(item, group)
    if not 0 <= index < len(parts) or parts[index].type != name:
        return None
    return parts[index], "refusal" if name == "refusal" else "text"
