"""Files that come with a message: what waits in the composer, and what its own field sends. Small texts are parts of the message;
everything else is put in as a file. What cannot be taken is refused, and the message with it, never dropped unsaid.
"""

from typing import Any, Final

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest

from chat import egress, errors
from chat.files import sniff
from chat.models import User
from chat.models.files import sized
from chat.protocol.types import Json
from chat.runs import addresses, passing, uploads
from chat.store.attached import Held
from chat.store.wording import TextFile
from chat.web import pace

ANOTHER: Final = "Remove it and send again."
TEXTS: Final = 5  # times `FILE_BYTES`, of the texts of one message together


def limits(most: int = settings.UPLOAD_BYTES) -> dict[str, Any]:
    """What a composer tells before anything is sent; `most`: bytes of one file."""
    return {
        "files": settings.FILES_PER_MESSAGE,
        "bytes": most,
        "text": settings.FILE_BYTES,
        "many": f"A message takes {settings.FILES_PER_MESSAGE} files; send the others in the next one.",
        "size": sized(most),
        "pixels": f"{settings.UPLOAD_PIXELS / 1e6:g}",
        "frames": settings.UPLOAD_FRAMES,
        "large": f"{sized(most)} is the most.",
    }


def attached(request: HttpRequest) -> tuple[list[TextFile], list[Held]]:
    """Texts and files of the composer, those that wait first."""
    assert isinstance(request.user, User)  # nobody else has a composer
    texts, others = sorted_out(request)
    waiting, url = held(request), address(request)
    counted(len(texts) + len(others) + len(waiting) + bool(url))
    for upload in others:
        waiting.append(Held(uploads.take(actor=request.user, source=upload, name=upload.name or "").use.pk))
    if url:
        waiting.append(Held(addresses.take(actor=request.user, url=url).use.pk))
    return texts, waiting


def in_memory(request: HttpRequest) -> tuple[list[TextFile], list[Json]]:
    """The same where nothing may be put in as a file, for it would lie on a disk: texts, and images as parts of the message."""
    assert isinstance(request.user, User)  # nobody else has a composer
    texts, others = sorted_out(request)
    url = address(request)
    counted(len(texts) + len(others) + bool(url))
    images: list[Json] = []
    all_taken = [passing.take(actor=request.user, source=upload, name=upload.name or "") for upload in others]
    if url:
        all_taken.append(addresses.pass_on(actor=request.user, url=url))
    for taken in all_taken:
        if isinstance(taken, TextFile):
            texts.append(taken)
        else:
            images.append(taken)
    fitting(texts)
    return texts, images


def address(request: HttpRequest) -> str:
    """The address of an image or a document to be fetched, "" where there is none; TooOften, where there were many."""
    url = request.POST.get("address", "")[: egress.LONGEST + 1].strip()
    if url:
        pace.heed(request)
    return url


def sorted_out(request: HttpRequest) -> tuple[list[TextFile], list[Any]]:
    """What the composer's own field sends: texts, and everything else."""
    texts: list[TextFile] = []
    others: list[Any] = []
    for upload in request.FILES.getlist("attachments"):
        if (text := text_file(upload)) is not None:
            texts.append(text)
        else:
            others.append(upload)
    fitting(texts)
    return texts, others


def fitting(texts: list[TextFile]) -> None:
    if sum(len(text.text) for text in texts) > TEXTS * settings.FILE_BYTES:
        raise errors.TooLarge("These texts are too long for one message.", next="Send some of them in the next one.")


def counted(number: int) -> None:
    if number > settings.FILES_PER_MESSAGE:
        raise errors.TooLarge(f"A message takes {settings.FILES_PER_MESSAGE} files.", next="Send the others in the next one.")


def held(request: HttpRequest) -> list[Held]:
    """What waits in the composer: each says beside it how closely it is to be looked at."""
    ids, details = request.POST.getlist("files"), request.POST.getlist("detail")
    return [
        Held(pk.replace("\x00", "")[:40], details[number] if number < len(details) else "auto") for number, pk in enumerate(ids)
    ]


def text_file(upload: "UploadedFile[Any]") -> TextFile | None:
    """A short text in UTF-8, its name without what does not show; None for anything else, be it written in letters."""
    if (upload.size or 0) > settings.FILE_BYTES:
        return None
    name = "".join(letter for letter in upload.name or "" if letter.isprintable())[-100:].strip() or "file"
    data = upload.read()
    upload.seek(0)
    try:
        text = data.decode("utf-8-sig") if sniff.form_of(data[: sniff.HEAD]).kind == "text" else "\x00"
    except (UnicodeDecodeError, errors.InvalidInput):
        text = "\x00"
    return None if "\x00" in text else TextFile(name, text)
