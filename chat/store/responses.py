"""A run's life as a row: taken, renewed, asked to stop, ended exactly once. The database's clock decides about leases."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import reduce
from operator import or_
from typing import Any, Literal

from django.conf import settings
from django.db import transaction
from django.db.models import Case, DateTimeField, Exists, ExpressionWrapper, F, OuterRef, Q, When
from django.db.models.expressions import Combinable
from django.db.models.functions import Now

from chat import errors, markdown
from chat.models import LONGEST_NAME, Conversation, Item, LogRow, Response, User
from chat.policy import within_reach
from chat.protocol.types import Json
from chat.store import conversations, ledger, log, messages, news, rows, search, sql, storing, turns
from chat.store.log import Batch

Status = Response.Status


@dataclass(frozen=True, slots=True)
class Ending:
    """How a run ended, and what it made: wire items in output order with what the provider called them; `upstream_id`: what it
    called the last turn; `kept`: what that has left there.
    """

    status: str
    items: Sequence[Json] = ()
    upstream_ids: dict[str, str] = field(default_factory=dict)
    upstream_id: str = ""
    usage: Json | None = None
    error_code: str = ""
    error_message: str = ""
    incomplete_reason: str = ""
    kept: ledger.Keeping | None = None


@dataclass(frozen=True, slots=True)
class Held:
    """A run that a process executes, as it took it: its `epoch`, and its author's (`author_standing`)."""

    epoch: int
    standing: int | None


Verdict = Literal["lost", "cancelled"] | int
"""Another process has it; it is to stop; or its author's standing has changed to this, and it goes on."""

REASONS = ("max_output_tokens", "content_filter", "interrupted", "too_large", "invalid_function_call", "cancelled", "unknown")
MOST_ATTEMPTS = 5  # of a run that is taken up again; each is another process that died
UNKEPT = Ending(
    status=Status.FAILED,
    error_code="unkept",
    error_message="The model server sent something that this server cannot keep. Try again, or choose another model.",
)


def _lease() -> Combinable:
    return ExpressionWrapper(Now() + timedelta(seconds=settings.RUN_LEASE), output_field=DateTimeField())


TAKE = """status = 'in_progress', epoch = epoch + 1, attempts = attempts + 1, started = {now}, lease_until = {in_seconds}
WHERE id = %s AND status = 'queued' AND (cancel_requested IS NULL OR sequence > 0)"""


def take(response_id: str) -> Response | None:
    """Take a queued run: from now on it is this process's. None when another has it, it has ended, or its turn has not come."""
    storing.heed_at_last(response_id)
    taken = [] if _waits(response_id) else rows.change(Response, TAKE, settings.RUN_LEASE, response_id)
    return taken[0] if taken else None


ABOVE = """SELECT a.id, a.status, a.started IS NOT NULL
FROM chat_response r JOIN chat_item i ON i.id = r.input_id JOIN chat_response a ON a.id = i.previous_id WHERE r.id = %s"""


def _waits(response_id: str) -> bool:
    """Whether a reply above it is still being written. One that was stopped before it began has no end of its own to wait for:
    what counts is the reply above that.
    """
    while above := sql.rows(ABOVE, response_id):
        ((response_id, status, began),) = above
        if began or status != Status.CANCELLED:
            return status in Response.RUNNING
    return False


@transaction.atomic
def renew(held: dict[str, int]) -> None:
    """Prolong the leases of the runs that this process executes (id → epoch). The rows are locked in the order in which the log
    locks them, so that neither waits for the other for ever.
    """
    mine = list(Response.objects.select_for_update().filter(_held(held)).order_by("pk").values_list("pk", flat=True))
    Response.objects.filter(pk__in=mine).update(lease_until=_lease())


def _held(held: dict[str, int]) -> Q:
    """Those of the runs that are still this process's: another that took one over has a newer epoch."""
    by_epoch: dict[int, list[str]] = {}
    for pk, epoch in held.items():
        by_epoch.setdefault(epoch, []).append(pk)
    mine = (Q(pk__in=ids, epoch=epoch) for epoch, ids in by_epoch.items())
    return Q(reduce(or_, mine, Q(pk__in=())), status=Status.IN_PROGRESS)


