"""Images of other hosts that replies name: none loads by itself. Whoever may read the reply may ask for one, and this server goes
there; the browser never does.
"""

from collections.abc import Callable

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from chat.live import images
from chat.runs import outside
from chat.runs.outside import Shown
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
    return _served(_in_conversation(request, conversation_id, output_id, digest))


@require_GET
@person_required
@unspoken
def show_temporary(request: PersonRequest, temporary_id: str, output_id: str, digest: str) -> HttpResponse:
    return _shown(request, _in_talk(request, temporary_id, output_id, digest))


@require_GET
@person_required
@unspoken
def whole_temporary(request: PersonRequest, temporary_id: str, output_id: str, digest: str) -> HttpResponse:
    return _served(_in_talk(request, temporary_id, output_id, digest))


def _in_conversation(request: PersonRequest, conversation_id: str, output_id: str, digest: str) -> Shown:
    conversation = conversations.find(actor=request.user, conversation_id=conversation_id)
    what = f"{conversation.pk} {output_id} {digest}"
    return _looked_at(request, what, lambda: images.address(conversation, output_id, digest))


def _in_talk(request: PersonRequest, temporary_id: str, output_id: str, digest: str) -> Shown:
    talk = talks.find(actor=request.user, talk_id=temporary_id)
    return _looked_at(request, f"{talk.id} {output_id} {digest}", lambda: images.address_in(talk, output_id, digest))


def _looked_at(request: PersonRequest, what: str, address: Callable[[], str]) -> Shown:
    """To look for it in a reply computes, too: it counts as often as fetching it."""
    if (shown := outside.held(actor=request.user, what=what)) is not None:
        return shown
    pace.heed(request)
    return outside.look(actor=request.user, address=address(), what=what)


def _shown(request: PersonRequest, shown: Shown) -> HttpResponse:
    context = {"image": shown.image, "host": shown.host, "page_url": request.path, "url": f"{request.path}whole/"}
    response = render(request, "images/shown.html" if request.htmx else "images/page.html", context)
    response.headers["Cache-Control"] = "private, no-store"
    return response


def _served(shown: Shown) -> HttpResponse:
    """What we have made of it, never what came; no browser keeps it."""
    headers = {**LOCKED, "Cache-Control": "private, no-store", "Content-Disposition": "inline"}
    return HttpResponse(shown.image.data, content_type=shown.image.type, headers=headers)
