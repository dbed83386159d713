"""Snapshot(k) and the events after k are the same as all events, for every k."""

import pytest

from chat.protocol import events as ev
from chat.protocol.snapshot import Snapshot, apply, dumps, loads
from tests.protocol.recorded import NAMES, fold, normalizer, read, recorded


@pytest.mark.parametrize("name", NAMES)
def test_a_snapshot_and_what_follows_is_the_whole(name: str) -> None:
    events = read(recorded(name))
    whole, running = dumps(fold(events)), Snapshot.start(response_id="resp_ours")
    for count, event in enumerate(events):
        resumed = loads(dumps(running))
        for later in events[count:]:
            resumed = apply(resumed, later)
        assert dumps(resumed) == whole
        running = apply(running, event)
    assert dumps(running) == whole


@pytest.mark.parametrize("name", NAMES)
def test_looking_does_not_change_it(name: str) -> None:
    events, watched = read(recorded(name)), Snapshot.start(response_id="resp_ours")
    for event in events:
        watched = apply(watched, event)
        assert watched.output_text is not None
    assert dumps(watched) == dumps(fold(events))


@pytest.mark.parametrize("name", NAMES)
def test_events_applied_twice_count_once(name: str) -> None:
    events = read(recorded(name))
    doubled = [event for event in events for _ in range(2)] + events
    assert dumps(fold(doubled)) == dumps(fold(events))


@pytest.mark.parametrize("name", NAMES)
def test_the_events_survive_the_log(name: str) -> None:
    """Written as JSON and parsed again they fold to the same."""
    events = read(recorded(name))
    assert dumps(fold([ev.parse(ev.dump(event)) for event in events])) == dumps(fold(events))


@pytest.mark.parametrize("name", NAMES)
def test_the_fold_never_changes_the_events(name: str) -> None:
    events = read(recorded(name))
    before = [ev.dump(event) for event in events]
    fold(events)
    assert [ev.dump(event) for event in events] == before


@pytest.mark.parametrize("name", NAMES)
def test_the_normalizer_folds_as_its_readers_do(name: str) -> None:
    ours = normalizer()
    events = read(recorded(name), into=ours)
    assert dumps(ours.snapshot) == dumps(fold(events))


def test_the_text_so_far_can_be_seen_at_any_time() -> None:
    seen, snapshot = [], Snapshot.start(response_id="resp_ours")
    for event in read(recorded("openai")):
        snapshot = apply(snapshot, event)
        seen.append(snapshot.output_text)
    assert seen[:4] == ["", "", "", ""]
    assert seen[4:8] == ["The", "The capital", "The capital of", "The capital of France"]


def test_it_begins_queued_and_takes_its_status_from_the_events() -> None:
    snapshot, seen = Snapshot.start(response_id="resp_ours", model="m", created_at=5), []
    assert (snapshot.status, snapshot.sequence_number, snapshot.output) == ("queued", -1, [])
    for event in read(recorded("openai_incomplete")):
        snapshot = apply(snapshot, event)
        seen.append(snapshot.status)
    assert list(dict.fromkeys(seen)) == ["in_progress", "incomplete"]
    assert snapshot.incomplete_details is not None
    assert snapshot.incomplete_details.reason == "max_output_tokens"


def test_events_that_fit_nowhere_are_harmless() -> None:
    snapshot = Snapshot.start(response_id="resp_ours")
    for number, wire in enumerate(
        [
            {"type": "response.output_text.delta", "output_index": 7, "content_index": 0, "delta": "x"},
            {"type": "response.output_text.delta", "delta": "x"},
            {
                "type": "response.content_part.added",
                "output_index": 0,
                "content_index": 3,
                "part": {"type": "output_text", "text": ""},
            },
            {"type": "response.output_item.done", "output_index": 4, "item": {"type": "message", "id": "m"}},
            {"type": "response.output_item.done", "output_index": -1, "item": {"type": "message", "id": "m"}},
            {"type": "response.quantum_call.searching", "output_index": 0},
            {"type": "response.code_interpreter_call_code.delta", "output_index": 0, "delta": "x"},
            {"type": "error", "message": "x"},
        ]
    ):
        apply(snapshot, ev.parse({**wire, "sequence_number": number}))
    assert (snapshot.output, snapshot.status, snapshot.sequence_number) == ([], "queued", 7)


def test_a_hosted_call_shows_how_far_it_has_got() -> None:
    seen, snapshot = [], Snapshot.start(response_id="resp_ours")
    for event in read(recorded("openai_code_interpreter")):
        snapshot = apply(snapshot, event)
        seen += [(item.status, (item.model_extra or {})["code"]) for item in snapshot.output[:1]]
    assert list(dict.fromkeys(seen)) == [
        ("in_progress", ""),
        ("in_progress", "print("),
        ("in_progress", "print(6*7"),
        ("in_progress", "print(6*7)"),
        ("interpreting", "print(6*7)"),
        ("completed", "print(6*7)"),
    ]
