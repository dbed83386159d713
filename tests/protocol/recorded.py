"""The recorded streams of tests/streams, and what a reader makes of one."""

import itertools
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from chat.errors import MalformedStream
from chat.protocol import events as ev
from chat.protocol import sse
from chat.protocol.normalize import Cut, Failed, Normalizer
from chat.protocol.snapshot import Snapshot, apply

FOLDER = Path(__file__).parent.parent / "streams"
NAMES = sorted(path.stem for path in FOLDER.glob("*.sse"))


def recorded(name: str) -> bytes:
    return (FOLDER / f"{name}.sse").read_bytes()


def expected(name: str) -> dict[str, Any]:
    wanted: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text())
    return wanted


def decode(*chunks: bytes) -> list[sse.ServerSentEvent]:
    decoder = sse.Decoder()
    return [event for chunk in chunks for event in decoder.feed(chunk)] + decoder.end()


def normalizer(**more: Any) -> Normalizer:
    counter = itertools.count()
    given = {"response_id": "resp_ours", "model": "a-model", "created_at": 1_800_000_000, "store": True}
    return Normalizer(**{**given, **more}, new_id=lambda prefix: f"{prefix}_{next(counter):032x}")


def read(stream: bytes | Iterable[sse.ServerSentEvent], into: Normalizer | None = None) -> list[ev.Event]:
    """What comes out for a stream, ended as a run would end it."""
    ours, out = into or normalizer(), []
    try:
        for sent in decode(stream) if isinstance(stream, bytes) else stream:
            if (event := ev.from_sse(sent)) is not None:
                out += ours.feed(event)
    except MalformedStream as error:
        return out + ours.finish(Failed(error.code, error.message))
    return out + ours.finish(Cut("eof"))


def fold(events: Iterable[ev.Event]) -> Snapshot:
    snapshot = Snapshot.start(response_id="resp_ours")
    for event in events:
        snapshot = apply(snapshot, event)
    return snapshot


def says_completed(data: bytes) -> bool:
    """Whether a whole event that ends it well is among what can be read before the first that cannot."""
    for sent in decode(data):
        try:
            event = ev.from_sse(sent)
        except MalformedStream:
            return False
        if isinstance(event, ev.ResponseCompleted):
            return True
        if isinstance(event, ev.ErrorEvent | ev.ResponseFailed | ev.ResponseIncomplete):
            return False
    return False
