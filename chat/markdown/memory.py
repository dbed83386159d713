"""What one text has taught us so far: its link references, and the costly pieces already made."""

from collections import ChainMap
from collections.abc import Callable
from typing import Any

from chat.markdown.code import FIGURE_CLOSE, figure_open, highlight, language_of
from chat.markdown.maths import mathml

_RECENT = 4  # open leaves rendered last


class Memory:
    """One per text. Code and maths are made once however often their block is rendered. `item`: the id of what holds the text."""

    def __init__(self, prefix: str) -> None:
        self.item = prefix.partition("-")[0]
        self.references: dict[str, Any] = {}
        self.start = ("", "")  # the settled start of the paragraph that is open: source and HTML
        self.marked: tuple[str, int | None] = ("", None)  # the open paragraph, and up to where there are marks in it
        self.unsettled: set[tuple[int, int]] = set()  # parts of it that were tried in vain: from where, how long
        self._headings: tuple[int, ...] = ()  # the levels of the headings that the text stands under, as written
        self._recent: dict[tuple[str, int, tuple[int, ...]], list[str]] = {}
        self._codes: dict[tuple[str, str], str] = {}
        self._maths: dict[tuple[str, bool], str] = {}

    def env(self, *, growing: bool) -> dict[str, Any]:
        """For the parser. What an open block defines is not kept: it may still become something else."""
        return {"references": ChainMap({}, self.references) if growing else self.references}

    def restart(self) -> None:
        """The paragraph that was open has ended."""
        self.start = ("", "")
        self.unsettled.clear()

    def heading(self, level: int) -> str:
        """The tag of a heading written with this level. The page has its h1 already, and no level is skipped below it."""
        return f"h{min(2 + len(self._above(level)), 6)}"

    def headed(self, level: int) -> None:
        """A heading of this level has ended."""
        self._headings = (*self._above(level), level)

    def restart_headings(self) -> None:
        """The text is read once more, from its start."""
        self._headings = ()

    def _above(self, level: int) -> tuple[int, ...]:
        return tuple(above for above in self._headings if above < level)

    def recent(self, src: str, render: Callable[[str], list[str]]) -> list[str]:
        """`render(src)`, kept for the next delta."""
        key = (src, len(self.references), self._headings)
        if key not in self._recent:
            while len(self._recent) >= _RECENT:
                del self._recent[next(iter(self._recent))]
            self._recent[key] = render(src)
        return self._recent[key]

    def maths(self, source: str, *, display: bool) -> str:
        """MathML, not yet sanitised."""
        key = (source, display)
        if key not in self._maths:
            self._maths[key] = mathml(source, display=display)
        return self._maths[key]

    def figure(self, code: str, info: str) -> str:
        """A finished code block, sanitised and with its header."""
        language = language_of(info)
        key = (code, language)
        if key not in self._codes:
            self._codes[key] = highlight(code, language)
        return figure_open(language) + self._codes[key] + FIGURE_CLOSE
