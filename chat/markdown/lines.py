"""What a line begins, by the line alone."""

import re
from typing import Literal, NamedTuple

Kind = Literal["blank", "indented", "fence", "rule", "item", "heading", "quote", "maths", "note", "text"]

FENCE = re.compile(r"( {0,3})(?:(`{3,})([^`]*)|(~{3,})(.*))")
NOTE = re.compile(r" {0,3}\[\^([^\s\]]+)\]:[ \t]*")
SETEXT = re.compile(r" {0,3}(?:=+|-+)[ \t]*")
DELIMITERS = re.compile(r" {0,3}(?=.*\|)\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*")
_RULE = re.compile(r" {0,3}([-*_])[ \t]*(?:\1[ \t]*){2,}")
_ITEM = re.compile(r"( {0,3})([-+*]|\d{1,9}[.)])([ \t]+|$)(.*)", re.DOTALL)
_HEADING = re.compile(r" {0,3}#{1,6}(?:[ \t]|$)")
_MATHS = re.compile(r" {0,3}(?:\$\$(?!\$)|\\\[)(.*)")
_TASK = re.compile(r"\[([ xX])\][ \t]")


def kind(line: str) -> Kind:
    """The block that `line` can begin; a line that has not ended yet counts as it stands."""
    text = line.strip()
    if not text:
        return "blank"
    if indent(line) >= 4:
        return "indented"
    return _marked(line, text[0])


def _marked(line: str, first: str) -> Kind:
    if first.isalpha():
        return "text"
    if first in "`~" and FENCE.fullmatch(line):
        return "fence"
    if first in "-*_" and _RULE.fullmatch(line):
        return "rule"
    if (first in "-+*" or first.isdigit()) and _ITEM.match(line):
        return "item"
    if first == "#" and _HEADING.match(line):
        return "heading"
    if first == "[" and NOTE.match(line):
        return "note"
    if first in "$\\" and _opens_maths(line):
        return "maths"
    return "quote" if first == ">" else "text"


def _opens_maths(line: str) -> bool:
    """Text after a formula that ends on its own line makes the line an ordinary one."""
    found = _MATHS.fullmatch(line)
    if found is None:
        return False
    body = found.group(1).rstrip()
    closing = "$$" if "$$" in line[:5] else r"\]"
    return closing not in body or (body.index(closing) == len(body) - 2 and len(body) > 2)


def indent(line: str) -> int:
    """Columns of white space in front; a tab goes to the next multiple of four."""
    blank = line[: len(line) - len(line.lstrip(" \t"))]
    return len(blank.expandtabs(4))


def dedent(line: str, columns: int) -> str:
    """The line without up to that many columns in front."""
    if "\t" in line[:columns]:
        text = line.lstrip(" \t")
        return " " * max(0, indent(line) - columns) + text
    return line[min(columns, len(line) - len(line.lstrip(" "))) :]


class Item(NamedTuple):
    """The first line of a list item: its marker ('-', '+', '*', '.' or ')'), number, column of its content, task box, content."""

    marker: str
    number: int
    offset: int
    checked: bool | None
    content: str


def item(line: str) -> Item | None:
    found = _ITEM.match(line)
    if found is None or kind(line) != "item":
        return None
    before, marker, space, rest = found.groups()
    column = len(before) + len(marker)
    width = len((" " * column + space).expandtabs(4)) - column
    extra = 0 if rest and width <= 4 else max(0, width - 1) if rest else 0
    offset = column + (width if rest and width <= 4 else 1)
    task = _TASK.match(rest) if not extra else None
    checked = task.group(1) != " " if task else None
    number = int(marker[:-1]) if marker[-1] in ".)" else 0
    return Item(marker[-1], number, offset, checked, " " * extra + (rest[4:] if task else rest))


def interrupts(line: str) -> bool:
    """Whether the first line of a list item ends a paragraph: it has content, and counts from 1 if it counts."""
    found = item(line)
    if found is None or not (found.content.strip() or found.checked is not None):
        return False
    return found.number == 1 or found.marker in "-+*"
