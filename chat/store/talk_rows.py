"""What the database knows of replies in temporary conversations: for each run a row that says who, when, which model, how many
tokens and how it ended, and nothing of what was said.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from django.db import transaction
from django.utils import timezone

from chat import errors
from chat.models import Response, User
from chat.store import responses, sql
from chat.store.responses import Ending
from chat.store.talk import RUNNING, Reply

COUNTED: Final = ("input_tokens", "output_tokens", "total_tokens")
ANOTHER_RUN: Final = 2  # `attempts` of its row: no other process begins it again, for none knows what was said
CANCEL: Final = """UPDATE chat_response SET cancel_requested = {now}
WHERE id = %s AND conversation_id IS NULL AND status = 'in_progress' AND cancel_requested IS NULL"""


def cancel(run: str) -> bool:
    """Ask it to stop; False where it has no row, or none that runs."""
    return bool(sql.run(CANCEL, run))


@transaction.atomic
def note_start(actor: User, reply: Reply) -> bool:
    """That it is asked, and by whom: a row with a lease, which says nothing of what is. False where it was to stop before."""
    write(actor, reply)
    return Response.objects.filter(pk=reply.id, status=RUNNING, cancel_requested=None).exists()


def write(actor: User, reply: Reply) -> None:
    who = {"author": actor, "team": actor.personal_team, "model": reply.model[:200], "store": False}
    taken = {"status": RUNNING, "epoch": 1, "attempts": ANOTHER_RUN, "started": reply.created}
    Response.objects.bulk_create([Response(id=reply.id, **who, **taken)], ignore_conflicts=True)
    responses.renew({reply.id: 1})


def note_end(run: str, ending: Ending, *, model: str, first_token: datetime | None) -> None:
    """What stays of a run: how it ended, and numbers. Whatever else the model server said of it may quote what was said."""
    usage = {name: ending.usage[name] for name in COUNTED if isinstance(ending.usage.get(name), int)} if ending.usage else None
    code = ending.error_code if not ending.error_code or ending.error_code in CODES else errors.UpstreamError.code
    reason = responses.plain_reason(ending)
    facts = {"usage": usage, "error_code": code, "incomplete_reason": reason, "status": ending.status, "model": model[:200]}
    mine = Response.objects.filter(pk=run, conversation=None, epoch=1, status=RUNNING)
    mine.update(**facts, **responses.counts(ending.usage), first_token=first_token, ended=timezone.now(), lease_until=None)


def statuses(runs: Sequence[str]) -> dict[str, str]:
    """What the rows of these runs say; one that has not begun has none."""
    return dict(sql.rows("SELECT id, status FROM chat_response WHERE id {one_of}", runs)) if runs else {}


def _codes(kind: type[errors.ParleyError]) -> set[str]:
    return {kind.code}.union(*map(_codes, kind.__subclasses__()))


CODES: Final = frozenset(_codes(errors.ParleyError))
