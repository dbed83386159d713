"""Blocks in blocks, line by line: a line that has ended belongs to one of them for sure. What is over is rendered once."""

from collections.abc import Sequence

from chat.markdown import pace
from chat.markdown.block import Block, piece_node
from chat.markdown.fence import Fence
from chat.markdown.html import QUOTE, task_box
from chat.markdown.leaves import Leaf, Maths
from chat.markdown.lines import NOTE, dedent, indent, item, kind
from chat.markdown.memory import Memory
from chat.markdown.nodes import Node
from chat.markdown.tables import Table
from chat.markdown.tail import undecided

DEEPEST = 20  # blocks in blocks; the parser stops there too, and deeper ones would exhaust the stack


class Doc:
    """The blocks of a text, or of a container. Blocks that are over are in `closed`."""

    def __init__(self, memory: Memory, depth: int = 0) -> None:
        self.memory, self.depth = memory, depth
        self.closed: list[Block] = []
        self.open: Block | None = None

    def line(self, line: str) -> None:
        if isinstance(self.open, Leaf) and (head := self.open.take_head(line)) is not None:
            self._begin_table(head, line)
            return
        if self.open is not None and not self.open.takes(line):
            self._close()
        if self.open is None and line.strip():
            self.open = _begin(line, self.memory, self.depth)
        if self.open is not None:
            self.open.add(line)
            if self.open.finished:
                self._close()

    def _begin_table(self, head: str, delimiters: str) -> None:
        if isinstance(self.open, Leaf) and not self.open.empty():
            self._close()
        self.open = Table(self.memory, head, delimiters)

    def _close(self) -> None:
        if self.open is not None:
            self.open.close()
            self.closed.append(self.open)
            self.open = None

    def finish(self) -> None:
        self._close()

    def lazy(self) -> bool:
        return self.open is not None and self.open.lazy()

    def view(self, tail: str | None) -> list[tuple[Block, str | None]]:
        """What is not over yet, given the line that has not ended: blocks with what each of them gets of it."""
        current = self.open
        if tail and not (current is not None and current.holds(tail)) and undecided(tail):
            tail = ""
        if current is not None and (not tail or current.takes(tail)):
            return [(current, tail)]
        begun: list[tuple[Block, str | None]] = [(_begin(tail, self.memory, self.depth), tail)] if tail and tail.strip() else []
        return [(current, None), *begun] if current is not None else begun

    def html(self, tail: str | None) -> str:
        return "".join([block.html(None) for block in self.closed] + [block.html(part) for block, part in self.view(tail)])


class Paced:
    """A container's inside, of which the end is shown as plain text when it is long (see `pace`)."""

    def __init__(self, memory: Memory, depth: int) -> None:
        self.doc = Doc(memory, depth + 1)
        self._held: list[str] = []
        self._fed = self._size = 0  # characters
        self._kept: tuple[tuple[int, str | None], str] = ((-1, None), "")

    def line(self, line: str) -> None:
        self._held.append(line)
        self._size += len(line) + 1
        self._feed(pace.rendered(self._size, pace.CONTAINER))

    def _feed(self, limit: int) -> None:
        while self._held and self._fed + len(self._held[0]) + 1 <= limit:
            line = self._held.pop(0)
            self._fed += len(line) + 1
            self.doc.line(line)

    def piece(self, tail: str | None, text_id: str) -> pace.Piece:
        """With `tail` None, all of it, though more could come."""
        size = self._size + len(tail or "")
        limit = size if tail is None else pace.rendered(size, pace.CONTAINER)
        rest = "\n".join([*self._held, tail or ""]) if self._held or tail else ""
        if tail is None or self._held:
            return pace.piece(self._html(None if tail is None else ""), rest.rstrip("\n"), text_id)
        shown = rest[: max(0, limit - self._fed)]
        shown = shown.rstrip() if len(shown) < len(rest) else shown  # the blank between stays with the text that follows
        return pace.piece(self._html(shown), rest[len(shown) :], text_id)

    def _html(self, tail: str | None) -> str:
        key = (self._fed, tail)
        if self._kept[0] != key:
            self._kept = (key, self.doc.html(tail))
        return self._kept[1]

    def close(self) -> None:
        self._feed(self._size)
        self.doc.finish()
        self._kept = ((-1, None), "")  # a container inside may have held lines back


class Quote:
    def __init__(self, memory: Memory, depth: int) -> None:
        self.finished = False
        self._inside = Paced(memory, depth)

    def takes(self, line: str) -> bool:
        return self.holds(line) or (kind(line) in ("text", "indented") and self.lazy())

    def holds(self, tail: str) -> bool:
        return kind(tail) == "quote"

    def lazy(self) -> bool:
        return self._inside.doc.lazy()

    def add(self, line: str) -> None:
        self._inside.line(self._within(line))

    def _within(self, line: str) -> str:
        return line.lstrip()[1:].removeprefix(" ") if self.holds(line) else line.lstrip()

    def close(self) -> None:
        self._inside.close()

    def _piece(self, tail: str | None, text_id: str = "") -> pace.Piece:
        piece = self._inside.piece(self._within(tail) if tail else tail, text_id)
        return pace.Piece(QUOTE[0] + piece.head, piece.text, piece.foot + QUOTE[1])

    def html(self, tail: str | None) -> str:
        return self._piece(tail).html()

    def nodes(self, ids: Sequence[str], tail: str | None) -> list[Node]:
        return [piece_node(ids[0], self._piece(tail, f"{ids[0]}-tail"))]


