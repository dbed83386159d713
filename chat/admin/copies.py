"""What a text in a frame is shown with: copies of its images and the words of its documents. No address leads to either, so what
is seen is what is on record.
"""

from base64 import b64encode
from collections.abc import Iterable
from typing import Final

from chat import errors
from chat.files import storage
from chat.live.views import Copy
from chat.models import File
from chat.runs import uploads
from chat.store import files, redaction
from chat.store.access import Allowed

MOST: Final = 8_000_000
"""Bytes of copies on one page; what comes after that is told."""
TEXT: Final = 200_000
"""Characters of one document."""
REDACTED: Final = Copy(missing="images are not shown where texts are redacted")
ELSEWHERE: Final = Copy(missing="shown with its own reply: there are many images on this page")
AWAY: Final = Copy(missing="it cannot be read right now")


def of(allowed: Allowed, wanted: Iterable[File], left: int) -> tuple[dict[str, Copy], int]:
    """By id, and how many bytes are left for others. Where texts are redacted there is no image: nothing is hidden in one."""
    found: dict[str, Copy] = {}
    known = {file.pk: file for file in wanted}
    read = files.texts([pk for pk, file in known.items() if not file.is_image])
    for pk, file in known.items():
        if file.is_image:
            found[pk] = REDACTED if allowed.redacted else _image(file, left)
        elif pk in read:
            text = read[pk].text[: min(TEXT, left)]
            found[pk] = Copy(text=redaction.mask(text) if allowed.redacted else text)
        left -= sum(map(len, found.get(pk, ())))
    return found, max(0, left)


def _image(file: File, left: int) -> Copy:
    """The largest thumbnail; an image that has none is small itself."""
    width, type_ = (max(file.thumbnails), "image/webp") if file.thumbnails else (0, file.type)
    try:
        place = uploads.place(file, width)
        if storage.size(place) > left * 3 // 4:
            return ELSEWHERE
        return Copy(image=f"data:{type_};base64,{b64encode(storage.read(place)).decode()}")
    except (errors.NotFound, errors.FilesAway):
        return AWAY
