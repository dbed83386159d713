"""Streaming events: one class for each that the fold or the page cares about, `UnknownEvent` for the rest.

`parse` is tolerant: every field has a default, a field with a wrong value is left out, an old name becomes the present one, and
errors come out alike however they were nested. It is not a judge: `normalize` makes well-formed streams of what came.
"""

from typing import Any, Final, Literal, TypeAlias

from pydantic import JsonValue, ValidationError

from chat.errors import MalformedStream
from chat.protocol.items import Json, OutputItem, OutputPart, Typed
from chat.protocol.loose import load
from chat.protocol.sse import DONE, ServerSentEvent
from chat.protocol.types import ErrorBody, Response, error_body


class Numbered(Typed):
    """`sequence_number` counts per response, from 0; None where a server does not number."""

    sequence_number: int | None = None


class Lifecycle(Numbered):
    response: Response = Response()


class ResponseCreated(Lifecycle):
    type: Literal["response.created"] = "response.created"


class ResponseQueued(Lifecycle):
    type: Literal["response.queued"] = "response.queued"


class ResponseInProgress(Lifecycle):
    type: Literal["response.in_progress"] = "response.in_progress"


class ResponseCompleted(Lifecycle):
    type: Literal["response.completed"] = "response.completed"


class ResponseIncomplete(Lifecycle):
    type: Literal["response.incomplete"] = "response.incomplete"


class ResponseFailed(Lifecycle):
    type: Literal["response.failed"] = "response.failed"


class ResponseCancelled(Lifecycle):
    """Ours: somebody pressed Stop. The wire has no such event; it is never sent on /v1."""

    type: Literal["parley:response.cancelled"] = "parley:response.cancelled"


class ErrorEvent(Numbered):
    """A stream's own error. `code` and `message` are filled from every dialect."""

    type: Literal["error"] = "error"
    code: str | None = None
    message: str = ""

    @property
    def body(self) -> ErrorBody:
        return ErrorBody(code=self.code or "server_error", message=self.message)


class OfOutput(Numbered):
    """An event about one output item. The index is None where a server leaves it out."""

    output_index: int | None = None


class OutputItemAdded(OfOutput):
    type: Literal["response.output_item.added"] = "response.output_item.added"
    item: OutputItem


class OutputItemDone(OfOutput):
    type: Literal["response.output_item.done"] = "response.output_item.done"
    item: OutputItem


class OfItem(OfOutput):
    item_id: str | None = None


class OfContent(OfItem):
    content_index: int | None = None


class OfSummary(OfItem):
    summary_index: int | None = None


class ContentPartAdded(OfContent):
    type: Literal["response.content_part.added"] = "response.content_part.added"
    part: OutputPart


class ContentPartDone(OfContent):
    type: Literal["response.content_part.done"] = "response.content_part.done"
    part: OutputPart


class OutputTextDelta(OfContent):
    type: Literal["response.output_text.delta"] = "response.output_text.delta"
    delta: str = ""
    logprobs: list[JsonValue] = []


class OutputTextDone(OfContent):
    type: Literal["response.output_text.done"] = "response.output_text.done"
    text: str = ""
    logprobs: list[JsonValue] = []


class AnnotationAdded(OfContent):
    type: Literal["response.output_text.annotation.added"] = "response.output_text.annotation.added"
    annotation_index: int | None = None
    annotation: Json = {}


class RefusalDelta(OfContent):
    type: Literal["response.refusal.delta"] = "response.refusal.delta"
    delta: str = ""


class RefusalDone(OfContent):
    type: Literal["response.refusal.done"] = "response.refusal.done"
    refusal: str = ""


class ReasoningTextDelta(OfContent):
    type: Literal["response.reasoning_text.delta"] = "response.reasoning_text.delta"
    delta: str = ""


class ReasoningTextDone(OfContent):
    type: Literal["response.reasoning_text.done"] = "response.reasoning_text.done"
    text: str = ""


class SummaryPartAdded(OfSummary):
    type: Literal["response.reasoning_summary_part.added"] = "response.reasoning_summary_part.added"
    part: OutputPart


class SummaryPartDone(OfSummary):
    type: Literal["response.reasoning_summary_part.done"] = "response.reasoning_summary_part.done"
    part: OutputPart


class SummaryTextDelta(OfSummary):
    type: Literal["response.reasoning_summary_text.delta"] = "response.reasoning_summary_text.delta"
    delta: str = ""


class SummaryTextDone(OfSummary):
    type: Literal["response.reasoning_summary_text.done"] = "response.reasoning_summary_text.done"
    text: str = ""


class ArgumentsDelta(OfItem):
    type: Literal["response.function_call_arguments.delta"] = "response.function_call_arguments.delta"
    delta: str = ""


class ArgumentsDone(OfItem):
    type: Literal["response.function_call_arguments.done"] = "response.function_call_arguments.done"
    arguments: str = ""


class UnknownEvent(OfItem):
    """Everything else, hosted tools' progress included; the other fields are in `model_extra`."""

    type: str = ""


