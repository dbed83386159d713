"""Signing up and in: what django-allauth asks of us. Its views, forms and limits; our rules, words and transactions."""

import logging
import smtplib
import unicodedata
from copy import copy
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.models import EmailAddress
from allauth.account.signals import email_confirmed
from allauth.account.views import SignupView as AllauthSignupView
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.core.exceptions import ValidationError
from django.db import IntegrityError, OperationalError
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from chat import errors
from chat.models import User
from chat.store import accounts, invitations, push, sign_ins, sign_up, teams

log = logging.getLogger(__name__)

INVITATION = "invitation"
"""The session's key for the token somebody came with."""

MAIL_FAILED = "The e-mail could not be sent. Try again in a few minutes; if it stays, tell whoever runs this server."
BUSY = "The server is very busy just now. Try again in a moment; what you typed is still here."
NAME_TAKEN = "This username is taken. Choose another one."


class AccountAdapter(DefaultAccountAdapter):
    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "username_taken": NAME_TAKEN,
        "email_taken": "Another account has this e-mail address.",
        "unknown_email": "No account has this e-mail address.",
        "username_password_mismatch": "The username or the password is not right.",
        "email_password_mismatch": "The e-mail address or the password is not right.",
        "incorrect_password": "That is not your password.",
        "enter_current_password": "That is not your current password.",
        "same_as_current": "This is your address already.",
        "duplicate_email": "This is your address already.",
        "too_many_login_attempts": "Too many wrong passwords. Wait five minutes, then try again, or reset the password.",
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return sign_up.is_open(request.session.get(INVITATION, ""))

    def clean_username(self, username: str, shallow: bool = False) -> str:
        """One spelling per name: compatibility forms folded, and no "@", which would let a name pass for an address."""
        username = unicodedata.normalize("NFKC", username)
        if "@" in username:
            raise ValidationError("A username cannot contain @. Your e-mail address has a field of its own.")
        return str(super().clean_username(username, shallow))

    def save_user(self, request: HttpRequest, user: Any, form: Any, commit: bool = True) -> Any:
        """Inside SignupForm.save's transaction: the account, its team, the server if it is the first, the invitation."""
        typed = form.cleaned_data.get("username") or ""
        user.name = typed if typed != typed.lower() else ""
        blank = copy(form)
        blank.cleaned_data = {name: value for name, value in form.cleaned_data.items() if not name.startswith("password")}
        super().save_user(request, user, blank, commit=False)
        user.password = form.password_hash
        user.save()
        accounts.welcome(user)
        sign_up.admit(user, token=request.session.get(INVITATION, ""))
        return user

    def set_password(self, user: Any, password: str) -> None:
        own = self.request.user.pk == user.pk
        sign_ins.set_password(user, password, here=self.request.session.session_key if own else None)

    def pre_login(self, request: HttpRequest, user: Any, **kwargs: Any) -> HttpResponse | None:
        if user.suspended:
            return self.respond_user_inactive(request, user)
        return super().pre_login(request, user, **kwargs)

    def _get_login_attempts_cache_key(self, request: HttpRequest, **credentials: Any) -> str:
        """Wrong passwords count for a name from one network address: who tries somebody's name from another locks nobody out."""
        return f"{super()._get_login_attempts_cache_key(request, **credentials)}:{self.get_client_ip(request)}"

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        return "/settings/"

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Links lead to PARLEY_URL whatever the Host header said. A mail server that fails is a sentence, not a lost page."""
        home = {key: at_home(value) if key.endswith("_url") else value for key, value in context.items()}
        site = SimpleNamespace(name="Parley", domain=urlsplit(settings.PARLEY_URL).netloc)
        try:
            super().send_mail(template_prefix, email, {**home, "current_site": site, "home": settings.PARLEY_URL})
        except (OSError, smtplib.SMTPException):
            log.exception("E-mail could not be sent (%s)", template_prefix)
            messages.error(self.request, MAIL_FAILED)


def at_home(url: str) -> str:
    """The same path and query at the public address of this server."""
    parts, home = urlsplit(url), urlsplit(settings.PARLEY_URL)
    return parts._replace(scheme=home.scheme, netloc=home.netloc).geturl()


class SignupView(AllauthSignupView):
    """Allauth's, where a name or an invitation that somebody else was faster with is an error in the form."""

    def get_initial(self) -> dict[str, Any]:
        invitation = invitations.find(self.request.session.get(INVITATION, ""))
        address = {"email": invitation.email} if invitation and invitation.email else {}
        return {**address, **super().get_initial()}

    def form_valid(self, form: Any) -> HttpResponse:
        try:
            response: HttpResponse = super().form_valid(form)
        except IntegrityError:
            if not User.objects.filter(username__iexact=form.cleaned_data["username"]).exists():
                raise
            form.add_error("username", NAME_TAKEN)
            return self.form_invalid(form)  # type: ignore[no-any-return]
        except OperationalError:
            form.add_error(None, BUSY)
            return self.form_invalid(form)  # type: ignore[no-any-return]
        except errors.Refused as refusal:
            form.add_error(refusal.param, f"{refusal.message} {refusal.next}")
            return self.form_invalid(form)  # type: ignore[no-any-return]
        self.request.session.pop(INVITATION, None)
        return response


def too_many(request: HttpRequest) -> HttpResponse:
    """Where allauth's limits lead."""
    response = render(request, "errors/429.html", status=429)
    response["Retry-After"] = "60"
    return response


@receiver(user_logged_in)
def complete(user: User, **kwargs: Any) -> None:
    """An account made on the command line gets at its first sign-in what a sign-up would have given it."""
    if not hasattr(user, "personal_team"):
        accounts.welcome(user)


@receiver(email_confirmed)
def belong(email_address: EmailAddress, **kwargs: Any) -> None:
    """A confirmed address may make somebody a member of the team that has its domain."""
    teams.join_by_domain(email_address.user)


@receiver(user_logged_out)
def end(user: User | None, request: HttpRequest, **kwargs: Any) -> None:
    """Their sockets close, and what they asked for stops, unless they are signed in elsewhere."""
    if user is not None:
        sign_ins.out(user, session=request.session.session_key, subscription=request.session.get(push.HERE))
