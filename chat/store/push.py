"""Notifications in browsers: who wants them, which are due, what became of each. `runs.pushes` brings them there."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Final

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from chat import errors
from chat.models import Mention, Presence, Push, PushSubscription, Server, User
from chat.policy import can
from chat.protocol import webpush
from chat.store import sealed, sessions, sight, sql

MOST: Final = 20  # browsers of one person
HERE: Final = "push"  # where a session keeps which subscription is its browser's, so that this one ends with it
AT_ONCE: Final = 20  # on their way from one process
EACH: Final = 2  # of these to one push service, and to the browsers of one person: who is slow holds up nobody else
LOOKED_AT: Final = 200  # of those that are due
LEASE: Final = 30.0  # seconds that one try may take; then it is tried again, maybe by another process
PAUSES: Final = (5.0, 30.0, 120.0, 600.0)  # seconds before each further try
MOST_FAILED: Final = 5  # notifications in succession that could not be brought to a browser, before it is forgotten


class Outcome(Enum):
    SENT = "sent"
    GONE = "gone"  # the browser wants no more, or its address is none to which we go
    REFUSED = "refused"  # and would be, another time
    LATER = "later"
    UNTRIED = "untried"  # the same, and no fault of the browser's


@dataclass(frozen=True, slots=True)
class Due:
    """A notification that is to be sent now, by whoever has this. `tries` counts this one."""

    id: int
    subscription: PushSubscription
    mention: Mention | None
    tries: int


def key() -> str:
    """The private key that push services know this server by, made once (base64url); one that cannot be unsealed is replaced."""
    while True:
        kept = Server.objects.filter(pk=1).values_list("push_key", flat=True).first()
        if kept and (found := sealed.unseal(kept)) is not None:
            return found
        if kept is None:
            Server.objects.bulk_create([Server()], ignore_conflicts=True)
        Server.objects.filter(pk=1, push_key=kept or "").update(push_key=sealed.seal(webpush.new_key()))


@transaction.atomic
def subscribe(*, actor: User, endpoint: str, p256dh: str, auth: str, device: str, session: str) -> PushSubscription:
    """Tell this browser from now on, for as long as this session (its key) is the actor's; whoever used it before is told there
    no more. InvalidInput for keys that are none.
    """
    if not webpush.are_keys(p256dh, auth):
        raise errors.InvalidInput("This browser’s keys cannot be used.", next="Reload the page and try again.")
    others = PushSubscription.objects.filter(user=actor).exclude(endpoint=endpoint)
    _remove(PushSubscription.objects.filter(pk__in=[other.pk for other in others if not is_signed_in(other)]))
    if others.count() >= MOST:
        raise errors.Refused(f"{MOST} browsers are notified already.", next="Remove one first.")
    given = {"user": actor, "p256dh": p256dh, "auth": auth, "device": device, "session": session, "failed": 0}
    made, is_new = PushSubscription.objects.update_or_create(endpoint=endpoint, defaults=given)
    if not is_new:
        Push.objects.filter(subscription=made).exclude(mention__user=actor).delete()
    return made


def of(user: User) -> list[PushSubscription]:
    """Those whose sign-in is not over, the newest first."""
    return [each for each in PushSubscription.objects.filter(user=user).order_by("-created", "-pk") if is_signed_in(each)]


def is_signed_in(subscription: PushSubscription) -> bool:
    """Whether the session that it belongs to still opens as the same person."""
    return bool(subscription.session) and sessions.person(subscription.session).pk == subscription.user_id


@transaction.atomic
def unsubscribe(*, actor: User, subscription: int) -> None:
    """NotFound for somebody else's."""
    _own(actor, subscription).delete()


def forget(*, user_id: int, subscription: int | None, session: str | None) -> None:
    """The same where it may be gone already: the browser has been signed out."""
    its = Q(pk=subscription or 0) | Q(session=session) if session else Q(pk=subscription or 0)
    _remove(PushSubscription.objects.filter(its, user=user_id))


def forget_all(user: User, *, but: str | None = None) -> None:
    """All of somebody's, but that of the session with this key."""
    found = PushSubscription.objects.filter(user=user)
    _remove(found.exclude(session=but) if but else found)


@transaction.atomic
def _remove(found: QuerySet[PushSubscription]) -> None:
    """Locked first: whoever tells them meanwhile has done so before, or leaves them out."""
    locked = list(found.select_for_update().order_by("pk").values_list("pk", flat=True))
    PushSubscription.objects.filter(pk__in=locked).delete()


def move(*, user: User, subscription: int | None, session: str) -> None:
    """The browser's session goes on with another key."""
    PushSubscription.objects.filter(user=user, pk=subscription or 0).update(session=session)


@transaction.atomic
def try_out(*, actor: User, subscription: int) -> None:
    """One notification that says only that it came. NotFound for somebody else's browser."""
    own = _own(actor, subscription)
    Push.objects.filter(subscription=own, mention=None).delete()
    Push.objects.create(subscription=own, due=timezone.now())


