"""Deltas that came together become one, and nobody can tell from what they make."""

import json

import pytest

from chat import errors
from chat.protocol import events as ev
from chat.protocol.gather import of_events, parsed
from chat.protocol.sse import ServerSentEvent
from tests.protocol.recorded import NAMES, decode, normalizer, recorded


def delta(text: str, **more: object) -> ev.Event:
    wire = {"type": "response.output_text.delta", "item_id": "m", "output_index": 0, "content_index": 0, "delta": text}
    return ev.parse({**wire, **more})


def gathered(events: list[ev.Event], *, every: int) -> list[ev.Event]:
    """As a run gathers them that rests after so many events."""
    gatherer, out = of_events(), []
    for number, event in enumerate(events, 1):
        out += gatherer.feed(event)
        if number % every == 0:
            out += gatherer.out()
    return out + gatherer.out()


def test_deltas_of_one_text_become_one_with_the_number_of_the_last() -> None:
    (one,) = gathered([delta(text, sequence_number=number) for number, text in enumerate("abc")], every=9)
    assert isinstance(one, ev.OutputTextDelta)
    assert (one.delta, one.sequence_number) == ("abc", 2)


def test_what_pads_a_delta_does_not_keep_it_apart() -> None:
    (one,) = gathered([delta("a", obfuscation="xyz"), delta("b", obfuscation="x")], every=9)
    assert isinstance(one, ev.OutputTextDelta)
    assert one.delta == "ab"


def test_deltas_with_logprobs_stay_alone_and_in_their_place() -> None:
    sent = [delta("a"), delta("b", logprobs=[{"token": "b", "logprob": -0.1}]), delta("c"), delta("d")]
    out = gathered(sent, every=9)
    assert [event.delta for event in out if isinstance(event, ev.OutputTextDelta)] == ["a", "b", "cd"]


@pytest.mark.parametrize(
    "other",
    [
        {"item_id": "n"},
        {"output_index": 1},
        {"content_index": 1},
        {"type": "response.refusal.delta"},
        {"type": "response.function_call_arguments.delta"},
    ],
)
def test_deltas_of_another_text_are_not_mixed_in(other: dict[str, object]) -> None:
    assert len(gathered([delta("a"), delta("b", **other), delta("c")], every=9)) == 3


def test_what_is_no_delta_comes_after_what_was_held() -> None:
    done = ev.parse({"type": "response.output_text.done", "item_id": "m", "text": "ab"})
    assert [event.type for event in gathered([delta("a"), delta("b"), done], every=9)] == [
        "response.output_text.delta",
        "response.output_text.done",
    ]


@pytest.mark.parametrize("every", [1, 3, 1000])
@pytest.mark.parametrize("name", [name for name in NAMES if "malformed" not in name])
def test_every_recorded_stream_makes_the_same_response(name: str, every: int) -> None:
    sent = [event for one in decode(recorded(name)) if (event := ev.from_sse(one)) is not None]
    plain, merged = normalizer(), normalizer()
    for event in sent:
        plain.feed(event.model_copy())
    for event in gathered(sent, every=every):
        merged.feed(event)
    assert merged.snapshot.response == plain.snapshot.response
    assert merged.upstream_sequence == plain.upstream_sequence


@pytest.mark.parametrize("every", [1, 3, 1000])
@pytest.mark.parametrize("name", [name for name in NAMES if "malformed" not in name])
def test_what_is_gathered_before_it_is_parsed_makes_the_same_response(name: str, every: int) -> None:
    sent = decode(recorded(name))
    plain, merged = normalizer(), normalizer()
    for one in sent:
        if (event := ev.from_sse(one)) is not None:
            plain.feed(event)
    for at in range(0, len(sent), every):
        for event in parsed(sent[at : at + every]):
            merged.feed(event)
    assert merged.snapshot.response == plain.snapshot.response
    assert merged.upstream_sequence == plain.upstream_sequence


def sent(**wire: object) -> ServerSentEvent:
    return ServerSentEvent("response.output_text.delta", json.dumps(wire))


@pytest.mark.parametrize(
    "odd",
    [
        {"delta": {"text": "b"}, "type": "response.output_text.delta"},
        {"delta": 5, "type": "response.output_text.delta"},
        {"delta": "b", "type": ["response.output_text.delta"]},
        {"delta": "b", "type": "response.output_text.delta", "item_id": {"of": "m"}},
        {"delta": "b", "type": "response.output_text.delta", "logprobs": [{"token": "b"}]},
        {"delta": "b", "type": None},
        {"delta": "b"},
    ],
)
def test_an_odd_delta_among_others_is_read_as_it_would_be_alone(odd: dict[str, object]) -> None:
    usual = {"type": "response.output_text.delta", "item_id": "m", "output_index": 0, "content_index": 0}
    batch = [sent(**usual, delta="a"), sent(**odd), sent(**usual, delta="c")]
    assert [ev.dump(event) for event in parsed(batch)] == [ev.dump(found) for one in batch if (found := ev.from_sse(one))]


def test_deltas_by_an_older_name_are_gathered_too() -> None:
    usual = {"type": "response.reasoning.delta", "item_id": "m", "output_index": 0, "content_index": 0}
    (one,) = parsed([sent(**usual, delta="a"), sent(**usual, delta="b")])
    assert isinstance(one, ev.ReasoningTextDelta)
    assert one.delta == "ab"


def test_what_came_before_a_line_that_is_no_json_comes_out_before_the_error() -> None:
    usual = {"type": "response.output_text.delta", "item_id": "m", "output_index": 0, "content_index": 0}
    found = parsed([sent(**usual, delta="a"), sent(**usual, delta="b"), ServerSentEvent("", "{"), sent(**usual, delta="c")])
    assert ev.dump(next(found))["delta"] == "ab"
    with pytest.raises(errors.MalformedStream):
        next(found)
