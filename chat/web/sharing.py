"""Who else is in a conversation: the page that shares it, for its owner; and the way out for the others."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from chat import errors
from chat.models import Access, Conversation
from chat.store import conversations, links, sharing, teams
from chat.web.decorators import PersonRequest, person_required
from chat.web.fields import value
from chat.web.link_form import LinkForm

SHOWN = 50  # people on the page; the others are found by name
TEAM_ACCESS = [(Access.NONE, "Only those named below"), (Access.READ, "Everybody reads"), (Access.WRITE, "Everybody writes")]


@require_safe
@person_required
def page(request: PersonRequest, conversation_id: str) -> HttpResponse:
    conversation = conversations.find(actor=request.user, conversation_id=conversation_id, action="conversation.manage")
    return shown(request, conversation)


def shown(request: PersonRequest, conversation: Conversation, *, status: int = 200, link_form: Any = None) -> HttpResponse:
    alone, query = conversation.team.personal_of_id is not None, value(request.GET, "q", most=100)
    found = [] if alone else sharing.places(conversation, query=query, most=SHOWN + 1)
    context = {
        "conversation": conversation,
        "alone": alone,
        "teams": [each.team for each in teams.of(request.user) if each.role != "guest"],
        "places": found[:SHOWN],
        "more": len(found) > SHOWN,
        "q": query,
        "team_access": TEAM_ACCESS,
        "access": Access.choices,
        "home": settings.PARLEY_URL,
        "links": links.of(conversation),
        "form": link_form or LinkForm(conversation=conversation),
    }
    return render(request, "sharing/share.html", context, status=status)


@require_POST
@person_required
def with_person(request: PersonRequest, conversation_id: str, user_id: int) -> HttpResponse:
    access = value(request.POST, "access")
    return done(
        request,
        lambda: sharing.with_person(actor=request.user, conversation_id=conversation_id, user_id=user_id, access=access),
        "Saved.",
    )


@require_POST
@person_required
def with_team(request: PersonRequest, conversation_id: str) -> HttpResponse:
    access = value(request.POST, "access")
    return done(request, lambda: sharing.with_team(actor=request.user, conversation_id=conversation_id, access=access), "Saved.")


@require_POST
@person_required
def move(request: PersonRequest, conversation_id: str) -> HttpResponse:
    team = value(request.POST, "team")
    return done(request, lambda: sharing.move(actor=request.user, conversation_id=conversation_id, team_id=team), "Moved.")


@require_POST
@person_required
def hand_over(request: PersonRequest, conversation_id: str, user_id: int) -> HttpResponse:
    return done(
        request,
        lambda: sharing.hand_over(actor=request.user, conversation_id=conversation_id, user_id=user_id),
        "Handed over. You can still write in it. Live links to it are withdrawn.",
    )


@require_POST
@person_required
def leave(request: PersonRequest, conversation_id: str) -> HttpResponse:
    try:
        left = sharing.leave(actor=request.user, conversation_id=conversation_id)
    except errors.Refused as refusal:
        messages.error(request, f"{refusal.message} {refusal.next}")
        return redirect("conversation", conversation_id)
    messages.success(request, f"You have left “{left.title}”.")
    return redirect("home")


def done(request: PersonRequest, act: Callable[[], Conversation], notice: str) -> HttpResponse:
    """Do it and say so, or what stands against it; back to the page, or to the conversation where it is another's now."""
    conversation_id = request.path.split("/")[2]
    conversations.find(actor=request.user, conversation_id=conversation_id, action="conversation.manage")
    try:
        found = act()
    except (errors.Refused, errors.InvalidInput, errors.Conflict, errors.NotFound) as error:
        messages.error(request, f"{error.message} {error.next}")
        return redirect("share", conversation_id)
    messages.success(request, notice)
    owned = Conversation.objects.owned_by(request.user).filter(pk=found.pk).exists()
    return redirect("share" if owned else "conversation", conversation_id)
