"""The words in files: of documents page by page, of images where the extra for it is installed."""

from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec

from chat import errors


@dataclass(frozen=True, slots=True)
class Page:
    """Of a document: a page, a slide, a sheet. `number` from 1; `cut` when this is the last that is read, and more follow."""

    number: int
    text: str
    cut: bool = False


def text_of(data: bytes, type: str, name: str) -> list[Page]:
    """What stands in a document or text that `take_in` took, page by page; pages without words are left out."""
    if type == "text/plain":
        return [Page(1, data.decode())]
    raise errors.InvalidInput("There is no text in this file.")


@cache
def ocr_here() -> bool:
    """Whether this server can read what is written in images."""
    return find_spec("rapidocr") is not None and find_spec("onnxruntime") is not None


def text_in_image(data: bytes) -> str:
    """What is written in an image that `take_in` took; empty where nothing is found. InvalidInput where `ocr_here` is false."""
    raise errors.InvalidInput("This server does not read what is written in images.", next="Whoever runs it can install that.")
