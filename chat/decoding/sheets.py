"""Spreadsheets: each sheet is a page, its rows are lines."""

import datetime
from io import BytesIO
from typing import Final

from python_calamine import CalamineWorkbook

from chat.decoding.frames import Refusal
from chat.decoding.pages import Pages

CELLS: Final = 20_000_000  # of the rectangle around all that is filled in one sheet


def read(data: bytes, pages: Pages) -> None:
    book = CalamineWorkbook.from_filelike(BytesIO(data))
    for number, name in enumerate(book.sheet_names):
        if number:
            pages.turn()
        sheet = book.get_sheet_by_name(name)
        if sheet.width * sheet.height > CELLS:
            raise Refusal("A sheet of this workbook is too large.", "Send the part of it that matters.", kind="large")
        pages.line(f"## {name}")
        for row in sheet.iter_rows():
            cells = [_shown(cell) for cell in row]
            if any(cells):
                pages.line("| " + " | ".join(cells) + " |")


def sheets(data: bytes) -> int:
    return len(CalamineWorkbook.from_filelike(BytesIO(data)).sheet_names)


def _shown(cell: object) -> str:
    match cell:
        case bool():
            return "TRUE" if cell else "FALSE"
        case float() if cell.is_integer():
            return str(int(cell))
        case datetime.datetime() if cell.time() == datetime.time():
            return cell.date().isoformat()
        case datetime.datetime():
            return cell.isoformat(" ", "seconds")
        case _:
            return " ".join(str(cell).split())
