"""What a run shows while it grows is HTML, through the templates, and the same as a page that is opened at that moment."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from chat.live.fragments import Fragments
from chat.live.views import PartView
from chat.models.ids import new_id
from chat.protocol import events as wire
from chat.protocol.normalize import Normalizer

SAMPLES = sorted((Path(__file__).parent.parent / "markdown").glob("*.md"))
STEP = 23


def normalised(text: str) -> Iterator[list[wire.Event]]:
    """The well-formed events of a reply, delta by delta."""
    normalizer = Normalizer(response_id="resp_1", model="m", new_id=new_id, created_at=0)
    for at in range(0, len(text), STEP):
        yield normalizer.feed(wire.parse({"type": "response.output_text.delta", "delta": text[at : at + STEP]}))


def shown(text: str) -> str:
    fragments = Fragments(response_id="resp_1")
    return "".join(message for events in normalised(text) for message in fragments.render(events))


def test_words_arrive_as_html_not_as_text() -> None:
    html = shown("Hello **bold words** and `code`, at some length.\n\n- a\n- b\n")
    assert "<p>" in html
    assert "<strong>bold words</strong>" in html
    assert "&lt;p&gt;" not in html
    assert "&lt;strong" not in html


def test_what_a_model_writes_as_html_stays_text() -> None:
    html = shown("<script>alert(1)</script> <img src=x onerror=alert(1)>")
    assert "<script" not in html
    assert "<img" not in html


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
def test_a_page_opened_at_any_moment_shows_what_the_stream_has_made(sample: Path) -> None:
    text = sample.read_bytes().decode()[:3_000].replace("\x00", "")
    fragments, said = Fragments(response_id="resp_1"), ""
    for number, events in enumerate(normalised(text)):
        fragments.render(events)
        said += "".join(event.delta for event in events if isinstance(event, wire.OutputTextDelta))
        if number % 7 == 0 and fragments.streams:
            ((part, stream),) = fragments.streams.items()
            assert PartView(part, "output_text", said, growing=True).html == stream.html()


def test_nothing_is_put_into_an_element_that_comes_with_the_same_message() -> None:
    text = "# A\n\n" + "- item **one**\n" * 5 + "\n```py\nx = 1\n```\n\nend"
    normalizer = Normalizer(response_id="resp_1", model="m", new_id=new_id, created_at=0)
    raw = [{"type": "response.output_text.delta", "delta": text[at : at + STEP]} for at in range(0, len(text), STEP)]
    events = [event for one in (*raw, {"type": "response.completed"}) for event in normalizer.feed(wire.parse(dict(one)))]
    for size in (len(events), 7, 3, 1):
        fragments = Fragments(response_id="resp_1")
        for at in range(0, len(events), size):
            for message in fragments.render(events[at : at + size]):
                partials = re.findall(r'<hx-partial hx-target="#([^"]+)"(.*?)</hx-partial>', message, flags=re.DOTALL)
                for target, _ in partials:
                    others = "".join(content for other, content in partials if other != target)
                    assert f'id="{target}"' not in others


@pytest.mark.parametrize(("words", "redrawn"), [(50, True), (10_000, False)])
def test_the_end_of_a_very_large_part_is_left_to_the_finished_response(words: int, *, redrawn: bool) -> None:
    normalizer = Normalizer(response_id="resp_1", model="m", new_id=new_id, created_at=0)
    fragments, text = Fragments(response_id="resp_1"), "[late] " + "words " * words + "\n\n[late]: https://late.example"
    fragments.render(normalizer.feed(wire.parse({"type": "response.output_text.delta", "delta": text})))
    end = "".join(fragments.render(normalizer.feed(wire.parse({"type": "response.completed"}))))
    assert ('href="https://late.example"' in end) is redrawn
    assert not fragments.streams
