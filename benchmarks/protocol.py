"""What a delta costs on its way through the protocol, and that the last one of a long reply costs what the first did."""

import gc
import time
from collections.abc import Callable

from benchmarks.options import Options
from benchmarks.report import Figure, Section
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
    """Of CPU. Without the garbage collector, which would go through all that `work` gives back, again and again."""
    gc.collect()
    gc.disable()
    started = time.process_time()
    work()
    taken = time.process_time() - started
    gc.enable()
    return taken


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


def measured(name: str, work: Callable[[int], Callable[[], object]]) -> list[Figure]:
    few, many = seconds(work(FEW)), seconds(work(MANY))
    return [
        Figure(f"{name}, a delta", many / MANY * 1e6, "µs"),
        Figure(f"{name}, ten times the deltas", many / few, "times the CPU", 15),
    ]


def run(options: Options) -> list[Section]:
    events = {count: normalised(count) for count in (FEW, MANY)}
    wire = sse.encode(ev.parse(dict(DELTA)))
    figures = [
        *measured("decode and parse", lambda count: lambda: decode(wire * count)),
        *measured("normalise", lambda count: lambda: normalised(count)),
        *measured("fold", lambda count: lambda: fold(events[count])),
        *measured("fold and look", lambda count: lambda: watch(events[count])),
    ]
    options.progress("protocol: done")
    return [Section("A delta on its way through the protocol", SAID, [], figures)]


SAID = """CPU of one process; that the last delta of a long reply costs what the first did. `look` takes the whole text thirty
times a second."""
