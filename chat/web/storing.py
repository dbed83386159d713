"""Whether replies are stored: the page that says what holds in a conversation, and the switches."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from chat import errors, providers
from chat.live import keeping
from chat.models import Storing
from chat.store import conversations, ledger, storing, teams
from chat.web.decorators import PersonRequest, person_required
from chat.web.fields import value
from chat.web.kept import held

ON_OFF = [choice for choice in Storing.choices if choice[0]]


class StoringForm(forms.Form):
    """For a level that may settle it for those below."""

    storing = forms.ChoiceField(label="Store replies", required=False, choices=Storing.choices, widget=forms.RadioSelect)
    storing_settled = forms.BooleanField(label="Settled: nobody changes it for themselves", required=False)


@require_safe
@person_required
def page(request: PersonRequest, conversation_id: str) -> HttpResponse:
    conversation = conversations.find(actor=request.user, conversation_id=conversation_id)
    rule = storing.rule(person_id=conversation.owner_id, team_id=conversation.team_id)
    context = {
        "conversation": storing.as_it_will_be(conversation, rule),
        "rule": rule,
        "strict": conversation.shared and not rule.of_team,
        "days": settings.RESPONSE_RETENTION_DAYS,
        "mine": conversation.owner_id == request.user.pk,
        "begun": conversation.responses.exists(),
        "alone": storing.alone(conversation),
        "held": held(ledger.of_conversation(conversation)),
        **keeping.facts(conversation.model or next(iter(providers.known_models()), "")),
    }
    return render(request, "storing/page.html", context)


@require_POST
@person_required
def switch(request: PersonRequest, conversation_id: str) -> HttpResponse:
    chosen = value(request.POST, "store")
    on = chosen in ("on", "all")
    conversations.find(actor=request.user, conversation_id=conversation_id, action="conversation.manage")
    try:
        storing.switch(actor=request.user, conversation_id=conversation_id, on=on, everything=chosen == "all")
    except errors.Refused as refusal:
        messages.error(request, f"{refusal.message} {refusal.next}")
    else:
        messages.success(request, "Replies are stored from now on." if on else "Replies are not stored from now on.")
    return redirect("storing", conversation_id)


@require_POST
@person_required
def of_team(request: PersonRequest, team_id: str) -> HttpResponse:
    team = teams.find(actor=request.user, team_id=team_id, action="team.manage")
    form = StoringForm(request.POST)
    if not form.is_valid():
        messages.error(request, "Choose whether replies are stored.")
    else:
        fields: dict[str, Any] = form.cleaned_data
        storing.choose_for_team(actor=request.user, team=team, storing=fields["storing"], settled=fields["storing_settled"])
        messages.success(request, "Saved.")
    return redirect("team", team_id)