def _own(actor: User, subscription: int) -> PushSubscription:
    """Locked."""
    found = PushSubscription.objects.select_for_update().filter(user=actor, pk=subscription).first()
    if found is None:
        raise errors.NotFound("This browser is not notified any more.")
    return found


BROWSERS: Final = "SELECT id, user_id FROM chat_pushsubscription WHERE user_id {one_of}"


def tell(mentions: Iterable[Mention]) -> bool:
    """Notify the browsers of those who were named, soon. Whether there are any. They stay until the caller's transaction ends:
    its message would be lost for one that is gone. One that is just being removed or handed over is left out, not waited for.
    """
    of_user = {mention.user_id: mention for mention in mentions}
    browsers = sql.rows(BROWSERS, of_user.keys(), lock="FOR KEY SHARE SKIP LOCKED") if of_user else []
    now = timezone.now()
    return bool(Push.objects.bulk_create(Push(subscription_id=pk, mention=of_user[user], due=now) for pk, user in browsers))


def claim(*, most: int = AT_ONCE, underway: Iterable[PushSubscription] = ()) -> list[Due]:
    """Notifications that are due, for the caller alone to be sent, who has some `underway` already; those that nobody needs any
    more are gone.
    """
    Push.objects.filter(due__lte=timezone.now(), tries__gt=len(PAUSES) + 1).delete()  # whoever had them never came to an end
    load = Counter(part for one in underway for part in (one.user_id, service(one.endpoint)))
    for _ in range(LOOKED_AT):
        mine = _taken(_turn(most, load.copy()))
        wanted = [push for push in mine if _is_wanted(push)]
        Push.objects.filter(pk__in={push.pk for push in mine} - {push.pk for push in wanted}).delete()
        if wanted or not mine:
            break
    return [Due(push.pk, push.subscription, push.mention, push.tries) for push in wanted]


def _taken(found: list[tuple[int, datetime]]) -> list[Push]:
    """Those of them that no other process has taken."""
    until = timezone.now() + timedelta(seconds=LEASE)
    mine = [pk for pk, due in found if Push.objects.filter(pk=pk, due=due).update(due=until, tries=F("tries") + 1)]
    parts = ("subscription__user", "mention__conversation", "mention__item__author")
    return list(Push.objects.filter(pk__in=mine).select_related(*parts)) if mine else []


def _turn(most: int, load: "Counter[int | str]") -> list[tuple[int, datetime]]:
    """Whose turn it is, and since when, with so many underway to each person and service."""
    due = Push.objects.filter(due__lte=timezone.now()).order_by("due")
    for full in (part for part, number in load.items() if number >= EACH):
        theirs = Q(subscription__user=full) if isinstance(full, int) else Q(subscription__endpoint__istartswith=f"{full}/")
        due = due.exclude(theirs)
    found: list[tuple[int, datetime]] = []
    for pk, since, user, endpoint in due.values_list("pk", "due", "subscription__user", "subscription__endpoint")[:LOOKED_AT]:
        parts = (user, service(endpoint))
        if len(found) < most and all(load[part] < EACH for part in parts):
            load.update(parts)
            found.append((pk, since))
    return found


def service(endpoint: str) -> str:
    """Scheme and host of an address."""
    return "/".join(endpoint.lower().split("/", 3)[:3])


def _is_wanted(push: Push) -> bool:
    """Not by who is signed in there no more, is not whom it names, has seen it, looks at it now, or may not read it any more."""
    user, mention = push.subscription.user, push.mention
    if not is_signed_in(push.subscription):
        return False
    if mention is None:
        return user.is_active and not user.suspended
    if mention.user_id != user.pk:  # the browser changed hands while the message was sent
        return False
    if (
        mention.seen is not None
        or mention.item.conversation_id is None
        or not can(user, "conversation.read", mention.conversation)
    ):
        return False
    there = Presence.objects.filter(conversation=mention.conversation, user=user, until__gt=timezone.now())
    if mention.conversation.deleted is not None:
        return False
    return not there.exists() or not sight.shown([mention])


@transaction.atomic
def settle(due: Due, outcome: Outcome) -> None:
    """What became of it. Whoever could not be reached too often is forgotten."""
    if outcome is Outcome.GONE:
        _remove(PushSubscription.objects.filter(pk=due.subscription.pk))
    elif outcome is Outcome.SENT:
        Push.objects.filter(pk=due.id).delete()
        PushSubscription.objects.filter(pk=due.subscription.pk).exclude(failed=0).update(failed=0)
    elif outcome in (Outcome.LATER, Outcome.UNTRIED) and due.tries <= len(PAUSES):
        Push.objects.filter(pk=due.id).update(due=timezone.now() + timedelta(seconds=PAUSES[due.tries - 1]))
    elif outcome is Outcome.UNTRIED:
        Push.objects.filter(pk=due.id).delete()
    else:
        Push.objects.filter(pk=due.id).delete()
        PushSubscription.objects.filter(pk=due.subscription.pk).update(failed=F("failed") + 1)
        _remove(PushSubscription.objects.filter(pk=due.subscription.pk, failed__gte=MOST_FAILED))
