"""While a text grows: what is shown depends on the text alone, never on its cuts, and ends as the finished text."""

import random
import re
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chat.markdown import Append, Replace, Stream, render
from tests.dom import Page, tree

SAMPLES = {path.stem: path.read_bytes().decode() for path in sorted((Path(__file__).parent / "markdown").glob("*.md"))}
SMALL = [name for name, text in SAMPLES.items() if len(text) <= 1_000]
LARGE = [name for name in SAMPLES if name not in SMALL]


def fed(text: str) -> str:
    stream = Stream("p")
    stream.feed(text)
    return stream.html()


def holds(text: str, cuts: Iterable[int], expected: dict[int, str]) -> None:
    """Both laws, for one way to cut the text. `expected` keeps what a stream shows that got the prefix in one piece."""
    stream, page, at = Stream("p"), Page("p"), 0
    for cut in [*sorted(set(cuts) - {0, len(text)}), len(text)]:
        page.apply(stream.feed(text[at:cut]))
        at = cut
        if cut not in expected:
            expected[cut] = fed(text[:cut])
        assert stream.html() == expected[cut], (text, cut)
        assert page.html() == tree(stream.html()).html(), (text, cut)
    page.apply(stream.finish())
    assert stream.html() == render(text, prefix="p")
    assert page.html() == tree(stream.html()).html()


@pytest.mark.parametrize("name", SMALL)
def test_every_cut_of_a_small_text_shows_the_same(name: str) -> None:
    text, expected = SAMPLES[name], dict[int, str]()
    holds(text, range(len(text)), expected)
    for cut in range(1, len(text)):
        stream = Stream("p")
        stream.feed(text[:cut])
        stream.feed(text[cut:])
        assert stream.html() == expected[len(text)], (name, cut)


@pytest.mark.parametrize("name", LARGE)
def test_300_cuts_of_a_large_text_show_the_same(name: str) -> None:
    text, expected = SAMPLES[name], dict[int, str]()
    cuts = random.Random(name).sample(range(1, len(text)), 300)
    for start in range(0, 300, 100):
        holds(text, cuts[start : start + 100], expected)


@pytest.mark.soak
@pytest.mark.parametrize("name", SAMPLES)
def test_every_cut_of_every_text_shows_the_same(name: str) -> None:
    text, expected = SAMPLES[name], dict[int, str]()
    for step in range(1, 8):
        holds(text, range(0, len(text), step), expected)


PIECES = [
    "\n",
    "\n\n",
    " ",
    "  ",
    "    ",
    "\t",
    "a",
    "word ",
    "foo bar baz. ",
    "**",
    "*",
    "_",
    "`",
    "``",
    "```",
    "```py\n",
    "~~~",
    "~~",
]
PIECES += [
    "[",
    "]",
    "(",
    ")",
    "](",
    "[x](http://a.b)",
    "![x](http://a.b)",
    "[a]: /b\n",
    "[^1]",
    "[^1]: n",
    "$",
    "$$",
    "\\(",
    "\\)",
    "\\[",
    "\\]",
    "$x$",
    "\\",
]
PIECES += [
    "> ",
    "> > ",
    "- ",
    "* ",
    "1. ",
    "2. ",
    "- [ ] ",
    "- [x] ",
    "# ",
    "---",
    "===",
    "***",
    "<b>",
    "&amp;",
    "http://x.y ",
    "1",
    "-",
    "=",
]
PIECES += [
    ":",
    "!",
    "  - ",
    "|",
    "| a | b |\n",
    "|--|--|\n",
    "\r",
    "\r\n",
    "\0",
    "é",
    "字",
    "👍",
    "مر",
    "\ud83d",
    "\ude00",
    "\xa0",
]


@settings(derandomize=True, max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=30), st.sets(st.integers(1, 200), max_size=12))
def test_no_text_can_be_cut_so_that_it_shows(pieces: list[str], cuts: set[int]) -> None:
    text = "".join(pieces)
    holds(text, {cut for cut in cuts if cut < len(text)}, {})


@pytest.mark.soak
@settings(derandomize=True, max_examples=20_000, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=40), st.sets(st.integers(1, 300), max_size=20))
def test_no_text_at_all_can_be_cut_so_that_it_shows(pieces: list[str], cuts: set[int]) -> None:
    text = "".join(pieces)
    holds(text, {cut for cut in cuts if cut < len(text)}, {})


# Texts whose last block has ended, and that refer to nothing defined later.
SETTLED = [
    "answer",
    "cjk",
    "crlf",
    "emphasis",
    "headings",
    "html",
    "lists",
    "lists_deep",
    "long_code",
    "long_table",
    "quotes",
    "rtl",
    "tables",
]


@pytest.mark.parametrize("name", SETTLED)
def test_an_ordinary_text_needs_no_correction_at_its_end(name: str) -> None:
    stream = Stream("p")
    stream.feed(SAMPLES[name])
    before = unwrapped(stream.html())
    ops = stream.finish()
    assert unwrapped(stream.html()) == before
    assert len(ops) <= 1  # the words after the last mark of the last paragraph, which were only ever added to


def test_an_open_fence_only_appends_and_gets_its_colours_when_it_closes() -> None:
    stream = Stream("p")
    stream.feed("```python\n")
    assert stream.feed("x = <1") == [Append("p-0-code", "x = &lt;1")]
    assert stream.feed("2\n") == [Append("p-0-code", "2\n")]
    assert stream.feed("``") == []
    (op,) = stream.feed("`\n")
    assert isinstance(op, Replace)
    assert op.target == "p-0"
    assert '<span class="n">x</span>' in op.html


