"""Teams: the page of one, for whoever is in it; and where one begins."""

from collections.abc import Callable
from functools import partial
from typing import Any

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from chat import errors
from chat.models import Membership, Team
from chat.policy import Action, can
from chat.store import invitations, server, teams
from chat.web import sidebar
from chat.web.decorators import PersonRequest, person_required
from chat.web.fields import value
from chat.web.invitations import TeamInvitationForm, offer, renew
from chat.web.readings import LogModeForm
from chat.web.storing import StoringForm

Role = Membership.Role
SHOWN = 50


class NameForm(forms.Form):
    name = forms.CharField(label="Name", max_length=teams.NAME_LENGTH, widget=forms.TextInput(attrs={"autocomplete": "off"}))


class DomainForm(forms.Form):
    domain = forms.CharField(
        label="Domain",
        required=False,
        max_length=253,
        help_text="Whoever has confirmed an e-mail address there is a member by themselves. For example: example.org",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )


class RoleForm(forms.Form):
    role = forms.ChoiceField(label="Role", choices=Role.choices)


@person_required
@require_http_methods(["GET", "HEAD", "POST"])
def create(request: PersonRequest) -> HttpResponse:
    form = NameForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            return redirect("team", teams.create(actor=request.user, **form.cleaned_data).pk)
        except errors.ParleyError as error:
            form.add_error("name" if error.param else None, f"{error.message} {error.next}")
    context = {"form": form, "allowed": teams.may_create(request.user)}
    return render(request, "teams/new.html", context, status=422 if form.errors else 200)


@person_required
@require_safe
def page(request: PersonRequest, team_id: str) -> HttpResponse:
    return shown(request, teams.find(actor=request.user, team_id=team_id))


@person_required
@require_safe
def conversations(request: PersonRequest, team_id: str) -> HttpResponse:
    """What is shared in the team, with this person too."""
    team = teams.find(actor=request.user, team_id=team_id)
    found = Paginator(teams.shared_in(team, actor=request.user), SHOWN).get_page(value(request.GET, "page"))
    return render(request, "teams/conversations.html", {"team": team, "conversations": found, "sidebar": sidebar.build(request)})


@person_required
@require_POST
def rename(request: PersonRequest, team_id: str) -> HttpResponse:
    team = teams.find(actor=request.user, team_id=team_id, action="team.manage")
    form = NameForm(request.POST)
    if form.is_valid():
        try:
            teams.rename(actor=request.user, team_id=team_id, **form.cleaned_data)
        except errors.InvalidInput as error:
            form.add_error("name", f"{error.message} {error.next}")
    if form.errors:
        return shown(request, team, status=422, name=form)
    messages.success(request, "Renamed.")
    return redirect("team", team_id)


def shown(request: PersonRequest, team: Team, *, status: int = 200, **more: Any) -> HttpResponse:
    manages, owns = (can(request.user, action, team) for action in ("team.manage", "team.own"))
    members = list(teams.members(actor=request.user, team=team))
    context = {
        "team": team,
        "members": members,
        "manages": manages,
        "owns": owns,
        "mine": next((one for one in members if one.user_id == request.user.pk), None),
        "roles": Role.choices if owns else [choice for choice in Role.choices if choice[0] != Role.OWNER],
        "name": NameForm(initial={"name": team.name}),
        "domain": DomainForm(initial={"domain": team.domain or ""}) if can(request.user, "server.manage", None) else None,
        "form": TeamInvitationForm() if manages else None,
        "above": server.current(),
        "storing": StoringForm(initial={"storing": team.storing, "storing_settled": team.storing_settled}) if manages else None,
        "log_mode": LogModeForm(initial={"log_mode": team.log_mode}) if owns else None,
        "invitations": invitations.of(actor=request.user, team=team) if manages else [],
        **more,
    }
    return render(request, "teams/team.html", context, status=status)


@require_POST
@person_required
def change_role(request: PersonRequest, team_id: str, user_id: int) -> HttpResponse:
    form = RoleForm(request.POST)
    role = form.cleaned_data["role"] if form.is_valid() else ""

    def act() -> str:
        theirs = teams.change_role(actor=request.user, team_id=team_id, user_id=user_id, role=role)
        return f"{theirs.user.shown_name}: {theirs.get_role_display().lower()} from now on."

    return done(request, team_id, act)


@require_POST
@person_required
def remove(request: PersonRequest, team_id: str, user_id: int) -> HttpResponse:
    def act() -> str:
        return f"{teams.remove(actor=request.user, team_id=team_id, user_id=user_id).shown_name} is out of the team."

    return done(request, team_id, act)


@require_POST
@person_required
def hand_over(request: PersonRequest, team_id: str, user_id: int) -> HttpResponse:
    def act() -> str:
        theirs = teams.hand_over(actor=request.user, team_id=team_id, user_id=user_id)
        return f"{theirs.user.shown_name} owns the team now, and you are an admin."

    return done(request, team_id, act, "team.own")


@require_POST
@person_required
def leave(request: PersonRequest, team_id: str) -> HttpResponse:
    return done(request, team_id, lambda: f"You have left {teams.leave(actor=request.user, team_id=team_id).name}.", "team.read")


@require_http_methods(["GET", "HEAD", "POST"])
@person_required
def end(request: PersonRequest, team_id: str) -> HttpResponse:
    team = teams.find(actor=request.user, team_id=team_id, action="team.own")
    if request.method != "POST":
        return render(request, "teams/end.html", {"team": team})
    return done(request, team_id, lambda: f"{teams.end(actor=request.user, team_id=team_id).name} is no more.", "team.own")


@require_POST
@person_required
def domain(request: PersonRequest, team_id: str) -> HttpResponse:
    """For the owner of the server, who answers for what people may call theirs."""
    form = DomainForm(request.POST)
    text = form.cleaned_data["domain"] if form.is_valid() else "?"

    def act() -> str:
        teams.choose_domain(actor=request.user, team_id=team_id, domain=text)
        return "Saved."

    return done(request, team_id, act, "server.manage")


@never_cache
@require_POST
@person_required
def invite(request: PersonRequest, team_id: str) -> HttpResponse:
    team = teams.find(actor=request.user, team_id=team_id, action="team.manage")
    return offer(request, TeamInvitationForm(request.POST), partial(shown, request, team), team=team)


@never_cache
@require_POST
@person_required
def resend(request: PersonRequest, team_id: str, invitation_id: str) -> HttpResponse:
    team = teams.find(actor=request.user, team_id=team_id, action="team.manage")
    return renew(request, invitation_id, partial(shown, request, team), team=team)


@require_POST
@person_required
def revoke(request: PersonRequest, team_id: str, invitation_id: str) -> HttpResponse:
    team = teams.find(actor=request.user, team_id=team_id, action="team.manage")

    def act() -> str:
        invitations.revoke(actor=request.user, invitation_id=invitation_id, team=team)
        return "The invitation is withdrawn."

    return done(request, team_id, act)


def done(request: PersonRequest, team_id: str, act: Callable[[], str], action: Action = "team.manage") -> HttpResponse:
    """Do it and say so; back to the team, or away from it when it is not there any more. What stands against it is said too."""
    team = teams.find(actor=request.user, team_id=team_id, action=action)
    try:
        messages.success(request, act())
    except (errors.Refused, errors.InvalidInput) as error:
        messages.error(request, f"{error.message} {error.next}")
        return redirect("team", team.pk)
    except errors.NotFound as gone:
        messages.info(request, gone.message)
    return redirect("team", team.pk) if can(request.user, "team.read", team) else redirect("settings")
