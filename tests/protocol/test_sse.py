"""Server-sent events are read the same however the bytes are cut, and written so that every reader can."""

import itertools
import json
import random
import re

import pytest

from chat.errors import MalformedStream
from chat.protocol import events as ev
from chat.protocol import sse
from tests.protocol.recorded import NAMES, decode, recorded


def neighbours(data: bytes) -> list[tuple[bytes, bytes]]:
    """Every event with the one after it: between events a decoder remembers nothing, so that a cut matters only nearby."""
    ends = [0, *(found.end() for found in re.finditer(rb"(\r\n|\n|\r){2}", data)), len(data)]
    events = [data[start:end] for start, end in itertools.pairwise(ends)]
    return list(itertools.zip_longest(events, events[1:], fillvalue=b""))


@pytest.mark.parametrize("name", NAMES)
def test_a_stream_fed_byte_by_byte_gives_the_same_events(name: str) -> None:
    data = recorded(name)
    assert decode(*(data[at : at + 1] for at in range(len(data)))) == decode(data)


@pytest.mark.parametrize("name", NAMES)
def test_an_event_cut_at_every_byte_is_the_same_event(name: str) -> None:
    for event, after in neighbours(recorded(name)):
        whole = decode(event + after)
        for at in range(len(event) + 1):
            assert decode(event[:at], event[at:] + after) == whole


@pytest.mark.soak
@pytest.mark.parametrize("name", NAMES)
def test_a_stream_cut_at_every_byte_gives_the_same_events(name: str) -> None:
    data = recorded(name)
    whole = decode(data)
    for at in range(len(data) + 1):
        assert decode(data[:at], data[at:]) == whole
        assert decode(data[:at], b"", data[at : at + 3], data[at + 3 :]) == whole


@pytest.mark.parametrize("name", NAMES)
def test_no_event_waits_for_bytes_that_come_after_it(name: str) -> None:
    """What is complete is given at once: also after a lone CR, where an LF might follow."""
    data, decoder, seen = recorded(name), sse.Decoder(), 0
    for at in range(len(data)):
        seen += len(decoder.feed(data[at : at + 1]))
        if data[at - 1 : at + 1] in (b"\n\n", b"\r\r") or data[at - 2 : at + 1] == b"\r\n\r":
            assert seen == len(sse.Decoder().feed(data[: at + 1]))


@pytest.mark.parametrize(
    ("wire", "events"),
    [
        (b"data: a\n\n", [("", "a")]),
        (b"data:a\n\n", [("", "a")]),
        (b"data:  a\n\n", [("", " a")]),
        (b"data\n\n", [("", "")]),
        (b"data: a\ndata:\ndata: b\n\n", [("", "a\n\nb")]),
        (b"event: x\ndata: a\n\n", [("x", "a")]),
        (b"data: a\nevent: x\n\n", [("x", "a")]),
        (b"event: x\n\ndata: a\n\n", [("", "a")]),
        (b": comment\n\ndata: a\n\n", [("", "a")]),
        (b"id: 1\nretry: 2\nfoo: bar\ndata: a\n\n", [("", "a")]),
        (b"data: a\r\n\r\ndata: b\r\rdata: c\n\n", [("", "a"), ("", "b"), ("", "c")]),
        (b"\xef\xbb\xbfdata: a\n\n", [("", "a")]),
        (b"data: \xef\xbb\xbfa\n\n", [("", "\ufeffa")]),
        ("data: a\u2028b\u0085c\n\n".encode(), [("", "a\u2028b\u0085c")]),
        (b"data: \xff\n\n", [("", "\ufffd")]),
        (b"", []),
        (b"\n\n\n", []),
    ],
)
def test_the_grammar(wire: bytes, events: list[tuple[str, str]]) -> None:
    assert decode(wire) == [sse.ServerSentEvent(*event) for event in events]
    assert decode(*(wire[at : at + 1] for at in range(len(wire)))) == decode(wire)


@pytest.mark.parametrize(
    ("rest", "given_out"),
    [
        (b'data: {"type":"x"}', True),
        (b'data: {"type":"x"}\n', True),
        (b'data: {"type":"x"}\r', True),
        (b"data: [DONE]", True),
        (b'data: {"type":"x"', False),
        (b'data: {"a":{"b":1}\n', False),
        (b'data: {"type":"x"}\ndata: ', True),
        (b'data: {"type":"x"}\ndata: {', False),
        (b"data: 12", False),
        (b"event: x", False),
        (b"\xef\xbb", False),
    ],
)
def test_a_last_event_without_its_blank_line_counts_when_it_is_whole(rest: bytes, given_out: bool) -> None:
    assert bool(decode(rest)) == given_out


