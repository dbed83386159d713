"""What is made of files that were taken in: the words of documents page by page, those in images, an image that stands still."""

from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from typing import Final

from django.conf import settings
from pydantic import BaseModel, TypeAdapter, ValidationError

from chat import errors
from chat.decoding import kinds
from chat.decoding.frames import Limits, Task
from chat.files import child

DOCUMENT: Final = Limits(memory=1 << 30, cpu=20, seconds=90)
IMAGE: Final = Limits(memory=3 << 30, cpu=60, seconds=180)
STILL: Final = Limits(memory=1 << 30, cpu=20, seconds=90)
LISTED: Final = TypeAdapter(list[tuple[int, str]])
NONE: Final = "There is no text to be read in this file."


@dataclass(frozen=True, slots=True)
class Page:
    """Of a document: a page, a slide, a sheet. `number` from 1; `cut` when this is the last that is read, and more follow."""

    number: int
    text: str
    cut: bool = False


class OfText(BaseModel):
    cut: bool


class OfWords(BaseModel):
    """Nothing: what there is to say is in the parts."""


def text_of(data: bytes, type: str, name: str) -> list[Page]:
    """What stands in a document or text that `take_in` took, page by page; pages without words are left out. `name` is not looked
    at. It takes up to a minute. InvalidInput or TooLarge, with a sentence; Busy.
    """
    if type == "text/plain":
        return [Page(1, data[: settings.TEXT_BYTES].decode(errors="ignore"), cut=len(data) > settings.TEXT_BYTES)]
    if type not in {kinds.PDF, *kinds.PACKED}:
        raise errors.InvalidInput(NONE)
    task = Task(
        "text",
        "pdf" if type == kinds.PDF else "packed",
        DOCUMENT,
        {"bytes": settings.TEXT_BYTES, "pages": settings.TEXT_PAGES},
    )
    with child.places().one():
        said, parts = child.asked(task, [data], OfText, most=8 * settings.TEXT_BYTES)
    try:
        found = LISTED.validate_json(b"".join(parts))
    except ValidationError:
        raise errors.InvalidInput(NONE) from None
    last = len(found) - 1
    return [Page(number, text, cut=said.cut and at == last) for at, (number, text) in enumerate(found)]


@cache
def ocr_here() -> bool:
    """Whether this server can read what is written in images."""
    return find_spec("rapidocr") is not None and find_spec("onnxruntime") is not None


def text_in_image(data: bytes) -> str:
    """What is written in an image that `take_in` took, line by line; empty where nothing is found. It takes up to a minute.
    InvalidInput where `ocr_here` is false.
    """
    if not ocr_here():
        raise errors.InvalidInput(
            "This server does not read what is written in images.", next="Whoever runs it can install that."
        )
    form = _form(data)
    task = Task("words", form, IMAGE, {"bytes": settings.TEXT_BYTES, "pixels": settings.UPLOAD_PIXELS})
    with child.places_for_words().one():
        _, parts = child.asked(task, [data], OfWords, most=settings.TEXT_BYTES)
    return b"".join(parts).decode(errors="replace")


def still(data: bytes) -> tuple[bytes, str]:
    """An image that `take_in` took as one that every model server takes, PNG or JPEG, and its type: of an animation the first
    picture. What is one already stays as it is. It takes up to a minute.
    """
    form = _form(data)
    if form in ("PNG", "JPEG"):
        return data, kinds.IMAGES[form]
    task = Task("still", form, STILL, {"pixels": settings.UPLOAD_PIXELS})
    with child.places().one():
        _, parts = child.asked(task, [data], OfWords, most=8 * settings.UPLOAD_BYTES)
    found = b"".join(parts)
    made = _form(found)
    if made not in ("PNG", "JPEG"):
        raise errors.InvalidInput(NONE)
    return found, kinds.IMAGES[made]


def _form(data: bytes) -> str:
    """What an image is that a child has made; InvalidInput for anything else."""
    for form, start in child.STARTS.items():
        if data.startswith(start):
            return form
    raise errors.InvalidInput(NONE)
