"""The finished text at once (`render`), or as it grows (`Stream`)."""

from collections.abc import Iterator, Sequence
from itertools import chain

from django.utils.safestring import SafeString

from chat.markdown import source
from chat.markdown.block import Block
from chat.markdown.blocks import Doc
from chat.markdown.final import final_nodes
from chat.markdown.memory import Memory
from chat.markdown.nodes import Append, Node, Op, Replace, difference


def render(text: str, *, prefix: str) -> SafeString:
    """The blocks of a whole text, each in its `<div class="block" id="{prefix}-{n}">`."""
    return _safe(final_nodes(source.clean(text), prefix, Memory(prefix)))


class Stream:
    """A text that grows. `prefix` is the id of the element that holds it, and begins all ids inside."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._intake = source.Intake()
        self._memory = Memory(prefix)
        self._doc = Doc(self._memory)
        self._text: list[str] = []
        self.size = 0  # characters of it
        self._line = ""  # the one that has not ended
        self._nodes: list[Node] = []
        self._sealed = 0  # nodes that are final until `finish`
        self._blocks = 0  # closed blocks whose nodes are among them

    def feed(self, delta: str) -> list[Op]:
        """What to change in the page. Costs little for what is already shown; still, gather deltas for some 40 ms."""
        piece = self._intake.feed(delta)
        if not piece:
            return []
        self._take(piece)
        sealed = list(self._over())
        ids = _Ids(self._prefix, self._sealed + len(sealed))
        growing = list(chain.from_iterable(_with_ids(block, ids, tail) for block, tail in self._doc.view(self._line)))
        return self._show([*sealed, *growing], sealed=len(sealed))

    def finish(self) -> list[Op]:
        """The text has ended: what was shown too early is put right (links and footnotes defined late, marks never closed)."""
        self._take(self._intake.finish())
        nodes = final_nodes(self.text, self._prefix, self._memory)
        old, self._nodes, self._sealed = self._nodes, nodes, len(nodes)
        return self._changes(old, nodes, whole=True)

    @property
    def text(self) -> str:
        """What has come, cleaned."""
        return "".join(self._text)

    def html(self) -> SafeString:
        """The inside of the container as the operations so far have made it."""
        return _safe(self._nodes)

    def _take(self, piece: str) -> None:
        self._text.append(piece)
        self.size += len(piece)
        *lines, rest = piece.split("\n")
        if lines:
            lines[0] = self._line + lines[0]
            self._line = ""
        for line in lines:
            self._doc.line(line)
        self._line += rest

    def _over(self) -> Iterator[Node]:
        """Nodes of the blocks that have closed since the last time."""
        ids = _Ids(self._prefix, self._sealed)
        for block in self._doc.closed[self._blocks :]:
            yield from _with_ids(block, ids, None)
        self._blocks = len(self._doc.closed)

    def _show(self, nodes: list[Node], *, sealed: int) -> list[Op]:
        old = self._nodes[self._sealed :]
        self._nodes[self._sealed :] = nodes
        self._sealed += sealed
        return self._changes(old, nodes)

    def _changes(self, old: Sequence[Node], new: Sequence[Node], *, whole: bool = False) -> list[Op]:
        if len(new) < len(old):
            return [Replace(self._prefix, self.html())]
        ops = list(chain.from_iterable(difference(a, b, whole=whole) for a, b in zip(old, new, strict=False)))
        added = "".join(node.outer() for node in new[len(old) :])
        return [*ops, Append(self._prefix, SafeString(added))] if added else ops


class _Ids(Sequence[str]):
    """Ids of the nodes from the n-th on; `take` moves on."""

    def __init__(self, prefix: str, first: int) -> None:
        self._prefix, self.first = prefix, first

    def __getitem__(self, index: int) -> str:  # type: ignore[override]
        return f"{self._prefix}-{self.first + index}"

    def __len__(self) -> int:
        return 1 << 31


def _with_ids(block: Block, ids: _Ids, tail: str | None) -> list[Node]:
    nodes = block.nodes(ids, tail)
    ids.first += len(nodes)
    return nodes


def _safe(nodes: Sequence[Node]) -> SafeString:
    """Every byte in the nodes has passed `clean`, or is ours."""
    return SafeString("".join(node.outer() for node in nodes))
