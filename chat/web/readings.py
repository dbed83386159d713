"""Who has read one's conversations in the panel, and why: of one conversation, and of all. And what may be read in a team."""

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from chat.models import LogMode
from chat.store import access, conversations, readings, teams
from chat.web.decorators import PersonRequest, person_required


class LogModeForm(forms.Form):
    """A team may be stricter than the server."""

    log_mode = forms.ChoiceField(
        label="Texts in the log",
        required=False,
        choices=LogMode.choices,
        widget=forms.RadioSelect,
        help_text="What those who look after this team may read, with a reason and on record. The stricter of this and the "
        "server’s rule holds. Redacted: without e-mail addresses, telephone and card numbers, and keys.",
    )


@require_safe
@person_required
def page(request: PersonRequest) -> HttpResponse:
    found = readings.of_owner(request.user)
    titles = conversations.titles(request.user, [one.conversation for one in found])
    lines = [(one, titles.get(one.conversation)) for one in found]
    return render(request, "readings/all.html", {"lines": lines, "most": readings.MOST})


@require_safe
@person_required
def of_conversation(request: PersonRequest, conversation_id: str) -> HttpResponse:
    conversation = conversations.find(actor=request.user, conversation_id=conversation_id, action="conversation.manage")
    return render(request, "readings/conversation.html", {"conversation": conversation, "lines": readings.of(conversation)})


@require_POST
@person_required
def choose(request: PersonRequest, team_id: str) -> HttpResponse:
    team = teams.find(actor=request.user, team_id=team_id, action="team.own")
    form = LogModeForm(request.POST)
    if form.is_valid():
        access.choose_for_team(actor=request.user, team=team, mode=form.cleaned_data["log_mode"])
        messages.success(request, "Saved.")
    else:
        messages.error(request, "Choose what may be read.")
    return redirect("team", team_id)
