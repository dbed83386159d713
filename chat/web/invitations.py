"""Invitations: the form that makes one, the mail that brings it, and where its link leads."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.mail import send_mail
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from chat import errors
from chat.models import Invitation, Membership, Team
from chat.store import invitations, sign_up, teams
from chat.web.accounts import INVITATION, MAIL_FAILED
from chat.web.decorators import PersonRequest, person_required

DAYS = {1: "1 day", 7: "7 days", 30: "30 days"}
ROLES = [choice for choice in Membership.Role.choices if choice[0] != Membership.Role.OWNER]


class InvitationForm(forms.Form):
    email = forms.EmailField(
        label="For (optional)",
        required=False,
        help_text="An e-mail address: then only that address can use the link."
        + ("" if settings.EMAIL_URL else " You send the link yourself."),
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
    )
    uses = forms.IntegerField(label="How many people", min_value=1, max_value=invitations.USES, initial=1)
    days = forms.TypedChoiceField(label="Good for", coerce=int, choices=list(DAYS.items()), initial=7)


class TeamInvitationForm(InvitationForm):
    role = forms.ChoiceField(label="As", choices=ROLES, initial=Membership.Role.MEMBER)


Shown = Callable[..., HttpResponse]
"""The page with the list, `status` and more context."""


def offer(request: PersonRequest, form: InvitationForm, shown: Shown, *, team: Team | None = None) -> HttpResponse:
    """A new invitation. Answers with the page itself, not a redirect: the link is in this answer and nowhere else, ever."""
    if form.is_valid():
        try:
            made = invitations.make(actor=request.user, team=team, **form.cleaned_data)
        except errors.Refused as refusal:
            form.add_error(None, f"{refusal.message} {refusal.next}")
        else:
            return shown(**told(request, *made))
    return shown(status=422, form=form)


def renew(request: PersonRequest, invitation_id: str, shown: Shown, *, team: Team | None = None) -> HttpResponse:
    """The same with a new link, sent again where it is for an address."""
    try:
        made = invitations.renew(actor=request.user, invitation_id=invitation_id, team=team)
    except (errors.NotFound, errors.Refused) as gone:
        messages.info(request, gone.message)
        return shown()
    return shown(**told(request, *made))


def told(request: HttpRequest, made: Invitation, token: str) -> dict[str, Any]:
    """What the page shows of a new invitation; where there is a mail server, its address has got it too."""
    link = settings.PARLEY_URL + reverse("invitation", args=[token])
    mailed = bool(made.email and settings.EMAIL_URL) and _mail(request, made, link)
    return {"made": made, "link": link, "mailed": mailed}


def _mail(request: HttpRequest, made: Invitation, link: str) -> bool:
    context = {"invitation": made, "link": link, "home": settings.PARLEY_URL}
    subject = " ".join(render_to_string("invitations/email_subject.txt", context).split())
    try:
        send_mail(
            f"{settings.ACCOUNT_EMAIL_SUBJECT_PREFIX}{subject}",
            render_to_string("invitations/email.txt", context),
            None,
            [made.email],
        )
    except OSError:  # smtplib's own are among them
        messages.error(request, f"{MAIL_FAILED} The link below works all the same.")
        return False
    return True


@never_cache
@require_GET
def invitation(request: HttpRequest, token: str) -> HttpResponse:
    """A good link leads to the sign-up page and stays in the session until then; who is signed in is asked whether to join."""
    found = invitations.find(token)
    if request.user.is_authenticated:
        joins = found is not None and found.team is not None
        context = {"invitation": found, "token": token, "spent": found is None}
        return render(request, "invitations/join.html" if joins else "invitations/signed_in.html", context)
    if found is None:
        return refused(request, invitations.SPENT, invitations.ASK_AGAIN, status=404)
    if not sign_up.is_open(token):
        return refused(request, sign_up.CLOSED, sign_up.ASK_OWNER, status=403)
    request.session[INVITATION] = token
    return redirect("account_signup")


def refused(request: HttpRequest, sentence: str, next: str, *, status: int) -> HttpResponse:
    return render(request, "invitations/refused.html", {"sentence": sentence, "next": next}, status=status)


@never_cache
@require_POST
@person_required
def accept(request: PersonRequest, token: str) -> HttpResponse:
    found = invitations.find(token)
    if found is None or found.team is None:
        return refused(request, invitations.SPENT, invitations.ASK_AGAIN, status=404)
    try:
        team = teams.join(user=request.user, invitation=found)
    except errors.Refused as refusal:
        return refused(request, refusal.message, refusal.next, status=403)
    messages.success(request, f"You are in {team.name} now.")
    return redirect("team", team.pk)
