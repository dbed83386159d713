"""Chat Completions chunks become Responses events."""

from pathlib import Path
from typing import Any

import pytest

from chat import errors
from chat.protocol import events
from chat.protocol.events import Event
from chat.protocol.normalize import Normalizer
from chat.protocol.snapshot import Snapshot, apply
from chat.protocol.sse import Decoder
from chat.protocol.types import dump_item
from chat.providers.chat_completions import _feed
from chat.providers.chunks import Translation

STREAMS = Path(__file__).parent / "streams"


def chunk(delta: dict[str, Any] | None = None, *, finish: str | None = None, **more: Any) -> dict[str, Any]:
    choice = {"index": 0, "finish_reason": finish, **({} if delta is None else {"delta": delta})}
    return {"id": "chatcmpl-1", "object": "chat.completion.chunk", "model": "m", "choices": [choice], **more}


def translate(*chunks: dict[str, Any]) -> list[Event]:
    translation = Translation()
    return [event for one in chunks for event in translation.feed(one)] + translation.end()


def folded(found: list[Event]) -> Snapshot:
    """What a person would see: through the normaliser and the fold, as in a run."""
    number = iter(range(1000))
    normalizer = Normalizer(response_id="resp_1", model="m", new_id=lambda kind: f"{kind}_{next(number)}", created_at=1)
    snapshot = Snapshot.start(response_id="resp_1", model="m", created_at=1)
    for event in found:
        for made in normalizer.feed(event):
            snapshot = apply(snapshot, made)
    return snapshot


def output(found: list[Event]) -> list[dict[str, Any]]:
    return [dump_item(item) for item in folded(found).output]


def text_of(item: dict[str, Any]) -> str:
    return "".join(part.get("text", part.get("refusal", "")) for part in item["content"])


def call(index: int | None, arguments: Any = None, **more: Any) -> dict[str, Any]:
    name = {"name": more.pop("name")} if "name" in more else {}
    function = {**name, **({} if arguments is None else {"arguments": arguments})}
    return {**({} if index is None else {"index": index}), "function": function, **more}


def test_text_grows_and_ends_completed() -> None:
    found = translate(
        chunk({"role": "assistant", "content": ""}), chunk({"content": "Hel"}), chunk({"content": "lo"}), chunk({}, finish="stop")
    )
    assert isinstance(found[0], events.ResponseCreated)
    assert isinstance(found[-1], events.ResponseCompleted)
    (item,) = output(found)
    assert (item["type"], item["status"], text_of(item)) == ("message", "completed", "Hello")


def test_usage_comes_in_a_chunk_without_choices() -> None:
    usage = {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12, "prompt_tokens_details": {"cached_tokens": 3}}
    usage["completion_tokens_details"] = {"reasoning_tokens": 2}
    found = translate(chunk({"content": "a"}), chunk({}, finish="stop"), {"id": "chatcmpl-1", "choices": [], "usage": usage})
    counted = folded(found).usage
    assert counted is not None
    assert (counted.input_tokens, counted.output_tokens, counted.cached_tokens, counted.reasoning_tokens) == (5, 7, 3, 2)


def test_chunks_without_choices_delta_or_sense_do_no_harm() -> None:
    odd = [
        {"choices": []},
        {"choices": None},
        {},
        chunk(None),
        {"choices": ["x"]},
        chunk({"content": None, "tool_calls": None}),
        {"choices": [{"delta": 3}]},
    ]
    (item,) = output(translate(*odd, chunk({"content": "a"}), chunk({}, finish="stop")))
    assert text_of(item) == "a"


@pytest.mark.parametrize(("finish", "reason"), [("length", "max_output_tokens"), ("content_filter", "content_filter")])
def test_a_limit_makes_it_incomplete(finish: str, reason: str) -> None:
    snapshot = folded(translate(chunk({"content": "half"}), chunk({}, finish=finish)))
    assert snapshot.response.status == "incomplete"
    assert snapshot.response.incomplete_details is not None
    assert snapshot.response.incomplete_details.reason == reason


def test_an_end_without_a_finish_is_no_end() -> None:
    found = translate(chunk({"content": "half"}))
    assert not isinstance(found[-1], events.ResponseCompleted | events.ResponseIncomplete)
    assert folded(found).response.status == "in_progress"


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning"])
def test_thoughts_come_under_two_names(name: str) -> None:
    thoughts, answer = output(
        translate(chunk({name: "hm"}), chunk({name: "…"}), chunk({"content": "Yes"}), chunk({}, finish="stop"))
    )
    assert (thoughts["type"], text_of(thoughts), text_of(answer)) == ("reasoning", "hm…", "Yes")


def test_thoughts_under_both_names_are_thought_once() -> None:
    thoughts, _ = output(
        translate(chunk({"reasoning_content": "hm", "reasoning": "hm"}), chunk({"content": "Yes"}, finish="stop"))
    )
    assert text_of(thoughts) == "hm"


def test_thoughts_come_as_details() -> None:
    details = [
        {"type": "reasoning.summary", "summary": "h"},
        {"type": "reasoning.text", "text": "m"},
        {"type": "reasoning.encrypted", "data": "x"},
    ]
    thoughts, _ = output(translate(chunk({"reasoning_details": details}), chunk({"content": "Yes"}, finish="stop")))
    assert text_of(thoughts) == "hm"


