"""Pages of conversations: the empty one, one of them, and what one does with them as wholes."""

from collections.abc import Callable
from secrets import token_hex
from typing import Any

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.utils.http import urlencode
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django_htmx.http import HttpResponseClientRedirect

from chat import errors, providers, runs
from chat.live import keeping, transcript
from chat.live.catchup import items_context, people_context
from chat.models import Conversation
from chat.policy import can
from chat.store import conversations, history, mentions, projects, readings, removals, storing, talks
from chat.web import attachments, sidebar, waiting
from chat.web.attachments import Composer
from chat.web.decorators import PersonRequest, person_required
from chat.web.errors import shown
from chat.web.fields import value
from chat.web.health import provider_context

MODEL_LENGTH = 200
NEW = "new"  # the place of a conversation that has not begun
NOTICES = {
    ("pinned", True): "Pinned.",
    ("pinned", False): "Unpinned.",
    ("archived", True): "Archived.",
    ("archived", False): "Back in the list.",
}


@require_http_methods(["GET", "HEAD", "POST"])
@person_required
def home(request: PersonRequest) -> HttpResponse:
    """A new conversation: the page, and its first message."""
    if request.method != "POST":
        return render(request, "conversations/page.html", home_context(request))
    return begin(request, "conversations/page.html", lambda: home_context(request))


def begin(request: PersonRequest, page: str, context: Callable[[], dict[str, Any]], *, project_id: str = "") -> HttpResponse:
    """A conversation, by what the composer of this page posts; and the page again where that does not do."""
    composer = attachments.of_place(request.user, project_id or NEW)
    try:
        fields = {**message_fields(request, composer), "store": chosen_store(request)}
        begun = runs.send(actor=request.user, conversation_id=None, project_id=project_id, **fields)
    except errors.ParleyError as error:
        return refill(request, error, context, composer, page=page)
    answer = HttpResponseClientRedirect(begun.conversation.url) if request.htmx else redirect(begun.conversation.url)
    if not request.htmx:
        answer.status_code = 303
    return answer


def message_fields(request: PersonRequest, composer: Composer) -> dict[str, Any]:
    """What this composer posts. A missing client id is accepted."""
    files, held = attachments.attached(request, composer)
    text, client_id = request.POST.get("text", ""), value(request.POST, "client_id", most=64)
    return {"text": text, "model": chosen_model(request), "client_id": client_id, "files": files, "held": held}


def chosen_store(request: PersonRequest) -> bool | None:
    """Whether the composer of a new conversation wants replies stored; None where it leaves that to the rule."""
    return {"on": True, "off": False}.get(value(request.POST, "store"))


def chosen_model(request: PersonRequest) -> str:
    """The model that was posted, "" for none. The list may be out of date, so the model server judges the name."""
    model = value(request.POST, "model", most=MODEL_LENGTH + 1)
    if len(model) > MODEL_LENGTH or not model.isprintable():
        raise errors.InvalidInput("There is no such model.", param="model")
    return model


def refill(
    request: PersonRequest,
    error: errors.ParleyError,
    context: Callable[[], dict[str, Any]],
    composer: Composer,
    *,
    page: str = "conversations/page.html",
) -> HttpResponse:
    """The sentence that says what is wrong, the text that was typed still in its box, and the files below it."""
    if request.htmx:
        return shown(request, error)
    told = attachments.choosing_again(error, attachments.lost(request, composer))
    alert = render_to_string("conversations/error.html", {"message": told.message, "next": told.next})
    filled = {"composer_error": alert, "composer_text": request.POST.get("text", "")}
    return render(request, page, {**context(), **filled}, status=error.status)


def home_context(request: PersonRequest) -> dict[str, Any]:
    deleted = [
        {"what": f"“{one.title or 'Untitled'}” was deleted", "at": one.deleted, "url": f"{one.url}restore/"}
        for one in conversations.undoable(request.user)
    ]
    offers = not talks.switched_off()
    return {
        "conversation": None,
        "draft_key": NEW,
        **held_context(request, NEW),
        "offers_temporary": offers,
        "undo": deleted,
        **shared_context(request, None),
    }


def shared_context(request: PersonRequest, conversation: Conversation | None) -> dict[str, Any]:
    """Sidebar, composer and the state of the model server."""
    known = providers.known_models()
    model = (conversation.model if conversation else "") or request.user.default_model
    model = model or (known[0] if known else "")
    return {
        "sidebar": sidebar.build(request, current_id=conversation.pk if conversation else ""),
        "models": known if model in known or not model else [model, *known],
        "model": model,
        "client_id": token_hex(16),
        "storing": storing.rule(person_id=request.user.pk, team_id=conversation.team_id if conversation else home_team(request)),
        "post_url": f"{conversation.url}messages/" if conversation else "/",
        "limits": attachments.limits(),
        **provider_context(),
        **keeping.facts(model),
    }


def held_context(request: PersonRequest, place: str) -> dict[str, Any]:
    """What waits in the composer of this place."""
    return {"held": waiting.of_place(request.user, place), "put_in_url": f"/files/?{urlencode({'in': place})}"}


def home_team(request: PersonRequest) -> str:
    """Where a conversation begins that begins in no project."""
    return request.user.personal_team.pk


@require_safe
@person_required
def page(request: PersonRequest, conversation_id: str) -> HttpResponse:
    conversation = conversations.find(actor=request.user, conversation_id=conversation_id)
    return render(request, "conversations/page.html", page_context(request, conversation))


