"""What holds on every page for the person looking at it: their time zone, their standing, and that nobody else keeps a copy."""

import time
import zoneinfo
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from typing import Any
from urllib.parse import unquote

from allauth.account.adapter import get_adapter
from django.contrib.auth import logout
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import patch_cache_control
from django_htmx.http import HttpResponseClientRedirect

from chat.models import User
from chat.store import push, record, sign_ins

SEEN, SEEN_EVERY = "seen", 300  # the session's key for the moment; seconds
NOTED = "noted"  # and for its own key as it was then
Answer = Callable[[HttpRequest], Any]


def PersonMiddleware(get_response: Answer) -> Answer:
    def middleware(request: HttpRequest) -> HttpResponse:
        if getattr(request.user, "suspended", False):
            logout(request)
            return shown_out(request)
        note_use(request)
        with timezone.override(zone(request)), record.asked_from(lambda: address(request)):
            response: HttpResponse = get_response(request)
        if isinstance(request.user, User) and request.session.get(NOTED, here := request.session.session_key) != here:
            note_use(request)  # a new password has given the session another key
        return kept_private(request, response)

    return middleware


def note_use(request: HttpRequest) -> None:
    """Every few minutes, and at once when its session has got another key, that this browser is in use: people see where they are
    signed in (/settings/security/).
    """
    if not isinstance(request.user, User):
        return
    session, key = request.session, request.session.session_key or ""
    if session.get(NOTED) == key and time.time() - session.get(SEEN, 0) < SEEN_EVERY:
        return
    agent = request.headers.get("User-Agent", "")
    with suppress(DatabaseError):  # it is busy, or away: what is asked for will tell
        was = sign_ins.Earlier(session.get(NOTED), session.get(push.HERE))
        sign_ins.seen(request.user, key=key, address=address(request), agent=agent, earlier=was)
        session[SEEN], session[NOTED] = int(time.time()), key


def address(request: HttpRequest) -> str:
    return str(get_adapter().get_client_ip(request))


def shown_out(request: HttpRequest) -> HttpResponse:
    """To the page that says why, the whole page also where htmx asked for a part of one."""
    address = reverse("account_inactive")
    return HttpResponseClientRedirect(address) if getattr(request, "htmx", False) else HttpResponseRedirect(address)


def kept_private(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """No cache, shared or on disk, keeps what a signed-in person was shown."""
    if request.path == reverse("account_logout") and request.method == "POST":
        response.headers["Clear-Site-Data"] = '"storage"'  # drafts stay in the browser; who signs out may share it
    if request.user.is_authenticated and response.headers.get("Content-Type", "").startswith("text/html"):
        patch_cache_control(response, private=True, no_store=True)
    return response


def zone(request: HttpRequest) -> str | None:
    """The time zone that the browser told in the `tz` cookie, if it is one."""
    name = unquote(request.COOKIES.get("tz", ""))
    return name if name in zones() else None


@cache
def zones() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones())
