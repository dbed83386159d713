"""Finished texts are rendered once, and take no more memory than they may."""

from chat import markdown
from chat.live.rendered import Rendered

TEXT = "Some **bold** words."


def test_a_text_is_rendered_once_and_a_changed_one_again() -> None:
    rendered = Rendered()
    first = rendered.html("part", TEXT)
    assert first == markdown.render(TEXT, prefix="part")
    assert rendered.html("part", TEXT) is first
    assert rendered.html("part", TEXT + " More.") == markdown.render(TEXT + " More.", prefix="part")
    assert rendered.html("other", TEXT) == markdown.render(TEXT, prefix="other")


def test_what_is_known_already_is_not_rendered() -> None:
    rendered = Rendered()
    html = markdown.render(TEXT, prefix="part")
    rendered.keep("part", TEXT, html)
    assert rendered.html("part", TEXT) is html


def test_the_last_used_are_kept_within_the_bound() -> None:
    rendered = Rendered(most=2_000)
    first = rendered.html("part-0", TEXT)
    for number in range(1, 100):
        rendered.html(f"part-{number}", TEXT)
        assert rendered.html("part-0", TEXT) is first
        assert 0 < len(rendered) <= 2_000
    for number in range(100, 150):
        rendered.html(f"part-{number}", TEXT)
    assert rendered.html("part-0", TEXT) is not first


def test_one_that_is_too_large_drives_no_others_out() -> None:
    rendered = Rendered(most=2_000)
    first = rendered.html("part", TEXT)
    assert rendered.html("large", "word " * 1_000) == markdown.render("word " * 1_000, prefix="large")
    assert rendered.html("part", TEXT) is first


def test_the_same_part_again_and_again_is_counted_once() -> None:
    rendered = Rendered()
    for number in range(20):
        rendered.html("part", f"{TEXT} {number}")
    size = len(f"{TEXT} 19") + len(markdown.render(f"{TEXT} 19", prefix="part"))
    assert len(rendered) == size
