"""Items and their parts, as they travel.

Every model keeps the fields it does not know, so `dump_item(parse_item(wire)) == wire`. Nothing here raises for a type, a field
or a value that nobody has heard of: it becomes an `UnknownItem` or `UnknownPart`, which carries the wire JSON untouched.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeAlias, cast

from pydantic import BaseModel, BeforeValidator, ConfigDict, GetCoreSchemaHandler, JsonValue, ValidationError
from pydantic_core import CoreSchema, core_schema, to_json

Json: TypeAlias = dict[str, JsonValue]


class Wire(BaseModel):
    """What all wire objects share: unknown fields are kept, no value is coerced."""

    model_config = ConfigDict(extra="allow", strict=True)


class Typed(Wire):
    """A wire object with a `type`; the type is always written, also where it is only a class's default."""

    def model_post_init(self, context: Any, /) -> None:
        self.__pydantic_fields_set__.add("type")


@dataclass(frozen=True)
class Parsed:
    """Validate a field with this function alone, and serialise what it holds as what it is."""

    function: Callable[[object], object]

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self.function)


class OutputText(Typed):
    type: Literal["output_text"] = "output_text"
    text: str = ""
    annotations: list[Json] = []


class Refusal(Typed):
    type: Literal["refusal"] = "refusal"
    refusal: str = ""


class InputText(Typed):
    type: Literal["input_text"] = "input_text"
    text: str = ""


class InputImage(Typed):
    """`image_url` is an address or a data: URL; or `file_id`."""

    type: Literal["input_image"] = "input_image"
    image_url: str | None = None
    file_id: str | None = None
    detail: str | None = None


class InputFile(Typed):
    """`file_data` is a base64 data: URL; or `file_id`; or `file_url`."""

    type: Literal["input_file"] = "input_file"
    file_data: str | None = None
    file_id: str | None = None
    file_url: str | None = None
    filename: str | None = None


class ReasoningText(Typed):
    type: Literal["reasoning_text"] = "reasoning_text"
    text: str = ""


class SummaryText(Typed):
    type: Literal["summary_text"] = "summary_text"
    text: str = ""


class UnknownPart(Typed):
    """Any other part; its wire JSON is in `model_extra`."""

    type: str = ""


Part: TypeAlias = OutputText | Refusal | InputText | InputImage | InputFile | ReasoningText | SummaryText | UnknownPart
PARTS: dict[str, type[Part]] = {
    "output_text": OutputText,
    "refusal": Refusal,
    "input_text": InputText,
    "input_image": InputImage,
    "input_file": InputFile,
    "reasoning_text": ReasoningText,
    "summary_text": SummaryText,
}


def parse_part(value: object) -> Part:
    """One content part. Raises ValueError only for what is not an object."""
    if isinstance(value, BaseModel):
        return cast(Part, value)
    if not isinstance(value, dict):
        raise ValueError("a part is an object")
    kind = value.get("type")
    known = PARTS.get(kind) if isinstance(kind, str) else None
    return cast(Part, _known_or(known, UnknownPart, value))


AnyPart = Annotated[Part, Parsed(parse_part)]
Content: TypeAlias = str | list[AnyPart]


class Message(Typed):
    """`role` is user, assistant, system or developer; `content` may be a bare string on the way in."""

    type: Literal["message"] = "message"
    id: str | None = None
    role: str = "assistant"
    status: str | None = None
    content: Content = []
    phase: str | None = None


class Reasoning(Typed):
    """What a model thought: `content` in full, or `summary` only, or `encrypted_content` to send back."""

    type: Literal["reasoning"] = "reasoning"
    id: str | None = None
    status: str | None = None
    summary: list[AnyPart] = []
    content: list[AnyPart] | None = None
    encrypted_content: str | None = None


class FunctionCall(Typed):
    """`arguments` is JSON as text; trust it only when `status` is completed."""

    type: Literal["function_call"] = "function_call"
    id: str | None = None
    call_id: str = ""
    name: str = ""
    arguments: str = ""
    status: str | None = None


class FunctionCallOutput(Typed):
    type: Literal["function_call_output"] = "function_call_output"
    id: str | None = None
    call_id: str = ""
    output: Content = ""
    status: str | None = None


