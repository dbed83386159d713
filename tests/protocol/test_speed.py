"""A delta costs microseconds, also the last of a very long reply. The bounds are ten times what was measured on an idle core."""

import time
from collections.abc import Callable

from chat.protocol import events as ev
from chat.protocol import sse
from chat.protocol.snapshot import Snapshot, apply
from tests.protocol.recorded import normalizer

DELTA = {
    "type": "response.output_text.delta",
    "item_id": "m",
    "output_index": 0,
    "content_index": 0,
    "delta": "12345",
    "logprobs": [],
}


def seconds(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


def normalised(count: int) -> list[ev.Event]:
    ours, delta = normalizer(), ev.parse(dict(DELTA))
    return [event for _ in range(count) for event in ours.feed(delta)]


def folded(events: list[ev.Event]) -> Snapshot:
    snapshot = Snapshot.start(response_id="r")
    for event in events:
        snapshot = apply(snapshot, event)
    return snapshot


def test_200_kilobytes_in_40000_deltas_cost_little() -> None:
    assert seconds(lambda: normalised(40_000)) < 40_000 * 80e-6
    events = normalised(40_000)
    assert seconds(lambda: folded(events)) < 40_000 * 10e-6
    assert len(folded(events).output_text) == 200_000


def test_looking_thirty_times_a_second_is_not_quadratic_either() -> None:
    events, snapshot = normalised(40_000), Snapshot.start(response_id="r")

    def follow() -> None:
        for number, event in enumerate(events):
            apply(snapshot, event)
            if number % 33 == 0:
                assert snapshot.output is not None

    assert seconds(follow) < 2


def test_decoding_and_parsing_cost_little() -> None:
    wire = sse.encode(ev.parse(dict(DELTA))) * 10_000

    def read() -> None:
        decoder = sse.Decoder()
        for at in range(0, len(wire), 4096):
            for sent in decoder.feed(wire[at : at + 4096]):
                ev.from_sse(sent)

    assert seconds(read) < 10_000 * 80e-6


def test_an_enormous_line_that_comes_byte_by_byte_is_not_quadratic() -> None:
    decoder = sse.Decoder()

    def feed() -> None:
        for _ in range(500_000):
            decoder.feed(b"x")

    assert seconds(feed) < 5
