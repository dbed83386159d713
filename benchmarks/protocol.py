"""What a delta costs on its way through the protocol, and that the last one of a long reply costs what the first did.

Run: `python -m benchmarks.protocol`. CPU microseconds per delta, and the ratio of ten times the deltas to ten times the time.
"""

import json
import time
from collections.abc import Callable

from chat.protocol import events as ev
from chat.protocol import sse
from chat.protocol.snapshot import Snapshot, apply
from chat.protocol.types import Json
from tests.protocol.recorded import normalizer

DELTA: Json = {
    "type": "response.output_text.delta",
    "item_id": "m",
    "output_index": 0,
    "content_index": 0,
    "delta": "12345",
    "logprobs": [],
}
FEW, MANY = 4_000, 40_000


def seconds(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


def normalised(count: int) -> list[ev.Event]:
    ours, delta = normalizer(), ev.parse(dict(DELTA))
    return [event for _ in range(count) for event in ours.feed(delta)]


def fold(events: list[ev.Event]) -> None:
    snapshot = Snapshot.start(response_id="r")
    for event in events:
        snapshot = apply(snapshot, event)


def watch(events: list[ev.Event]) -> None:
    """Fold, and look at the whole thirty times a second."""
    snapshot = Snapshot.start(response_id="r")
    for number, event in enumerate(events):
        snapshot = apply(snapshot, event)
        if number % 33 == 0:
            assert snapshot.output is not None


def decode(wire: bytes) -> None:
    decoder = sse.Decoder()
    for at in range(0, len(wire), 4096):
        for sent in decoder.feed(wire[at : at + 4096]):
            ev.from_sse(sent)


def report(name: str, work: Callable[[int], Callable[[], object]]) -> None:
    few, many = seconds(work(FEW)), seconds(work(MANY))
    print(json.dumps({"step": name, "us_per_delta": round(many / MANY * 1e6, 1), "ten_times_the_deltas": round(many / few, 1)}))


def main() -> None:
    events = {count: normalised(count) for count in (FEW, MANY)}
    wire = sse.encode(ev.parse(dict(DELTA)))
    report("decode and parse", lambda count: lambda: decode(wire * count))
    report("normalise", lambda count: lambda: normalised(count))
    report("fold", lambda count: lambda: fold(events[count]))
    report("fold and look", lambda count: lambda: watch(events[count]))


if __name__ == "__main__":
    main()
