"""Files that come with a message: what waits in the composer, and what its own field sends. Small texts are parts of the message;
everything else is put in as a file. What cannot be taken is refused, and the message with it, never dropped unsaid.
"""

import io
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, BinaryIO, Final, NamedTuple

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest

from chat import egress, errors
from chat.files import sniff
from chat.models import User
from chat.models.files import sized
from chat.runs import addresses, passing, uploads
from chat.store import attached as in_messages
from chat.store.attached import Held
from chat.store.talk import Talk
from chat.store.wording import TextFile
from chat.web import pace
from chat.web.fields import value

TEXTS: Final = 5  # times `FILE_BYTES`, of the texts of one message together


class Composer(NamedTuple):
    """Where files wait: `put` what has come under a name, or `fetch` what is at an address; each gives the id of what waits."""

    put: Callable[[BinaryIO, str], str]
    fetch: Callable[[str], str]


def of_place(actor: User, place: str) -> Composer:
    """That of a conversation, a project, or a new conversation."""
    return Composer(
        lambda source, name: uploads.take(actor=actor, source=source, name=name, composer=place).use.pk,
        lambda url: addresses.take(actor=actor, url=url, composer=place).use.pk,
    )


def of_talk(actor: User, talk: Talk | None) -> Composer:
    """That of a temporary conversation: nothing may be put in as a file, for it would lie on a disk."""
    return Composer(
        lambda source, name: passing.put(actor=actor, talk=talk, source=source, name=name).id,
        lambda url: addresses.pass_on(actor=actor, talk=talk, url=url).id,
    )


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


def attached(request: HttpRequest, composer: Composer) -> tuple[list[TextFile], list[Held]]:
    """Texts and files of the composer, those that wait first. Where one cannot be taken the others wait all the same."""
    texts, others = sorted_out(request)
    waiting, url = held(request), address(request)
    in_messages.counted(len(texts) + len(others) + len(waiting) + bool(url))
    refused: list[errors.ParleyError] = []
    for upload in others:
        _forget(request, upload)
        try:
            waiting.append(Held(composer.put(upload, upload.name or "")))
        except errors.ParleyError as error:
            refused.append(named(error, upload.name))
    if refused:
        raise _together(refused)
    if url:
        waiting.append(Held(composer.fetch(url)))
    return texts, waiting


def _forget(request: HttpRequest, upload: object) -> None:
    """What is told of it is told now, not by `lost`."""
    request.FILES.setlist("attachments", [one for one in request.FILES.getlist("attachments") if one is not upload])


def named(error: errors.ParleyError, name: str | None) -> errors.ParleyError:
    """The same, with the name of the file that it is about."""
    name = clean(name)
    return error if name in error.message else type(error)(f"“{name}”: {error.message}", next=error.next)


def _together(refused: Sequence[errors.ParleyError]) -> errors.ParleyError:
    """All in one, each with what to do about it: of several that is the same, once."""
    last = refused[-1]
    told = [f"{one.message} {one.next}" if one.next != after.next else one.message for one, after in pairwise(refused)]
    return type(last)(" ".join([*told, last.message]), next=last.next)


def lost(request: HttpRequest, composer: Composer) -> list[str]:
    """For a message that could not be sent: the texts that came with it wait as files from now on, as its other files do. Gives
    the names of those that do not, and are to be chosen again.
    """
    names = []
    for upload in request.FILES.getlist("attachments"):
        text = text_file(upload)
        try:
            if text is None:
                raise errors.InvalidInput
            composer.put(io.BytesIO(text.text.encode()), text.name)
        except errors.ParleyError:
            names.append(clean(upload.name))
    return names


def choosing_again(error: errors.ParleyError, lost: Sequence[str]) -> errors.ParleyError:
    """It says, too, which files have come to nothing."""
    if lost:
        error.next = f"{error.next} Choose these files again: {', '.join(lost)}."
    return error


def address(request: HttpRequest) -> str:
    """The address of an image or a document to be fetched, "" where there is none; TooOften, where there were many."""
    url = request.POST.get("address", "")[: egress.LONGEST + 1].strip()
    if url:
        pace.heed(request)
    return url


def index(request: HttpRequest) -> int | None:
    """Which one of the composer's files this is, as it says; None where it does not."""
    told = value(request.POST, "index", most=4)
    return int(told) if told.isascii() and told.isdigit() else None


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


def fitting(texts: Sequence[TextFile]) -> None:
    if sum(len(text.text) for text in texts) > TEXTS * settings.FILE_BYTES:
        raise errors.TooLarge("These texts are too long for one message.", next="Send some of them in the next one.")


def held(request: HttpRequest) -> list[Held]:
    """What waits in the composer; how closely an image is to be looked at is said by its id and a word."""
    details = dict(told.partition(" ")[::2] for told in request.POST.getlist("detail"))
    ids = [pk.replace("\x00", "")[:40] for pk in request.POST.getlist("files")]
    return [Held(pk, details.get(pk, "auto")) for pk in ids]


def clean(name: str | None) -> str:
    """A name without what does not show."""
    return "".join(letter for letter in name or "" if letter.isprintable())[-100:].strip() or "file"


def text_file(upload: "UploadedFile[Any]") -> TextFile | None:
    """A short text in UTF-8; None for anything else, be it written in letters."""
    if (upload.size or 0) > settings.FILE_BYTES:
        return None
    data = upload.read()
    upload.seek(0)
    try:
        text = data.decode("utf-8-sig") if sniff.form_of(data[: sniff.HEAD]).kind == "text" else "\x00"
    except (UnicodeDecodeError, errors.InvalidInput):
        text = "\x00"
    return None if "\x00" in text else TextFile(clean(upload.name), text)
