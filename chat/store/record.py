"""The record of what was done in the panel. It names people by their keys: how they are called is looked up when it is shown, so
that nobody changes it by a name of theirs, and whoever has left has none in it.
"""

import re
import secrets
from collections.abc import Iterable
from functools import reduce
from operator import or_
from typing import Final

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model, Q, QuerySet

from chat.models import LEFT, User

NAMED: Final = re.compile("\x02([0-9]{1,18})\x03")
MOST_WORDS, MOST_NAMED = 10, 20  # of a search; people whom one of them may mean


def say(text: str, *about: object) -> str:
    """The text with its `{}` filled in: people by their keys, all else as it is."""
    return text.format(*(_named(each.pk) if isinstance(each, User) else _plain(str(each)) for each in about))


def _plain(text: str) -> str:
    return re.sub("[\x02\x03]", "", text)


def _named(key: int) -> str:
    return f"\x02{key}\x03"


def write(*, actor: User, about: Model, said: str) -> LogEntry:
    kind = ContentType.objects.get_for_model(about)
    whom = say("{}", about)[:200]
    return LogEntry.objects.create(
        user=actor, content_type=kind, object_id=about.pk, object_repr=whom, action_flag=CHANGE, change_message=said
    )


def shown(texts: Iterable[str]) -> list[str]:
    """With the usernames of the people, by one question for all."""
    said = list(texts)
    keys = {int(key) for text in said for key in NAMED.findall(text)}
    names = dict(_here().filter(pk__in=keys).values_list("pk", "username")) if keys else {}
    return [NAMED.sub(lambda found: names.get(int(found[1]), LEFT), text) for text in said]


def name(entries: Iterable[LogEntry]) -> list[LogEntry]:
    """The same, with names in their texts; they are not to be saved."""
    found = list(entries)
    texts = shown(text for entry in found for text in (entry.change_message, entry.object_repr))
    for entry, what, whom in zip(found, texts[::2], texts[1::2], strict=True):
        entry.change_message, entry.object_repr = what, whom
    return found


def search(entries: QuerySet[LogEntry], query: str) -> QuerySet[LogEntry]:
    """Those that hold each of the words, in what was done or in the names of those who did it or whom it concerns."""
    for word in _plain(query).split()[:MOST_WORDS]:
        called = Q(username__icontains=word) | Q(name__icontains=word)
        people = [_named(key) for key in _here().filter(called).order_by("username").values_list("pk", flat=True)[:MOST_NAMED]]
        said = [Q(change_message__contains=each) | Q(object_repr=each) for each in people]
        by = Q(user__username__icontains=word) | Q(user__name__icontains=word)
        plain = by | Q(object_repr__icontains=word) | Q(change_message__icontains=word)
        entries = entries.filter(reduce(or_, said, plain))
    return entries


def _here() -> QuerySet[User]:
    return User.objects.exclude(is_active=False, username__startswith="left-")


def keep(person: User, *, most: int) -> bool:
    """What they did stays on record when their row goes: it is a nameless one's. False when nothing is theirs any more."""
    mine = list(LogEntry.objects.filter(user=person).values_list("pk", flat=True)[:most])
    return bool(mine and LogEntry.objects.filter(pk__in=mine).update(user=_nobody()))


def _nobody() -> User:
    found = User.objects.filter(is_active=False, name=LEFT, departure=None, username__startswith="left-").first()
    if found is None:
        found = User(username=f"left-{secrets.token_hex(8)}", name=LEFT, is_active=False)
        found.set_unusable_password()
        found.save()
    return found
