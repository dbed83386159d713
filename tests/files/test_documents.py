"""Documents are kept as they are, and read page by page."""

from io import BytesIO
from typing import Any

import pytest
from PIL import Image

from chat import errors, files
from tests.files import samples

XML = "application/vnd.openxmlformats-officedocument."
ODF = "application/vnd.oasis.opendocument."


@pytest.mark.parametrize(
    ("name", "type", "pages", "text"),
    [
        ("report.pdf", "application/pdf", 2, {1: "Hello", 2: "World"}),
        ("letter.docx", f"{XML}wordprocessingml.document", 0, {1: "# Report\nFirst page, süß.\n| a | b |", 2: "Second page."}),
        ("talk.pptx", f"{XML}presentationml.presentation", 2, {1: "# Shown first\na point", 2: "# Shown last\nthe end"}),
        ("costs.xlsx", f"{XML}spreadsheetml.sheet", 1, {1: "## Costs\n| 1 | rent |"}),
        ("letter.odt", f"{ODF}text", 0, {1: "## Head\ntwo  words"}),
        ("talk.odp", f"{ODF}presentation", 2, {1: "one", 2: "two"}),
        ("costs.ods", f"{ODF}spreadsheet", 1, {1: "## Sheet\n| cell |"}),
    ],
)
def test_a_document_is_kept_as_it_is_and_read_page_by_page(name: str, type: str, pages: int, text: dict[int, str]) -> None:
    data = samples.MADE[name]()
    taken = files.take_in(BytesIO(data), name=name)
    assert (taken.kind, taken.type, taken.pages, taken.name, taken.data) == ("document", type, pages, name, data)
    assert {page.number: page.text for page in files.text_of(data, type, name)} == text


def test_the_first_page_of_a_pdf_is_a_picture() -> None:
    taken = files.take_in(samples.pdf("Hello"), name="a.pdf")
    assert {width: Image.open(BytesIO(data)).width for width, data in taken.thumbnails.items()} == {320: 320, 960: 960}
    assert files.take_in(samples.pdf("Hello", size=(10, 14_000)), name="a.pdf").thumbnails == {}


def test_more_pages_than_are_read_are_cut_and_said_to_be(settings: Any) -> None:
    settings.TEXT_PAGES = 2
    data = samples.pdf("one", "two", "three")
    found = files.text_of(data, "application/pdf", "a.pdf")
    assert [(page.text, page.cut) for page in found] == [("one", False), ("two", True)]


def test_more_text_than_is_read_is_cut_and_said_to_be(settings: Any) -> None:
    settings.TEXT_BYTES = 30
    data = samples.docx("<w:p><w:r><w:t>ö</w:t></w:r></w:p>" * 100)
    (page,) = files.text_of(data, files.take_in(data, name="a").type, "a.docx")
    assert page.cut
    assert len(page.text.encode()) <= 30
    assert files.text_of(b"x" * 31, "text/plain", "a.txt") == [files.Page(1, "x" * 30, cut=True)]


def test_tables_within_tables_and_words_that_were_taken_out() -> None:
    cell = "<w:tc><w:p><w:r><w:t>{}</w:t></w:r></w:p>{}</w:tc>"
    inner = f"<w:tbl><w:tr>{cell.format('inner', '')}</w:tr></w:tbl>"
    body = f"<w:tbl><w:tr>{cell.format('outer', inner)}{cell.format('next', '')}</w:tr></w:tbl>"
    body += "<w:p><w:del><w:r><w:delText>gone</w:delText></w:r></w:del><w:r><w:t>here</w:t><w:tab/><w:t>too</w:t></w:r></w:p>"
    data = samples.docx(body)
    (page,) = files.text_of(data, files.take_in(data, name="a").type, "a.docx")
    assert page.text == "| outer | inner | | next |\nhere\ttoo"


def test_of_a_pdf_with_a_damaged_page_the_others_are_read() -> None:
    data = samples.pdf("one", "two", "three").replace(b"/Kids [4 0 R 6 0 R 8 0 R]", b"/Kids [4 0 R 1 0 R 8 0 R]")
    assert [(page.number, page.text) for page in files.text_of(data, "application/pdf", "a.pdf")] == [(1, "one"), (3, "three")]


def test_a_pdf_without_words_has_no_pages_to_read() -> None:
    assert files.text_of(samples.image("PDF", samples.photo(60, 40)), "application/pdf", "scan.pdf") == []


def test_images_have_no_pages() -> None:
    with pytest.raises(errors.InvalidInput):
        files.text_of(samples.image("PNG", samples.photo(60, 40)), "image/png", "a.png")
