"""Files that nothing uses: found, then theirs is the way out: bytes first, the row last (`runs.files`).

A composer lets go of what was not sent for an hour; a message takes its uses along. Whoever puts the same bytes in again locks
the row first: it is used, or it is going, and then another row is made.
"""

from datetime import datetime, timedelta
from typing import Any, Final

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, Max, OuterRef, Q, QuerySet

from chat.models import Certificate, File, FileUse, Response, User
from chat.store import certificates, clock, copies, exports, history, ledger, sql

SLICE: Final = 100  # rows that one transaction changes
MOST: Final = 5_000  # unused files that one question finds
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
    """What its owner removed, and cannot have back any more; messages say that it was there. What a provider keeps of replies
    that were made with it goes, too.
    """
    over = File.objects.filter(state=State.REMOVED, removed__lt=now - timedelta(minutes=settings.UNDO_MINUTES))
    some = list(over.select_for_update(skip_locked=True).values_list("pk", flat=True)[:SLICE])
    uses = FileUse.objects.filter(file__in=some)
    _withdraw_own(some)
    _due_below(uses, now)
    uses.delete()
    copies.due_of(some)
    return File.objects.filter(pk__in=some).update(state=State.GOING)


def _due_below(uses: QuerySet[FileUse], now: datetime) -> None:
    """Replies to these messages, and those that follow them, were asked for with the files, as long as these were there."""
    seen = set[str]()
    said = (
        uses.exclude(item=None)
        .order_by("-file__removed", "item__created")
        .values_list("item", "item__responses", "file__removed")
    )
    for item_id, response_id, removed in said:
        if response_id in seen:
            continue  # it follows one that has been looked at
        below = history.below(item_id)
        seen.update(below)
        for start in range(0, len(below), SLICE):
            made = Response.objects.filter(pk__in=below[start : start + SLICE], created__lte=removed or now)
            ledger.due_of(list(made.values_list("pk", flat=True)))


UNUSED: Final = """SELECT f.id FROM chat_file f WHERE f.state = 'here'
AND NOT EXISTS (SELECT 1 FROM chat_fileuse u WHERE u.file_id = f.id) LIMIT %s"""


def _unused() -> int:
    """One question for all files: asked of some at a time, Postgres goes through all uses for each of these."""
    found = [pk for (pk,) in sql.rows(UNUSED, MOST)]
    return sum(_forsake(found[at : at + SLICE]) for at in range(0, len(found), SLICE))


@transaction.atomic
def _forsake(ids: list[str]) -> int:
    """Those that nothing uses, still, once they are locked."""
    held = File.objects.select_for_update(skip_locked=True).filter(pk__in=ids, state=State.HERE)
    some = list(held.values_list("pk", flat=True))
    return _go(some)


def _go(ids: list[str], **changes: Any) -> int:
    """Those that nothing uses, and their copies elsewhere with them."""
    some = list(_without_uses().filter(pk__in=ids).values_list("pk", flat=True)) if ids else []
    _withdraw_own(some)
    copies.due_of(some, certificate=changes.get("certificate"))
    return File.objects.filter(pk__in=some).update(state=State.GOING, **changes) if some else 0


def _withdraw_own(ids: list[str]) -> None:
    """Exports of whoever had one of these, in what they wrote or in a conversation of theirs."""
    if not ids:
        return
    used = FileUse.objects.filter(file__in=ids)
    theirs = File.objects.filter(pk__in=ids)
    before = theirs.aggregate(Max("removed"))["removed__max"] or clock.now()
    exports.withdraw_own(
        before,
        lambda pk: theirs.filter(owner=pk).exists() or used.filter(Q(author=pk) | Q(item__conversation__owner=pk)).exists(),
    )


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


@transaction.atomic
def gone(file: File) -> None:
    """Its bytes are nowhere any more."""
    waits = Certificate.objects.filter(files=file.pk).first()
    _, removed = File.objects.filter(pk=file.pk, state=State.GOING).delete()
    if waits is not None:
        certificates.count(waits, removed)


def forget(user: User, *, certificate: Certificate, most: int) -> bool:
    """Of somebody who has left, whose conversations have gone: what nothing uses goes, nameless at once; what goes with messages
    in others' conversations stays with these. False when nothing is left.
    """
    FileUse.objects.filter(author=user).delete()
    some = list(File.objects.filter(owner=user).values_list("pk", flat=True)[:most])
    there = File.objects.filter(pk__in=some).exclude(state=State.COMING)
    _go(list(there.values_list("pk", flat=True)), owner=None, name="", certificate=certificate)
    File.objects.filter(pk__in=some, owner=user).update(owner=None, name="")  # messages have a name of their own for it
    return bool(some)
