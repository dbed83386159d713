"""Cells of a CSV file that somebody opens in a spreadsheet: what would be taken for a formula there is a text."""

from typing import Final

FORMULA: Final = "=+-@＝＋－＠"  # noqa: RUF001  (the full-width ones count as the others do)
BREAKS: Final = "\t\r\n"


def defused(cell: str) -> str:
    """The cell with an apostrophe before it, where it would begin a formula; also where that comes after what is not seen."""
    seen = cell.lstrip("\x00\u200b\u200c\u200d\u200e\u200f\u2060\ufeff \u00a0\u3000\t\r\n\v\f")
    return f"'{cell}" if cell[:1] and (cell[0] in BREAKS or (seen[:1] and seen[0] in FORMULA)) else cell
