"""Whatever comes in, what goes out satisfies a strict reader."""

import json
import random

import pytest

from chat.protocol import events as ev
from chat.protocol import sse
from chat.protocol.normalize import Cancelled, Cut, Failed, Outcome
from tests.protocol.recorded import NAMES, decode, fold, normalizer, read, recorded
from tests.protocol.strict import ENDS, Strict


def parsed(name: str) -> list[ev.Event]:
    events = []
    for sent in decode(recorded(name)):
        try:
            event = ev.from_sse(sent)
        except ev.MalformedStream:
            break
        events += [event] if event is not None else []
    return events


@pytest.mark.parametrize("name", NAMES)
def test_every_recorded_stream_comes_out_well_formed_and_ends_once(name: str) -> None:
    reader = Strict().read(read(recorded(name)))
    assert reader.seen[-1] in ENDS
    assert sum(kind in ENDS for kind in reader.seen) == 1


@pytest.mark.parametrize(
    "outcome", [Cut("interrupted"), Failed("slow", "Too slow."), Cancelled()], ids=["cut", "failed", "cancelled"]
)
@pytest.mark.parametrize("name", NAMES)
def test_a_stream_ended_after_any_event_is_well_formed(name: str, outcome: Outcome) -> None:
    events = parsed(name)
    for count in range(len(events) + 1):
        ours = normalizer()
        out = [event for upstream in events[:count] for event in ours.feed(upstream)]
        over = ours.terminal
        out += ours.finish(outcome)
        reader = Strict().read(out)
        assert over or reader.seen[-1] == {"Cut": "response.incomplete", "Failed": "response.failed"}.get(
            type(outcome).__name__, "parley:response.cancelled"
        )


@pytest.mark.parametrize("name", NAMES)
def test_an_outcome_keeps_all_the_text_that_came(name: str) -> None:
    events, ours = parsed(name), normalizer()
    out = [event for upstream in events for event in ours.feed(upstream)]
    said = "".join(event.delta for event in out if isinstance(event, ev.OutputTextDelta))
    out += ours.finish(Cut("interrupted"))
    assert fold(out).output_text == said or "final_is_another" in name


@pytest.mark.parametrize("seed", range(40))
def test_events_lost_doubled_and_out_of_order_still_come_out_well_formed(seed: int) -> None:
    chance = random.Random(seed)
    for name in chance.sample(NAMES, 12):
        events = [event for event in parsed(name) for _ in range(chance.choice((0, 1, 1, 1, 1, 2)))]
        if seed % 2:
            places = sorted(range(len(events)), key=lambda place: place + chance.randrange(4))
            events = [events[place] for place in places]
        ours = normalizer()
        out = [event for upstream in events for event in ours.feed(upstream)] + ours.finish(Cut("eof"))
        Strict().read(out)


@pytest.mark.parametrize("seed", range(40))
def test_fields_lost_from_events_still_come_out_well_formed(seed: int) -> None:
    chance = random.Random(seed)
    for name in chance.sample(NAMES, 12):
        out, ours = [], normalizer()
        for upstream in parsed(name):
            wire = {key: value for key, value in ev.dump(upstream).items() if key == "type" or chance.random() > 0.25}
            out += ours.feed(ev.parse(json.dumps(wire)))
        Strict().read(out + ours.finish(Cut("eof")))


@pytest.mark.parametrize("name", NAMES)
def test_what_comes_out_can_be_read_again_and_comes_out_the_same(name: str) -> None:
    """Ours to ours: what we send on /v1 to another Parley loses nothing."""
    first = [event for event in read(recorded(name)) if not event.type.startswith("parley:")]
    again = read(b"".join(map(sse.encode, first)))
    ids = {event.item.id: event.item.id for event in again if isinstance(event, ev.OutputItemAdded)}
    assert [event.type for event in again] == [event.type for event in first]
    assert fold(again).output_text == fold(first).output_text
    assert len(ids) == len(fold(first).output)


@pytest.mark.parametrize("name", NAMES)
def test_what_a_dead_process_logged_can_be_ended_after_any_event(name: str) -> None:
    events = read(recorded(name))
    for count in range(len(events)):
        logged, ours = [ev.parse(ev.dump(event)) for event in events[:count]], normalizer(created_at=7)
        ours.replay(logged)
        assert (fold(logged).output_text, ours.terminal) == (ours.snapshot.output_text, False)
        tail = ours.finish(Cut("interrupted"))
        reader = Strict().read(logged + tail)
        assert reader.seen[-1] == "response.incomplete"
        assert fold(logged + tail).output_text == fold(logged).output_text


def test_a_response_that_was_ended_already_is_not_ended_again() -> None:
    ours = normalizer()
    ours.replay(read(recorded("openai")))
    assert ours.terminal
    assert ours.finish(Cut("interrupted")) == []


def test_a_response_that_goes_on_repeats_no_beginning_and_counts_on() -> None:
    ours = normalizer(first_sequence=17, first_output_index=2)
    out = read(recorded("openai"), into=ours)
    assert [event.sequence_number for event in out] == list(range(17, 17 + len(out)))
    assert isinstance(out[0], ev.OutputItemAdded)
    assert out[0].output_index == 2
    assert fold(out).status == "completed"


def test_after_the_end_nothing_comes() -> None:
    ours = normalizer()
    read(recorded("openai"), into=ours)
    assert ours.terminal
    assert ours.feed(ev.parse('{"type":"response.output_text.delta","delta":"more"}')) == []
    assert ours.finish(Cancelled()) == []


def test_upstream_ids_are_remembered_and_never_passed_on() -> None:
    ours = normalizer()
    out = read(recorded("openai"), into=ours)
    assert ours.upstream_response_id == "resp_68af4030592c81938ec0a5fbab4a3e9f05438e46b5f69a3b"
    [(mine, theirs)] = ours.upstream_item_ids.items()
    assert (mine[:4], theirs[:12]) == ("msg_", "msg_68af4030")
    assert not any("68af4030" in json.dumps(ev.dump(event)) for event in out)


def test_a_server_that_never_stops_is_stopped() -> None:
    ours = normalizer()
    delta = ev.parse({"type": "response.output_text.delta", "delta": "x" * 1_000_000})
    out: list[ev.Event] = []
    for _ in range(40):
        out += ours.feed(delta)
    assert ours.terminal
    assert len(fold(out).output_text) < 20_000_000
    details = fold(out).incomplete_details
    assert details is not None
    assert details.reason == "too_large"


def test_a_server_that_adds_items_for_ever_is_stopped() -> None:
    ours = normalizer()
    for number in range(5000):
        ours.feed(
            ev.parse(
                {"type": "response.output_item.done", "output_index": number, "item": {"type": "message", "id": f"m{number}"}}
            )
        )
    assert ours.terminal
    assert len(ours.snapshot.output) < 1100
