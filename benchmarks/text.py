"""The reply that the benchmarks' model server writes: Markdown in which every token carries its own number.

A token's mark is `z` and four digits. Whoever sees a mark knows which token it was, and the table of send times when it was sent.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import cycle

MARK = re.compile(rb"z(\d{4})")
MOST = 10_000  # four digits


def _heading() -> Iterator[str]:
    yield "\n\n## {}"
    yield from [" {}"] * 4


def _paragraph() -> Iterator[str]:
    yield "\n\n{}"
    for number in range(1, 56):
        yield {5: " **{}**", 17: " `{}`", 29: " {}.", 41: " *{}*"}.get(number, " {}")


def _list() -> Iterator[str]:
    for item in range(6):
        yield "\n\n- {}" if item == 0 else "\n- {}"
        yield from [" {}"] * 7


def _code() -> Iterator[str]:
    yield "\n\n```python\n{}"
    yield from [" = {}", "({}", ", {})"]
    for _ in range(5):
        yield from ["\n{}", " = {}", " + {}", " # {}", " {}"]
    yield "\nreturn {}\n```"


def _table() -> Iterator[str]:
    yield "\n\n| {}"
    yield " | {} |\n|---|--:|"
    for _ in range(5):
        yield from ["\n| {}", " {}", " | {} |"]


@lru_cache
def tokens(count: int) -> tuple[str, ...]:
    """A reply of so many tokens."""
    shapes: list[str] = []
    for block in cycle((_heading, _paragraph, _list, _paragraph, _code, _paragraph, _table, _paragraph)):
        shapes += block()
        if len(shapes) >= count:
            break
    return tuple(shape.format(f"z{number:04}").lstrip("\n" if number == 0 else "") for number, shape in enumerate(shapes[:count]))


def seen(text: bytes) -> list[int]:
    """The numbers of the tokens in this text, in its order."""
    return [int(mark) for mark in MARK.findall(text)]
