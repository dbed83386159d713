"""How much of a long open block is rendered: up to the last checkpoint; the rest is plain text for now.

Checkpoints lie further and further apart (an eighth of the length; a paragraph of 4 KB is no prose any more, and they triple).
So all renderings of a block together cost some times its length, not its square; and none is so long that others wait for it:
the last checkpoint lies before LAST, the rest of such a block is text until it ends. They are functions of the length alone, so
what is shown does not depend on how the text was cut.
"""

from bisect import bisect_right
from html import escape
from typing import NamedTuple

LEAF = 1_024  # characters
CONTAINER = 4_096  # characters
LAST = 50_000  # characters


def _checkpoints(first: int, *, tripled_from: int) -> list[int]:
    points = [first]
    while points[-1] <= LAST:
        points.append(points[-1] * 9 // 8 if points[-1] < tripled_from else points[-1] * 3)
    return points[:-1]


_POINTS = {LEAF: _checkpoints(LEAF, tripled_from=4_096), CONTAINER: _checkpoints(CONTAINER, tripled_from=LAST)}


def rendered(length: int, first: int) -> int:
    """How many of the first characters are rendered."""
    points = _POINTS[first]
    return length if length <= first else points[bisect_right(points, length) - 1]


class Piece(NamedTuple):
    """HTML whose last part is text that only grows; `text` is escaped."""

    head: str
    text: str = ""
    foot: str = ""

    def html(self) -> str:
        return self.head + self.text + self.foot


def piece(html: str, raw: str, text_id: str) -> Piece:
    """`html` followed by text that is not rendered yet, inside the last paragraph if there is one."""
    if not raw:
        return Piece(html)
    there = f' id="{text_id}"' if text_id else ""
    if html.endswith("</p>"):
        return Piece(f'{html[:-4]}<span class="tail"{there}>', escape(raw, quote=False), "</span></p>")
    return Piece(f'{html}<div class="tail"{there}>', escape(raw, quote=False), "</div>")
