"""/settings/server/ for the owner: who may sign up and make teams, invitations, which model server answers."""

from functools import partial
from typing import Any, Final
from urllib.parse import urlsplit

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from chat import errors
from chat.models import LogMode, Server, User
from chat.store import access, certificates, invitations, server, storing
from chat.web.certificates import MOST
from chat.web.decorators import PersonRequest, person_required
from chat.web.invitations import InvitationForm, offer, renew
from chat.web.storing import ON_OFF

TEMPORARY: Final = (("yes", "Allowed"), ("no", "Not allowed"))


class SignupForm(forms.Form):
    signup = forms.ChoiceField(label="Who may sign up", choices=Server.Signup.choices, widget=forms.RadioSelect)
    team_creation = forms.ChoiceField(label="Who may make teams", choices=Server.TeamCreation.choices, widget=forms.RadioSelect)
    storing = forms.ChoiceField(label="Store replies", choices=ON_OFF, widget=forms.RadioSelect, required=False)
    storing_settled = forms.BooleanField(
        label="Settled: no team and nobody changes it",
        required=False,
        help_text="Without it, teams and people choose for themselves; this is what holds where they have not.",
    )
    log_mode = forms.ChoiceField(
        label="Texts in the log",
        choices=[choice for choice in LogMode.choices if choice[0]],
        widget=forms.RadioSelect,
        required=False,
        help_text="What may be read there, with a reason and on record. Teams may be stricter. Redacted: without e-mail "
        "addresses, telephone and card numbers, and keys.",
    )
    temporary = forms.ChoiceField(
        label="Temporary conversations",
        choices=TEMPORARY,
        widget=forms.RadioSelect,
        required=False,
        help_text="They leave nothing behind, and go round the log also where storing is settled. Without them none is begun; "
        "in one that is open nothing more is said, and whoever has it can keep it until it goes.",
    )
    public_links = forms.BooleanField(
        label="Conversations may be shared by links that anyone can open",
        required=False,
        help_text="Without it, such links show nothing, also those there are.",
    )


class HeirForm(forms.Form):
    username = forms.CharField(
        label="Their username",
        max_length=150,
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}),
    )


def owner_of(request: HttpRequest) -> User:
    """The signed-in person if the server is theirs; NotFound for everybody else."""
    person = request.user
    assert isinstance(person, User)
    server.manage(person)
    return person


def model_server() -> dict[str, Any]:
    """Where models answer, without the key or a password in the address."""
    parts = urlsplit(settings.OPENAI_BASE_URL)
    address = parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()
    return {"address": address, "bundled": not address, "model": settings.PARLEY_MODEL}


def page(request: HttpRequest, owner: User, *, status: int = 200, **more: Any) -> HttpResponse:
    current = server.current()
    now = {field: getattr(current, field) for field in SignupForm.base_fields} | {
        "temporary": "yes" if current.temporary else "no"
    }
    context = {
        "policy": SignupForm(initial=now),
        "form": InvitationForm(),
        "heir": HeirForm(),
        "invitations": invitations.of(actor=owner, team=None),
        "model_server": model_server(),
        "certificates": certificates.newest(owner, "person", most=MOST),
        **more,
    }
    return render(request, "settings/server.html", context, status=status)


@person_required
@require_http_methods(["GET", "HEAD", "POST"])
def settings_page(request: HttpRequest) -> HttpResponse:
    owner = owner_of(request)
    if request.method != "POST":
        return page(request, owner)
    policy = SignupForm(request.POST)
    if not policy.is_valid():
        return page(request, owner, status=422, policy=policy)
    server.change_signup(actor=owner, signup=policy.cleaned_data["signup"])
    server.change_team_creation(actor=owner, who=policy.cleaned_data["team_creation"])
    if chosen := policy.cleaned_data["storing"]:
        storing.choose_for_server(actor=owner, storing=chosen, settled=policy.cleaned_data["storing_settled"])
    if mode := policy.cleaned_data["log_mode"]:
        access.choose_for_server(actor=owner, mode=mode)
    if wanted := policy.cleaned_data["temporary"]:
        server.change_temporary(actor=owner, allowed=wanted == "yes")
    server.change_public_links(actor=owner, allowed=policy.cleaned_data["public_links"])
    messages.success(request, "Saved.")
    return HttpResponseRedirect(request.path)


@never_cache
@person_required
@require_POST
def invite(request: PersonRequest) -> HttpResponse:
    return offer(request, InvitationForm(request.POST), partial(page, request, owner_of(request)))


@never_cache
@person_required
@require_POST
def resend(request: PersonRequest, invitation_id: str) -> HttpResponse:
    return renew(request, invitation_id, partial(page, request, owner_of(request)))


@person_required
@require_POST
def revoke(request: HttpRequest, invitation_id: str) -> HttpResponse:
    owner = owner_of(request)
    try:
        invitations.revoke(actor=owner, invitation_id=invitation_id)
    except errors.NotFound as gone:
        messages.info(request, gone.message)
    else:
        messages.success(request, "The invitation is withdrawn.")
    return redirect("server_settings")


@person_required
@require_POST
def hand_over(request: HttpRequest) -> HttpResponse:
    owner = owner_of(request)
    form = HeirForm(request.POST)
    if form.is_valid():
        try:
            heir = server.hand_over(actor=owner, **form.cleaned_data)
        except errors.InvalidInput as error:
            form.add_error("username", f"{error.message} {error.next}")
        else:
            messages.success(request, f"{heir.shown_name} owns this server now.")
            return redirect("settings")
    return page(request, owner, status=422, heir=form)
