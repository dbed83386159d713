"""Blocks that the parser gets whole: paragraphs and whatever else it makes of some lines, and formulas."""

import re
from collections.abc import Sequence
from html import escape

from chat.markdown import pace
from chat.markdown.block import piece_node
from chat.markdown.html import MATHS, block_html, groups
from chat.markdown.lines import DELIMITERS, SETEXT, indent, interrupts, kind
from chat.markdown.memory import Memory
from chat.markdown.nodes import Node
from chat.markdown.paragraph import is_plain, marked, plain_paragraph
from chat.markdown.syntax import MAX_MATHS, parse
from chat.markdown.tail import closed

HEADING = re.compile(r"<h[1-6]>")


class Leaf:
    """Lines for the parser: a paragraph, heading, rule, indented code, link definitions."""

    def __init__(self, memory: Memory) -> None:
        self.finished = False
        self._memory = memory
        self._lines: list[str] = []
        self._made: list[str] | None = None

    def takes(self, line: str) -> bool:
        if self.finished or self._made is not None:
            return False
        what = kind(line)
        if self._lines and kind(self._lines[0]) == "indented":
            return what in ("indented", "blank")
        return (
            what in ("text", "indented")
            or (what == "item" and not interrupts(line))
            or (what == "rule" and self._underlines(line))
        )

    def _underlines(self, line: str) -> bool:
        return bool(self._lines) and SETEXT.fullmatch(line) is not None

    def holds(self, tail: str) -> bool:
        return False

    def lazy(self) -> bool:
        return not self.finished and kind(self._lines[0]) == "text"

    def add(self, line: str) -> None:
        self.finished = kind(line) in ("heading", "rule") if not self._lines else self._underlines(line) and self.lazy()
        self._lines.append(line)

    def take_head(self, line: str) -> str | None:
        """The last line, taken away, when `line` makes it the head of a table."""
        head = self._lines[-1]
        if not (self.lazy() and "|" in head and DELIMITERS.fullmatch(line)):
            return None
        return self._lines.pop() if parse(f"{head}\n{line}", {})[0].type == "table_open" else None

    def empty(self) -> bool:
        return not self._lines

    def close(self) -> None:
        self._made = _parts("\n".join(self._lines), self._memory, self._memory.env(growing=False))
        if self._made and HEADING.match(self._made[0]):
            self._memory.headed(_level(self._lines))
        self._memory.restart()

    def _pieces(self, tail: str | None, ids: Sequence[str] = ()) -> list[pace.Piece]:
        if self._made is not None:
            return [pace.Piece(html) for html in self._made]
        if tail is None:
            return [pace.Piece(html) for html in self._memory.recent("\n".join(self._lines), self._provisional)]
        src = self._so_far(tail)
        count = self._rendered(src, paragraphs=bool(ids))
        parts = self._memory.recent("\n" + src[:count], self._growing)
        last = pace.piece(parts[-1] if parts else "", src[count:], f"{ids[len(parts) - 1]}-tail" if parts and ids else "")
        return [*map(pace.Piece, parts[:-1]), last] if parts else []

    def _rendered(self, src: str, *, paragraphs: bool) -> int:
        """How much of it is to be rendered; the rest is shown as text."""
        count = pace.rendered(len(src), pace.LEAF)
        if count < len(src):
            return len(src[:count].rstrip())  # the blank between stays with the text that follows
        end = marked(src, self._memory) if paragraphs else None
        return len(src) if end is None else end

    def _so_far(self, tail: str) -> str:
        """Without a last line that may become the head of a table, as long as the second line has not come."""
        lines = [*self._lines, tail] if tail and not tail.lstrip().startswith("|") else self._lines
        if not tail and lines and lines[-1].lstrip().startswith("|"):
            lines = lines[:-1]
        return "\n".join(lines)

    def _provisional(self, src: str) -> list[str]:
        return _parts(src, self._memory, self._memory.env(growing=True))

    def _growing(self, src: str) -> list[str]:
        src = src[1:]
        if is_plain(src):
            return [plain_paragraph(src, self._memory)]
        return self._provisional(src if indent(src) >= 4 else closed(src))

    def html(self, tail: str | None) -> str:
        return "".join(piece.html() for piece in self._pieces(tail))

    def nodes(self, ids: Sequence[str], tail: str | None) -> list[Node]:
        return [piece_node(ids[n], piece) for n, piece in enumerate(self._pieces(tail, ids))]


def _parts(src: str, memory: Memory, env: dict[str, object]) -> list[str]:
    if is_plain(src):
        return [plain_paragraph(src, memory, env=env)]
    tokens = parse(src, env, growing=True)
    return [html for group in groups(tokens) if (html := block_html(group, memory))]


def _level(lines: Sequence[str]) -> int:
    """The level that a heading is written with: by its number signs, or by the line under it."""
    first, last = lines[0].lstrip(), lines[-1].strip()
    if first.startswith("#"):
        return len(first) - len(first.lstrip("#"))
    return 1 if last.startswith("=") else 2


class Maths:
    """A formula on lines of its own. While it is open its source is shown."""

    def __init__(self, memory: Memory) -> None:
        self.finished = False
        self._memory = memory
        self._lines: list[str] = []
        self._size = 0
        self._made: list[str] | None = None

    def takes(self, line: str) -> bool:
        return not self.finished and bool(line.strip()) and self._size < MAX_MATHS

    def holds(self, tail: str) -> bool:
        return False

    def lazy(self) -> bool:
        return False

    def add(self, line: str) -> None:
        self._lines.append(line)
        self._size += len(line)
        closing = r"\]" if self._lines[0].lstrip().startswith("\\") else "$$"
        self.finished = closing in (line.lstrip()[2:] if len(self._lines) == 1 else line)

    def close(self) -> None:
        self._made = _parts("\n".join(self._lines), self._memory, self._memory.env(growing=False))

    def _parts(self, tail: str | None) -> list[str]:
        if self._made is not None:
            return self._made
        src = "\n".join([*self._lines, tail or ""])
        if tail is None:
            return self._memory.recent(src, lambda src: _parts(src, self._memory, self._memory.env(growing=True)))
        source = re.sub(r"^\s*(\$\$|\\\[)\s*|(\$\$?|\\\]?)?\s*$", "", src)
        return [f'{MATHS[0]}<code class="tex pending">{escape(source, quote=False)}</code>{MATHS[1]}'] if source else []

    def html(self, tail: str | None) -> str:
        return "".join(self._parts(tail))

    def nodes(self, ids: Sequence[str], tail: str | None) -> list[Node]:
        return [Node(ids[n], part) for n, part in enumerate(self._parts(tail))]
