"""What every block can say about its lines, and the node it becomes."""

from collections.abc import Sequence
from typing import Literal, Protocol

from chat.markdown.nodes import Node
from chat.markdown.pace import Piece


class Block(Protocol):
    """One open or finished block. `tail` is the line that has not ended yet, '' for none; None: no line will follow."""

    finished: bool

    def takes(self, line: str) -> bool:
        """Whether the line belongs to this block."""

    def holds(self, tail: str) -> bool:
        """Whether even the first characters of a line can only belong inside this block."""

    def lazy(self) -> bool:
        """Whether a paragraph is open at the end, which goes on in a line without the container's marks."""

    def add(self, line: str) -> None: ...

    def close(self) -> None:
        """No line will follow, for good: link definitions count from here on."""

    def html(self, tail: str | None) -> str: ...

    def nodes(self, ids: Sequence[str], tail: str | None) -> list[Node]:
        """At the top level; `ids` gives the id of the n-th node."""


def piece_node(node_id: str, piece: Piece, tag: Literal["div", "li"] = "div") -> Node:
    """The node of a block or item whose end may be plain text for now."""
    if not piece.text:
        return Node(node_id, piece.html(), tag=tag)
    return Node(node_id, piece.head, tag=tag, text=piece.text, text_id=f"{node_id}-tail", foot=piece.foot)
