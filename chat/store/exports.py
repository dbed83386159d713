"""Exports of one's own: asked for, made piece by piece by `runs`, fetched, deleted. One for each person is kept, for a day.

The bytes stand in the database, where every process finds them without a shared disk (docs/decisions/0007).
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import DateTimeField, ExpressionWrapper, F, Q, QuerySet
from django.db.models.expressions import Combinable
from django.db.models.functions import Now
from django.utils import timezone

from chat import errors
from chat.models import Export, ExportChunk, User
from chat.store import clock

CHUNK: Final = 262_144  # bytes of one row
CHUNKS_AT_ONCE: Final = 16  # that one transaction removes
KEPT: Final = timedelta(days=1)
LEASE: Final = 30.0  # seconds without a sign of life, after which an export is taken up by another process
MOST_ATTEMPTS: Final = 3
INTERRUPTED: Final = "It was interrupted several times. Try again; if it stays, tell whoever runs this server."
State = Export.State


class Gone(Exception):
    """It was deleted, or another process has it now: write no more of it."""


def of(actor: User) -> Export | None:
    """This person's export, however far it is."""
    return _there().filter(owner=actor).order_by("-created").first()


def find(*, actor: User, export_id: str) -> Export:
    """One that is ready to be fetched, by whoever it is of; NotFound for everybody else."""
    found = _there().filter(pk=export_id, owner=actor, state=State.READY).first()
    if found is None:
        raise errors.NotFound("This export does not exist any more.", next="Ask for a new one in your settings.")
    return found


@transaction.atomic
def request(*, actor: User) -> Export:
    """Have one made. While one is under way it is that one; a new one takes the place of the one before."""
    User.objects.select_for_update(no_key=True).get(pk=actor.pk)
    present = of(actor)
    if present is not None and present.unfinished:
        return present
    expire(actor)
    return Export.objects.create(owner=actor)


@transaction.atomic
def remove(*, actor: User, export_id: str) -> None:
    """Out of reach at once, also while it is being made; its bytes go within seconds (`purge`)."""
    if not _expire(_there().filter(pk=export_id, owner=actor)):
        raise errors.NotFound("This export is gone already.")


def expire(owner: User) -> None:
    """All of this person's."""
    _expire(_there().filter(owner=owner))


def _there() -> QuerySet[Export]:
    return Export.objects.filter(Q(expires=None) | Q(expires__gt=timezone.now()))


def _expire(exports: QuerySet[Export]) -> int:
    return exports.update(expires=timezone.now(), epoch=F("epoch") + 1)


def take(*, alone: bool = False) -> Export | None:
    """The next one that is due is this process's from now on, for as long as it shows signs of life (`note`). `alone`: no other
    process can hold one (SQLite's start). One that was taken up too often has failed.
    """
    due = Export.objects.filter(expires=None, state__in=Export.UNFINISHED)
    if not due.exists():
        return None
    left = Q(state=State.IN_PROGRESS) if alone else Q(state=State.IN_PROGRESS, lease_until__lt=Now())
    with transaction.atomic():
        for export in due.select_for_update(skip_locked=True).filter(left | Q(state=State.QUEUED)).order_by("created"):
            changes = {"epoch": export.epoch + 1, "attempts": export.attempts + 1, "done": 0, "bytes": 0}
            Export.objects.filter(pk=export.pk).update(state=State.IN_PROGRESS, lease_until=_lease(), **changes)
            export.refresh_from_db()
            if export.attempts <= MOST_ATTEMPTS:
                return export
            fail(export, INTERRUPTED)
    return None


def _lease() -> Combinable:
    return ExpressionWrapper(Now() + timedelta(seconds=LEASE), output_field=DateTimeField())


def _mine(export: Export) -> QuerySet[Export]:
    """The export, if this process still has it."""
    return Export.objects.filter(pk=export.pk, epoch=export.epoch, state=State.IN_PROGRESS)


@transaction.atomic
def note(export: Export, *, done: int, total: int, size: int, chunk: tuple[int, bytes] | None = None) -> None:
    """How far it is, and its next piece with the number of that. Raises Gone when it is not this process's any more."""
    if not _mine(export).update(done=done, total=total, bytes=size, lease_until=_lease()):
        raise Gone
    if chunk is not None:
        ExportChunk.objects.create(export=export, index=chunk[0], bytes=chunk[1])


@transaction.atomic
def finish(export: Export) -> None:
    """All of it is there; `KEPT` begins."""
    now = timezone.now()
    changes = {"state": State.READY, "ended": now, "expires": now + KEPT, "lease_until": None}
    if not _mine(export).update(done=F("total"), **changes):
        raise Gone


@transaction.atomic
def fail(export: Export, sentence: str) -> None:
    now = timezone.now()
    _mine(export).update(state=State.FAILED, error=sentence, ended=now, expires=now + KEPT, lease_until=None)


@transaction.atomic
def give_back(export: Export) -> None:
    """The process ends in good order: another takes it up, from the start, and this try does not count."""
    _mine(export).update(state=State.QUEUED, attempts=F("attempts") - 1, lease_until=None)


def chunk(export: Export, index: int) -> bytes | None:
    found = ExportChunk.objects.filter(export=export, index=index).values_list("bytes", flat=True).first()
    return None if found is None else bytes(found)


@transaction.atomic
def start_anew(export: Export) -> bool:
    """Remove some of what the try before left; False when nothing is. Raises Gone as `note` does."""
    note(export, done=0, total=0, size=0)
    return drop_chunks([export.pk])


def drop_chunks(exports: Collection[str]) -> bool:
    """Remove some of the pieces of these; False when there are none."""
    some = list(ExportChunk.objects.filter(export__in=exports).values_list("pk", flat=True)[:CHUNKS_AT_ONCE])
    return bool(some and ExportChunk.objects.filter(pk__in=some).delete())


def purge(now: datetime | None = None) -> int | None:
    """Remove a piece of what has expired or failed: how many exports, 0 when it was a part of one; None when nothing is left."""
    over = list(Export.objects.filter(expires__lte=now or clock.now()).values_list("pk", flat=True)[:100])
    failed = Export.objects.filter(state=State.FAILED).values_list("pk", flat=True)
    if drop_chunks([*over, *failed]):
        return 0
    return Export.objects.filter(pk__in=over).delete()[0] if over else None
