"""What is made to harm is refused with a sentence, and the server neither decodes it nor grows by it."""

import struct
import zipfile
import zlib
from io import BytesIO

import pytest

from chat import errors, files
from chat.decoding import kinds, pictures
from chat.files import sniff
from tests.files import samples


def refused(data: bytes, kind: type[errors.ParleyError], *words: str) -> None:
    with pytest.raises(kind) as caught:
        files.take_in(BytesIO(data), name="harmless.png")
    assert type(caught.value) is kind
    for word in words:
        assert word in caught.value.message
    assert caught.value.next


def test_a_png_of_twenty_kilobytes_that_is_a_wall_is_refused_from_its_header() -> None:
    wall = samples.huge_png(13_000)
    assert len(wall) < 30_000
    refused(wall, errors.TooLarge, "13,000", "25 megapixels")


def test_a_webp_that_is_a_wall_is_refused_from_its_header() -> None:
    """Pillow would take memory for all of it at once, and it would seem damaged."""
    for options in ({"quality": 60}, {"lossless": True}, {"save_all": True, "append_images": [samples.photo(8, 6).rotate(180)]}):
        assert pictures.webp_size(samples.image("WEBP", samples.photo(8, 6), **options)) == (8, 6)
    wall = bytearray(samples.image("WEBP", samples.photo(8, 8), exif=samples.exif()))
    wall[24:30] = (16_382).to_bytes(3, "little") * 2
    refused(bytes(wall), errors.TooLarge, "16,383", "25 megapixels")


def test_an_image_that_is_one_long_line_is_refused() -> None:
    head = struct.pack(">IIBBBBB", 65_501, 1, 8, 0, 0, 0, 0)
    line = samples.chunk(b"IHDR", head) + samples.chunk(b"IDAT", zlib.compress(bytes(65_502))) + samples.chunk(b"IEND", b"")
    refused(b"\x89PNG\r\n\x1a\n" + line, errors.TooLarge, "65,501")


def test_an_animation_of_a_hundred_thousand_pictures_is_refused() -> None:
    refused(samples.many_frames(100_000), errors.TooLarge, "50 pictures")
    assert files.take_in(samples.many_frames(50), name="a.gif").frames == 50


def test_an_animation_of_too_many_pixels_in_all_is_refused() -> None:
    wide = bytearray(samples.many_frames(40))
    wide[6:10] = (4_000).to_bytes(2, "little") * 2
    refused(bytes(wide), errors.TooLarge, "40 pictures")


@pytest.mark.parametrize(
    "name", ["photo.jpg", "screen.png", "picture.webp", "moving.gif", "phone.heic", "camera.avif", "report.pdf", "letter.docx"]
)
def test_half_of_a_file_is_none(name: str) -> None:
    whole = samples.MADE[name]()
    refused(whole[: len(whole) // 2], errors.InvalidInput)


@pytest.mark.parametrize(
    "drawing",
    [
        b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
        b'\xef\xbb\xbf<?xml version="1.0"?><!-- a --><SVG onload="x"/>',
        "<svg/>".encode("utf-16"),
    ],
)
def test_drawings_that_can_hold_programs_are_refused(drawing: bytes) -> None:
    refused(drawing, errors.InvalidInput, "SVG")


def test_nothing_of_a_second_nature_is_left_in_an_image() -> None:
    """A picture that is a page, or an archive, as well."""
    page, archive = b"<html><script>alert(1)</script></html>", samples.docx()
    for form in ("PNG", "JPEG", "WEBP"):
        picture = samples.image(form, samples.photo(60, 40)) + page + archive
        kept = files.take_in(picture, name="x.html").data
        assert b"script" not in kept
        assert not zipfile.is_zipfile(BytesIO(kept))
    commented = samples.image("PNG", samples.photo(60, 40))
    commented = commented[:33] + samples.chunk(b"tEXt", b"Comment\x00" + page) + commented[33:]
    assert b"script" not in files.take_in(commented, name="x.png").data


def saying(size: int, archive: bytes) -> bytes:
    """An archive that says so of what is last in it."""
    changed = bytearray(archive)
    at = changed.rfind(b"PK\x01\x02")
    changed[at + 24 : at + 28] = size.to_bytes(4, "little")
    return bytes(changed)


def test_an_archive_that_unpacks_to_gigabytes_is_refused() -> None:
    refused(saying(500_000_000, samples.docx()), errors.TooLarge, "unpacks")


def test_what_an_archive_says_of_its_sizes_is_not_believed() -> None:
    refused(saying(500, samples.docx("<w:p/>" * 100_000)), errors.InvalidInput)


def test_entities_that_grow_are_refused() -> None:
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 9))
    bomb = samples.docx("<w:p><w:r><w:t>&l8;</w:t></w:r></w:p>", before=f'<!DOCTYPE x [<!ENTITY l0 "ha">{laughs}]>')
    refused(bomb, errors.TooLarge, "unpacks")
    outside = samples.docx(
        "<w:p><w:r><w:t>&x;</w:t></w:r></w:p>", before='<!DOCTYPE x [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
    )
    refused(outside, errors.TooLarge)


