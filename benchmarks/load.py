"""So many streams at once on one server, for a while: what they cost, and how late everything was."""

import json
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from benchmarks import machine
from benchmarks.launch import Process
from benchmarks.reading import Job
from benchmarks.times import Times

TOKENS, RATE, DELAY = 400, 50.0, 0.4  # of each reply; a second; seconds until its first token
SERVER_CORES, LOAD_CORES = machine.core(0), machine.core(1)
Row = dict[str, Any]


class Target(Protocol):
    url: str

    def cpu(self) -> dict[str, float]: ...

    def memory(self) -> int: ...


@dataclass
class Model:
    """The model server's process, and the table of what it sent when."""

    process: Process
    times: Times
    slot: int = 0  # the next that is free

    @property
    def url(self) -> str:
        return self.process.first

    def late(self) -> dict[str, float]:
        """How late its own sends were since the last time somebody asked."""
        with urllib.request.urlopen(self.url.removesuffix("/v1") + "/lag", timeout=10) as answer:
            found: dict[str, float] = json.load(answer)
        return found


@contextmanager
def model_server(*, cores: frozenset[int] = frozenset()) -> Iterator[Model]:
    with Times.make() as times:
        process = Process("-m", "benchmarks.model", "--times", times.path, cores=cores)
        try:
            yield Model(process.ready(), times)
        finally:
            process.stop()


@dataclass(frozen=True)
class Load:
    """How much to ask. `window` is how many seconds of the steady state are measured."""

    streams: int
    readers: int = 1
    window: float = 8.0
    kind: str = "parley"


def measure(target: Target, load: Load, *, model: Model, sessions: list[str], cores: frozenset[int] = frozenset()) -> Row:
    """Ask, wait until all is under way, measure for a window; everything is read to its end."""
    start = time.monotonic() + 1.0
    begin = start + TOKENS / RATE + DELAY + 0.6
    job = Job(
        kind=load.kind,
        url=target.url,
        sessions=sessions,
        times=model.times.path,
        slot=model.slot,
        streams=load.streams,
        readers=load.readers,
        tokens=TOKENS,
        rate=RATE,
        delay=DELAY,
        start=start,
        begin=begin,
        end=begin + load.window,
    )
    model.slot += int((job.end - job.start) / job.every) + 2
    model.late()
    crowd = Process("-m", "benchmarks.reading", cores=cores)
    try:
        crowd.tell(json.dumps(asdict(job)))
        cpu, memory = _watched(target, job)
        found: dict[str, Any] = json.loads(crowd.ready().first)
    finally:
        crowd.stop()
    return row(load, found, cpu=cpu, memory=memory, lag=model.late())


def _watched(target: Target, job: Job) -> tuple[dict[str, float], int]:
    """CPU seconds within the window, and the memory at its end."""
    _sleep_until(job.begin)
    before, began = target.cpu(), time.monotonic()
    _sleep_until(job.end)
    after, took = target.cpu(), time.monotonic() - began
    return {name: (after[name] - before[name]) * (job.end - job.begin) / took for name in after}, target.memory()


def _sleep_until(moment: float) -> None:
    time.sleep(max(moment - time.monotonic(), 0))


def row(load: Load, found: dict[str, Any], *, cpu: dict[str, float], memory: int, lag: dict[str, float]) -> Row:
    """A line of the table. Times are milliseconds later than the model server sent it."""
    tokens = max(found["tokens"], 1)
    beside = {f"{name} ms": seconds * 1e6 / tokens for name, seconds in cpu.items() if name != "server"}
    return {
        "streams": load.streams,
        "readers": load.readers,
        "CPU ms per 1,000 tokens": cpu["server"] * 1e6 / tokens,
        **beside,
        "cores": cpu["server"] / load.window,
        "tokens/s": round(tokens / load.window),
        "first p50": found["first"]["p50"],
        "first p99": found["first"]["p99"],
        "any p50": found["late"]["p50"],
        "any p99": found["late"]["p99"],
        "any max": found["late"]["max"],
        "end max": found["ends"]["max"],
        "messages/s": found["messages"] / load.window / load.streams / load.readers,
        "KB/s": found["bytes"] / 1000 / load.window / load.streams / load.readers,
        "memory MB": memory / 1e6,
        "readers' own p99": found["own"]["p99"],
        "model's own p99": lag["p99"],
        "wrong": f"{found['wrong']} of {found['replies']}",
    }
