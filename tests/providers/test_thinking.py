"""Thoughts between <think> tags, however the text is cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.providers.thinking import ThinkSplitter


def split(pieces: list[str]) -> tuple[str, str]:
    splitter = ThinkSplitter()
    found = [part for piece in pieces for part in splitter.feed(piece)] + splitter.end()
    return tuple("".join(text for kind, text in found if kind == wanted) for wanted in ("reasoning", "text"))  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("text", "thoughts", "answer"),
    [
        ("<think>\nhm\n</think>\n\nYes", "hm", "Yes"),
        ("  <think>a</think>b", "a", "b"),
        ("<think></think>b", "", "b"),
        ("<think>never closed", "never closed", ""),
        ("<think>a < b </thin", "a < b </thin", ""),
        ("<thin air", "", "<thin air"),
        ("Use <think> tags", "", "Use <think> tags"),
        ("  plain", "", "  plain"),
        ("<", "", "<"),
        ("", "", ""),
        ("<think>a</think>", "a", ""),
    ],
)
def test_thoughts_and_answer_come_apart(text: str, thoughts: str, answer: str) -> None:
    assert split([text]) == (thoughts, answer)


def test_a_line_break_after_the_tag_is_none_of_the_thought_in_whatever_piece_it_comes() -> None:
    assert split(["<think>", "\n", "\n", "<", "hm</think>", "Yes"]) == ("<hm", "Yes")


@given(st.lists(st.sampled_from(["<", "think>", "</think>", "\n", " ", "a", "<think>", "</", "b"]), max_size=12), st.data())
def test_cuts_make_no_difference(parts: list[str], data: st.DataObject) -> None:
    text = "".join(parts)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=6)))
    pieces = [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    whole = split([text])
    assert [part.rstrip("\n") for part in split(pieces)] == [part.rstrip("\n") for part in whole]