class Entry:
    """An item of a list, or the text of a footnote."""

    def __init__(self, memory: Memory, depth: int, checked: bool | None = None) -> None:
        self._box = task_box(checked)
        self._inside = Paced(memory, depth)
        self._final: str | None = None
        self.empty = True

    def line(self, line: str) -> None:
        self.empty = self.empty and not line.strip()
        self._inside.line(line)

    def lazy(self) -> bool:
        return self._inside.doc.lazy()

    def close(self) -> None:
        self._inside.close()
        self._final = self._box + self._inside.doc.html(None)

    def holds(self, tail: str) -> bool:
        return self._inside.doc.open is not None and self._inside.doc.open.holds(tail)

    def piece(self, tail: str | None, text_id: str = "") -> pace.Piece:
        if self._final is not None:
            return pace.Piece(self._final)
        piece = self._inside.piece(tail, text_id)
        return pace.Piece(self._box + piece.head, piece.text, piece.foot)


class List:
    """A list, item by item; also the definitions of footnotes that follow one another."""

    def __init__(self, memory: Memory, first: str, depth: int) -> None:
        self.finished = False
        self._memory, self._depth = memory, depth
        self._open, self._close = _frame(first)
        self._marker = _marker(first)
        self._offset = 0
        self._blank = False
        self._entries: list[Entry] = []
        self._over: list[str] = []  # the items before the last, inside another block
        self._kids: list[Node] = []  # the same at the top level

    def takes(self, line: str) -> bool:
        if not line.strip():
            return True
        return self._is_inside(line) or _marker(line) == self._marker or (not self._blank and self._is_lazy(line))

    def holds(self, tail: str) -> bool:
        return bool(tail.strip()) and self._is_inside(tail)

    def lazy(self) -> bool:
        return not self._blank and bool(self._entries) and self._entries[-1].lazy()

    def _is_inside(self, line: str) -> bool:
        return bool(self._entries) and indent(line) >= self._offset and not (self._blank and self._entries[-1].empty)

    def _is_lazy(self, line: str) -> bool:
        return kind(line) in ("text", "indented") and self.lazy()

    def add(self, line: str) -> None:
        if line.strip() and not self._is_inside(line) and _marker(line) == self._marker:
            if self._entries:
                self._entries[-1].close()
            self._offset, checked, line = _first_line(line)
            self._entries.append(Entry(self._memory, self._depth, checked))
        else:
            line = dedent(line, self._offset) if self._is_inside(line) else line.lstrip()
        self._blank = (
            not line.strip() and bool(self._entries) and not (self._entries[-1].empty and not self._blank and line == "")
        )
        self._entries[-1].line(line)

    def close(self) -> None:
        self._entries[-1].close()

    def _last(self, tail: str | None, list_id: str = "") -> list[pace.Piece]:
        """The entries that can still change: the last one, and the one that the unfinished line begins."""
        n = len(self._entries)
        if not tail or self._is_inside(tail) or _marker(tail) != self._marker:
            part = tail and (dedent(tail, self._offset) if self._is_inside(tail) else tail.lstrip())
            return [self._entries[-1].piece(part, f"{list_id}-{n - 1}-tail" if list_id else "")] if n else []
        before = [self._entries[-1].piece(None)] if n else []
        _, checked, rest = _first_line(tail)
        return [*before, Entry(self._memory, self._depth, checked).piece(rest, f"{list_id}-{n}-tail" if list_id else "")]

    def html(self, tail: str | None) -> str:
        self._over += [f"<li>{entry.piece(None).html()}</li>" for entry in self._entries[len(self._over) : -1]]
        return self._open + "".join(self._over) + "".join(f"<li>{piece.html()}</li>" for piece in self._last(tail)) + self._close

    def nodes(self, ids: Sequence[str], tail: str | None) -> list[Node]:
        for entry in self._entries[len(self._kids) : -1]:
            self._kids.append(Node(f"{ids[0]}-{len(self._kids)}", entry.piece(None).html(), tag="li"))
        known = len(self._kids)
        growing = [piece_node(f"{ids[0]}-{n}", piece, "li") for n, piece in enumerate(self._last(tail, ids[0]), known)]
        return [list_node(ids[0], self._open, [*self._kids, *growing], self._close, sealed=known)]


def list_node(node_id: str, opening: str, kids: Sequence[Node], closing: str, *, sealed: int) -> Node:
    """`opening` ends with the list's own start tag, which gets the id for what is added to it."""
    kids_id = f"{node_id}-list"
    return Node(node_id, f'{opening[:-1]} id="{kids_id}">', kids=kids, kids_id=kids_id, sealed=sealed, foot=closing)


NOTES = ('<div class="footnotes" role="group" aria-label="Footnotes"><ol>', "</ol></div>")


def _frame(first: str) -> tuple[str, str]:
    found = item(first)
    if found is None:
        return NOTES
    if found.marker in ".)":
        return ("<ol>" if found.number == 1 else f'<ol start="{found.number}">'), "</ol>"
    return "<ul>", "</ul>"


def _marker(line: str) -> str:
    """What the items of one list have in common; '' when the line begins none."""
    found = item(line)
    return found.marker if found else "[^" if kind(line) == "note" else ""


def _first_line(line: str) -> tuple[int, bool | None, str]:
    """Column of the content, task box and content of an item's first line."""
    if found := item(line):
        return found.offset, found.checked, found.content
    return 4, None, NOTE.sub("", line, count=1)


def _begin(line: str, memory: Memory, depth: int) -> Block:
    match kind(line):
        case "fence":
            return Fence(memory)
        case "quote" if depth < DEEPEST:
            return Quote(memory, depth)
        case "maths":
            return Maths(memory)
        case "item" | "note" if depth < DEEPEST:
            return List(memory, line, depth)
        case _:
            return Leaf(memory)
