"""Documents: what one is and how many pages it has, when it comes; its text, when somebody wants it."""

from collections.abc import Callable

from chat.decoding import office, pages, pdf, sheets
from chat.decoding.frames import Answer, Limits, Refusal
from chat.decoding.package import Package

WAYS = {"docx": office.read_docx, "pptx": office.read_pptx, "odf": office.read_odf}


def judged(form: str, *, draw: bool) -> Callable[[bytes], Answer]:
    """Whether it can be opened, and what it is; `draw`: its first page, too, where that can be done."""
    pdf.warm()
    return (lambda data: _judged_pdf(data, draw)) if form == "pdf" else _judged_package


def _judged_pdf(data: bytes, draw: bool) -> Answer:
    document = pdf.opened(data)
    count = len(document)
    if not count:
        raise Refusal("This PDF has no pages.")
    small = pdf.drawn(document) if draw else {}
    return Answer({"type": "application/pdf", "pages": count, "widths": list(small)}, list(small.values()))


def _judged_package(data: bytes) -> Answer:
    package = Package(data)
    type, way = package.kind()
    match way:
        case "sheets":
            count = sheets.sheets(data)
        case "pptx":
            count = len(office.slides(package))
        case "odf":
            count = office.pages_of(package)
        case _:
            count = 0
            office.check(package)
    return Answer({"type": type, "pages": count, "widths": []})


def text(form: str, *, most: int, count: int, limits: Limits) -> Callable[[bytes], Answer]:
    """Its words: at most so many bytes and pages."""
    pdf.warm()

    def work(data: bytes) -> Answer:
        found = pages.Pages(most=most, count=count, seconds=limits.cpu)
        try:
            _read(data, form, found)
        except pages.Full:
            found.cut()
        return found.answer()

    return work


def _read(data: bytes, form: str, found: pages.Pages) -> None:
    if form == "pdf":
        pdf.read(data, found)
        return
    package = Package(data)
    _, way = package.kind()
    if way == "sheets":
        sheets.read(data, found)
    else:
        WAYS[way](package, found)