def test_a_sheet_with_one_cell_at_the_end_of_the_world_is_refused_when_it_is_read() -> None:
    rows = '<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'
    data = samples.xlsx(rows)
    with pytest.raises((errors.InvalidInput, errors.TooLarge)):
        files.text_of(data, f"{kinds.XML}.spreadsheetml.sheet", "a.xlsx")


def test_tables_in_tables_without_end_take_no_time() -> None:
    open_, close = "<w:tbl><w:tr><w:tc>", "</w:tc></w:tr></w:tbl>"
    data = samples.docx(open_ * 50_000 + "<w:p><w:r><w:t>x</w:t></w:r></w:p>" + close * 50_000)
    assert len(files.text_of(data, f"{kinds.XML}.wordprocessingml.document", "a.docx")) == 1


@pytest.mark.soak
def test_a_pdf_whose_first_page_cannot_be_drawn_is_taken_without_a_picture() -> None:
    """Forms in forms, a million million of them."""
    form = "<< /Type /XObject /Subtype /Form /BBox [0 0 9 9] /Resources << /XObject << /X {} 0 R >> >> /Length {} >>"
    drawn = "/X Do " * 10
    objects = [f"{form.format(number + 1, len(drawn))}\nstream\n{drawn}\nendstream" for number in range(6, 17)]
    page = samples.pdf("x").replace(b"<< /Font", b"<< /XObject << /X 6 0 R >> /Font").replace(b"BT /F1", b"/X Do BT /F1")
    more = "".join(f"{number} 0 obj\n{each}\nendobj\n" for number, each in enumerate(objects, 6))
    taken = files.take_in(page[: page.index(b"xref")] + more.encode() + b"trailer\n<< /Root 1 0 R >>\n%%EOF", name="a.pdf")
    assert (taken.pages, taken.thumbnails) == (1, {})


def test_documents_with_programs_or_passwords_are_refused() -> None:
    refused(samples.docx(**{"word/vbaProject.bin": "x"}), errors.InvalidInput, "macros")
    refused(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), errors.InvalidInput, "old Office")
    refused(samples.packed({"a.txt": "a"}), errors.InvalidInput, "archive")


@pytest.mark.parametrize("data", [b"", b"MZ\x90\x00\x03", b"\x7fELF\x02", b"\x00\x01\x02\x03" * 40, b"\x01\x02\x03\x04" * 40])
def test_what_is_no_file_of_a_known_kind_is_refused(data: bytes) -> None:
    refused(data, errors.InvalidInput)


@pytest.mark.parametrize("text", [b"BMW is a car.", b"MZ is a start.", b"8BPS is a mark."])
def test_a_text_may_begin_as_something_else_does(text: bytes) -> None:
    assert sniff.form_of(text).kind == "text"


def test_too_many_bytes_are_refused_before_they_are_all_read() -> None:
    class Endless(BytesIO):
        given = 0

        def read(self, size: int | None = -1) -> bytes:
            self.given += size or 0
            return b"\xff\xd8\xff" + bytes((size or 0) - 3)

    endless = Endless()
    with pytest.raises(errors.TooLarge, match="20 MB"):
        files.take_in(endless, name="a.jpg")
    assert endless.given < 21_000_000
    refused(b"\xff\xd8\xff" + bytes(20_000_000), errors.TooLarge)


def test_text_is_text_in_whatever_it_was_written() -> None:
    for data in ("größer".encode(), "größer".encode("utf-16"), "größer".encode("cp1252"), b"\xef\xbb\xbfgr\xc3\xb6\xc3\x9fer"):
        taken = files.take_in(data, name="a.txt")
        assert (taken.kind, taken.type, taken.data.decode()) == ("text", "text/plain", "größer")
    assert files.take_in(b"<html><script>alert(1)</script>", name="a.html").type == "text/plain"


def test_a_text_is_as_large_as_what_was_sent() -> None:
    """In UTF-8 it may become larger, and that is nobody's fault."""
    written = ("Müßiggang ist aller Laster Anfang. €\n" * 600_000).encode("cp1252")[:19_500_000]
    taken = files.take_in(written, name="a.txt")
    assert len(taken.data) > 20_000_000
    assert taken.data.decode().encode("cp1252") == written
    with pytest.raises(errors.TooLarge, match=r"This file has 20.1 MB; 20 MB are the most\."):
        files.take_in(b"x" * 20_000_001, name="a.txt")


def test_a_name_says_nothing_of_what_a_file_is() -> None:
    assert sniff.form_of(samples.pdf("x")).name == "pdf"
    assert files.take_in(samples.pdf("x"), name="photo.jpg").type == "application/pdf"
