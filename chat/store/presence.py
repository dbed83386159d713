"""Who is in a shared conversation now, and who types: rows that run out, so that a process that dies leaves nobody behind."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from functools import reduce
from operator import or_
from typing import Final, NamedTuple

from django.db.models import Q
from django.utils import timezone

from chat.models import Conversation, Presence, User
from chat.store import conversations, sql

HERE: Final = 25.0  # seconds that one stays without being named again
TYPING: Final = 5.0
LONG: Final = timedelta(minutes=5)
SLICE: Final = 200
Pair = tuple[str, int]
"""A conversation and a person."""


class Somebody(NamedTuple):
    user_id: int
    name: str
    typing: bool


def note(pairs: Collection[Pair]) -> None:
    """These are here."""
    until = timezone.now() + timedelta(seconds=HERE)
    rows = [Presence(conversation_id=conversation, user_id=user, until=until) for conversation, user in pairs]
    Presence.objects.bulk_create(rows, update_conflicts=True, unique_fields=["conversation", "user"], update_fields=["until"])


def forget(pairs: Sequence[Pair]) -> None:
    """These have gone."""
    for start in range(0, len(pairs), SLICE):
        gone = (Q(conversation=conversation, user=user) for conversation, user in pairs[start : start + SLICE])
        Presence.objects.filter(reduce(or_, gone)).delete()


def purge(now: datetime) -> int | None:
    """Remove some of those who have not been named for long: nobody took them out. How many; None when there are none."""
    over = Presence.objects.filter(until__lt=now - LONG)
    some = list(over.values_list("pk", flat=True)[:SLICE])
    return over.filter(pk__in=some).delete()[0] if some else None  # asked again: they may have come back


def typing(*, actor: User, conversation_id: str) -> None:
    """This person is writing something. Nobody is told where nobody else could be."""
    conversation = conversations.find(actor=actor, conversation_id=conversation_id, action="conversation.write")
    if conversation.shared:
        now = timezone.now()
        times = {"until": now + timedelta(seconds=HERE), "typing_until": now + timedelta(seconds=TYPING)}
        Presence.objects.update_or_create(conversation=conversation, user=actor, defaults=times)


def sent(conversation: Conversation, user: User) -> None:
    """They have written it: they do not type any more."""
    Presence.objects.filter(conversation=conversation, user=user).update(typing_until=None)


WHO = """SELECT p.conversation_id, u.id, CASE WHEN u.name = '' THEN u.username ELSE u.name END, p.typing_until > {now}
FROM chat_presence p JOIN chat_user u ON u.id = p.user_id
WHERE p.conversation_id {one_of} AND p.until > {now} ORDER BY u.username"""


def who(conversation_ids: Collection[str]) -> dict[str, tuple[Somebody, ...]]:
    """Who is in each of these."""
    found: dict[str, list[Somebody]] = {}
    for conversation, user, name, types in sql.rows(WHO, conversation_ids):
        found.setdefault(conversation, []).append(Somebody(user, name, bool(types)))
    return {conversation: tuple(people) for conversation, people in found.items()}
