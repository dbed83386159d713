"""Requests, responses and their small change, as they travel. Items and parts live in `items` and are named here too."""

from typing import Annotated, Final, Literal, TypeAlias

from pydantic import BeforeValidator, Field, JsonValue, SkipValidation

from chat.protocol.inserts import Insert
from chat.protocol.items import (
    FunctionCall,
    FunctionCallOutput,
    InputFile,
    InputImage,
    InputText,
    Item,
    Json,
    Message,
    Output,
    OutputText,
    Part,
    Reasoning,
    ReasoningText,
    Refusal,
    SummaryText,
    UnknownItem,
    UnknownPart,
    Wire,
    dump_item,
    parse_item,
    parse_part,
)

__all__ = [
    "TERMINAL",
    "ErrorBody",
    "FunctionCall",
    "FunctionCallOutput",
    "IncompleteDetails",
    "InputFile",
    "InputImage",
    "InputText",
    "Item",
    "Json",
    "Message",
    "OutputText",
    "Part",
    "Reasoning",
    "ReasoningText",
    "Refusal",
    "Request",
    "Response",
    "Status",
    "SummaryText",
    "UnknownItem",
    "UnknownPart",
    "Usage",
    "dump_item",
    "error_body",
    "parse_item",
    "parse_part",
]

Status: TypeAlias = Literal["queued", "in_progress", "completed", "incomplete", "failed", "cancelled"]
TERMINAL: Final = frozenset({"completed", "incomplete", "failed", "cancelled"})
LONGEST_MESSAGE: Final = 2000  # characters of an upstream error message that we keep
LARGEST_COUNT: Final = 2**53 - 1


class InputTokensDetails(Wire):
    cached_tokens: int = 0
    cache_write_tokens: int = 0


class OutputTokensDetails(Wire):
    reasoning_tokens: int = 0


class Usage(Wire):
    """Tokens. Whatever a server leaves out is 0, and `total_tokens` is the sum then; other keys are kept."""

    input_tokens: int = 0
    input_tokens_details: InputTokensDetails = InputTokensDetails()
    output_tokens: int = 0
    output_tokens_details: OutputTokensDetails = OutputTokensDetails()
    total_tokens: int = 0

    @property
    def reasoning_tokens(self) -> int:
        return self.output_tokens_details.reasoning_tokens

    @property
    def cached_tokens(self) -> int:
        return self.input_tokens_details.cached_tokens


class ErrorBody(Wire):
    """Why a response failed: a short `code` for programs, a `message` for people."""

    code: str = "server_error"
    message: str = ""


class IncompleteDetails(Wire):
    """`reason`: max_output_tokens, content_filter …; ours are those of `normalize.Cut`."""

    reason: str = "unknown"


def _count(value: object) -> int:
    return min(max(int(value), 0), LARGEST_COUNT) if isinstance(value, int | float) and value == value else 0


def _first(raw: Json, *names: str) -> int:
    return next((_count(raw[name]) for name in names if raw.get(name) is not None), 0)


def _details(raw: Json, *names: str) -> Json:
    return next((dict(found) for name in names if isinstance(found := raw.get(name), dict)), {})


def _usage(value: object) -> object:
    if not isinstance(value, dict):
        return value if isinstance(value, Usage) else None
    read, written = _first(value, "input_tokens", "prompt_tokens"), _first(value, "output_tokens", "completion_tokens")
    cached, thought = _details(value, "input_tokens_details"), _details(value, "output_tokens_details")
    cached.update(cached_tokens=_first(cached, "cached_tokens"), cache_write_tokens=_first(cached, "cache_write_tokens"))
    thought.update(reasoning_tokens=_first(thought, "reasoning_tokens"))
    total = _first(value, "total_tokens") or min(read + written, LARGEST_COUNT)
    return {
        **value,
        "input_tokens": read,
        "input_tokens_details": cached,
        "output_tokens": written,
        "output_tokens_details": thought,
        "total_tokens": total,
    }


def error_body(raw: object, *, code: str = "server_error") -> ErrorBody:
    """The error in whatever shape a server sends it: flat, nested, a bare string, `detail`, a number for a code.

    `code` is used where none is given. Never raises; the message may be empty.
    """
    if isinstance(raw, ErrorBody):
        return raw
    if isinstance(raw, str):
        return ErrorBody(code=code, message=raw[:LONGEST_MESSAGE])
    if not isinstance(raw, dict):
        return ErrorBody(code=code, message="")
    inner = raw.get("error") or raw.get("detail")
    if isinstance(inner, list):
        inner = inner[0] if inner else None
    if inner and not raw.get("message"):
        return error_body(inner, code=_code(raw, default=code))
    message = raw.get("message") or raw.get("msg")
    return ErrorBody(code=_code(raw, default=code), message=message[:LONGEST_MESSAGE] if isinstance(message, str) else "")


def _code(raw: Json, *, default: str) -> str:
    for name in ("code", "error_type", "type"):
        value = raw.get(name)
        if isinstance(value, str) and value and value != "error":
            return value[:100]
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)[:100]
    return default


def _error(value: object) -> object:
    return error_body(value) if value else None


def _incomplete(value: object) -> object:
    if isinstance(value, str) and value:
        return {"reason": value}
    if isinstance(value, dict):
        return value if isinstance(value.get("reason"), str) else {**value, "reason": "unknown"}
    return value if isinstance(value, IncompleteDetails) else None


class Response(Wire):
    """The wire object `response`. Other fields a server sent are kept in `model_extra`."""

    id: str = ""
    object: str = "response"
    created_at: int | float = 0
    model: str = ""
    status: str | None = None
    output: Output = []
    error: Annotated[ErrorBody | None, BeforeValidator(_error)] = None
    incomplete_details: Annotated[IncompleteDetails | None, BeforeValidator(_incomplete)] = None
    usage: Annotated[Usage | None, BeforeValidator(_usage)] = None


class Request(Wire):
    """What we send to create a response. Only what was set is sent; `None` means leave it out."""

    model: str = ""
    input: list[Json] = []
    instructions: str | None = None
    stream: bool | None = None
    store: bool | None = None
    background: bool | None = None
    previous_response_id: str | None = None
    include: list[str] | None = None
    temperature: float | None = None
    top_p: float | None = None
    max_output_tokens: int | None = None
    reasoning: Json | None = None
    text: Json | None = None
    tools: list[Json] | None = None
    tool_choice: JsonValue | None = None
    parallel_tool_calls: bool | None = None
    truncation: str | None = None
    service_tier: str | None = None
    metadata: dict[str, str] | None = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None
    inserts: SkipValidation[dict[str, Insert]] = Field(default_factory=dict, exclude=True, repr=False)
    copies: SkipValidation[dict[str, str]] = Field(default_factory=dict, exclude=True, repr=False)

    def body(self) -> Json:
        """The JSON to post, with marks where its `inserts` belong. `copies`: ids that the server gave to files that it keeps and
        that are named here, and what each is of.
        """
        wire: Json = self.model_dump(mode="json", exclude_unset=True)
        return {name: value for name, value in wire.items() if value is not None}