FACTS = """SELECT r.id, r.epoch, r.status, r.cancel_requested IS NOT NULL,
CASE WHEN u.is_active AND NOT u.suspended THEN u.auth_epoch END
FROM chat_response r LEFT JOIN chat_user u ON u.id = r.author_id WHERE r.id {one_of}"""


def verdicts(held: dict[str, Held]) -> dict[str, Verdict]:
    """Of the runs held: which are to stop, which are no longer ours, and which of their authors were asked again, and may."""
    facts = {pk: fact for pk, *fact in sql.rows(FACTS, held.keys())}
    return {pk: verdict for pk, mine in held.items() if (verdict := _verdict(pk, mine, facts.get(pk))) is not None}


def _verdict(response_id: str, held: Held, fact: Sequence[Any] | None) -> Verdict | None:
    if fact is None:
        return "lost"
    epoch, status, cancelled, standing = fact
    if epoch != held.epoch or status != Status.IN_PROGRESS:
        return "lost"
    if cancelled:
        return "cancelled"
    if standing == held.standing:
        return None
    now = author_standing(response_id)
    return "cancelled" if now is None else now


STANDING = """SELECT u.id, u.auth_epoch, r.conversation_id, r.conversation_id IS NULL OR c.owner_id = u.id
FROM chat_response r JOIN chat_user u ON u.id = r.author_id LEFT JOIN chat_conversation c ON c.id = r.conversation_id
WHERE r.id = %s AND u.is_active AND NOT u.suspended"""


def author_standing(response_id: str) -> int | None:
    """The `auth_epoch` of whoever asked, if they may (still) have this written where it stands; else None."""
    for user_id, epoch, conversation_id, own in sql.rows(STANDING, response_id):
        author = User.objects.filter(pk=user_id).first()
        if author is not None and (own or within_reach(author, "conversation.write").filter(pk=conversation_id).exists()):
            return int(epoch)
    return None


@transaction.atomic
def request_cancel(*, actor: User, conversation_id: str, response_id: str) -> Response:
    """Ask a run to stop. One that has not begun ends here; any other is ended by its process, or by the one that takes it up."""
    conversation = conversations.lock(actor=actor, conversation_id=conversation_id, action="conversation.write")
    response = Response.objects.select_for_update().filter(pk=response_id, conversation=conversation).first()
    if response is None:
        raise errors.NotFound("This reply does not exist any more.")
    return stop(conversation, response)


@transaction.atomic
def cancel_all(user: User) -> None:
    """Everything stops that was asked for by somebody who leaves or signs out, or in a conversation that nobody else reads."""
    running = Response.objects.filter(status__in=Response.RUNNING)
    running.filter(author=user, conversation=None, cancel_requested=None).update(cancel_requested=Now())
    theirs = running.filter(Q(author=user) | Q(conversation__owner=user, conversation__shared=False))
    for pk in sorted(set(theirs.exclude(conversation=None).values_list("conversation_id", flat=True))):
        for conversation in Conversation.objects.select_for_update().filter(pk=pk):
            for response in theirs.filter(conversation=conversation).order_by("pk"):
                stop(conversation, response)


def stop(conversation: Conversation, response: Response) -> Response:
    """Ask it to, in a conversation that is locked."""
    if not response.begun:
        position = news.advance(conversation, 1, active=True)
        Response.objects.filter(pk=response.pk).update(status=Status.CANCELLED, ended=Now(), position=position, settled=position)
        news.announce(conversation, "response.ended", response=response.pk)
        response.status = Status.CANCELLED
    elif response.running:
        Response.objects.filter(pk=response.pk, cancel_requested=None).update(cancel_requested=Now())
    return response


def end(batch: Batch, ending: Ending, found: list[str] | None = None) -> int | None:
    """The one way to end: the last events, the items, the usage and the status in one transaction. None when fenced:
    nothing changes. `found`: its `words`, where they are known.
    """
    found = words(ending) if found is None else found  # before: it takes a while, and SQLite has one writer
    with transaction.atomic():
        return _end(batch, ending, found)


