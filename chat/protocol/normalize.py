"""Tolerant in, well-formed out: any server's events become the stream that the OpenAI SDK's strict reader accepts.

What may be absent or wrong, and is mended here: numbers, indexes, ids, `created`, `added` and `done` events, final texts,
statuses.
What is never mended: an end. A stream without a terminal event is not completed.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from chat.protocol import events as ev
from chat.protocol.entries import find_part
from chat.protocol.intake import Intake
from chat.protocol.items import Json
from chat.protocol.kinds import KINDS, OF_EVENT, TEXT, Kind, index_of, said
from chat.protocol.snapshot import Snapshot
from chat.protocol.types import LARGEST_COUNT, ErrorBody, IncompleteDetails, Response
from chat.protocol.writer import LARGEST, Writer

# Of the server's Response we keep what it says of the answer, not what it repeats of the request, nor its own ids.
REPEATED: Final = ("instructions", "prompt", "input", "user", "safety_identifier", "prompt_cache_key", "metadata")
OURS: Final = frozenset((*Response.model_fields, *REPEATED, "store", "previous_response_id", "conversation"))


@dataclass(frozen=True, slots=True)
class Cut:
    """It stopped without an end. `reason` becomes incomplete_details.reason: "interrupted", "eof" …"""

    reason: str = "interrupted"


@dataclass(frozen=True, slots=True)
class Failed:
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Cancelled:
    """Somebody pressed Stop."""


Outcome: TypeAlias = Cut | Failed | Cancelled


class Normalizer:
    """One upstream stream. `new_id("msg")` gives "msg_<32 hex>"; `created_at` is in seconds.

    With `first_sequence` above 0 the events continue a Response that has begun (its next turn): created and in_progress are not
    repeated, `output_index` counts from `first_output_index`, and the terminal event's output holds this turn's items only.
    """

    def __init__(
        self,
        *,
        response_id: str,
        model: str,
        new_id: Callable[[str], str],
        created_at: int,
        store: bool | None = None,
        first_sequence: int = 0,
        first_output_index: int = 0,
    ) -> None:
        blank: Json = {"parallel_tool_calls": True, "tool_choice": "auto", "tools": []}
        response = Response.model_validate(
            {**blank, "id": response_id, "object": "response", "created_at": created_at, "model": model, "status": "queued"}
            | {"output": [], "error": None, "incomplete_details": None, "usage": None}
            | ({} if store is None else {"store": store})
        )
        snapshot = Snapshot(response, first_output_index=first_output_index)
        self._writer = Writer(snapshot, new_id=new_id, first_sequence=first_sequence, first_output_index=first_output_index)
        self._intake = Intake(self._writer)
        self.upstream_response_id: str | None = None
        self.upstream_sequence: int | None = None

    @property
    def upstream_item_ids(self) -> dict[str, str]:
        """Our item ids to the server's; items without one there are left out."""
        return self._intake.upstream_item_ids

    @property
    def terminal(self) -> bool:
        return self._writer.snapshot.terminal

    @property
    def snapshot(self) -> Snapshot:
        """The fold of everything given out so far. To be read only."""
        return self._writer.snapshot

    def feed(self, event: ev.Event) -> list[ev.Event]:
        """The well-formed events that this one amounts to, often none, sometimes several. After the end: none."""
        if self.terminal:
            return []
        if event.sequence_number is not None and 0 <= event.sequence_number <= LARGEST_COUNT:
            self.upstream_sequence = event.sequence_number
        self._feed(event)
        if self._writer.size > LARGEST and not self.terminal:
            self._end(Cut("too_large"))
        return self._writer.take()

    def replay(self, events: Iterable[ev.Event]) -> None:
        """Take up what another Normalizer gave out for this Response and what was kept of it, so that `finish` can end it.

        Numbers go on where they stopped. What the server called its items is not known any more; `feed` goes on with them by
        their output indexes, which a server that can resume a stream numbers as we do.
        """
        for event in events:
            self._writer.replay(event)
            if isinstance(event, ev.OutputItemAdded):
                self._intake.resume(self._writer.entries[-1], event)

    def finish(self, outcome: Outcome) -> list[ev.Event]:
        """End a stream that did not end by itself; what is open becomes incomplete. After the end: none."""
        if not self.terminal:
            self._writer.begin({})
            self._end(outcome)
        return self._writer.take()

    def _feed(self, event: ev.Event) -> None:
        if (kind := OF_EVENT.get(type(event))) is not None:
            self._text(event, kind)
            return
        match event:
            case ev.ResponseCreated() | ev.ResponseQueued() | ev.ResponseInProgress():
                self._lifecycle(event)
            case ev.ResponseCompleted() | ev.ResponseIncomplete() | ev.ResponseFailed():
                self._terminal(event)
            case ev.ErrorEvent():
                self._writer.begin({})
                self._end(Failed(event.body.code, event.message))
            case ev.ResponseCancelled():
                pass  # ours alone; a server that sends it means nothing we know
            case ev.UnknownEvent():
                self._unknown(event)
            case _:
                self._writer.begin({})
                self._structure(event)

    def _structure(self, event: ev.Event) -> None:
        match event:
            case ev.OutputItemAdded():
                self._intake.added(event)
            case ev.OutputItemDone():
                self._intake.done(event)
            case ev.ContentPartAdded() | ev.SummaryPartAdded() | ev.ContentPartDone() | ev.SummaryPartDone():
                self._part(event)
            case ev.AnnotationAdded():
                entry = self._intake.entry_for(event, "message")
                self._writer.annotate(entry, self._intake.open_part(entry, TEXT, event.content_index), event.annotation)
            case ev.ArgumentsDelta():
                self._writer.arguments(self._intake.entry_for(event, "function_call"), event.delta)
            case ev.ArgumentsDone():
                self._intake.arguments_done(event)

    def _lifecycle(self, event: ev.Begin) -> None:
        extra = self._extra(event.response)
        match event:
            case ev.ResponseCreated():
                self._writer.create(extra, status="queued" if event.response.status == "queued" else "in_progress")
            case ev.ResponseQueued():
                self._writer.queue(extra)
            case ev.ResponseInProgress():
                self._writer.begin(extra)

    def _text(self, event: ev.Event, kind: Kind) -> None:
        self._writer.begin({})
        kind = self._intake.kind_of(event, kind)
        match event:
            case ev.OutputTextDelta() | ev.RefusalDelta() | ev.ReasoningTextDelta() | ev.SummaryTextDelta():
                if event.delta:
                    entry = self._intake.entry_for(event, kind.item)
                    part = self._intake.open_part(entry, kind, index_of(event))
                    self._writer.delta(entry, part, event.delta, logprobs=getattr(event, "logprobs", None))
            case ev.OutputTextDone() | ev.RefusalDone() | ev.ReasoningTextDone() | ev.SummaryTextDone():
                entry = self._intake.entry_for(event, kind.item, reopen=False)
                known = find_part(entry, kind.name, index_of(event))
                if not entry.closed and (known is None or not known.done):
                    part = known or self._intake.open_part(entry, kind, index_of(event))
                    self._writer.say(entry, part, said(event))

    def _part(self, event: ev.ContentPartAdded | ev.SummaryPartAdded | ev.ContentPartDone | ev.SummaryPartDone) -> None:
        name = "summary_text" if isinstance(event, ev.OfSummary) else event.part.type
        kind, index = KINDS.get(name), index_of(event)
        added = isinstance(event, ev.ContentPartAdded | ev.SummaryPartAdded)
        entry = self._intake.entry_for(event, kind.item if kind else None, reopen=added)
        part = find_part(entry, name, index)
        if entry.closed or entry.type not in ("message", "reasoning") or (kind is not None and event.part.type != name):
            return
        if part is None or (added and (part.done or (part.upstream_index != index and index is not None))):
            blank = kind.blank() if kind else event.part
            part = self._writer.part(entry, blank, upstream_index=index)
        if not added and not part.closed:
            self._writer.close_part(entry, part, event.part)

    def _unknown(self, event: ev.UnknownEvent) -> None:
        """Passed on when it is of the protocol and what it speaks of is there. One of a known type is too broken to use."""
        ours = event.type.startswith("parley:") or event.type in ev.EVENTS
        if ours or not (event.type.startswith("response.") or ":" in event.type):
            return
        self._writer.begin({})
        if event.output_index is None and event.item_id is None:
            self._writer.relay(event, None)
            return
        entry = self._intake.entries.find(None, index=event.output_index, item_id=event.item_id)
        if entry is not None and not entry.closed:
            self._writer.relay(event, entry)

    def _terminal(self, event: ev.ResponseCompleted | ev.ResponseIncomplete | ev.ResponseFailed) -> None:
        response = event.response
        extra = self._extra(response)
        self._writer.begin(extra)
        status = event.type.removeprefix("response.")
        if status == "completed" and response.status in ("incomplete", "failed", "cancelled"):
            status = response.status
        self._intake.reconcile(response.output, ended=status)
        if status == "failed" or response.error is not None:
            error = response.error or ErrorBody(code="server_error", message="")
            self._end(Failed(error.code, error.message), extra)
        elif status == "completed":
            self._complete(extra)
        else:
            details = response.incomplete_details
            self._end(Cut(details.reason if details else ("cancelled" if response.status == "cancelled" else "unknown")), extra)

    def _complete(self, extra: dict[str, Any]) -> None:
        self._intake.close_all(ended="completed")
        if self._intake.broken_call:  # an item that is not whole makes a response that is not whole
            self._end(Cut("invalid_function_call"), extra)
        else:
            self._writer.end(ev.ResponseCompleted, "completed", extra)

    def _end(self, outcome: Outcome, extra: dict[str, Any] | None = None) -> None:
        self._intake.close_all(ended="incomplete")
        extra = extra or {}
        match outcome:
            case Cut(reason):
                details = IncompleteDetails(reason=reason)
                self._writer.end(ev.ResponseIncomplete, "incomplete", {**extra, "incomplete_details": details})
            case Failed(code, message):
                error = ErrorBody(code=code, message=message)
                self._writer.end(ev.ResponseFailed, "failed", {**extra, "error": error})
            case Cancelled():
                self._writer.end(ev.ResponseCancelled, "cancelled", extra)

    def _extra(self, response: Response) -> dict[str, Any]:
        """What the server's Response adds to ours."""
        self.upstream_response_id = response.id or self.upstream_response_id
        extra: dict[str, Any] = {key: value for key, value in (response.model_extra or {}).items() if key not in OURS}
        for name, types in (("tools", list), ("parallel_tool_calls", bool), ("tool_choice", (str, dict))):
            if name in extra and not isinstance(extra[name], types):
                del extra[name]
        if response.model and not response.model.startswith(("/", "file:")):  # llama.cpp without an alias tells its path
            extra["model"] = response.model
        return extra | ({"usage": response.usage} if response.usage is not None else {})
