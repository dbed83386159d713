"""Broken streams never crash and never count as completed."""

import random

import pytest
from pydantic_core import to_json

from chat.errors import MalformedStream
from chat.protocol import events as ev
from chat.protocol import sse
from chat.protocol.loose import load
from tests.protocol.recorded import NAMES, decode, expected, fold, read, recorded, says_completed
from tests.protocol.strict import Strict

COMPLETED = [name for name in NAMES if expected(name)["status"] == "completed"]


@pytest.mark.parametrize("name", COMPLETED)
def test_a_stream_that_stops_anywhere_before_its_end_is_not_completed(name: str) -> None:
    data = recorded(name)
    chance = random.Random(name)
    for at in [0, *chance.sample(range(len(data)), min(25, len(data)))]:
        snapshot = fold(read(data[:at]))
        assert (snapshot.status == "completed") == says_completed(data[:at])
        assert snapshot.status in ("completed", "incomplete", "failed")


def test_the_last_byte_of_the_last_event_decides() -> None:
    data = recorded("openai").rstrip()
    assert data.endswith(b"}")
    assert fold(read(data)).status == "completed"
    for missing in range(1, 200):
        assert fold(read(data[:-missing])).status == "incomplete"


def damaged(data: bytes, chance: random.Random) -> bytes:
    """Bytes changed, lost, doubled, moved."""
    for _ in range(chance.choice((1, 1, 2, 5))):
        at, size = chance.randrange(len(data) + 1), chance.choice((1, 1, 3, 40, 400))
        piece = data[at : at + size]
        new = chance.choice(
            (b"", b"\n", b"\r", b'"', b"{", b"}", b"\\", b"\x00", b"null", b"0", piece + piece, chance.randbytes(3))
        )
        data = data[:at] + new + data[at + size :]
    return data


@pytest.mark.parametrize("seed", range(60))
def test_damaged_streams_come_out_well_formed_and_completed_only_if_they_say_so(seed: int) -> None:
    chance = random.Random(seed)
    for name in chance.sample([name for name in NAMES if recorded(name)], 10):
        data = damaged(recorded(name), chance)
        events = read(data)
        Strict().read(events)
        assert fold(events).status != "completed" or says_completed(data)


def mangled(value: object, chance: random.Random) -> object:
    """The same JSON with some values of another type."""
    if chance.random() < 0.04:
        return chance.choice([None, 0, -1, 10**30, 1.5, "", "x", True, [], {}, [None], {"text": "x"}, ["x"], {"type": "x"}])
    if isinstance(value, dict):
        return {key: mangled(entry, chance) for key, entry in value.items() if chance.random() > 0.02}
    return [mangled(entry, chance) for entry in value] if isinstance(value, list) else value


@pytest.mark.parametrize("seed", range(60))
def test_values_of_any_type_in_any_place_come_out_well_formed(seed: int) -> None:
    chance = random.Random(seed)
    for name in chance.sample(NAMES, 10):
        sent = []
        for event in decode(recorded(name)):
            try:
                wire = mangled(load(event.data), chance)
            except MalformedStream:
                continue
            sent.append(sse.ServerSentEvent(event.event, to_json(wire).decode() if isinstance(wire, dict) else "{}"))
        Strict().read(read(sent))


@pytest.mark.parametrize(
    "data", ["", " ", "nonsense", "[]", "1", "null", '"text"', "{", '{"a":}', "[[[", '{"a":"' + "\x01" + '"}']
)
def test_what_is_not_a_json_object_is_refused(data: str) -> None:
    with pytest.raises(MalformedStream):
        ev.parse(data)


def test_nesting_without_end_is_refused() -> None:
    for depth in (200, 1_000, 100_000):
        with pytest.raises(MalformedStream):
            ev.parse('{"type":"x:y","a":' + "[" * depth + "]" * depth + "}")
        with pytest.raises(MalformedStream):
            ev.parse('{"type":"x:y","a":' + '{"\\ud800":' * depth + "1" + "}" * depth + "}")


def test_what_may_be_parsed_may_be_written_wherever_it_ends_up() -> None:
    nested = '{"type":"response.output_item.done","item":{"type":"odd:item","a":' + "[" * 140 + "]" * 140 + "}}"
    events = read([sse.ServerSentEvent("", nested), sse.ServerSentEvent("", '{"type":"response.completed"}')])
    assert all(sse.encode(event) for event in events)
    assert fold(events).status == "completed"


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(1000, 2000))
def test_a_thousand_more_damaged_and_mangled_streams(seed: int) -> None:
    test_damaged_streams_come_out_well_formed_and_completed_only_if_they_say_so(seed)
    test_values_of_any_type_in_any_place_come_out_well_formed(seed)
