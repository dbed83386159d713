"""Events of every dialect are read into the same words."""

import json
from typing import Any

import pytest

from chat.protocol import events as ev
from chat.protocol import sse
from chat.protocol.types import ErrorBody, Message, Request, Response, Usage, error_body
from tests.protocol.recorded import decode, recorded


def test_a_known_event_is_written_as_it_was_read() -> None:
    for sent in decode(recorded("openai")):
        wire = json.loads(sent.data)
        event = ev.parse(sent.data)
        assert type(event) is not ev.UnknownEvent
        if "response" not in wire or wire["response"]["usage"] is None:
            assert ev.dump(event) == wire


def test_an_unknown_event_is_kept_whole() -> None:
    wire = {"type": "response.new.thing", "sequence_number": 4, "output_index": 1, "item_id": "x", "odd": [{"a": None}]}
    event = ev.parse(wire)
    assert isinstance(event, ev.UnknownEvent)
    assert ev.dump(event) == wire


@pytest.mark.parametrize(
    ("wire", "code", "message"),
    [
        ({"type": "error", "code": "c", "message": "m", "param": None}, "c", "m"),
        ({"type": "error", "error": {"type": "t", "code": "c", "message": "m"}}, "c", "m"),
        ({"type": "error", "error": {"type": "t", "message": "m"}}, "t", "m"),
        ({"error": {"code": 500, "message": "m"}}, "500", "m"),
        ({"error": "m"}, "server_error", "m"),
        ({"detail": "m"}, "server_error", "m"),
        ({"detail": [{"msg": "m", "type": "missing"}]}, "missing", "m"),
        ({"error": {"message": "m"}, "error_type": "provider_unavailable"}, "provider_unavailable", "m"),
        ({"type": "error"}, "server_error", ""),
        ({"type": "error", "message": 5, "code": []}, "server_error", ""),
        ({"type": "invalid_request_error", "error": {"message": "m"}}, "server_error", "m"),
    ],
)
def test_an_error_is_an_error_however_it_is_nested(wire: dict[str, Any], code: str, message: str) -> None:
    event = ev.parse(wire)
    assert isinstance(event, ev.ErrorEvent)
    assert (event.body.code, event.body.message) == (code, message)


def test_the_sse_name_counts_where_the_data_has_no_type() -> None:
    assert isinstance(ev.parse('{"message":"m"}', name="error"), ev.ErrorEvent)
    assert isinstance(ev.parse('{"delta":"x"}', name="response.output_text.delta"), ev.OutputTextDelta)
    assert isinstance(ev.parse('{"type":"response.refusal.delta"}', name="response.output_text.delta"), ev.RefusalDelta)


@pytest.mark.parametrize(
    ("status", "model"),
    [
        ("completed", ev.ResponseCompleted),
        ("incomplete", ev.ResponseIncomplete),
        ("failed", ev.ResponseFailed),
        ("queued", ev.ResponseQueued),
        ("cancelled", ev.ResponseIncomplete),
        (None, ev.ResponseCompleted),
    ],
)
def test_a_whole_response_instead_of_a_stream_is_its_last_event(status: str | None, model: type) -> None:
    wire: dict[str, Any] = {
        "id": "resp_1",
        "object": "response",
        "status": status,
        "output": [{"type": "message", "content": "hi"}],
    }
    event = ev.parse(wire)
    assert type(event) is model
    assert isinstance(event, ev.Lifecycle)
    assert isinstance(event.response.output[0], Message)


def test_what_carries_no_event_gives_none() -> None:
    assert [ev.from_sse(sse.ServerSentEvent("", data)) for data in ("[DONE]", "", " [DONE] ", "\n")] == [None] * 4


def test_a_field_that_is_wrong_is_left_out_and_the_others_stay() -> None:
    event = ev.parse(
        {"type": "response.output_text.delta", "output_index": "0", "item_id": 5, "delta": "x", "sequence_number": True}
    )
    assert ev.dump(event) == {"type": "response.output_text.delta", "delta": "x"}


def test_usage_is_completed_and_its_other_keys_are_kept() -> None:
    wire: dict[str, Any] = {
        "input_tokens": 5,
        "output_tokens": 7,
        "cost": 0.1,
        "output_tokens_details": {"reasoning_tokens": 2, "audio": 1},
    }
    usage = Response.model_validate({"usage": wire}).usage
    assert usage is not None
    assert (usage.total_tokens, usage.reasoning_tokens, usage.cached_tokens) == (12, 2, 0)
    assert usage.model_dump(exclude_unset=True) == wire | {
        "total_tokens": 12,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
    }


@pytest.mark.parametrize(
    "wire", [{}, {"input_tokens": None}, {"input_tokens": "x", "total_tokens": -4}, {"output_tokens": float("nan")}]
)
def test_usage_that_makes_no_sense_counts_nothing(wire: dict[str, Any]) -> None:
    usage = Response.model_validate({"usage": wire}).usage
    assert isinstance(usage, Usage)
    assert (usage.input_tokens, usage.output_tokens, usage.total_tokens) == (0, 0, 0)


def test_a_count_larger_than_a_database_takes_is_cut() -> None:
    usage = Response.model_validate({"usage": {"input_tokens": 10**40, "output_tokens": 1}}).usage
    assert usage is not None
    assert usage.total_tokens == usage.input_tokens == 2**53 - 1


def test_chat_completions_words_for_usage_are_understood() -> None:
    usage = Response.model_validate({"usage": {"prompt_tokens": 5, "completion_tokens": 7}}).usage
    assert usage is not None
    assert (usage.input_tokens, usage.output_tokens, usage.total_tokens) == (5, 7, 12)


def test_an_error_body_is_made_of_anything() -> None:
    for raw in (None, 5, [], {}, {"error": None}, {"error": {}}, {"error": []}, {"detail": []}, {"error": [[]]}, ErrorBody()):
        assert isinstance(error_body(raw, code="other"), ErrorBody)
    assert len(error_body("x" * 10_000).message) == 2000


def test_a_request_sends_what_was_set() -> None:
    request = Request(model="m", input=[{"role": "user", "content": "hi"}], stream=True, instructions=None, tools=[])
    assert request.body() == {"model": "m", "input": [{"role": "user", "content": "hi"}], "stream": True, "tools": []}
