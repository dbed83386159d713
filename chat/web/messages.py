"""What one says in a conversation. Each view writes, starts the work and answers at once; the news comes down the socket."""

from secrets import token_hex
from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST
from django_htmx.http import HttpResponseClientRedirect

from chat import errors, runs
from chat.models import Item
from chat.store import conversations, presence, responses
from chat.web import attachments, waiting
from chat.web.conversations import chosen_model, message_fields, page_context, refill
from chat.web.decorators import PersonRequest, no_content, person_required
from chat.web.fields import value


@require_POST
@person_required
def create(request: PersonRequest, conversation_id: str) -> HttpResponse:
    """Say something. Answers with a fresh client id; the text box is the page's own."""
    conversation = conversations.find(actor=request.user, conversation_id=conversation_id)
    composer = attachments.of_place(request.user, conversation_id)
    try:
        runs.send(actor=request.user, conversation_id=conversation_id, **message_fields(request, composer))
    except errors.ParleyError as error:
        return refill(request, error, lambda: page_context(request, conversation), composer)
    if request.htmx and "middle" in request.GET:  # the page did not reach the end, where the message now stands
        return HttpResponseClientRedirect(conversation.url)
    if request.htmx:
        return render(request, "conversations/client_id.html", {"client_id": token_hex(16), "out_of_band": True})
    return redirect(conversation.url, permanent=False)


@require_http_methods(["GET", "POST"])
@person_required
def edit(request: PersonRequest, conversation_id: str, item_id: str) -> HttpResponse:
    conversation = conversations.find(actor=request.user, conversation_id=conversation_id, action="conversation.write")
    if request.method == "GET":
        item = Item.objects.filter(pk=item_id, conversation=conversation, role="user", hidden=False).first()
        if item is None:
            raise errors.NotFound("This message does not exist any more.")
        context = {"text": responses.message_text(item.wire), "came": waiting.came_with(item), "edit_url": request.path}
        return render(request, "conversations/edit_form.html", {**context, "limits": attachments.limits()})
    text, client_id = request.POST.get("text", ""), value(request.POST, "client_id", most=64)
    keep = {int(index) for index in request.POST.getlist("keep") if index.isascii() and index.isdigit() and len(index) < 4}
    files, held = attachments.attached(request, attachments.of_place(request.user, ""))
    what: dict[str, Any] = {"text": text, "files": files, "held": held, "keep": keep if "keep" in request.POST else None}
    runs.edit(actor=request.user, conversation_id=conversation_id, item_id=item_id, client_id=client_id, **what)
    return _done(request, conversation.url)


@require_POST
@person_required
def regenerate(request: PersonRequest, conversation_id: str, response_id: str) -> HttpResponse:
    model = chosen_model(request)
    begun = runs.regenerate(actor=request.user, conversation_id=conversation_id, response_id=response_id, model=model)
    return _done(request, begun.conversation.url)


@require_POST
@person_required
def carry_on(request: PersonRequest, conversation_id: str, response_id: str) -> HttpResponse:
    begun = runs.carry_on(actor=request.user, conversation_id=conversation_id, response_id=response_id)
    return _done(request, begun.conversation.url)


@require_POST
@person_required
def stop(request: PersonRequest, conversation_id: str, response_id: str) -> HttpResponse:
    runs.cancel(actor=request.user, conversation_id=conversation_id, response_id=response_id)
    return _done(request, f"/c/{conversation_id}/")


@require_POST
@person_required
def typing(request: PersonRequest, conversation_id: str) -> HttpResponse:
    """The page says so now and then, while somebody writes in a shared conversation."""
    presence.typing(actor=request.user, conversation_id=conversation_id)
    return no_content()


@require_POST
@person_required
def version(request: PersonRequest, conversation_id: str) -> HttpResponse:
    """Show another version of the branch."""
    response_id = value(request.GET, "response") or value(request.POST, "response")
    conversation = conversations.choose_branch(actor=request.user, conversation_id=conversation_id, response_id=response_id)
    return _done(request, conversation.url)


def _done(request: PersonRequest, url: str) -> HttpResponse:
    return no_content() if request.htmx else redirect(url)