def test_a_line_that_never_ends_is_refused_at_the_limit() -> None:
    decoder = sse.Decoder(max_event_bytes=1000)
    for _ in range(1000):
        decoder.feed(b"x")
    with pytest.raises(MalformedStream):
        decoder.feed(b"x")


def test_a_last_line_without_its_end_counts_once() -> None:
    decoder = sse.Decoder(max_event_bytes=1000)
    assert decoder.feed(b"data: " + b"x" * 900) == []
    assert decoder.end() == []


def test_an_event_of_many_lines_is_refused_at_the_limit() -> None:
    decoder = sse.Decoder(max_event_bytes=1000)
    for _ in range(1000):
        decoder.feed(b"data:\n")
    with pytest.raises(MalformedStream):
        decoder.feed(b"data:\n")


def test_an_event_in_one_piece_is_refused_above_the_limit() -> None:
    with pytest.raises(MalformedStream):
        sse.Decoder(max_event_bytes=1000).feed(b"data: " + b"x" * 1001 + b"\n\n")


def test_the_limit_is_for_one_event_not_for_the_stream() -> None:
    decoder = sse.Decoder(max_event_bytes=1000)
    for size in (1, 7, 64, 900):
        for _ in range(50):
            data = b"event: e\ndata: " + b"x" * 900 + b"\n\n: comment\n\n"
            events = [event for at in range(0, len(data), size) for event in decoder.feed(data[at : at + size])]
            assert events == [sse.ServerSentEvent("e", "x" * 900)]


def test_comments_without_end_take_no_memory() -> None:
    decoder = sse.Decoder(max_event_bytes=1000)
    for _ in range(5000):
        assert decoder.feed(b": keep alive\n") == []


LINES = [b"data: x", b"data:", b"event: y", b":c", b"\n", b"\r", b"\r\n", b"\xef\xbb\xbf", b"\xe2\x80\xa8", b"\x00", b"\xff"]


@pytest.mark.parametrize("seed", range(300))
def test_any_lines_are_read_and_cuts_do_not_matter(seed: int) -> None:
    chance = random.Random(seed)
    pieces = [chance.choice(LINES) if chance.random() < 0.9 else chance.randbytes(9) for _ in range(chance.randrange(30))]
    data = b"".join(pieces)
    assert decode(*pieces) == decode(data) == decode(*(data[at : at + 1] for at in range(len(data))))


def test_what_looks_like_the_usual_is_read_by_the_grammar_all_the_same() -> None:
    chance = random.Random(7)
    words = [b"data: ", b"event: ", b"data:", b"data", b"id: 1", b"\xc3\xa9", b" ", b"\n", b"\n\n", b"\n\n", b"\r", b"\xff"]
    for _ in range(5_000):
        wire = b"".join(chance.choices(words, k=chance.randrange(1, 14))) + b"\n\n"
        assert decode(b"data: 0\n\n", wire) == decode(b"data: 0\n\n", *(wire[at : at + 1] for at in range(len(wire)))), wire


@pytest.mark.parametrize(
    "text",
    ["", "a", "\n\r\n", "\u2028\u2029\x85", "\x00\x1f\x7f", "😀 日本", 'data: "x"\n\n', "\\u2028", "\ufeff", "\x0b\x0c\x1c"],
)
def test_what_is_written_is_read_again(text: str) -> None:
    event = ev.OutputTextDelta(sequence_number=3, output_index=0, item_id="msg_1", content_index=0, delta=text, logprobs=[])
    wire = sse.encode(event)
    [sent] = decode(wire)
    assert sent.event == "response.output_text.delta"
    assert ev.parse(json.loads(sent.data)) == event
    assert len(wire.decode().splitlines()) == 3, "a reader that takes U+2028 for a line end sees whole lines"


def test_our_inner_events_are_never_written() -> None:
    with pytest.raises(ValueError, match="never sent"):
        sse.encode(ev.ResponseCancelled())


def test_a_type_cannot_break_out_of_its_line() -> None:
    wire = sse.encode(ev.parse({"type": "acme:x\ndata: {}\n\nevent: y"}))
    assert len(decode(wire)) == 1