PartDelta: TypeAlias = OutputTextDelta | RefusalDelta | ReasoningTextDelta | SummaryTextDelta
PartDone: TypeAlias = OutputTextDone | RefusalDone | ReasoningTextDone | SummaryTextDone
Begin: TypeAlias = ResponseCreated | ResponseQueued | ResponseInProgress
End: TypeAlias = ResponseCompleted | ResponseIncomplete | ResponseFailed | ResponseCancelled
Event: TypeAlias = (
    Begin
    | End
    | ErrorEvent
    | OutputItemAdded
    | OutputItemDone
    | ContentPartAdded
    | ContentPartDone
    | SummaryPartAdded
    | SummaryPartDone
    | PartDelta
    | PartDone
    | AnnotationAdded
    | ArgumentsDelta
    | ArgumentsDone
    | UnknownEvent
)

EVENTS: Final[dict[str, type[Event]]] = {
    model.model_fields["type"].default: model
    for model in (
        *(ResponseCreated, ResponseQueued, ResponseInProgress, ResponseCompleted, ResponseIncomplete, ResponseFailed),
        *(ResponseCancelled, ErrorEvent, OutputItemAdded, OutputItemDone, ContentPartAdded, ContentPartDone),
        *(OutputTextDelta, OutputTextDone, AnnotationAdded, RefusalDelta, RefusalDone, ReasoningTextDelta, ReasoningTextDone),
        *(SummaryPartAdded, SummaryPartDone, SummaryTextDelta, SummaryTextDone, ArgumentsDelta, ArgumentsDone),
    )
}
# Names of 2025, of Open Responses and of vLLM for what is written otherwise today.
ALIASES: Final = {
    "response.reasoning.delta": "response.reasoning_text.delta",
    "response.reasoning.done": "response.reasoning_text.done",
    "response.reasoning_part.added": "response.content_part.added",
    "response.reasoning_part.done": "response.content_part.done",
    "response.reasoning_summary.delta": "response.reasoning_summary_text.delta",
    "response.reasoning_summary.done": "response.reasoning_summary_text.done",
    "response.output_text_annotation.added": "response.output_text.annotation.added",
    "response.done": "response.completed",
    "response.cancelled": "response.incomplete",
}
BY_STATUS: Final = {
    "completed": "response.completed",
    "incomplete": "response.incomplete",
    "failed": "response.failed",
    "queued": "response.queued",
    "in_progress": "response.in_progress",
}


def parse(data: str | bytes | Json, *, name: str = "") -> Event:
    """One event. `name` is the SSE event name, used where the data has no `type`.

    A whole Response (a server that does not stream) becomes the lifecycle event of its status.
    Raises MalformedStream for what is not a JSON object.
    """
    wire = data if isinstance(data, dict) else _object(data)
    kind = wire.get("type")
    model = EVENTS.get(kind) if isinstance(kind, str) else None
    if model is None or model is ErrorEvent:
        return _unusual(wire, kind=kind if isinstance(kind, str) and kind else name)
    try:
        return model.model_validate(wire)
    except ValidationError as error:
        return _scrubbed(model, wire, error)


def from_sse(sent: ServerSentEvent) -> Event | None:
    """The event in one server-sent event; None for what carries none (`[DONE]`, empty data)."""
    return None if (wire := wire_of(sent)) is None else parse(wire, name=sent.event)


def wire_of(sent: ServerSentEvent) -> Json | None:
    """The JSON of that event, as it came. Raises MalformedStream for what is not a JSON object."""
    return None if sent.data.strip() in ("", DONE) else _object(sent.data)


def _object(data: str | bytes) -> Json:
    wire = load(data)
    if not isinstance(wire, dict):
        raise MalformedStream
    return wire


def dump(event: Event) -> Json:
    """The wire JSON of an event."""
    wire: Json = event.model_dump(mode="json", exclude_unset=True)
    return wire


def _unusual(wire: Json, *, kind: str) -> Event:
    known = ALIASES.get(kind, kind)
    if known == "error" or (not known.startswith("response.") and (wire.get("error") or ("detail" in wire and not kind))):
        body = error_body({key: value for key, value in wire.items() if key != "type"})
        return _unknown(ErrorEvent, {**wire, "type": "error", "code": body.code, "message": body.message})
    if not kind and wire.get("object") == "response":
        status = wire.get("status")
        known = BY_STATUS.get(status, "response.incomplete") if isinstance(status, str) else "response.completed"
        wire = {"response": wire}
    if known in EVENTS:
        return parse({**wire, "type": known})
    return _unknown(UnknownEvent, {**wire, "type": known})


def _scrubbed(model: type[Event], wire: Json, error: ValidationError) -> Event:
    """Leave out the fields that are wrong; a delta that is an object may still hold its text."""
    clean = {**wire}
    for failure in error.errors(include_url=False, include_input=False, include_context=False):
        field, *rest = failure["loc"] or ("",)
        response = clean.get("response")
        if field == "response" and rest and isinstance(response, dict):
            clean["response"] = {key: value for key, value in response.items() if key != rest[0]}
        else:
            clean.pop(str(field), None)
    if isinstance(delta := wire.get("delta"), dict) and isinstance(text := delta.get("text", delta.get("content")), str):
        clean["delta"] = text
    return _unknown(model, clean)


def _unknown(model: type[Event], wire: Json) -> Event:
    try:
        return model.model_validate(wire)
    except ValidationError:
        odd: dict[str, Any] = {key: value for key, value in wire.items() if key not in OfItem.model_fields or key == "type"}
        return UnknownEvent.model_validate(odd)
