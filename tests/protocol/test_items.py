"""Items go through us unchanged, whatever is in them."""

from typing import Any

import pytest

from chat.protocol.items import lenient_item
from chat.protocol.types import (
    FunctionCall,
    FunctionCallOutput,
    InputImage,
    InputText,
    Message,
    OutputText,
    Reasoning,
    Refusal,
    UnknownItem,
    UnknownPart,
    dump_item,
    parse_item,
)

WIRES: list[tuple[dict[str, Any], type]] = [
    ({"role": "user", "content": "hi"}, Message),
    ({"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hi"}]}, Message),
    (
        {"type": "message", "id": "msg_1", "role": "assistant", "phase": "commentary", "status": "completed", "content": []},
        Message,
    ),
    ({"type": "message", "role": "user", "content": [{"type": "input_image", "image_url": "data:x", "detail": "auto"}]}, Message),
    (
        {"type": "message", "role": "user", "content": [{"type": "hologram", "w": [1, {"x": None}]}], "new_field": {"a": 1.5}},
        Message,
    ),
    ({"type": "reasoning", "id": "rs_1", "summary": [], "content": None, "encrypted_content": "gAAA", "status": None}, Reasoning),
    ({"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}", "caller": {"type": "direct"}}, FunctionCall),
    ({"type": "function_call_output", "call_id": "c", "output": "done"}, FunctionCallOutput),
    ({"type": "function_call_output", "call_id": "c", "output": [{"type": "input_file", "file_id": "f"}]}, FunctionCallOutput),
    ({"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search", "query": "q"}}, UnknownItem),
    ({"type": "acme:thing", "anything": [True, None, 3, "x"]}, UnknownItem),
    ({"type": "item_reference", "id": "msg_1"}, UnknownItem),
    ({"id": "no_type"}, UnknownItem),
    ({"type": "message", "role": "user", "content": 5}, UnknownItem),
    ({"type": "function_call", "arguments": {"a": 1}}, UnknownItem),
    ({"type": "message", "role": "user", "content": [{"type": "output_text", "text": 5}]}, Message),
    ({"type": "message", "model_config": 1, "model_dump": 2, "__class__": 3, "copy": 4, "role": "user", "content": []}, Message),
    ({}, UnknownItem),
]


@pytest.mark.parametrize(("wire", "model"), WIRES)
def test_an_item_is_written_as_it_was_read(wire: dict[str, Any], model: type) -> None:
    item = parse_item(wire)
    assert type(item) is model
    assert dump_item(item) == wire
    assert dump_item(parse_item(dump_item(item))) == wire


def test_parts_have_their_types() -> None:
    kinds = [{"type": "input_text", "text": "a"}, {"type": "input_image", "file_id": "f"}, {"type": "output_text", "text": "b"}]
    item = parse_item({"role": "user", "content": [*kinds, {"type": "refusal", "refusal": "no"}, {"type": "new"}, {"type": 7}]})
    assert isinstance(item, Message)
    assert [type(part) for part in item.content] == [InputText, InputImage, OutputText, Refusal, UnknownPart, UnknownPart]


def test_what_we_make_ourselves_has_its_type() -> None:
    item = Message(role="user", content=[InputText(text="hi")])
    assert dump_item(item) == {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hi"}]}


def test_what_is_not_an_object_is_refused() -> None:
    for value in (None, 1, "x", [], True):
        with pytest.raises(ValueError, match="object"):
            parse_item(value)


@pytest.mark.parametrize(
    ("wire", "becomes"),
    [
        ({"type": "message", "content": None}, {"type": "message", "content": []}),
        ({"type": "message", "role": 5, "content": []}, {"type": "message", "content": []}),
        ({"type": "message", "content": "hi"}, {"type": "message", "content": [{"type": "output_text", "text": "hi"}]}),
        (
            {"type": "message", "content": [{"type": "text", "text": "hi"}]},
            {"type": "message", "content": [{"type": "output_text", "text": "hi"}]},
        ),
        ({"type": "function_call", "arguments": {"a": 1}}, {"type": "function_call", "arguments": '{"a":1}'}),
        ({"type": "function_call", "name": None, "arguments": ""}, {"type": "function_call", "arguments": ""}),
        ({"type": "reasoning", "summary": None}, {"type": "reasoning", "summary": []}),
    ],
)
def test_a_model_servers_known_item_keeps_its_type_and_loses_what_is_wrong(wire: dict[str, Any], becomes: dict[str, Any]) -> None:
    item = lenient_item(wire)
    assert not isinstance(item, UnknownItem)
    assert dump_item(item) == becomes
