"""The bytes of a file, for whoever has been found to be allowed them: never as a page of ours, never kept by a shared cache."""

from itertools import chain
from typing import Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.utils.http import content_disposition_header

from chat import errors
from chat.files import storage
from chat.live.streamed import Streamed
from chat.models import File
from chat.runs import uploads

LOCKED: Final = {
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
}
GIF: Final = "image/gif"
GONE: Final = "This file is not here any more."


def served(request: HttpRequest, file: File, width: int = 0, *, name: str) -> HttpResponseBase:
    """All of it, or its thumbnail of that width, under this name. Asked for again it is checked again, and sent only if the
    browser has it not.
    """
    if width and width not in file.thumbnails:
        raise errors.NotFound(GONE)
    disposition = _disposition(file, width, name)
    mark = f'"{file.pk[5:]}-{width}"'
    if request.headers.get("If-None-Match") == mark:
        return _headed(HttpResponse(status=304), mark, disposition)
    request.META.pop("HTTP_ACCEPT_ENCODING", None)  # images are compressed: nothing is to be done to them on the way
    return _headed(_answer(file, width, disposition), mark, disposition)


def _answer(file: File, width: int, disposition: str) -> HttpResponseBase:
    """By the web server in front, where it was told how; by the bucket, where that is chosen; by us."""
    place, type_ = uploads.place(file, width), "image/webp" if width else file.type
    if settings.FILES_ACCEL and storage.path(place) is not None:
        return HttpResponse(content_type=type_, headers={"X-Accel-Redirect": f"{settings.FILES_ACCEL.rstrip('/')}/{place}"})
    if elsewhere := storage.elsewhere(place, type=type_, disposition=disposition):
        return HttpResponseRedirect(elsewhere)
    pieces = storage.chunks(place)
    first = next(pieces, b"")  # what is not there is said before anything is sent
    return Streamed(chain([first], pieces), content_type=type_)


def _disposition(file: File, width: int, name: str) -> str:
    """Only what we have encoded ourselves is shown as a page of its own; the rest is saved, a GIF too, whose pictures are as they
    came. In a message it moves all the same.
    """
    ours = width or (file.is_image and file.type != GIF)
    return content_disposition_header(not ours, name) or "inline"


def _headed(response: HttpResponseBase, mark: str, disposition: str) -> HttpResponseBase:
    mine = {"Cache-Control": "private, no-cache", "Content-Disposition": disposition}
    if not isinstance(response, HttpResponseRedirect):  # who kept that address would be told that it is good still
        mine["ETag"] = mark
    for name, value in {**LOCKED, **mine}.items():
        response.headers[name] = value
    return response