def page_context(request: PersonRequest, conversation: Conversation) -> dict[str, Any]:
    at = value(request.GET, "at")
    through = history.holding(conversation, at) if at else None
    if through is not None:
        conversations.follow(conversation=conversation, viewer=request.user, through=through)
    shown = transcript.page(conversation, request.user, at=through, most=settings.ENTRIES_PER_PAGE)
    words = {"highlight": value(request.GET, "q"), "at": at if through else ""}
    items = items_context(conversation, shown)
    composer = {"post_url": f"{conversation.url}messages/?middle=1"} if shown.more else {}
    shared = shared_context(request, conversation)
    storing.as_it_will_be(conversation, shared["storing"])
    writes = conversation.owner_id == request.user.pk or can(request.user, "conversation.write", conversation)
    return {
        "conversation": conversation,
        "draft_key": conversation.pk,
        **words,
        **items,
        **shared,
        **heading_context(request, conversation),
        **composer,
        **(held_context(request, conversation.pk) if writes else {}),
        "reads_only": not writes,
        "undo": undo_removals(request, conversation) if writes else [],
        "read_by": readings.latest(conversation) if conversation.owner_id == request.user.pk else None,
        "names": mentions.offered(conversation, request.user) if writes else [],
    }


def undo_removals(request: PersonRequest, conversation: Conversation) -> list[dict[str, Any]]:
    """Messages that were deleted, and can be had back."""
    found = removals.undoable(actor=request.user, conversation=conversation)
    url = f"{conversation.url}items/"
    return [{"what": "A message was deleted", "at": one.created, "url": f"{url}{one.item_id}/restore/"} for one in found]


def heading_context(request: PersonRequest, conversation: Conversation) -> dict[str, Any]:
    """The conversation as this person keeps it, its project where they see that, and who else is in it."""
    project = projects.of(request.user).filter(pk=conversation.project_id).first() if conversation.project_id else None
    return {**people_context(conversations.as_kept_by(request.user, conversation)), "project": project}


@require_safe
@person_required
def items(request: PersonRequest, conversation_id: str) -> HttpResponse:
    """Earlier entries, for loading upwards."""
    conversation = conversations.find(actor=request.user, conversation_id=conversation_id)
    if not request.htmx:
        return redirect(conversation.url)
    before = value(request.GET, "before")
    shown = transcript.page(conversation, request.user, before=before, most=settings.ENTRIES_PER_PAGE)
    return render(request, "conversations/entries.html", {"conversation": conversation, **items_context(conversation, shown)})


@require_safe
@person_required
def listing(request: PersonRequest) -> HttpResponse:
    """More of the sidebar's list."""
    if not request.htmx:
        return redirect("home")
    built = sidebar.build(request, current_id=sidebar.current(request), before=value(request.GET, "before"))
    return render(request, "conversations/sidebar_groups.html", {"sidebar": built, "more": True})


@require_http_methods(["GET", "POST"])
@person_required
def rename(request: PersonRequest, conversation_id: str) -> HttpResponse:
    conversation = conversations.find(actor=request.user, conversation_id=conversation_id, action="conversation.manage")
    if request.method == "GET":
        return render(request, "conversations/rename_form.html", {"conversation": conversation})
    title = value(request.POST, "title", most=1000)
    return changed(request, conversations.rename(actor=request.user, conversation_id=conversation_id, title=title), "Renamed.")


@require_POST
@person_required
def toggle(request: PersonRequest, conversation_id: str, field: str) -> HttpResponse:
    conversation = conversations.toggle(actor=request.user, conversation_id=conversation_id, field=field)
    undo = f"{conversation.url}archive/" if field == "archived" and conversation.archived else ""
    return changed(request, conversation, NOTICES[field, bool(getattr(conversation, field))], undo_url=undo)


@require_POST
@person_required
def delete(request: PersonRequest, conversation_id: str) -> HttpResponse:
    conversation = conversations.delete(actor=request.user, conversation_id=conversation_id)
    if request.htmx and sidebar.current(request) != conversation.pk:
        return changed(request, conversation, f"Deleted “{conversation.title}”.", undo_url=f"{conversation.url}restore/")
    address = f"/?deleted={conversation.pk}"
    return HttpResponseClientRedirect(address) if request.htmx else redirect(address)


@require_POST
@person_required
def restore(request: PersonRequest, conversation_id: str) -> HttpResponse:
    conversation = conversations.restore(actor=request.user, conversation_id=conversation_id)
    if request.htmx and sidebar.current(request):
        return changed(request, conversation, "Restored.")
    return HttpResponseClientRedirect(conversation.url) if request.htmx else redirect(conversation.url)


def changed(request: PersonRequest, conversation: Conversation, notice: str, *, undo_url: str = "") -> HttpResponse:
    """The pieces of a page that show a conversation's title and state, again."""
    if not request.htmx:
        return redirect("archived" if conversation.archived else conversation.url)
    context = {"sidebar": sidebar.build(request, current_id=sidebar.current(request)), **heading_context(request, conversation)}
    return render(request, "conversations/changed.html", {**context, "notice": notice, "undo_url": undo_url})


@require_safe
@person_required
def archived(request: PersonRequest) -> HttpResponse:
    """What was archived, newest first."""
    number = max(int(text), 1) if (text := request.GET.get("page", "1")).isascii() and text.isdigit() and len(text) < 7 else 1
    size = settings.CONVERSATIONS_PER_PAGE
    found = conversations.newest(actor=request.user, archived=True, most=number * size + 1)[(number - 1) * size :]
    more = f"/archived/?page={number + 1}" if len(found) > size else None
    return render(
        request,
        "conversations/archived.html",
        {"conversations": found[:size], "more_url": more, "sidebar": sidebar.build(request)},
    )
