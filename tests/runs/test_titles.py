"""A title is what a model meant by its answer: without what small models say around it."""

import pytest

from chat.runs.titles import LONGEST, clean


@pytest.mark.parametrize(
    ("answer", "title"),
    [
        ("The capital of France", "The capital of France"),
        ('The title is "The capital of France is Paris."', "The capital of France is Paris"),
        ("Title: Tides and moons", "Tides and moons"),
        ("**Title:** Tides and moons", "Tides and moons"),
        ("The title is: “Tides and moons”", "Tides and moons"),
        ("Conversation title “Tides”", "Tides"),
        ("\n\n# Tides and moons\nmore", "Tides and moons"),
        ("<think>\nA title, hm.\n</think>\n\nTides", "Tides"),
        ("Title deeds of a house", "Title deeds of a house"),
        ("The title is missing", "The title is missing"),
        ("Titles and tides", "Titles and tides"),
        ("x" * (LONGEST + 1), ""),
        ("…\n", "…"),
        ("", ""),
    ],
)
def test_a_title_is_the_first_line_without_decoration(answer: str, title: str) -> None:
    assert clean(answer) == title
