"""Files of temporary conversations: put in for a composer, shown out of memory, taken away. No browser keeps any of it."""

from typing import Final

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_POST, require_safe

from chat import errors
from chat.live.streamed import Streamed
from chat.runs import addresses, passing
from chat.store import talk_files, talks
from chat.store.talk import Talk
from chat.web import waiting
from chat.web.attachments import address, index, named
from chat.web.decorators import PersonRequest, no_content, person_required, unspoken
from chat.web.serving import LOCKED

NONE: Final = {**LOCKED, "Cache-Control": "private, no-store"}


def _talk(request: PersonRequest, temporary_id: str | None) -> Talk | None:
    """The conversation that is named, for its owner; None for one that has not begun."""
    if temporary_id is None:
        talks.heed()
        return None
    return talks.find(actor=request.user, talk_id=temporary_id)


@require_POST
@person_required
@unspoken
def put_in(request: PersonRequest, temporary_id: str | None = None) -> HttpResponse:
    """One file, or what is at an address; the answer is its line in the composer."""
    talk, upload, url = _talk(request, temporary_id), request.FILES.get("file"), address(request)
    if upload is None and not url:
        raise errors.InvalidInput("No file has come.", next="Choose it again.")
    if upload is None:
        file = addresses.pass_on(actor=request.user, talk=talk, url=url)
    else:
        try:
            source, name = upload, upload.name or ""
            file = passing.put(actor=request.user, talk=talk, source=source, name=name, index=index(request))  # type: ignore[arg-type]
        except errors.ParleyError as error:
            raise named(error, upload.name) from None
    return render(request, "files/held.html", {"line": waiting.passing(talk, file), "fetched": bool(url)})


@require_POST
@person_required
@unspoken
def let_go(request: PersonRequest, file_id: str, temporary_id: str | None = None) -> HttpResponse:
    """Out of the composer."""
    talk_files.let_go(request.user, _talk(request, temporary_id), file_id)
    return no_content()


@require_safe
@person_required
@unspoken
def show(request: PersonRequest, file_id: str, width: int = 0, temporary_id: str | None = None) -> HttpResponseBase:
    """All of it, or a thumbnail: only what we have made ourselves, which all images are, is shown in a browser."""
    talk = _talk(request, temporary_id)
    file = talk_files.find(request.user, talk, file_id)
    if width and width not in file.thumbnails:
        raise errors.NotFound(talk_files.GONE)
    pieces = talk_files.streamed(talk_files.place(request.user, talk), file_id, str(width))
    request.META.pop("HTTP_ACCEPT_ENCODING", None)
    disposition = content_disposition_header(not (file.is_image or width), file.name) or "inline"
    type_ = "image/webp" if width else file.type
    return Streamed(pieces, content_type=type_, headers={**NONE, "Content-Disposition": disposition})
