"""The record of what was done in the panel, when somebody leaves: it stays, without them."""

import re
import secrets
from functools import reduce
from operator import or_

from allauth.account.models import EmailAddress
from django.contrib.admin.models import CHANGE, LogEntry
from django.db.models import Model, Q

from chat.models import LEFT, User


def note(actor: User, about: Model, said: str) -> None:
    """What somebody has settled elsewhere than in the panel stands in its record too, in the same transaction."""
    LogEntry.objects.log_actions(actor.pk, [about], CHANGE, change_message=said, single_object=True)


def forget(person: User) -> None:
    """Name, username and addresses of somebody whose account goes, wherever the record says them."""
    addresses = EmailAddress.objects.filter(user=person).values_list("email", flat=True)
    names = sorted({person.username, person.shown_name, person.email, *addresses} - {""}, key=len, reverse=True)
    said = (Q(change_message__icontains=name) | Q(object_repr__icontains=name) for name in names)
    pattern = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, names))})(?!\w)", re.IGNORECASE)
    for entry in LogEntry.objects.filter(reduce(or_, said)):
        entry.change_message, entry.object_repr = (pattern.sub(LEFT, text) for text in (entry.change_message, entry.object_repr))
        entry.save(update_fields=["change_message", "object_repr"])


def keep(person: User) -> None:
    """What they did stays on record when their row goes: it is a nameless one's."""
    mine = LogEntry.objects.filter(user=person)
    if mine.exists():
        mine.update(user=_nobody())


def _nobody() -> User:
    found = User.objects.filter(is_active=False, name=LEFT, departure=None, username__startswith="left-").first()
    if found is None:
        found = User(username=f"left-{secrets.token_hex(8)}", name=LEFT, is_active=False)
        found.set_unusable_password()
        found.save()
    return found
