"""A table, row by row."""

from collections.abc import Sequence

from markdown_it.rules_block.table import escapedSplit

from chat.markdown import pace
from chat.markdown.html import TABLE, column_tags, groups, row_html, table
from chat.markdown.inline import inline_html
from chat.markdown.lines import kind
from chat.markdown.memory import Memory
from chat.markdown.nodes import Node
from chat.markdown.syntax import parse, parse_inline
from chat.markdown.tail import closed


class Table:
    """A table that has its head. Each row is rendered once."""

    def __init__(self, memory: Memory, head: str, delimiters: str) -> None:
        self.finished = False
        self._memory = memory
        group = next(groups(parse(f"{head}\n{delimiters}", {}, growing=True)))
        self._head, _ = table(group, memory)
        self._cells = column_tags(group)
        self._rows: list[str] = []
        self._kids: list[Node] = []

    def takes(self, line: str) -> bool:
        return kind(line) in ("text", "note")

    def holds(self, tail: str) -> bool:
        return False

    def lazy(self) -> bool:
        return False

    def add(self, line: str) -> None:
        self._rows.append(self._row(line, self._memory.env(growing=False)))

    def close(self) -> None:
        pass

    def _row(self, line: str, env: dict[str, object]) -> str:
        """As the parser's own table rule does it, without asking it for the head again."""
        cells = escapedSplit(line.strip())
        cells = cells[1 if cells and not cells[0] else 0 :]
        cells = cells[:-1] if cells and not cells[-1] else cells
        tokens = (parse_inline(cell.strip(), env, growing=True) for cell in cells)
        return row_html([inline_html(cell, self._memory) for cell in tokens], self._cells, self._memory)

    def _last(self, tail: str | None) -> list[str]:
        if not tail:
            return []
        src = tail[: pace.rendered(len(tail), pace.LEAF)]
        return self._memory.recent(f"\0{self._cells}\0{src}", lambda _: [self._row(closed(src), self._memory.env(growing=True))])

    def html(self, tail: str | None) -> str:
        rows = "".join(f"<tr>{row}</tr>" for row in [*self._rows, *self._last(tail)])
        return f"{TABLE[0]}{self._head}<tbody>{rows}</tbody>{TABLE[1]}"

    def nodes(self, ids: Sequence[str], tail: str | None) -> list[Node]:
        known = len(self._kids)
        self._kids += [Node(f"{ids[0]}-{known + n}", row, tag="tr") for n, row in enumerate(self._rows[known:])]
        growing = [Node(f"{ids[0]}-{len(self._rows)}", row, tag="tr") for row in self._last(tail)]
        return [table_node(ids[0], self._head, [*self._kids, *growing], sealed=len(self._kids))]


def table_node(node_id: str, head: str, kids: Sequence[Node], *, sealed: int) -> Node:
    kids_id = f"{node_id}-rows"
    head = f'{TABLE[0]}{head}<tbody id="{kids_id}">'
    return Node(node_id, head, kids=kids, kids_id=kids_id, sealed=sealed, foot=f"</tbody>{TABLE[1]}")
