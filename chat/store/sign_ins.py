"""Where somebody is signed in: one row for each browser, django-allauth's; ended one by one."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from chat import errors
from chat.models import User
from chat.store import accounts, push, record, responses, server, temporary
from chat.store.sessions import SessionStore

AGENT_LENGTH: Final = 200
SLICE: Final = 200  # that one transaction removes
MOVING: Final = timedelta(hours=1)  # a browser in use is seen more often, also while its session gets another key
# What stands first is what it is: the others' names are in it too.
BROWSERS: Final = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser", "Samsung Internet"),
    ("Firefox|FxiOS", "Firefox"),
    ("Chrome|CriOS|Chromium", "Chrome"),
    ("Safari", "Safari"),
)
SYSTEMS: Final = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("CrOS", "ChromeOS"),
    ("Windows", "Windows"),
    ("Mac OS X|Macintosh", "Mac"),
    ("Linux|X11", "Linux"),
)


@dataclass(frozen=True)
class SignIn:
    """`device` is for people ("Firefox on Linux"); `here` is the one that asks."""

    id: int
    device: str
    address: str
    since: datetime
    seen: datetime
    here: bool


@dataclass(frozen=True, slots=True)
class Earlier:
    """What a session knew of itself: the key that it had, and its browser's subscription."""

    key: str | None
    subscription: int | None


def of(user: User, *, here: str | None) -> list[SignIn]:
    """Where this person is signed in, the newest first; those whose session is over are forgotten. `here` is a session's key."""
    found = UserSession.objects.purge_and_list(user)
    mine = [_sign_in(session, here=session.session_key == here) for session in found]
    return sorted(mine, key=lambda each: (not each.here, -each.seen.timestamp()))


def seen(user: User, *, key: str, address: str, agent: str, earlier: Earlier | None = None) -> None:
    """This browser is in use, now and from there, with this session (its key), in which goes on what it had under another."""
    now = {"user": user, "ip": address, "user_agent": agent[:AGENT_LENGTH], "last_seen_at": timezone.now()}
    UserSession.objects.update_or_create(session_key=key, defaults=now)
    if earlier is not None and earlier.key != key:
        UserSession.objects.filter(user=user, session_key=earlier.key or "").delete()
        push.move(user=user, subscription=earlier.subscription, session=key)


@transaction.atomic
def set_password(user: User, password: str, *, here: str | None = None) -> None:
    """A new password. What older sign-ins may do ends with the old one: replies stop, and so do notifications, but those of the
    session `here` (its key).
    """
    responses.cancel_all(user)
    user.set_password(password)
    user.save(update_fields=["password"])
    push.forget_all(user, but=here)
    accounts.raise_epoch(user)


@transaction.atomic
def out(user: User, *, session: str | None, subscription: int | None) -> None:
    """Signed out where this session (its key) was: its browser is told of nothing any more, and its sockets close."""
    push.forget(user_id=user.pk, subscription=subscription, session=session)
    _left(user, but=session)


def _left(user: User, *, but: str | None = None) -> None:
    """Where somebody is signed in nowhere else, what they asked for stops, too; elsewhere they may be reading it."""
    if not any(session.session_key != but for session in UserSession.objects.purge_and_list(user)):
        responses.cancel_all(user)
    accounts.raise_epoch(user)


@transaction.atomic
def purge(now: datetime) -> int | None:
    """Forget some of the browsers whose session is over: their addresses, what they are, and that they were to be notified. How
    many; None when there are none.
    """
    alive = Session.objects.filter(pk=OuterRef("session_key"), expire_date__gt=now)
    over = UserSession.objects.filter(~Exists(alive), last_seen_at__lt=now - MOVING)
    some = list(over.order_by("pk")[:SLICE])
    for session in some:
        push.forget(user_id=session.user_id, subscription=None, session=session.session_key)
    return UserSession.objects.filter(pk__in=[session.pk for session in some]).delete()[0] if some else None


@transaction.atomic
def end(*, actor: User, sign_in: int) -> None:
    """Sign one browser out: its next request finds nobody, its sockets close within two seconds. NotFound for somebody else's."""
    session = UserSession.objects.filter(user=actor, pk=sign_in).first()
    if session is None:
        raise errors.NotFound("This browser is signed out already.")
    _end(session)
    _left(actor)


@transaction.atomic
def end_others(*, actor: User, here: str | None) -> int:
    """Sign all browsers out but the one with this session; how many there were."""
    others = UserSession.objects.filter(user=actor).exclude(session_key=here or "")
    for session in (ended := list(others)):
        _end(session)
    if ended:
        _left(actor)
    return len(ended)


@transaction.atomic
def end_all(*, actor: User, person: User) -> int:
    """For the owner of the server: sign somebody out everywhere; in how many browsers they were signed in."""
    server.manage(actor)
    if person.pk == actor.pk:
        raise errors.Refused("These are your own sign-ins.", next="End them under Settings, Security.")
    for session in (ended := list(UserSession.objects.filter(user=person))):
        _end(session)
    push.forget_all(person)
    temporary.drop_all(person.pk)
    _left(person)
    record.write(actor=actor, what="person.signed_out", about=person)
    return len(ended)


def _end(session: UserSession) -> None:
    key = session.session_key
    push.forget(user_id=session.user_id, subscription=SessionStore(key).get(push.HERE), session=key)
    session.end()


def _sign_in(session: UserSession, *, here: bool) -> SignIn:
    return SignIn(session.pk, device(session.user_agent), session.ip, session.created_at, session.last_seen_at, here)


def device(agent: str) -> str:
    """What a User-Agent header means to people; "Another program" where it means nothing to us."""
    browser = _first(BROWSERS, agent)
    system = _first(SYSTEMS, agent)
    return f"{browser} on {system}" if browser and system else browser or system or "Another program"


def _first(names: tuple[tuple[str, str], ...], agent: str) -> str:
    return next((name for pattern, name in names if re.search(pattern, agent)), "")
