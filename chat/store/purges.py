"""What was removed because its time was over, on record: that it happens, and when it did last."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from chat.models import CacheEntry, Purge, Response, User
from chat.store import clock, counting
from chat.store import server as servers

TOGETHER: Final = timedelta(hours=1)  # what is removed within it stands in one row
KEPT: Final = timedelta(days=30)
LATE: Final = timedelta(hours=25)  # after which somebody should look why
SLICE: Final = 500  # rows that one transaction removes


@transaction.atomic
def record(*, started: datetime, counts: Mapping[str, int]) -> None:
    """All that had expired when it `started` is gone, so many of each kind by this process."""
    now = clock.now()
    newest = Purge.objects.select_for_update().order_by("-ended").first()
    if newest is not None and now - TOGETHER < newest.started <= now:
        known = newest.counts
        newest.counts = {name: known.get(name, 0) + counts.get(name, 0) for name in {**known, **counts}}
        newest.ended = max(now, newest.ended)
        newest.save(update_fields=["counts", "ended"])
    else:
        Purge.objects.create(started=min(started, now), ended=now, counts=dict(counts))
    Purge.objects.filter(ended__lt=now - KEPT).delete()


def of(actor: User) -> QuerySet[Purge]:
    """All that are on record, the newest first, for who may run the installation; NotFound for everybody else."""
    servers.manage(actor)
    return Purge.objects.order_by("-ended", "-pk")


def is_late(last: Purge | None) -> bool:
    return last is None or last.ended < clock.now() - LATE


def cache(now: datetime) -> int | None:
    """Remove some of what was counted against guessing, and counts no more. How many; None when nothing is left to remove."""
    over = CacheEntry.objects.filter(expires__lt=now)
    some = list(over.values_list("pk", flat=True)[:SLICE])
    return over.filter(pk__in=some).delete()[0] if some else None  # asked again: it may have been counted anew


@transaction.atomic
def temporary(now: datetime) -> int | None:
    """Remove some of the rows that replies in temporary conversations have left: no conversation takes them with it, and they are
    kept as long as the log. Counted among the numbers of their days before. How many; None when nothing is left to remove.
    """
    limit = now - timedelta(days=settings.RESPONSE_RETENTION_DAYS)
    over = Response.objects.filter(conversation=None, input=None, store=False, created__lt=limit).exclude(
        status__in=Response.RUNNING
    )
    some = list(over.values_list("pk", flat=True)[:SLICE])
    if not some:
        return None
    counting.before_these_go(some)
    return over.filter(pk__in=some).delete()[0]
