"""What a file is, by its first bytes; never by its name."""

import codecs
import io
from dataclasses import dataclass
from typing import Final, Literal

from chat.errors import InvalidInput

HEAD: Final = 4_096  # bytes that are looked at
PIECE: Final = 1 << 20  # bytes of a text that are read at once
ODD: Final = [chr(code) for code in range(32) if code not in (9, 10, 12, 13, 27)]  # letters of which a text has few
Kind = Literal["image", "document", "text"]


@dataclass(frozen=True, slots=True)
class Form:
    """`name` is what the child calls it."""

    kind: Kind
    name: str


IMAGES: Final = {b"\x89PNG\r\n\x1a\n": "PNG", b"\xff\xd8\xff": "JPEG", b"GIF87a": "GIF", b"GIF89a": "GIF"}
BRANDS: Final = {  # of what a phone writes, ISO 14496-12
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"), "HEIF"),
    **dict.fromkeys((b"avif", b"avis"), "AVIF"),
}
# What is known, and not taken: how it begins, what it is called, what to do.
OTHERS: Final = (
    (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        "a document of an old Office, or one with a password",
        "Save it as docx, xlsx, pptx or PDF without a password.",
    ),
    (b"{\\rtf", "an RTF document", "Save it as docx or PDF."),
    (b"BM", "a BMP image", "Save it as PNG."),
    (b"II*\x00", "a TIFF image", "Save it as PNG or PDF."),
    (b"MM\x00*", "a TIFF image", "Save it as PNG or PDF."),
    (b"8BPS", "a Photoshop image", "Save it as PNG."),
    (b"Rar!", "an archive", "Send the files in it."),
    (b"7z\xbc\xaf", "an archive", "Send the files in it."),
    (b"\x1f\x8b", "an archive", "Send the files in it."),
    (b"\x7fELF", "a program", "Send what is to be read as text or PDF."),
    (b"MZ", "a program", "Send what is to be read as text or PDF."),
)
NEXT: Final = "Images (PNG, JPEG, WebP, GIF, HEIC, AVIF), PDF, office documents and text can be sent."


def form_of(head: bytes) -> Form:
    """What begins so; InvalidInput, with a sentence, for what is not taken."""
    if image := _image(head):
        return Form("image", image)
    if head.lstrip(b"\xef\xbb\xbf\x00\t\n\f\r ").startswith(b"%PDF-"):
        return Form("document", "pdf")
    if head.startswith(b"PK\x03\x04"):
        return Form("document", "packed")
    for start, what, next in OTHERS:
        if head.startswith(start) and not (start.isalnum() and b"\x00" not in head):  # a text may begin with these letters
            raise InvalidInput(f"This is {what}, which cannot be read here.", next=next)
    if _is_svg(head):
        raise InvalidInput("SVG drawings are not taken: they can hold programs.", next="Save it as PNG.")
    if not head:
        raise InvalidInput("This file is empty.", next="Check that it opens elsewhere, then send it again.")
    if b"\x00" in head and not head.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise InvalidInput("This kind of file cannot be read here.", next=NEXT)
    return Form("text", "text")


def _image(head: bytes) -> str:
    for start, name in IMAGES.items():
        if head.startswith(start):
            return name
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    if head[4:8] == b"ftyp":
        length = min(int.from_bytes(head[:4], "big"), 256)
        brands = [head[8:12], *(head[at : at + 4] for at in range(16, length, 4))]
        known = [BRANDS[brand] for brand in brands if brand in BRANDS]
        return "AVIF" if "AVIF" in known else known[0] if known else ""
    return ""


def _is_svg(head: bytes) -> bool:
    text = head.replace(b"\x00", b"").lstrip(b"\xef\xbb\xbf\xff\xfe\t\n\f\r ").lower()
    return text.startswith(b"<svg") or (text.startswith((b"<?xml", b"<!doctype svg", b"<!--")) and b"<svg" in text)


def as_utf8(data: bytes) -> tuple[bytes, str]:
    """A text in UTF-8, and what it was written in; InvalidInput for what is none. One in UTF-8 is not copied."""
    for mark, encoding in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if data.startswith(mark):
            return _plausible(data, encoding), "UTF-16" if encoding == "utf-16" else "UTF-8"
    try:
        return _plausible(data, "utf-8"), "UTF-8"
    except InvalidInput:
        return _plausible(data, "cp1252"), "Windows-1252"


def _plausible(data: bytes, encoding: str) -> bytes:
    """Read piece by piece: a single letter from afar would make a string of all of it four times as large."""
    decoder = codecs.getincrementaldecoder(encoding)()
    kept, odd, length = io.BytesIO(), 0, 0
    try:
        for at in range(0, len(data), PIECE):
            text = decoder.decode(data[at : at + PIECE], final=at + PIECE >= len(data))
            odd += len(data) if "\x00" in text else sum(text.count(letter) for letter in ODD)
            length += len(text)
            if encoding != "utf-8":
                kept.write(text.encode())
    except UnicodeDecodeError:
        raise InvalidInput("This kind of file cannot be read here.", next=NEXT) from None
    if odd * 100 > length:
        raise InvalidInput("This kind of file cannot be read here.", next=NEXT)
    return data if encoding == "utf-8" else kept.getvalue()