def words(ending: Ending) -> list[str]:
    """What each item can be searched for."""
    return [markdown.plain(message_text(wire)) for wire in ending.items]


END = """UPDATE chat_response
SET status = %s, usage = %s, input_tokens = %s, output_tokens = %s, tools = CASE WHEN store THEN %s ELSE '' END,
error_code = %s, error_message = %s, incomplete_reason = CASE WHEN store THEN %s ELSE %s END, ended = {now},
lease_until = NULL, settled = position
WHERE id = %s AND epoch = %s AND status = 'in_progress'"""


END_TURN = """UPDATE chat_turn SET ended = {now}, usage = %s,
upstream_id = CASE WHEN epoch = %s AND upstream_id = '' THEN %s ELSE upstream_id END WHERE response_id = %s AND ended IS NULL"""


def _end(batch: Batch, ending: Ending, words: list[str]) -> int | None:
    position = log.append([batch], waits=True).get(batch.response_id)
    if position is None:
        return None
    usage = None if ending.usage is None else json.dumps(ending.usage)
    error = (ending.error_code[:60], ending.error_message, ending.incomplete_reason[:60], plain_reason(ending))
    facts = (*counts(ending.usage).values(), tools(ending.items))
    sql.run(END, ending.status, usage, *facts, *error, batch.response_id, batch.epoch)
    sql.run(END_TURN, usage, batch.epoch, ending.upstream_id[:LONGEST_NAME], batch.response_id)
    if ending.kept is not None:
        ledger.note(ending.kept)
    ((conversation_id, owner_id, stored),) = sql.rows(WHOSE, batch.response_id)
    _keep_items(batch.response_id, ending, words, conversation_id=conversation_id, owner_id=owner_id)
    (log.pack if stored else log.drop)(batch.response_id)
    return position


def plain_reason(ending: Ending) -> str:
    """Why it is incomplete, in words that are known: a server's own may quote what was said where nothing is stored."""
    return ending.incomplete_reason if ending.incomplete_reason in ("", *REASONS) else "other"


def counts(usage: Json | None) -> dict[str, int | None]:
    """What lists show of it: `input_tokens` and `output_tokens`, in this order."""
    return {which: _count(usage, which) for which in ("input_tokens", "output_tokens")}


def _count(usage: Json | None, which: str) -> int | None:
    number = (usage or {}).get(which)
    return min(number, 2**31 - 1) if type(number) is int and number >= 0 else None


def tools(items: Sequence[Json]) -> str:
    """The names of what these items call, each between blanks: of functions, and of the server's own tools."""
    names = set()
    for item in items:
        type_ = str(item.get("type") or "")
        if type_.endswith("_call"):
            name = str(item.get("name") or "") if type_ == "function_call" else type_.removesuffix("_call")
            names.add("_".join(name.replace("\x00", "").split())[:64])
    return reduce(lambda said, name: f"{said or ' '}{name} " if len(said) + len(name) < 199 else said, sorted(names - {""}), "")


WHOSE = """SELECT r.conversation_id, c.owner_id, r.store
FROM chat_response r LEFT JOIN chat_conversation c ON c.id = r.conversation_id
WHERE r.id = %s"""


def _keep_items(response_id: str, ending: Ending, words: list[str], *, conversation_id: str | None, owner_id: int | None) -> None:
    for index, wire in enumerate(ending.items):
        item_id = str(wire.get("id") or "")
        item = Item(
            **({"id": item_id} if item_id else {}),
            conversation_id=conversation_id,
            response_id=response_id,
            output_index=index,
            type=str(wire.get("type") or "unknown")[:60],
            role=str(wire.get("role") or ("assistant" if wire.get("type") == "message" else ""))[:20],
            status=str(wire.get("status") or "")[:20],
            wire=wire,
            upstream_id=_whole(ending.upstream_ids.get(item_id, "")),
        )
        rows.add(item)
        if owner_id is not None:
            search.index(item, words[index], owner_id=owner_id)