def test_thoughts_come_inside_the_text_in_pieces() -> None:
    pieces = ["<th", "ink>", "hm", "</thi", "nk>\n", "\nYes"]
    thoughts, answer = output(translate(*[chunk({"content": piece}) for piece in pieces], chunk({}, finish="stop")))
    assert (text_of(thoughts), text_of(answer)) == ("hm", "Yes")


def test_thoughts_come_as_parts() -> None:
    content = [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}, {"type": "text", "text": "Yes"}]
    thoughts, answer = output(translate(chunk({"content": content}), chunk({}, finish="stop")))
    assert (text_of(thoughts), text_of(answer)) == ("hm", "Yes")


def test_a_refusal_is_a_refusal() -> None:
    (item,) = output(translate(chunk({"refusal": "I can"}), chunk({"refusal": "not."}), chunk({}, finish="stop")))
    assert item["content"] == [{"type": "refusal", "refusal": "I cannot."}]


def test_a_call_is_put_together_by_its_index() -> None:
    found = translate(
        chunk({"content": "Let me see."}),
        chunk({"tool_calls": [call(0, "", id="call_a", name="weather"), call(1, "", id="call_b", name="time")]}),
        chunk({"tool_calls": [call(1, '{"zone"'), call(0, '{"city":')]}),
        chunk({"tool_calls": [call(0, '"Paris"}'), call(1, ':"CET"}')]}),
        chunk({}, finish="tool_calls"),
    )
    message, first, second = output(found)
    assert text_of(message) == "Let me see."
    assert (first["name"], first["call_id"], first["arguments"], first["status"]) == (
        "weather",
        "call_a",
        '{"city":"Paris"}',
        "completed",
    )
    assert (second["name"], second["call_id"], second["arguments"]) == ("time", "call_b", '{"zone":"CET"}')


def test_calls_that_all_have_index_0_are_told_apart_by_id() -> None:
    calls = [chunk({"tool_calls": [call(0, "{}", id=name, name=name)]}) for name in ("call_a", "call_b")]
    assert [item["call_id"] for item in output(translate(*calls, chunk({}, finish="tool_calls")))] == ["call_a", "call_b"]


@pytest.mark.parametrize(("arguments", "wanted"), [("", "{}"), (None, "{}"), ({"a": 1}, '{"a": 1}'), ('{"a":1}', '{"a":1}')])
def test_arguments_come_in_every_form(arguments: Any, wanted: str) -> None:
    (item,) = output(translate(chunk({"tool_calls": [call(None, arguments, name="f")]}), chunk({}, finish="tool_calls")))
    assert item["arguments"] == wanted
    assert item["call_id"].startswith("call_")


def test_calls_without_ids_get_different_ones() -> None:
    found = translate(
        chunk({"tool_calls": [call(0, "{}", name="f"), call(1, "{}", name="f", id="")]}), chunk({}, finish="tool_calls")
    )
    first, second = output(found)
    assert first["call_id"] != second["call_id"]


def test_a_call_whose_name_comes_late_keeps_its_arguments() -> None:
    found = translate(
        chunk({"tool_calls": [call(0, '{"a"', id="call_a")]}),
        chunk({"tool_calls": [call(0, ":1}", name="f")]}),
        chunk({}, finish="tool_calls"),
    )
    assert output(found)[0]["arguments"] == '{"a":1}'


def test_a_call_that_ran_into_the_limit_is_not_complete() -> None:
    (item,) = output(translate(chunk({"tool_calls": [call(0, '{"a', id="call_a", name="f")]}), chunk({}, finish="length")))
    assert item["status"] == "incomplete"


def test_a_whole_answer_in_one_message_works() -> None:
    whole = {
        "id": "c",
        "object": "chat.completion",
        "choices": [{"message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}],
    }
    assert text_of(output(translate(whole))[0]) == "Hi"


@pytest.mark.parametrize(
    ("odd", "kind"),
    [
        ({"error": {"message": "Rate limit", "code": 429}}, errors.RateLimited),
        ({"error": "it broke"}, errors.UpstreamBroken),
        ({"object": "error", "message": "context length exceeded", "code": 400}, errors.ContextTooLong),
        (chunk({}, finish="error"), errors.UpstreamBroken),
        ({"choices": [{"error": {"message": "no", "code": 502}, "finish_reason": "error"}]}, errors.UpstreamBroken),
    ],
)
def test_an_error_inside_the_stream_is_raised(odd: dict[str, Any], kind: type[errors.UpstreamError]) -> None:
    with pytest.raises(kind):
        translate(chunk({"content": "a"}), odd)


def test_a_flood_of_calls_is_refused() -> None:
    with pytest.raises(errors.MalformedStream):
        translate(*[chunk({"tool_calls": [call(number, "{}", name="f")]}) for number in range(200)])


def test_the_bundled_models_own_stream_is_understood() -> None:
    decoder, translation = Decoder(), Translation()
    sent = decoder.feed((STREAMS / "chat_llama_cpp.sse").read_bytes()) + decoder.end()
    found = [event for one in sent for event in _feed(translation, one)] + translation.end()
    snapshot = folded(found)
    assert text_of(dump_item(snapshot.output[0])) == "The capital of France is Paris."  # type: ignore[arg-type]
    assert snapshot.response.status == "completed"
    assert snapshot.usage is not None
    assert snapshot.usage.output_tokens == 8
