"""Allauth's forms of the second step in our words."""

from typing import Any

from allauth.mfa.base import forms as base
from allauth.mfa.totp import forms as totp
from allauth.mfa.webauthn import forms as webauthn
from django import forms

from chat.web.account_forms import Plain

NAME_LENGTH = 60
DIGITS = {"inputmode": "numeric", "autocomplete": "one-time-code", "spellcheck": "false"}


class Coded(Plain):
    labels = {"code": "Code"}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["code"].widget.attrs |= DIGITS  # type: ignore[attr-defined]


class AuthenticateForm(Coded, base.AuthenticateForm):
    pass


class ReauthenticateForm(Coded, base.ReauthenticateForm):
    pass


class ActivateForm(Coded, totp.ActivateTOTPForm):
    labels = {"code": "The code that the app shows now"}


class AddPasskeyForm(Plain, webauthn.AddWebAuthnForm):
    labels = {"name": "Name", "passwordless": "Sign in with it alone, without the password"}
    field_order = ("name", "passwordless", "credential")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name"].widget.attrs |= {"maxlength": NAME_LENGTH}
        self.fields["passwordless"].initial = True

    def clean_name(self) -> str:
        return str(super().clean_name())[:NAME_LENGTH]


class RenamePasskeyForm(Plain, webauthn.EditWebAuthnForm):
    labels = {"name": "Name"}
    name = forms.CharField(max_length=NAME_LENGTH)
