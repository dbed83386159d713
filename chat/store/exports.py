"""Files that are made in the background: asked for, made piece by piece by `runs`, fetched, deleted; kept for a day. Here are
those of one's own data, one for each person, and what they share with those of the log (`log_exports`).

The bytes stand in the database, where every process finds them without a shared disk (docs/decisions/0007).
"""

from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import DateTimeField, ExpressionWrapper, F, Q, QuerySet
from django.db.models.expressions import Combinable
from django.db.models.functions import Now
from django.utils import timezone

from chat import errors
from chat.models import Export, ExportChunk, Exported, User
from chat.store import clock

CHUNK: Final = 262_144  # bytes of one row
CHUNKS_AT_ONCE: Final = 16  # that one transaction removes
KEPT: Final = timedelta(days=1)
LEASE: Final = 30.0  # seconds without a sign of life, after which an export is taken up by another process
MOST_ATTEMPTS: Final = 3
INTERRUPTED: Final = "It was interrupted several times. Try again; if it stays, tell whoever runs this server."
WITHDRAWN: Final = "Something that it held was deleted or moved meanwhile. Make it anew."
CLOSED: Final = "What may be read was changed meanwhile."
State = Export.State
OWN: Final = Export.Kind.OWN
LOG: Final = Export.Kind.LOG


class Gone(Exception):
    """It was deleted, or another process has it now: write no more of it."""


def of(actor: User) -> Export | None:
    """This person's export, however far it is."""
    return there(OWN).filter(owner=actor).order_by("-created").first()


def find(*, actor: User, export_id: str) -> Export:
    """One that is ready to be fetched, by whoever it is of; NotFound for everybody else."""
    found = ready(OWN).filter(pk=export_id, owner=actor).first()
    if found is None:
        raise errors.NotFound("This export does not exist any more.", next="Ask for a new one in your settings.")
    return found


def ready(kind: str) -> QuerySet[Export]:
    return there(kind).filter(state=State.READY)


@transaction.atomic
def request(*, actor: User) -> Export:
    """Have one made. While one is under way it is that one; a new one takes the place of the one before."""
    User.objects.select_for_update(no_key=True).get(pk=actor.pk)
    present = of(actor)
    if present is not None and present.unfinished:
        return present
    expire(there(OWN).filter(owner=actor))
    return Export.objects.create(owner=actor)


@transaction.atomic
def remove(*, actor: User, export_id: str, kind: str = OWN) -> None:
    """Out of reach at once, also while it is being made; its bytes go within seconds (`purge`)."""
    if not expire(there(kind).filter(pk=export_id, owner=actor)):
        raise errors.NotFound("This export is gone already.")


def there(kind: str) -> QuerySet[Export]:
    """Those that have not expired, however far they are."""
    return Export.objects.filter(Q(expires=None) | Q(expires__gt=timezone.now()), kind=kind)


def expire(exports: QuerySet[Export]) -> int:
    return exports.update(expires=timezone.now(), epoch=F("epoch") + 1)


def withdraw(conversation_ids: Collection[str]) -> None:
    """Texts of these are to go: what holds some of them is not to be had any more, and goes within seconds (`purge`)."""
    _withdraw_holding(_with_texts(), conversation_ids)


def withdraw_moved(conversation_ids: Collection[str]) -> None:
    """These go to another team: the same of what was opened in the one where they were."""
    _withdraw_holding(_with_texts().exclude(opening__team=None), conversation_ids)


def _withdraw_holding(exports: QuerySet[Export], conversation_ids: Collection[str]) -> None:
    for export in exports:
        if Exported.objects.filter(conversation__in=conversation_ids, first=export.first or 0).exists():
            _withdraw(Export.objects.filter(pk=export.pk), WITHDRAWN)


def withdraw_texts() -> None:
    """What is shown of texts has changed: all that was made of them before."""
    _withdraw(_with_texts(), CLOSED)


def withdraw_own(before: datetime, of: Callable[[int], bool]) -> None:
    """Something goes for good that was deleted then: whoever took it along before (`of`: whether it was this person's, or in what
    is theirs) makes that anew.
    """
    for export in there(OWN).exclude(state=State.FAILED).filter(created__lte=before):
        if of(export.owner_id):
            _withdraw(Export.objects.filter(pk=export.pk), WITHDRAWN)


def withdraw_all() -> None:
    """Somebody has left, whose name may stand in any export of the log."""
    _withdraw(there(LOG).exclude(state=State.FAILED), WITHDRAWN)


def _with_texts() -> QuerySet[Export]:
    return there(LOG).filter(first__isnull=False).exclude(state=State.FAILED)


def _withdraw(exports: QuerySet[Export], sentence: str) -> None:
    now = timezone.now()
    ended = {"ended": now, "expires": now + KEPT, "lease_until": None}
    exports.update(state=State.FAILED, error=sentence, epoch=F("epoch") + 1, **ended)


def take(*, alone: bool = False, kind: str = OWN) -> Export | None:
    """The next one of this kind that is due is this process's from now on, for as long as it shows signs of life (`note`).
    `alone`: no other process can hold one (SQLite's start). One that was taken up too often has failed.
    """
    due = Export.objects.filter(expires=None, state__in=Export.UNFINISHED, kind=kind)
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


def mine(export: Export) -> QuerySet[Export]:
    """The export, if this process still has it."""
    return Export.objects.filter(pk=export.pk, epoch=export.epoch, state=State.IN_PROGRESS)


@transaction.atomic
def note(export: Export, *, done: int, total: int, size: int, chunk: tuple[int, bytes] | None = None) -> None:
    """How far it is, and its next piece with the number of that. Raises Gone when it is not this process's any more."""
    if not mine(export).update(done=done, total=total, bytes=size, lease_until=_lease()):
        raise Gone
    if chunk is not None:
        ExportChunk.objects.create(export=export, index=chunk[0], bytes=chunk[1])


@transaction.atomic
def finish(export: Export) -> None:
    """All of it is there; `KEPT` begins."""
    now = timezone.now()
    changes = {"state": State.READY, "ended": now, "expires": now + KEPT, "lease_until": None}
    if not mine(export).update(done=F("total"), **changes):
        raise Gone


@transaction.atomic
def fail(export: Export, sentence: str) -> None:
    now = timezone.now()
    mine(export).update(state=State.FAILED, error=sentence, ended=now, expires=now + KEPT, lease_until=None)


@transaction.atomic
def give_back(export: Export) -> None:
    """The process ends in good order: another takes it up, from the start, and this try does not count."""
    mine(export).update(state=State.QUEUED, attempts=F("attempts") - 1, lease_until=None)


def chunk(export: Export, index: int) -> bytes | None:
    """None behind the last, and once it is withdrawn."""
    there = ExportChunk.objects.filter(export=export, index=index).exclude(export__state=State.FAILED)
    found = there.values_list("bytes", flat=True).first()
    return None if found is None else bytes(found)


@transaction.atomic
def start_anew(export: Export) -> bool:
    """Remove some of what the try before left; False when nothing is. Raises Gone as `note` does."""
    note(export, done=0, total=export.total if export.kind == LOG else 0, size=0)
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