def _whole(upstream_id: str) -> str:
    """One that is too long to be kept goes along with nothing that is sent back: cut, it would name nothing there."""
    return upstream_id if len(upstream_id) <= LONGEST_NAME else ""


def message_text(wire: Json) -> str:
    """The words of a message item without its files, "" for any other."""
    content = wire.get("content")
    if wire.get("type") != "message" or not isinstance(content, list):
        return ""
    parts = [part for part in content if isinstance(part, dict) and not part.get("filename")]
    return "\n".join(str(part.get("text") or part.get("refusal") or "") for part in parts)


def release(held: dict[str, int]) -> None:
    """Give runs up on the way out (id → epoch): their leases end now, so that the next process need not wait."""
    Response.objects.filter(_held(held)).update(lease_until=Now())


EXPIRED = """SELECT 1 FROM chat_response
WHERE status = 'in_progress' AND (lease_until IS NULL OR lease_until < {now}) LIMIT 1"""


@transaction.atomic
def abandoned(*, alone: bool) -> list[Response]:
    """Runs whose process is gone. `alone`: no other process can hold one (SQLite's start), so a lease means nothing. A row that
    is locked has a process that lives, and waits itself for something: for a table, to write the log.
    """
    if not alone and not sql.rows(EXPIRED):
        return []
    expired = Q() if alone else Q(lease_until__lt=Now()) | Q(lease_until=None)
    found = Response.objects.select_for_update(skip_locked=True, of=("self",)).filter(expired, status=Status.IN_PROGRESS)
    return list(found.select_related("conversation").order_by("created")[:500])


def _still(response: Response) -> Q:
    """This run as it was found abandoned; its process may have come back and renewed the lease since."""
    if response.lease_until is None:
        lease = Q(lease_until=None)
    else:  # not "at most": SQLite compares texts, and its clock writes .000 where a value from here has no fraction
        lease = Q(lease_until__lt=response.lease_until + timedelta(microseconds=1))
    return lease & Q(pk=response.pk, epoch=response.epoch, status=Status.IN_PROGRESS)


def due(*, age: float = 0) -> list[str]:
    """Queued runs whose turn has come, and which were asked for at least `age` seconds ago."""
    if not sql.rows("SELECT 1 FROM chat_response WHERE status = 'queued' LIMIT 1"):
        return []
    ready = Q(input__previous=None) | ~Q(input__previous__status__in=Response.RUNNING)
    before = ExpressionWrapper(Now() - timedelta(seconds=age), output_field=DateTimeField())
    return list(
        Response.objects.filter(ready, status=Status.QUEUED, created__lte=before)
        .order_by("created")
        .values_list("pk", flat=True)[:500]
    )


STORED = Case(
    When(Q(store=True) & Exists(Conversation.objects.filter(pk=OuterRef("conversation"), store=True)), then=True), default=False
)
"""Whether a Response is, whose conversation may have been switched off since."""


@transaction.atomic
def requeue(response: Response) -> bool:
    """Let an abandoned run go on where its provider did, or begin again, if nothing of its output was logged and it was tried
    only once. Fences the old process.
    """
    if response.cancel_requested:
        return False
    changes: dict[str, Any] = {}
    if turns.resumable(response) is None:
        if response.attempts >= 2 or LogRow.objects.filter(response=response).exists():
            return False
        changes["store"] = STORED  # it is asked anew
    elif response.attempts >= MOST_ATTEMPTS:
        return False
    held = Response.objects.filter(_still(response), cancel_requested=None)
    return bool(held.update(status=Status.QUEUED, epoch=F("epoch") + 1, lease_until=None, **changes))


def seize(response: Response) -> int | None:
    """Fence an abandoned run and hold it: returns the new epoch, None when somebody else was faster, or its process is back."""
    held = Response.objects.filter(_still(response))
    if not held.update(epoch=F("epoch") + 1, lease_until=_lease()):
        return None
    response.refresh_from_db(fields=["epoch", "cancel_requested"])
    return response.epoch


def waiting_after(response_id: str) -> list[str]:
    """Queued Responses that waited for this one to end."""
    return messages.next_due(Response(pk=response_id))
