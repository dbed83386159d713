"""Twice the text costs about twice the work, whatever the text. Work is counted (calls), not timed."""

import sys
from collections.abc import Callable
from types import FrameType

import pytest

from chat.markdown import Stream, plain, render

WORDS = "The quick brown fox jumps over the **bold** dog and `naps` under the old tree. "
GROWING = {
    "one paragraph": ("", WORDS),
    "one unsettled paragraph": ("It costs $5, [and `", WORDS),
    "one line of letters": ("", "abcdefghij"),
    "one list": ("", "- an item with **bold** words\n"),
    "one item": ("- a\n", "  - nested **bold** words\n"),
    "one deep item": ("- a\n  - b\n", "    - nested **bold** words\n"),
    "one ordered list": ("", "1. an item\n   more of it\n\n"),
    "one table": ("| a | b |\n|---|---|\n", "| cell | **bold** |\n"),
    "one row": ("| a | b |\n|---|---|\n", "cell **bold** "),
    "one quote": ("", "> a line with *emphasis* in it\n"),
    "one fence": ("```python\n", "x = 1  # comment\n"),
    "one fence in an item": ("- ```python\n", "  x = 1  # comment\n"),
    "lines": ("", "one line after another\n"),
    "rows that are no table": ("", "| a | b | c |\n"),
    "link definitions": ("", "[a]: https://a.example 'b'\n"),
    "footnotes": ("", "[^a]: a note\n"),
    "formula": ("$$\n", "x + y\n"),
    "indented": ("", "    code line\n"),
    "brackets": ("", "["),
    "stars": ("", "**a* "),
}
WHOLE = {
    **GROWING,
    "images": ("", "!["),
    "links": ("", "[a]("),
    "pairs": ("", "[[a]"),
    "ticks": ("", "``a` "),
    "quotes in quotes": ("", "> "),
    "lists in lists": ("", "- "),
    "dollars": ("", "$a "),
    "open maths": ("", "\\("),
    "open blocks of maths": ("", "$$\nx\n"),
    "angles": ("", "<a "),
    "entities": ("", "&amp"),
    "underscores": ("", "_a __b "),
    "tildes": ("", "~~a ~"),
    "urls": ("", "http://a.b "),
    "backslashes": ("", "\\"),
    "delimiter rows": ("", "|-"),
    "pipes": ("", "a|b\n-|-\n"),
}


def work(action: Callable[[], object]) -> int:
    """Calls made, Python's and C's."""
    count = 0

    def counter(frame: FrameType, event: str, argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(counter)
    try:
        action()
    finally:
        sys.setprofile(before)
    return count


def sized(shape: tuple[str, str], size: int) -> str:
    first, unit = shape
    return (first + unit * (size // len(unit) + 1))[:size]


def stream(text: str, *, step: int) -> int:
    """Feeds the text and gives the number of characters sent."""
    growing, sent = Stream("p"), 0
    for at in range(0, len(text), step):
        sent += sum(len(op.html) for op in growing.feed(text[at : at + step]))
    return sent + sum(len(op.html) for op in growing.finish())


@pytest.mark.parametrize("name", GROWING)
def test_a_block_that_never_ends_is_not_rendered_again_and_again(name: str) -> None:
    small, large = sized(GROWING[name], 8_000), sized(GROWING[name], 16_000)
    stream(small[:2_000], step=100)  # caches of patterns and lexers
    assert work(lambda: stream(large, step=60)) <= 2.6 * work(lambda: stream(small, step=60)) + 20_000


@pytest.mark.parametrize("name", GROWING)
def test_what_is_sent_grows_with_the_text_and_not_with_its_square(name: str) -> None:
    assert stream(sized(GROWING[name], 16_000), step=60) <= 3.2 * stream(sized(GROWING[name], 8_000), step=60) + 20_000


@pytest.mark.parametrize("name", ["one paragraph", "one unsettled paragraph", "one row", "brackets", "stars"])
def test_of_a_line_that_never_ends_no_more_is_rendered(name: str) -> None:
    growing = Stream("p")
    growing.feed(sized(GROWING[name], 120_000))
    assert work(lambda: growing.feed(sized(("", GROWING[name][1]), 300_000))) < 10_000


@pytest.mark.parametrize("name", WHOLE)
def test_a_finished_text_costs_what_its_length_costs(name: str) -> None:
    small, large = sized(WHOLE[name], 10_000), sized(WHOLE[name], 20_000)
    render(f"{small}.", prefix="p")  # caches of patterns and lexers; what was read just now is not read again
    assert work(lambda: render(large, prefix="p")) <= 2.6 * work(lambda: render(small, prefix="p")) + 20_000
    assert len(render(large, prefix="p")) <= 60 * len(large)
    plain(large)


@pytest.mark.parametrize(
    "text",
    ["[" * 50_000, "*" * 50_000, "> " * 20_000, "- " * 20_000, "x" * 1_000_000, "(" * 50_000, "`" * 50_000, "{" * 9_000 + "$"],
)
def test_texts_made_to_hurt_are_rendered_all_the_same(text: str) -> None:
    growing = Stream("p")
    growing.feed(text)
    growing.finish()
    assert growing.html() == render(text, prefix="p")


@pytest.mark.parametrize("mark", ["> ", "- ", "1. ", "> - ", "- > 1. "])
def test_however_deep_the_nesting_the_stack_is_not_exhausted(mark: str) -> None:
    stream, text = Stream("p"), mark * 5_000 + "x\n\nafter\n"
    for at in range(0, len(text), 997):
        stream.feed(text[at : at + 997])
    stream.finish()
    assert stream.html() == render(text, prefix="p")
