"""PDF by PDFium: how many pages, their text, the first one as a picture."""

import contextlib
from typing import Any, Final

import pypdfium2
from PIL import Image

from chat.decoding import kinds, pictures
from chat.decoding.frames import Refusal
from chat.decoding.pages import Pages

PASSWORD: Final = 4  # FPDF_ERR_PASSWORD
TALL: Final = 3  # a page so many times as high as wide is not drawn


def opened(data: bytes) -> Any:
    try:
        return pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        if error.err_code == PASSWORD:
            raise Refusal("This PDF needs a password.", "Save it without one, then send it again.") from None
        raise


def read(data: bytes, pages: Pages) -> None:
    document = opened(data)
    for number in range(len(document)):
        if number:
            pages.turn()
        with contextlib.suppress(pypdfium2.PdfiumError):  # a damaged page; what stands on the others is read
            _read_page(document[number], pages)


def _read_page(page: Any, pages: Pages) -> None:
    text = page.get_textpage()
    pages.line(text.get_text_bounded())
    text.close()
    page.close()


def drawn(document: Any) -> dict[int, bytes]:
    """The first page in white light, by width; nothing where it has an odd shape."""
    page = document[0]
    width, height = page.get_size()
    if not 1 <= width <= 20_000 or not 0.2 * width <= height <= TALL * width:
        return {}
    largest = max(kinds.WIDTHS)
    picture: Image.Image = page.render(scale=largest / width).to_pil().convert("RGB")
    if picture.width != largest:
        picture = picture.resize((largest, max(1, round(picture.height * largest / picture.width))))
    return {largest: pictures.saved(picture, "WEBP", quality=80), **pictures.thumbnails(picture, kinds.WIDTHS, longest=16_383)}


def warm() -> None:
    """Load what is loaded when it is first used."""
    empty = pypdfium2.PdfDocument.new()
    page = empty.new_page(100, 100)
    page.render(scale=0.1).to_pil()
    page.get_textpage().get_text_bounded()
    empty.close()
    pictures.warm()
