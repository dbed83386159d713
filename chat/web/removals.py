"""Deleting a message, with all that follows it, and having it back."""

from typing import Any

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST
from django_htmx.http import HttpResponseClientRedirect

from chat import runs
from chat.store import conversations, removals, responses
from chat.web.decorators import PersonRequest, person_required


@require_http_methods(["GET", "HEAD", "POST"])
@person_required
def delete(request: PersonRequest, conversation_id: str, item_id: str) -> HttpResponse:
    """Asks first: what is gone is gone after some minutes."""
    found: dict[str, Any] = {"actor": request.user, "conversation_id": conversation_id, "item_id": item_id}
    if request.method != "POST":
        conversation = conversations.find(actor=request.user, conversation_id=conversation_id, action="conversation.write")
        item = removals.find(**found)
        context = {
            "conversation": conversation,
            "item": item,
            "text": responses.message_text(item.wire),
            "extent": removals.extent(item),
            "minutes": settings.UNDO_MINUTES,
        }
        return render(request, "conversations/delete_message.html", context)
    removed = runs.remove_message(**found)
    return redirect(removed.conversation.url)


@require_POST
@person_required
def restore(request: PersonRequest, conversation_id: str, item_id: str) -> HttpResponse:
    conversation = runs.restore_message(actor=request.user, conversation_id=conversation_id, item_id=item_id)
    return HttpResponseClientRedirect(conversation.url) if request.htmx else redirect(conversation.url)
