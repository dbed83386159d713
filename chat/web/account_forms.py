"""Allauth's forms in our words: plain labels, no placeholders, the right autocomplete, the cursor where it is needed."""

from typing import Any

from allauth.account import app_settings, forms
from allauth.account.adapter import get_adapter
from allauth.account.models import EmailAddress
from django.contrib import messages
from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.http import HttpRequest

from chat.models import User
from chat.store import accounts

HINT = "At least 8 characters. Not only digits, not a common password, not your name."


class Plain:
    """Mixed into each form: labels of ours, hints of ours, and the cursor in the first field that needs attention."""

    labels = {
        "login": "Username or e-mail",
        "email": "E-mail",
        "oldpassword": "Current password",
        "password1": "New password",
        "password2": "New password (again)",
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fields: dict[str, Any] = self.fields  # type: ignore[attr-defined]
        for name, field in fields.items():
            field.label = self.labels.get(name, field.label)
            field.widget.attrs.pop("placeholder", None)
            field.help_text = HINT if name == "password1" else ""
        focus(fields, next(iter(fields)))

    def full_clean(self) -> None:
        super().full_clean()  # type: ignore[misc]
        broken = [name for name in self.fields if name in self._errors]  # type: ignore[attr-defined]
        if broken:
            focus(self.fields, broken[0])  # type: ignore[attr-defined]


def focus(fields: dict[str, Any], name: str) -> None:
    for each, field in fields.items():
        field.widget.attrs["autofocus"] = each == name


class LoginForm(Plain, forms.LoginForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["login"].widget.attrs |= {"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"}


class SignupForm(Plain, forms.SignupForm):
    labels = {"username": "Username", "password1": "Password", "password2": "Password (again)"}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"].widget.attrs |= {"autocapitalize": "none", "spellcheck": "false"}
        email = self.fields["email"]
        email.label = "E-mail" if email.required else "E-mail (optional)"

    def try_save(self, request: HttpRequest) -> Any:
        """The password is hashed before the transaction (it takes long on purpose, and SQLite has one writer), and also for an
        address that has an account: how long the answer takes does not tell.
        """
        self.password_hash = make_password(self.cleaned_data["password1"])
        return super().try_save(request)

    def save(self, request: HttpRequest) -> Any:
        """Account, e-mail address, team, ownership, invitation: all of it or nothing."""
        with transaction.atomic():
            return super().save(request)


class AddEmailForm(Plain, forms.AddEmailForm):
    labels = {"email": "New e-mail address"}

    def save(self, request: HttpRequest) -> EmailAddress:
        """The address replaces the old one when its link is followed; at once on a server that cannot send mail."""
        if app_settings.EMAIL_VERIFICATION == app_settings.EmailVerificationMethod.MANDATORY:
            pending: EmailAddress = super().save(request)
            return pending
        assert isinstance(self.user, User)
        address = accounts.change_email(self.user, self.cleaned_data["email"])
        get_adapter().add_message(request, messages.SUCCESS, message=f"Your e-mail address is now {address.email}.")
        return address


class ChangePasswordForm(Plain, forms.ChangePasswordForm):
    pass


class SetPasswordForm(Plain, forms.SetPasswordForm):
    pass


class ResetPasswordForm(Plain, forms.ResetPasswordForm):
    pass


class ResetPasswordKeyForm(Plain, forms.ResetPasswordKeyForm):
    pass


class ReauthenticateForm(Plain, forms.ReauthenticateForm):
    pass
