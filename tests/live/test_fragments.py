"""What a run shows while it grows is HTML, through the templates, and the same as a page that is opened at that moment."""

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


def test_words_arrive_as_html_not_as_text() -> None:
    fragments = Fragments(response_id="resp_1")
    html = "".join(
        fragments.render(events) for events in normalised("Hello **bold words** and `code`, at some length.\n\n- a\n- b\n")
    )
    assert "<p>" in html
    assert "<strong>bold words</strong>" in html
    assert "&lt;p&gt;" not in html
    assert "&lt;strong" not in html


def test_what_a_model_writes_as_html_stays_text() -> None:
    fragments = Fragments(response_id="resp_1")
    html = "".join(fragments.render(events) for events in normalised("<script>alert(1)</script> <img src=x onerror=alert(1)>"))
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
