"""The ledger of what is kept at providers: noted when it is made there, due when it is deleted here, closed when a look there
finds nothing or its time is over. The one way by which anything is deleted at a provider: `runs.forgetting` does what is due.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit

from django.db import transaction
from django.db.models import Count, DateTimeField, ExpressionWrapper, F, Max, OuterRef, Q, QuerySet, Subquery
from django.db.models.expressions import Combinable
from django.db.models.functions import Now

from chat.models import LONGEST_NAME, Certificate, Conversation, FileUse, Kept, Response, Turn, User
from chat.policy import within_reach
from chat.store import clock, sql

DAYS: Final = 30  # that OpenAI keeps a response for, unless it is deleted
KNOWN: Final = {"api.openai.com": "OpenAI"}
"""Hosts that are known to keep a response for so many days. At any other nothing is over until a look finds nothing."""
SLICE: Final = 200  # rows that one transaction closes or removes
LEASE: Final = 120  # seconds for one try; then another process makes the next
SHORTEST, LONGEST = 5, 3600  # seconds between two tries: twice as long each time
MARGIN: Final = 600  # seconds before its end from which a Response is not built upon any more
CLOSED: Final = 30  # days for which a row stays that is closed
ELSEWHERE: Final = "This server talks to another model server now."
ANOTHER_KEY: Final = "It was kept with another key."
UNTOLD: Final = "This model server does not say whether it is there."
TELLS: Final[dict[str, str]] = {Kept.Kind.RESPONSE: "get", Kept.Kind.FILE: "files", Kept.Kind.CONVERSATION: "conversations"}
"""Kind → the capability of a server that says whether one is there."""
TOO_LONG: Final = "What it is called there is longer than what can be kept here."
State = Kept.State


def expires_at(server: str) -> bool:
    """Whether it is known when something expires there; else `Kept.expires` is only when that is thought of again."""
    return urlsplit(server).netloc in KNOWN


@dataclass(frozen=True, slots=True)
class Keeping:
    """What a turn leaves at a provider: at which address, with which key, what it is called there; and in which conversation it
    was asked for, though its message may be out of that by now.
    """

    turn_id: str
    server: str
    account: str
    upstream_id: str
    conversation_id: str | None = None


NOTE: Final = """INSERT INTO chat_kept
(kind, server, account, upstream_id, owner_id, conversation_id, turn_id, team, state, attempts, next_try, error, created, expires)
SELECT 'response', %s, %s, %s, c.owner_id, c.id, t.id, COALESCE(r.team_id, ''), 'kept', 0, {now}, '', {now}, {in_seconds}
FROM chat_turn t JOIN chat_response r ON r.id = t.response_id
LEFT JOIN chat_conversation c ON c.id = COALESCE(%s, r.conversation_id) WHERE t.id = %s ON CONFLICT DO NOTHING"""
STRAY: Final = """INSERT INTO chat_kept
(kind, server, account, upstream_id, state, attempts, next_try, error, created, expires)
SELECT 'response', %s, %s, %s, 'due', 0, {now}, '', {now}, {in_seconds}
WHERE NOT EXISTS (SELECT 1 FROM chat_turn WHERE id = %s)
AND NOT EXISTS (SELECT 1 FROM chat_kept WHERE server = %s AND upstream_id = %s)"""


@transaction.atomic
def note(keeping: Keeping) -> None:
    """It is kept there; noting it twice is noting it once. What nobody has here any more is due at once."""
    where = (keeping.server[:500], keeping.account, written(keeping.upstream_id), DAYS * 86_400)
    if not sql.run(NOTE, *where, keeping.conversation_id, keeping.turn_id):
        sql.run(STRAY, *where, keeping.turn_id, where[0], where[2])


def written(upstream_id: str) -> str:
    """What can be kept of it. Letters that no index takes so many of are written otherwise: it counts for one that was cut."""
    name = upstream_id[:LONGEST_NAME]
    return name if name.isascii() and name.isprintable() else ascii(name)[1:-1].ljust(LONGEST_NAME, "?")[:LONGEST_NAME]


STEP: Final = """SELECT i.previous_id, t.chained, k.upstream_id,
r.status = 'completed' AND r.store AND k.state = 'kept' AND k.server = %s AND k.account = %s AND k.expires > {in_seconds}
AND NOT EXISTS (SELECT 1 FROM chat_item c WHERE c.response_id = r.id AND c.type = 'function_call')
AND NOT EXISTS (SELECT 1 FROM chat_fileuse u JOIN chat_file f ON f.id = u.file_id WHERE u.item_id = i.id AND f.state <> 'here')
, {depth}
FROM {source} JOIN chat_item i ON i.id = r.input_id JOIN chat_turn t ON t.response_id = r.id
AND NOT EXISTS (SELECT 1 FROM chat_turn n WHERE n.response_id = t.response_id
AND (n.epoch > t.epoch OR n.epoch = t.epoch AND n."index" > t."index"))
JOIN chat_kept k ON k.turn_id = t.id AND k.upstream_id = t.upstream_id"""
FIRST: Final = STEP.replace("{depth}", "1").replace("{source}", "chat_response r")
NEXT: Final = STEP.replace("{depth}", "b.depth + 1").replace("{source}", "chain b JOIN chat_response r ON r.id = b.previous_id")
CHAIN: Final = (
    f"WITH RECURSIVE chain(previous_id, chained, upstream_id, good, depth) AS ({FIRST} WHERE r.id = %s UNION ALL "  # noqa: S608
    f"{NEXT} WHERE b.chained AND b.good) SELECT upstream_id, chained, good FROM chain ORDER BY depth"
)


def chain(response: Response, *, server: str, account: str) -> str:
    """What the provider calls the Response above, where it keeps all that this one is to follow: each Response up to the start of
    the chain completed, kept there, and not about to expire, and no file in it removed here. "" where the history is to be sent.
    """
    above = response.input.previous_id if response.input is not None else None
    if not server or above is None:
        return ""
    where = (server[:500], account, MARGIN)
    found = sql.rows(CHAIN, *where, above, *where)
    whole = bool(found) and all(good for _, _, good in found) and not found[-1][1]
    return str(found[0][0]) if whole and len(found[0][0]) < LONGEST_NAME else ""  # that long it may have been cut


def unchain(turn_id: str) -> None:
    """The provider did not go on from the Response above: the turn is asked with the history, and its chain starts there. That
    one stays in the ledger, also where the provider says that it does not have it: that may pass.
    """
    Turn.objects.filter(pk=turn_id).update(chained=False)


def due(conversation_id: str, *, certificate: Certificate) -> None:
    """All that is kept of it goes, and what has gone is in its certificate. Call it inside the transaction that removes the
    conversation, or begins to.
    """
    owner = Conversation.objects.filter(pk=OuterRef("conversation")).values("owner")
    kept = Kept.objects.filter(conversation=conversation_id)
    kept.filter(certificate=None).update(certificate=certificate)
    make_due(kept, owner=Subquery(owner))


def due_of(response_ids: Collection[str], *, certificate: Certificate | None = None) -> None:
    """The same for what these Responses have left; in a certificate only if there is one for it."""
    kept = Kept.objects.filter(turn__response__in=response_ids)
    if certificate is not None:
        kept.filter(certificate=None).update(certificate=certificate)
    make_due(kept)


def certify(certificate: Certificate, *, of: User) -> None:
    """What was kept of conversations that this person had deleted before belongs in their certificate, for those of the
    conversations go with them.
    """
    Kept.objects.filter(Q(owner=of, conversation=None) | Q(certificate__owner=of)).update(certificate=certificate)


def make_due(kept: QuerySet[Kept], **changes: Any) -> int:
    """Delete there what these say is kept, from now on. How many that are."""
    gone: dict[str, Any] = {"state": State.DUE, "attempts": 0, "next_try": Now(), "error": "", "file": None}
    return kept.filter(state=State.KEPT).update(**gone, **changes)


DUE: Final = "SELECT 1 FROM chat_kept WHERE state = 'due' AND next_try <= {now} LIMIT 1"


def claim(server: str, *, most: int) -> list[Kept]:
    """Some of what is due at this provider, for this process alone until the time for one try is over."""
    if not sql.rows(DUE):
        return []
    kinds = (Kept.Kind.RESPONSE, Kept.Kind.FILE, Kept.Kind.CONVERSATION)
    found = Kept.objects.filter(state=State.DUE, next_try__lte=Now(), server=server[:500], kind__in=kinds)
    with transaction.atomic():
        ids = list(found.select_for_update(skip_locked=True).order_by("next_try").values_list("pk", flat=True)[:most])
        Kept.objects.filter(pk__in=ids).update(attempts=F("attempts") + 1, next_try=later(LEASE), file=None)
        return list(Kept.objects.filter(pk__in=ids).order_by("pk"))


def later(seconds: float) -> Combinable:
    return ExpressionWrapper(Now() + timedelta(seconds=seconds), output_field=DateTimeField())


def _mine(claim: Kept) -> QuerySet[Kept]:
    """The row, if this try is still the last."""
    return Kept.objects.filter(pk=claim.pk, attempts=claim.attempts, state=State.DUE)


def gone(claim: Kept) -> None:
    """It was looked for there and not found."""
    _mine(claim).update(state=State.GONE, ended=Now(), error="")


def remains(claim: Kept, error: str) -> None:
    """It cannot be deleted there, and may be there until it expires, if it does."""
    _mine(claim).update(state=State.REMAINS, error=error[:300])


def retry(claim: Kept, error: str) -> None:
    """It could not be deleted now. Each pause is twice as long as the one before."""
    pause = min(LONGEST, SHORTEST * 2 ** min(claim.attempts - 1, 20))
    _mine(claim).update(next_try=later(pause), error=error[:300])


STRAYS: Final = "SELECT id FROM chat_kept WHERE state = 'kept' AND conversation_id IS NULL AND turn_id IS NULL LIMIT %s"
LEFT: Final = "SELECT id FROM chat_kept WHERE state = 'due' AND server <> %s LIMIT %s"
RETURNED: Final = """SELECT id FROM chat_kept WHERE state = 'remains' AND server = %s
AND (error = %s OR error = %s AND account = %s) LIMIT %s"""
OVER: Final = """SELECT id, server FROM chat_kept
WHERE state IN ('kept', 'due', 'remains') AND expires < %s ORDER BY expires LIMIT %s"""
OLD: Final = """SELECT k.id FROM chat_kept k LEFT JOIN chat_certificate c ON c.id = k.certificate_id
WHERE k.ended < %s AND (c.id IS NULL OR c.done IS NOT NULL) LIMIT %s"""


@transaction.atomic
def tidy(server: str, account: str = "") -> None:
    """Tell what is due from what another model server keeps; what was kept with a key that is back is due again. What is kept of
    something that is not here any more, however it went, is due.
    """
    found = {
        "stray": sql.rows(STRAYS, SLICE),
        "left": sql.rows(LEFT, server[:500], SLICE),
        "returned": sql.rows(RETURNED, server[:500], ELSEWHERE, ANOTHER_KEY, account, SLICE),
    }
    some = {name: Kept.objects.filter(pk__in=[pk for (pk,) in ids]) for name, ids in found.items() if ids}
    for name, kept in some.items():
        match name:
            case "stray":
                make_due(kept)
            case "left":
                kept.filter(state=State.DUE).update(state=State.REMAINS, error=ELSEWHERE)
            case _:
                kept.filter(state=State.REMAINS).update(state=State.DUE, attempts=0, next_try=Now(), error="")


def ask_again(server: str, can: Mapping[str, bool]) -> None:
    """What this server did not say of what was to be deleted, it says now, as far as it was found that it `can`."""
    kinds = [kind for kind, name in TELLS.items() if can.get(name)]
    untold = Kept.objects.filter(state=State.REMAINS, error=UNTOLD, server=server[:500], kind__in=kinds)
    untold.update(state=State.DUE, attempts=0, next_try=Now(), error="")


@transaction.atomic
def purge(now: datetime | None = None) -> int | None:
    """Close a piece of what has expired, and remove some of the rows that have long been closed: how many; None when nothing is
    left. Where it is not known when something expires, it stays: it may still be there.
    """
    now = now or clock.now()
    over: list[int] = []
    stay: list[int] = []
    for pk, server in sql.rows(OVER, now, SLICE):
        (over if expires_at(server) else stay).append(pk)
    old = [pk for (pk,) in sql.rows(OLD, now - timedelta(days=CLOSED), SLICE)]
    ended: dict[str, Any] = {"state": State.EXPIRED, "ended": now, "file": None}
    expired = Kept.objects.filter(pk__in=over, state__in=Kept.OPEN).update(**ended) if over else 0
    if stay:
        make_due(Kept.objects.filter(pk__in=stay, kind=Kept.Kind.FILE))  # it is not used any longer, and need not be there
        Kept.objects.filter(pk__in=stay).update(expires=now + timedelta(days=DAYS))
    removed = Kept.objects.filter(pk__in=old).delete()[0] if old else 0
    return expired + removed if over or stay or old else None


@dataclass(frozen=True, slots=True)
class Held:
    """What one provider holds: how many objects of a kind are kept, are being deleted, cannot be deleted there; `last` is when
    the last of them expires, where that `expires` by itself, as far as is known.
    """

    server: str
    kind: str
    kept: int
    due: int
    remains: int
    last: datetime

    @property
    def count(self) -> int:
        return self.kept + self.due + self.remains

    @property
    def expires(self) -> bool:
        return expires_at(self.server)


def totals(some: QuerySet[Kept] | None = None) -> list[Held]:
    """Of everybody, or of these, by provider and kind; without what is being sent."""
    found = (Kept.objects.all() if some is None else some).filter(state__in=Kept.OPEN).order_by("server", "kind")
    found = found.exclude(state=State.DUE, file__isnull=False)
    counts = [Count("pk", filter=Q(state=state)) for state in Kept.OPEN]
    names = found.values_list("server", "kind")
    return [Held(*one) for one in names.annotate(kept=counts[0], due=counts[1], remains=counts[2], last=Max("expires"))]


def parts(actor: User) -> tuple[QuerySet[Kept], QuerySet[Kept]]:
    """What is kept of one's own conversations, and of those that one has deleted: two questions, each by an index of its own,
    where one with OR would read what is kept of everybody.
    """
    mine = within_reach(actor, "conversation.manage")
    return Kept.objects.filter(conversation__in=mine), Kept.objects.filter(conversation=None, owner=actor)


def held_by(actor: User) -> list[Held]:
    """One's own ledger in numbers."""
    found: dict[tuple[str, str], Held] = {}
    for one in (one for some in parts(actor) for one in totals(some)):
        other = found.get((one.server, one.kind))
        found[one.server, one.kind] = one if other is None else _together(one, other)
    return [found[key] for key in sorted(found)]