class UnknownItem(Typed):
    """Any other item (hosted tools, what comes next year); its other fields are in `model_extra`."""

    type: str = ""
    id: str | None = None
    status: str | None = None


Item: TypeAlias = Message | Reasoning | FunctionCall | FunctionCallOutput | UnknownItem
ITEMS: dict[str, type[Item]] = {
    "message": Message,
    "reasoning": Reasoning,
    "function_call": FunctionCall,
    "function_call_output": FunctionCallOutput,
}


def parse_item(value: object) -> Item:
    """One item, of input or output. Raises ValueError only for what is not an object."""
    if isinstance(value, BaseModel):
        return cast(Item, value)
    if not isinstance(value, dict):
        raise ValueError("an item is an object")
    kind = value.get("type", "message" if "role" in value else None)
    known = ITEMS.get(kind) if isinstance(kind, str) else None
    item = _known_or(known, UnknownItem, value)
    if "type" not in value:
        item.__pydantic_fields_set__.discard("type")
    return cast(Item, item)


def dump_item(item: Item) -> Json:
    """The wire JSON, with everything that came in and nothing that did not."""
    wire: Json = item.model_dump(mode="json", exclude_unset=True)
    return wire


def lenient_part(value: object) -> Part:
    """As `parse_part`, for what a model server sends: a known part with a wrong field loses the field, not its type."""
    part = parse_part(value)
    if isinstance(part, UnknownPart):
        kind = "output_text" if part.type == "text" else part.type
        if kind in PARTS:
            return cast(Part, scrub(PARTS[kind], {**part.model_dump(exclude_unset=True), "type": kind}))
    return part


def lenient_item(value: object) -> Item:
    """As `parse_item`, for what a model server sends: a known item with a wrong field loses the field, not its type."""
    item = parse_item(value)
    if isinstance(item, UnknownItem) and item.type in ITEMS:
        wire = dict(dump_item(item))
        if isinstance(arguments := wire.get("arguments"), dict | list):
            wire["arguments"] = to_json(arguments).decode()
        item = cast(Item, scrub(ITEMS[item.type], wire))
    item.__pydantic_fields_set__.add("type")
    if isinstance(item, Message):
        content: list[Part] = [OutputText(text=item.content)] if isinstance(item.content, str) else item.content
        item.content = _fitted(content, OutputText)
    elif isinstance(item, Reasoning):
        item.summary = [part for part in _fitted(item.summary, SummaryText) if isinstance(part, SummaryText)]
        if item.content:
            item.content = _fitted(item.content, ReasoningText)
    elif isinstance(item, UnknownItem):
        item.type = item.type or "unknown"
    return item


def _fitted(parts: list[Part], text: type[OutputText | ReasoningText | SummaryText]) -> list[Part]:
    """The parts a server sent; texts of a kind that does not belong there become one that does."""
    clean = map(lenient_part, parts)
    strays = (OutputText, ReasoningText, SummaryText, InputText)
    return [text(text=part.text) if isinstance(part, strays) and not isinstance(part, text) else part for part in clean]


def scrub(model: type[Typed], wire: Json) -> Typed:
    """Validate, leaving out the fields that are wrong. `model` must have a default for every field."""
    try:
        return model.model_validate(wire)
    except ValidationError as error:
        wrong = {failure["loc"][0] for failure in error.errors(include_url=False) if failure["loc"]}
        return model.model_validate({key: value for key, value in wire.items() if key not in wrong})


def _known_or(known: type[Typed] | None, unknown: type[Typed], wire: Json) -> Typed:
    for model in (known, unknown):
        try:
            if model is not None:
                return model.model_validate(wire)
        except ValidationError:
            continue
    return unknown.model_validate({**wire, **{name: _word(wire[name]) for name in ("type", "id", "status") if name in wire}})


def _word(value: JsonValue) -> str:
    return value if isinstance(value, str) else ("" if value is None else to_json(value).decode())


def _objects(value: object) -> object:
    return [entry for entry in value if isinstance(entry, dict | BaseModel)] if isinstance(value, list) else []


OutputPart = Annotated[Part, Parsed(lenient_part)]
OutputItem = Annotated[Item, Parsed(lenient_item)]
Output = Annotated[list[OutputItem], BeforeValidator(_objects)]
