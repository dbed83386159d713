"""The pieces of the page that have an address, and how to get from one state of them to the next."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from django.utils.safestring import SafeString


@dataclass(frozen=True, slots=True)
class Append:
    """Add `html` at the end of the element with the id `target`."""

    target: str
    html: SafeString


@dataclass(frozen=True, slots=True)
class Replace:
    """Make `html` the whole inside of the element with the id `target`."""

    target: str
    html: SafeString


Op = Append | Replace

_OPEN = {"div": '<div class="block" id="{}" dir="auto">', "li": '<li id="{}">', "tr": '<tr id="{}">'}


@dataclass(frozen=True, slots=True)
class Node:
    """`<tag id>` head, kids, growing text, foot `</tag>`. The kids stand in the element `kids_id`, the text in `text_id`.

    The first `sealed` kids are final: they can only go together with the whole node.
    """

    id: str
    head: str
    tag: Literal["div", "li", "tr"] = "div"
    kids: Sequence["Node"] = ()
    kids_id: str = ""
    sealed: int = 0
    text: str = ""
    text_id: str = ""
    foot: str = ""

    def inner(self) -> str:
        return self.head + "".join(kid.outer() for kid in self.kids) + self.text + self.foot

    def outer(self) -> str:
        return f"{_OPEN[self.tag].format(self.id)}{self.inner()}</{self.tag}>"


def difference(old: Node, new: Node, *, whole: bool = False) -> list[Op]:
    """What turns `old` into `new`; both have the same id. `whole`: sealed kids may differ too."""
    if old is new:
        return []
    same_frame = old.head == new.head and old.foot == new.foot and old.text_id == new.text_id and old.tag == new.tag
    if not same_frame or len(new.kids) < len(old.kids) or not new.text.startswith(old.text):
        return [Replace(new.id, SafeString(new.inner()))]
    ops: list[Op] = []
    first = 0 if whole else old.sealed
    for before, after in zip(old.kids[first:], new.kids[first:], strict=False):
        ops += difference(before, after, whole=whole)
    if added := "".join(kid.outer() for kid in new.kids[len(old.kids) :]):
        ops.append(Append(new.kids_id, SafeString(added)))
    if grown := new.text[len(old.text) :]:
        ops.append(Append(new.text_id, SafeString(grown)))
    return ops
