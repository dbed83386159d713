"""What one says in a conversation. Each view writes, starts the work and answers at once; the news comes down the socket."""

from secrets import token_hex
from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST
from django_htmx.http import HttpResponseClientRedirect

from chat import errors, runs
from chat.models import Conversation, Item
from chat.store import conversations, presence, responses
from chat.web import attachments, waiting
from chat.web.attachments import Composer
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
    """The form, and what it posts. What is refused stays in the form, with the files: they wait under the message's own name."""
    conversation = conversations.find(actor=request.user, conversation_id=conversation_id, action="conversation.write")
    if request.method == "GET":
        return _edit_form(request, conversation, item_id)
    composer = attachments.of_place(request.user, item_id)
    try:
        runs.edit(actor=request.user, conversation_id=conversation_id, item_id=item_id, **_wording(request, composer))
    except errors.ParleyError as error:
        lost = attachments.lost(request, composer)
        return _edit_form(request, conversation, item_id, attachments.choosing_again(error, lost))
    return _done(request, conversation.url)


def _wording(request: PersonRequest, composer: Composer) -> dict[str, Any]:
    """What the form posts."""
    files, held = attachments.attached(request, composer)
    text, client_id = request.POST.get("text", ""), value(request.POST, "client_id", most=64)
    return {"text": text, "client_id": client_id, "files": files, "held": held, "keep": _ticked(request)}


def _ticked(request: PersonRequest) -> set[int] | None:
    """The places of the files that stay with the message; None where nothing is said of them, and all do."""
    if "keep" not in request.POST:
        return None
    return {int(index) for index in request.POST.getlist("keep") if index.isascii() and index.isdigit() and len(index) < 4}


def _edit_form(
    request: PersonRequest, conversation: Conversation, item_id: str, error: errors.ParleyError | None = None
) -> HttpResponse:
    """In the page, a page of its own without JavaScript; of one that is in the page already, only what has changed."""
    item = Item.objects.filter(pk=item_id, conversation=conversation, role="user", hidden=False).first()
    if item is None:
        raise errors.NotFound("This message does not exist any more.")
    kept = _ticked(request)
    context = {
        "conversation": conversation,
        "item_id": item_id,
        "text": request.POST.get("text", responses.message_text(item.wire)),
        "client_id": value(request.POST, "client_id", most=64) or token_hex(16),
        "came": [(one, kept is None or index in kept) for index, one in enumerate(waiting.came_with(item))],
        "held": waiting.of_place(request.user, item_id),
        "edit_url": request.path,
        "limits": attachments.limits(),
        "error": error,
    }
    page = f"conversations/{('edit_refused' if error else 'edit_form') if request.htmx else 'edit_page'}.html"
    return render(request, page, context, status=error.status if error else 200)


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
