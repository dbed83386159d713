"""Files that come with a message: texts so far. Other kinds are refused, and the message with them, never dropped unsaid."""

from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest

from chat import errors
from chat.store.messages import TextFile

ANOTHER = "Remove it and send again."


def attached(request: HttpRequest) -> list[TextFile]:
    """The files of the composer's field."""
    uploads = request.FILES.getlist("attachments")
    if len(uploads) > settings.FILES_PER_MESSAGE:
        raise errors.TooLarge(f"A message takes {settings.FILES_PER_MESSAGE} files.", next="Send the others in the next one.")
    return [text_file(upload) for upload in uploads]


def text_file(upload: "UploadedFile[Any]") -> TextFile:
    """A text in UTF-8, its name without what does not show; InvalidInput for anything else."""
    name = "".join(letter for letter in upload.name or "" if letter.isprintable())[-100:] or "file"
    if (upload.size or 0) > settings.FILE_BYTES:
        raise errors.TooLarge(f"“{name}” is too large: {settings.FILE_BYTES // 1000} KB is the most.", next=ANOTHER)
    try:
        text = upload.read().decode("utf-8-sig")
    except UnicodeDecodeError:
        text = "\x00"
    if "\x00" in text:
        raise errors.InvalidInput(f"“{name}” is not a text file; only text can be attached so far.", next=ANOTHER)
    return TextFile(name, text)
