"""A Responses request as Chat Completions see it."""

from typing import Any

from chat.protocol.types import Request
from chat.providers.chat_request import translate


def messages(*items: dict[str, Any], **more: Any) -> Any:
    return translate(Request(model="m", input=list(items), **more))["messages"]


def call(call_id: str, arguments: str = "{}") -> dict[str, Any]:
    return {"type": "function_call", "call_id": call_id, "name": "f", "arguments": arguments}


def result(call_id: str, output: Any = "ok") -> dict[str, Any]:
    return {"type": "function_call_output", "call_id": call_id, "output": output}


def thought(text: str) -> dict[str, Any]:
    return {"type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": text}]}


def test_instructions_come_first_and_developers_are_the_system() -> None:
    found = messages(
        {"role": "developer", "content": "Go on."}, {"type": "message", "role": "user", "content": "Hi"}, instructions="Be kind."
    )
    assert [(one["role"], one["content"]) for one in found] == [("system", "Be kind."), ("system", "Go on."), ("user", "Hi")]


def test_parts_of_text_become_one_text() -> None:
    said = {
        "type": "message",
        "role": "assistant",
        "content": [{"type": "output_text", "text": "a"}, {"type": "refusal", "refusal": "b"}],
    }
    assert messages(said) == [{"role": "assistant", "content": "ab"}]


def test_images_and_files_stay_parts() -> None:
    parts = [
        {"type": "input_text", "text": "See"},
        {"type": "input_image", "image_url": "data:image/png;base64,AA", "detail": "low"},
        {"type": "input_image", "image_url": "data:image/png;base64,AA", "detail": "original"},
        {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,AA"},
    ]
    (message,) = messages({"role": "user", "content": parts})
    assert [part["type"] for part in message["content"]] == ["text", "image_url", "image_url", "file"]
    assert message["content"][1]["image_url"] == {"url": "data:image/png;base64,AA", "detail": "low"}
    assert message["content"][2]["image_url"]["detail"] == "high"  # the most that these servers know


def test_calls_of_one_turn_are_one_message_with_the_text_before_them() -> None:
    said = {"role": "assistant", "content": "Let me see."}
    found = messages(
        {"role": "user", "content": "?"},
        said,
        call("a"),
        call("b"),
        result("a"),
        result("b", [{"type": "input_text", "text": "yes"}]),
    )
    assert [one["role"] for one in found] == ["user", "assistant", "tool", "tool"]
    assert [one["id"] for one in found[1]["tool_calls"]] == ["a", "b"]
    assert found[3] == {"role": "tool", "tool_call_id": "b", "content": "yes"}


def test_thoughts_go_back_with_the_calls_they_led_to_and_only_there() -> None:
    user = {"role": "user", "content": "?"}
    found = messages(user, thought("hm"), call("a"), result("a"), thought("so"), {"role": "assistant", "content": "Done"}, user)
    assert found[1]["reasoning_content"] == "hm"
    assert "reasoning_content" not in found[3]


def test_thoughts_before_text_before_calls_go_back_too() -> None:
    found = messages({"role": "user", "content": "?"}, thought("hm"), {"role": "assistant", "content": "Let me see."}, call("a"))
    assert found[1]["reasoning_content"] == "hm"


def test_thoughts_go_back_under_the_name_they_came_by() -> None:
    body = translate(Request(model="m", input=[thought("hm"), call("a")]), thoughts_in="reasoning")
    assert body["messages"][0]["reasoning"] == "hm"  # type: ignore[index,call-overload]


def test_what_chat_has_no_word_for_is_left_out() -> None:
    assert (
        messages(
            {"type": "web_search_call", "id": "ws_1"}, {"type": "item_reference", "id": "x"}, {"role": "assistant", "content": []}
        )
        == []
    )


def test_empty_arguments_are_an_empty_object() -> None:
    assert messages(call("a", ""))[0]["tool_calls"][0]["function"]["arguments"] == "{}"


def test_settings_get_their_other_names() -> None:
    schema = {"type": "json_schema", "name": "p", "schema": {"type": "object"}, "strict": True}
    tool = {"type": "function", "name": "f", "parameters": {"type": "object"}, "strict": None}
    body = translate(
        Request(
            model="m",
            input=[],
            max_output_tokens=9,
            temperature=0.5,
            reasoning={"effort": "low"},
            text={"format": schema},
            tools=[tool, {"type": "web_search"}],
            tool_choice={"type": "function", "name": "f"},
            store=False,
            include=["reasoning.encrypted_content"],
        )
    )
    assert body["max_tokens"] == 9
    assert body["reasoning_effort"] == "low"
    assert body["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "p", "schema": {"type": "object"}, "strict": True},
    }
    assert body["tools"] == [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]
    assert body["tool_choice"] == {"type": "function", "function": {"name": "f"}}
    assert body["stream_options"] == {"include_usage": True}
    assert "store" not in body
    assert "include" not in body
