"""Images and files: put in for a composer, served, looked at one by one, all of one's own, taken away and had back."""

import re
from typing import Any, Final

from django.conf import settings
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.http import urlencode
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django_htmx.http import HttpResponseClientRedirect

from chat import errors
from chat.live.views import FileView
from chat.models import File, FileUse
from chat.runs import addresses, uploads
from chat.store import files
from chat.web import sidebar, waiting
from chat.web.attachments import address, index, named
from chat.web.decorators import PersonRequest, no_content, person_required
from chat.web.fields import value
from chat.web.serving import served

MOST: Final = 48  # on one page
PLACES: Final = 20  # of one file that are named


@require_http_methods(["GET", "HEAD", "POST"])
@person_required
def page(request: PersonRequest) -> HttpResponse:
    """All of one's own, the last one first; a file that is posted here waits in a composer."""
    if request.method == "POST":
        return put_in(request)
    query, before = value(request.GET, "q"), value(request.GET, "before", most=40)
    found = files.newest(actor=request.user, query=query, before=before, most=MOST + 1)
    places = files.places(request.user, found[:MOST], most=1)
    more = {"before": found[MOST - 1].pk, **({"q": query} if query else {})} if len(found) > MOST else {}
    removed = files.undoable(actor=request.user, file_id=value(request.GET, "removed", most=40))
    context: dict[str, Any] = {
        "q": query,
        "found": [_listed(file, places.get(file.pk, [])) for file in found[:MOST]],
        "more_url": f"?{urlencode(more)}" if more else "",
    }
    if request.htmx:
        return render(request, "files/found.html", context)
    context |= {"quota": files.quota(request.user), "sidebar": sidebar.build(request), "removed": removed}
    return render(request, "files/page.html", context)


def _listed(file: File, places: list[FileUse]) -> dict[str, Any]:
    return {"file": file, "place": _place(places[0]) if places else None}


def _place(use: FileUse) -> dict[str, Any]:
    assert use.item is not None  # it is where a file goes with a message
    conversation = use.item.conversation
    assert conversation is not None  # found through the conversation
    return {"url": f"{conversation.url}?{urlencode({'at': use.item.pk})}", "title": conversation.title, "when": use.item.created}


def put_in(request: PersonRequest) -> HttpResponse:
    """One file, or what is at an address; the answer is its line in the composer of the place that the address names."""
    upload, url, place = request.FILES.get("file"), address(request), value(request.GET, "in", most=40)
    if upload is None and not url:
        raise errors.InvalidInput("No file has come.", next="Choose it again.")
    if upload is None:
        put = addresses.take(actor=request.user, url=url, composer=place)
    else:
        try:
            source, name = upload, upload.name or ""
            put = uploads.take(actor=request.user, source=source, name=name, composer=place, index=index(request))  # type: ignore[arg-type]
        except errors.ParleyError as error:
            raise named(error, upload.name) from None
    return render(request, "files/held.html", {"line": waiting.line(put), "fetched": bool(url)})


@require_POST
@person_required
def let_go(request: PersonRequest, use_id: str) -> HttpResponse:
    """Out of the composer."""
    files.let_go(actor=request.user, use_id=use_id)
    return no_content()


@require_safe
@person_required
def whole(request: PersonRequest, file_id: str) -> HttpResponseBase:
    return thumbnail(request, file_id, 0)


@require_safe
@person_required
def thumbnail(request: PersonRequest, file_id: str, width: int) -> HttpResponseBase:
    file = files.find(actor=request.user, file_id=file_id)
    return served(request, file, width, name=files.name_for(request.user, file))


@require_safe
@person_required
def view(request: PersonRequest, file_id: str) -> HttpResponse:
    """One of them, large, with those beside it: of the conversation that it was opened in, or of one's own."""
    file = files.find(actor=request.user, file_id=file_id)
    conversation_id = found[0] if (found := re.findall(r"^conv_[0-9a-f]{32}$", value(request.GET, "in", most=40))) else ""
    before, after = files.neighbours(actor=request.user, file=file, conversation_id=conversation_id)
    within = f"?{urlencode({'in': conversation_id})}" if conversation_id else ""
    places = files.places(request.user, [file], most=PLACES).get(file.pk, [])
    context = {
        "file": file,
        "shown": FileView("", file.is_image, file),
        "name": files.name_for(request.user, file),
        "mine": file.owner_id == request.user.pk,
        "before_url": f"/files/{before}/view/{within}" if before else "",
        "after_url": f"/files/{after}/view/{within}" if after else "",
        "close_url": f"/c/{conversation_id}/" if conversation_id and places else "/files/",
        "places": [_place(use) for use in places],
        "minutes": settings.UNDO_MINUTES,
    }
    return render(request, "files/view.html", context)


@require_POST
@person_required
def remove(request: PersonRequest, file_id: str) -> HttpResponse:
    removed = files.remove(actor=request.user, file_id=file_id)
    return redirect(f"/files/?{urlencode({'removed': removed.pk})}")


@require_POST
@person_required
def restore(request: PersonRequest, file_id: str) -> HttpResponse:
    files.restore(actor=request.user, file_id=file_id)
    return HttpResponseClientRedirect("/files/") if request.htmx else redirect("files")
