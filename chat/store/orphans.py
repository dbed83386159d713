"""Files that nothing uses: found in slices, then theirs is the way out: bytes first, the row last (`runs.files`).

A composer lets go of what was not sent for an hour; a message takes its uses along. Whoever puts the same bytes in again locks
the row first: it is used, or it is going, and then another row is made.
"""

from datetime import datetime, timedelta
from typing import Any, Final

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from chat.models import File, FileUse, User
from chat.store import clock, copies, sql

SLICE: Final = 100  # rows that one transaction changes
LOOK: Final = 5_000  # files that one question looks at
LEASE: Final = 120  # seconds for one try to take bytes away; then another makes the next
State = File.State


def purge(now: datetime | None = None) -> int | None:
    """Have a piece of what nothing uses go: how many; None when nothing is left."""
    now = now or clock.now()
    return _let_go(now) or _given_up(now) or _removed(now) or _unused() or None


def _let_go(now: datetime) -> int:
    """What waited in a composer for too long."""
    some = list(FileUse.objects.filter(expires__lte=now).values_list("pk", flat=True)[:SLICE])
    return FileUse.objects.filter(pk__in=some, expires__lte=now).delete()[0] if some else 0


def _given_up(now: datetime) -> int:
    """What waits for its bytes in vain: its process died."""
    late = File.objects.filter(state=State.COMING, next_try__lte=now)
    return late.filter(pk__in=list(late.values_list("pk", flat=True)[:SLICE])).update(state=State.GOING, next_try=None)


@transaction.atomic
def _removed(now: datetime) -> int:
    """What its owner removed, and cannot have back any more; messages say that it was there."""
    over = File.objects.filter(state=State.REMOVED, removed__lt=now - timedelta(minutes=settings.UNDO_MINUTES))
    some = list(over.select_for_update(skip_locked=True).values_list("pk", flat=True)[:SLICE])
    FileUse.objects.filter(file__in=some).delete()
    copies.due_of(some)
    return File.objects.filter(pk__in=some).update(state=State.GOING)


UNUSED: Final = """SELECT pk FROM (SELECT id AS pk, state FROM chat_file WHERE id > %s ORDER BY id LIMIT %s) AS f
WHERE state = 'here' AND NOT EXISTS (SELECT 1 FROM chat_fileuse u WHERE u.file_id = pk) ORDER BY pk LIMIT %s"""
LAST: Final = "SELECT MAX(pk) FROM (SELECT id AS pk FROM chat_file WHERE id > %s ORDER BY id LIMIT %s) AS f"


def _unused() -> int:
    """Looks at all files, some at a time, until it has found such."""
    after: str | None = ""
    while after is not None:
        if (found := [pk for (pk,) in sql.rows(UNUSED, after, LOOK, SLICE)]) and (went := _forsake(found)):
            return went
        ((after,),) = sql.rows(LAST, after, LOOK)
    return 0


@transaction.atomic
def _forsake(ids: list[str]) -> int:
    """Those that nothing uses, still, once they are locked."""
    held = File.objects.select_for_update(skip_locked=True).filter(pk__in=ids, state=State.HERE)
    some = list(held.values_list("pk", flat=True))
    return _go(some)


def _go(ids: list[str], **changes: Any) -> int:
    """Those that nothing uses, and their copies elsewhere with them."""
    some = list(_without_uses().filter(pk__in=ids).values_list("pk", flat=True)) if ids else []
    copies.due_of(some)
    return File.objects.filter(pk__in=some).update(state=State.GOING, **changes) if some else 0


def _without_uses() -> QuerySet[File]:
    return File.objects.filter(~Exists(FileUse.objects.filter(file=OuterRef("pk"))))


@transaction.atomic
def claim(now: datetime | None = None) -> list[File]:
    """Some of those whose bytes are to go, for this process alone until the time for one try is over."""
    now = now or clock.now()
    due = File.objects.filter(Q(next_try=None) | Q(next_try__lte=now), state=State.GOING)
    some = list(due.select_for_update(skip_locked=True).order_by("created")[:SLICE])
    File.objects.filter(pk__in=[file.pk for file in some]).update(next_try=now + timedelta(seconds=LEASE))
    return some


def gone(file: File) -> None:
    """Its bytes are nowhere any more."""
    File.objects.filter(pk=file.pk, state=State.GOING).delete()


def forget(user: User, *, most: int) -> bool:
    """Of somebody who has left, whose conversations have gone: what nothing uses goes, nameless at once; what goes with messages
    in others' conversations stays with these. False when nothing is left.
    """
    FileUse.objects.filter(author=user).delete()
    some = list(File.objects.filter(owner=user).values_list("pk", flat=True)[:most])
    there = File.objects.filter(pk__in=some).exclude(state=State.COMING)
    _go(list(there.values_list("pk", flat=True)), owner=None, name="")
    File.objects.filter(pk__in=some, owner=user).update(owner=None, name="")  # messages have a name of their own for it
    return bool(some)
