"""Images of other hosts that replies name: none loads by itself. Whoever may read the reply may ask for one, and this server goes
there; the browser never does.
"""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from chat.files import Taken
from chat.live import images
from chat.markdown.images import host_of
from chat.runs import outside
from chat.store import conversations, talks
from chat.web import pace
from chat.web.decorators import PersonRequest, person_required, unspoken
from chat.web.serving import LOCKED


@require_GET
@person_required
def show(request: PersonRequest, conversation_id: str, output_id: str, digest: str) -> HttpResponse:
    """The image in its place, or on a page of its own where that is what a browser asks for."""
    return _shown(request, _in_conversation(request, conversation_id, output_id, digest))


@require_GET
@person_required
def whole(request: PersonRequest, conversation_id: str, output_id: str, digest: str) -> HttpResponse:
    return _served(_taken(request, _in_conversation(request, conversation_id, output_id, digest)))


@require_GET
@person_required
@unspoken
def show_temporary(request: PersonRequest, temporary_id: str, output_id: str, digest: str) -> HttpResponse:
    return _shown(request, _in_talk(request, temporary_id, output_id, digest))


@require_GET
@person_required
@unspoken
def whole_temporary(request: PersonRequest, temporary_id: str, output_id: str, digest: str) -> HttpResponse:
    return _served(_taken(request, _in_talk(request, temporary_id, output_id, digest)))


def _in_conversation(request: PersonRequest, conversation_id: str, output_id: str, digest: str) -> str:
    conversation = conversations.find(actor=request.user, conversation_id=conversation_id)
    return images.address(conversation, output_id, digest)


def _in_talk(request: PersonRequest, temporary_id: str, output_id: str, digest: str) -> str:
    return images.address_in(talks.find(actor=request.user, talk_id=temporary_id), output_id, digest)


def _taken(request: PersonRequest, address: str) -> Taken:
    if (taken := outside.held(actor=request.user, address=address)) is not None:
        return taken
    pace.heed(request)
    return outside.look(actor=request.user, address=address)


def _shown(request: PersonRequest, address: str) -> HttpResponse:
    context = {
        "image": _taken(request, address),
        "page_url": request.path,
        "url": f"{request.path}whole/",
        "host": host_of(address),
    }
    page = "images/shown.html" if request.htmx else "images/page.html"
    response = render(request, page, context)
    response.headers["Cache-Control"] = "private, no-store"
    return response


def _served(image: Taken) -> HttpResponse:
    """What we have made of it, never what came; no browser keeps it."""
    headers = {**LOCKED, "Cache-Control": "private, no-store", "Content-Disposition": "inline"}
    return HttpResponse(image.data, content_type=image.type, headers=headers)
