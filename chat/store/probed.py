"""What is at a model server and is not to stay: what a probe makes there, nobody's, and replies that are kept unasked. In the
ledger it is `due` from the start, so that it is deleted whatever becomes of its process; while that may still be at it, nobody
else deletes it.
"""

from collections.abc import Collection
from typing import Final

from django.db import transaction
from django.db.models.functions import Now

from chat.models import Conversation, Kept
from chat.store import copies, ledger
from chat.store.copies import Place

BUSY: Final = 900  # seconds, more than a probe takes in all; a longer reply is broken off where a server deletes what it writes
State = Kept.State


@transaction.atomic
def begin(kind: str, place: Place, upstream_id: str, conversation_id: str | None = None) -> int:
    """It is there, or about to be sent there under this mark: its row, in this conversation, as long as there is that."""
    there = Conversation.objects.select_for_update(no_key=True).filter(pk=conversation_id).first() if conversation_id else None
    whose = {"conversation": there, "owner_id": there.owner_id, "team": there.team_id} if there is not None else {}
    where = {"kind": kind, "server": place.server[:500], "account": place.account, "upstream_id": ledger.written(upstream_id)}
    times = {"created": Now(), "next_try": ledger.later(BUSY), "expires": ledger.later(ledger.DAYS * 86_400)}
    return Kept.objects.create(state=State.DUE, **where, **whose, **times).pk


def named(pk: int, upstream_id: str) -> None:
    """What was sent is called so."""
    Kept.objects.filter(pk=pk, upstream_id__startswith=copies.MARK).update(upstream_id=ledger.written(upstream_id))


def refused(pk: int) -> None:
    """It was not taken: nothing is there."""
    Kept.objects.filter(pk=pk, upstream_id__startswith=copies.MARK).delete()


def gone(pk: int) -> None:
    """The probe has deleted it, and not found it afterwards; a process that asks another server may have given it up."""
    Kept.objects.filter(pk=pk, state__in=Kept.OPEN).update(state=State.GONE, ended=Now(), error="")


def leave(pks: Collection[int]) -> None:
    """The probe deletes no more of these."""
    Kept.objects.filter(pk__in=pks, state=State.DUE).update(next_try=Now())
