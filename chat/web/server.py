"""/settings/server/ for the owner: who may sign up, invitations, which model server answers. And where invitations lead."""

from typing import Any
from urllib.parse import urlsplit

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from chat import errors
from chat.models import Server, User
from chat.store import server
from chat.web.accounts import INVITATION
from chat.web.decorators import person_required

DAYS = {1: "1 day", 7: "7 days", 30: "30 days"}


class SignupForm(forms.Form):
    signup = forms.ChoiceField(label="Who may sign up", choices=Server.Signup.choices, widget=forms.RadioSelect)


class InvitationForm(forms.Form):
    email = forms.EmailField(
        label="For (optional)",
        required=False,
        help_text="An e-mail address: then only that address can sign up with the link. You send the link yourself.",
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
    )
    uses = forms.IntegerField(label="How many people", min_value=1, max_value=server.INVITATION_USES, initial=1)
    days = forms.TypedChoiceField(label="Good for", coerce=int, choices=list(DAYS.items()), initial=7)


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
    context = {
        "policy": SignupForm(initial={"signup": server.current().signup}),
        "form": InvitationForm(),
        "invitations": server.invitations(actor=owner),
        "model_server": model_server(),
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
    messages.success(request, "Saved.")
    return HttpResponseRedirect(request.path)


@never_cache
@person_required
@require_POST
def invite(request: HttpRequest) -> HttpResponse:
    """Answers with the page itself, not a redirect: the link is in this answer and nowhere else, ever."""
    owner = owner_of(request)
    form = InvitationForm(request.POST)
    if not form.is_valid():
        return page(request, owner, status=422, form=form)
    made, token = server.invite(actor=owner, **form.cleaned_data)
    link = settings.PARLEY_URL + reverse("invitation", args=[token])
    return page(request, owner, made=made, link=link)


@person_required
@require_POST
def revoke(request: HttpRequest, invitation_id: str) -> HttpResponse:
    owner = owner_of(request)
    try:
        server.revoke(actor=owner, invitation_id=invitation_id)
    except errors.NotFound as gone:
        messages.info(request, gone.message)
    else:
        messages.success(request, "The invitation is withdrawn.")
    return redirect("server_settings")


@never_cache
@require_GET
def invitation(request: HttpRequest, token: str) -> HttpResponse:
    """A good link leads to the sign-up page and stays in the session until then."""
    if request.user.is_authenticated:
        return render(request, "invitations/signed_in.html")
    if server.invitation(token) is None:
        return render(request, "invitations/refused.html", {"sentence": server.SPENT, "next": server.ASK_AGAIN}, status=404)
    if not server.signup_open(token):
        return render(request, "invitations/refused.html", {"sentence": server.CLOSED, "next": server.ASK_OWNER}, status=403)
    request.session[INVITATION] = token
    return redirect("account_signup")