def test_finished_items_and_rows_stay_where_they_are() -> None:
    stream = Stream("p")
    stream.feed("- one\n- two")
    assert stream.feed(" more") == [Replace("p-0-1", "<p>two more</p>")]
    assert stream.feed("\n- th") == [Append("p-0-list", '<li id="p-0-2"><p>th</p></li>')]
    stream.feed("\n\n|a|b|\n|-|-|\n|1|2|\n|3")
    assert stream.feed("4|5") == [Replace("p-1-1", "<td>34</td><td>5</td>")]
    assert stream.feed("\n|6") == [Append("p-1-rows", '<tr id="p-1-2"><td>6</td><td></td></tr>')]


def unwrapped(html: str) -> str:
    return re.sub(r'<span class="tail"[^>]*>([^<]*)</span>', r"\1", html)


def shown(text: str) -> str:
    return unwrapped(tree(fed(text)).html()).removeprefix('<div class="block" dir="auto" id="p-0">').removesuffix("</div>")


WORDS = st.sampled_from(
    [" ", " ", " ", "a", "bc", "Ü", "**", "*", "_", "`", "~~", "[x]", "](y)", "$", "\\", "<", "&amp;", ":", "!", "5"]
)


@given(st.lists(WORDS, max_size=24))
@settings(max_examples=400, deadline=None)
def test_words_after_the_last_mark_look_as_if_they_had_been_rendered(words: list[str]) -> None:
    """In a quote everything is rendered each time; at the top level such words are only added."""
    text = "Text " + "".join(words)
    top, quoted = shown(text), shown(f"> {text}")
    assert (
        quoted.removeprefix("<blockquote>").removesuffix("</blockquote>").replace("</p>", "").rstrip()
        == top.replace("</p>", "").rstrip()
    )


def test_words_that_follow_each_other_are_only_added() -> None:
    stream = Stream("p")
    stream.feed("Some **bold** words")
    assert stream.feed(" and") == [Append("p-0-tail", " and")]
    assert stream.feed(" more") == [Append("p-0-tail", " more")]
    (op,) = stream.feed(", with `code")
    assert op == Replace("p-0", "<p>Some <strong>bold</strong> words and more, with <code>code</code></p>")


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("a **bo", "<p>a <strong>bo</strong></p>"),
        ("a **", "<p>a </p>"),
        ("a **bold*", "<p>a <strong>bold</strong></p>"),
        ("a **bold** and *it", "<p>a <strong>bold</strong> and <em>it</em></p>"),
        ("a ***both", "<p>a <em><strong>both</strong></em></p>"),
        ("a ~~go", "<p>a <del>go</del></p>"),
        ("a `co", "<p>a <code>co</code></p>"),
        ("a **b `co", "<p>a <strong>b <code>co</code></strong></p>"),
        ("a [te", "<p>a te</p>"),
        ("a [**te", "<p>a <strong>te</strong></p>"),
        ("a [text](https://exa", "<p>a text</p>"),
        ("a $x^2", "<p>a <code>x^2</code></p>"),
        ("it costs $5 or", "<p>it costs $5 or</p>"),
        ("2**10 is", "<p>2**10 is</p>"),
        ("Text\n-", "<p>Text</p>"),
        ("Text\n\n| a | b |\n|--", "<p>Text</p>"),
        ("1", ""),
        ("```pyth", ""),
    ],
)
def test_what_is_open_is_shown_as_if_it_were_closed(text: str, html: str) -> None:
    assert shown(text) == html


def test_links_defined_late_are_put_right_at_the_end() -> None:
    stream = Stream("p")
    stream.feed("See [the docs].\n\nMore.\n\n[the docs]: https://docs.example\n")
    (op,) = stream.finish()
    assert op.target == "p-0"
    assert 'href="https://docs.example"' in op.html


def test_lines_held_back_in_a_quote_in_a_quote_are_shown_when_it_ends() -> None:
    text = "> > " + "x" * 61 + "\n"
    text = text * 72 + "- an item\n\nend"
    holds(text, [72 * 66 + 3, 72 * 66 + 6], {})


def test_a_stream_begun_anew_with_the_text_so_far_goes_on_as_the_first() -> None:
    first, second, text = Stream("p"), Stream("p"), SAMPLES["answer"]
    for at in range(0, 300, 7):
        first.feed(text[at : at + 7])
    second.feed(text[:301])
    assert first.feed(text[301:330]) == second.feed(text[301:330])


def test_after_the_end_nothing_changes() -> None:
    stream = Stream("p")
    stream.feed("a **b")
    stream.finish()
    assert stream.finish() == []
    assert stream.html() == render("a **b", prefix="p")


@pytest.mark.parametrize("text", ["word " * 600, "- " + "word " * 1_500, "> " + "word " * 1_500, "- a\n  - " + "word " * 1_500])
def test_no_blank_is_lost_where_a_long_block_goes_on_as_plain_text(text: str) -> None:
    stream, shown = Stream("p"), ""
    for at in range(0, len(text), 5):
        stream.feed(text[at : at + 5])
        shown = tree(stream.html()).text()
        assert "wordword" not in shown, at
    assert shown.count("word") == text.count("word")