def _together(one: Held, other: Held) -> Held:
    numbers = (one.kept + other.kept, one.due + other.due, one.remains + other.remains)
    return Held(one.server, one.kind, *numbers, max(one.last, other.last))


def page(actor: User, *, before: int | None = None, most: int) -> list[Kept]:
    """One's own ledger, what was kept last first; `before`: what comes after this row."""
    ids = sorted((pk for some in parts(actor) for pk in newest(some, before)[:most]), reverse=True)[:most]
    found = list(Kept.objects.filter(pk__in=ids).select_related("conversation").order_by("-pk"))
    called = FileUse.objects.filter(file__in=[row.file_id for row in found if row.file_id], item__conversation__isnull=False)
    names: dict[tuple[str | None, str | None], str] = {
        (file, where): name for file, where, name in called.values_list("file", "item__conversation", "name")
    }
    for row in found:
        row.called = names.get((row.file_id, row.conversation_id), "")
    return found


def newest(some: QuerySet[Kept], before: int | None = None) -> QuerySet[Kept, int]:
    """Their keys. In an order that no index has: else Postgres may walk through everybody's until enough are found."""
    found = some if before is None else some.filter(pk__lt=before)
    return found.order_by(-(F("pk") + 0)).values_list("pk", flat=True)


def of_conversation(conversation: Conversation) -> list[Held]:
    """What is kept of it, for whoever has found that."""
    return totals(Kept.objects.filter(conversation=conversation))
