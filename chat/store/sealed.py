"""Secrets that must be read again, encrypted in the database with a key made from SECRET_KEY: either alone says nothing."""

import base64
import hashlib
from functools import cache
from typing import Final

from allauth.mfa.models import Authenticator
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings

from chat.models import Server

SALT: Final = b"parley.sealed:"
SECRET_OF: Final = {Authenticator.Type.TOTP: "secret", Authenticator.Type.RECOVERY_CODES: "seed"}  # where each keeps its own


def seal(text: str) -> str:
    return _key(settings.SECRET_KEY).encrypt(text.encode()).decode()


def unseal(sealed: str) -> str | None:
    """None where it was sealed with a key that is not known any more."""
    try:
        return _keys().decrypt(sealed.encode()).decode()
    except InvalidToken:
        return None


def renew() -> int:
    """Seal anew what was sealed with a key that SECRET_KEY replaces, so that the old one can go; how many there were."""
    renewed = 0
    for authenticator in Authenticator.objects.filter(type__in=SECRET_OF):
        name = SECRET_OF[Authenticator.Type(authenticator.type)]
        if fresh := _anew(authenticator.data[name]):
            authenticator.data[name] = fresh
            authenticator.save(update_fields=["data"])
            renewed += 1
    for server in Server.objects.exclude(push_key=""):
        if fresh := _anew(server.push_key):
            renewed += Server.objects.filter(pk=server.pk, push_key=server.push_key).update(push_key=fresh)
    return renewed


def _anew(sealed: str) -> str:
    """The same sealed with the key of today; "" where it is already, or cannot be opened."""
    if _opens(_key(settings.SECRET_KEY), sealed) or not _opens(_keys(), sealed):
        return ""
    return _keys().rotate(sealed).decode()


def _opens(key: Fernet | MultiFernet, sealed: str) -> bool:
    try:
        key.decrypt(sealed)
    except InvalidToken:
        return False
    return True


def _keys() -> MultiFernet:
    """The first encrypts, all decrypt."""
    return MultiFernet([_key(secret) for secret in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)])


@cache
def _key(secret: str) -> Fernet:
    return Fernet(base64.urlsafe_b64encode(hashlib.sha256(SALT + secret.encode()).digest()))
