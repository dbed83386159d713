"""Cells of a table that a spreadsheet opens: none of them begins a formula, whatever somebody is called."""

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Final

Cell = str | int | float | Decimal | None
SPACE: Final = r"\s\ufeff\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u2069\x00-\x1f\x7f-\x9f"  # and what nobody sees
SIGN: Final = "=+\\-@\uff1d\uff0b\uff0d\uff20\u2212\ufe62\ufe63\ufe66\ufe6b|%"
FORMULA: Final = rf"[{SPACE}\"']*[{SIGN}]"
FIRST: Final = re.compile(rf"[\t\r\n]|{FORMULA}")
LATER: Final = re.compile(rf"([,;|\t\r\n])(?={FORMULA})")
"""Behind what some locale takes for the end of a cell: whoever opens the file may have set any."""


def defused(text: str) -> str:
    """The text, with an apostrophe before whatever a spreadsheet might compute."""
    return ("'" if FIRST.match(text) else "") + LATER.sub(r"\1'", text)


def row(cells: Sequence[Cell]) -> str:
    """A line of RFC 4180. Numbers are written as they are, texts between quotes, and nothing where there is none."""
    return ",".join(map(_written, cells)) + "\r\n"


def _written(cell: Cell) -> str:
    match cell:
        case None:
            return ""
        case str():
            return '"' + defused(cell).replace('"', '""') + '"'
        case Decimal():
            return f"{cell.normalize():f}"
        case _:
            return str(cell)
