"""Exports of the log: what a list shows is taken along, as a table without texts (CSV) or as items of the Responses API (JSONL),
whose texts want a reason. Few come at once; for many a row says what is due, and `runs` makes the file.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, Literal, cast

from django.db import IntegrityError, transaction

from chat import errors
from chat.models import Export, Opening, Response, User
from chat.policy import can, teams_managed_by
from chat.store import access, exported, exports, keyset, listed, record, sql
from chat.store.access import Place
from chat.store.keyset import Count, Question
from chat.store.listed import Filters

FEW: Final = 1_000  # rows of a list that are sent at once; of more a file is made in the background
SLICE: Final = 1_000  # replies that one row of the access log is about
MOST: Final = 3  # files that one person keeps
LARGEST: Final = 1_000_000_000  # bytes of one
List = Literal["responses", "conversations"]
Format = Literal["csv", "jsonl"]
LISTS: Final = {"responses": ("reply", "replies"), "conversations": ("conversation", "conversations")}
FORMATS: Final = {"csv": "as CSV, without texts", "jsonl": "as JSONL, with texts"}
PLAIN: Final = ("conversation", "model", "status", "stored", "tool", "first", "total", "tokens", "counted")
OURS: Final = ("status", "stored", "first", "total", "tokens", "counted")  # of these what is no word of whoever asked
NOT_YOURS: Final = "You do not look after all of this any more."


@dataclass(frozen=True, slots=True)
class Wanted:
    """What of the log somebody wants: `filters` hold as `scope` all teams that are looked through; None: everything."""

    of: List
    format: Format
    filters: Filters
    team: str = ""

    @property
    def texts(self) -> bool:
        return self.format == "jsonl"

    def narrowed(self) -> dict[str, Any]:
        """By what, as ids and words of ours."""
        asked, since, until = self.filters, self.filters.since, self.filters.until
        named = {"user": asked.user.pk if asked.user else None, "team": self.team, "conversation": asked.conversation}
        times = {"since": since and since.isoformat(), "until": until and until.isoformat()}
        found = {"of": self.of, **named, **{name: getattr(asked, name) for name in OURS}, **times}
        found["cost"] = None if asked.cost is None else str(asked.cost)
        return {name: value for name, value in found.items() if value not in (None, "")}

    def typed(self) -> str:
        """By what else, in the words of whoever asked."""
        return ", ".join(one for one in (self.filters.model, self.filters.tool) if one)

    def as_data(self) -> dict[str, Any]:
        plain = {name: getattr(self.filters, name) for name in PLAIN}
        return {**self.narrowed(), **plain, "format": self.format, "scope": self.filters.scope}


def wanted(data: dict[str, Any]) -> Wanted:
    """What `as_data` has written."""
    since, until = (datetime.fromisoformat(data[name]) if data.get(name) else None for name in ("since", "until"))
    user = User(pk=data["user"]) if data.get("user") else None
    scope = None if data["scope"] is None else tuple(data["scope"])
    plain = {name: data[name] for name in PLAIN}
    cost = Decimal(data["cost"]) if data.get("cost") else None
    filters = Filters(user=user, since=since, until=until, scope=scope, cost=cost, **plain)
    return Wanted(cast(List, data["of"]), cast(Format, data["format"]), filters, data.get("team", ""))


def want(actor: User, *, of: str, format: str, filters: Filters) -> Wanted:
    """InvalidInput for what there is not."""
    if of not in LISTS or format not in FORMATS:
        raise errors.InvalidInput("The log is not exported like that.", next="Choose one of the two ways.")
    if filters.team is not None:
        scope: tuple[str, ...] | None = (filters.team.pk,)
    else:
        everything = can(actor, "server.manage", None)
        scope = None if everything else tuple(teams_managed_by(actor).order_by("pk").values_list("pk", flat=True))
    plain = {name: getattr(filters, name) for name in PLAIN}
    kept = Filters(user=filters.user, since=filters.since, until=filters.until, scope=scope, cost=filters.cost, **plain)
    return Wanted(cast(List, of), cast(Format, format), kept, filters.team.pk if filters.team else "")


def place(actor: User, asked: Wanted) -> Place:
    """What a reason is given for: the conversation or the team that the list is narrowed to; else everything. InvalidInput for
    who looks after several teams, and has chosen none.
    """
    if asked.filters.conversation:
        return listed.conversation(actor, asked.filters.conversation)
    scope = asked.filters.scope
    if scope is None or can(actor, "server.manage", None):
        return teams_managed_by(actor).filter(pk=asked.team).first()
    if len(scope) == 1:
        return teams_managed_by(actor).filter(pk=scope[0]).first()
    raise errors.InvalidInput("Texts are taken along from one team at a time.", next="Narrow the list to one team.")


def still(actor_id: int, asked: Wanted) -> User:
    """This person as they are now; NotFound once they may not have all of it any more."""
    actor = User.objects.filter(pk=actor_id).first()
    scope = set(asked.filters.scope or ())
    if actor is None or not (can(actor, "server.manage", None) or (scope and _manages(actor, scope))):
        raise errors.NotFound(NOT_YOURS)
    return actor


def _manages(actor: User, team_ids: set[str]) -> bool:
    return teams_managed_by(actor).filter(pk__in=team_ids).count() == len(team_ids)


def question(actor: User, asked: Wanted) -> Question:
    return (listed.responses if asked.of == "responses" else listed.conversations)(actor, asked.filters)


def slices(actor_id: int, asked: Wanted) -> Iterator[list[str]]:
    """Ids of what the list shows, newest first. Whoever may not have it any more gets no further."""
    cursor: keyset.Cursor | None = None
    while True:
        found = keyset.page(question(still(actor_id, asked), asked), cursor, size=SLICE)
        yield found.ids
        if (cursor := found.next) is None:
            return


REPLIES: Final = "SELECT id FROM chat_response WHERE conversation_id = %s ORDER BY created, id"


def replies(actor_id: int, asked: Wanted) -> Iterator[list[str]]:
    """Ids of the replies that are taken along: those of a list of conversations one after the other, from its start."""
    if asked.of == "responses":
        yield from slices(actor_id, asked)
        return
    gathered: list[str] = []
    for some in slices(actor_id, asked):
        for conversation in some:
            gathered += [pk for (pk,) in sql.rows(REPLIES, conversation)]
            while len(gathered) >= SLICE:
                yield gathered[:SLICE]
                del gathered[:SLICE]
        yield gathered
        gathered = []


def few(actor: User, asked: Wanted, count: Count) -> bool:
    """Whether it is sent at once."""
    if count.more or count.about or count.number > FEW:
        return False
    if asked.of == "responses" or not asked.texts:
        return True
    ids = [pk for some in slices(actor.pk, asked) for pk in some]
    return Response.objects.filter(conversation__in=ids)[: FEW + 1].count() <= FEW


@transaction.atomic
def begin(actor: User, asked: Wanted, *, count: str) -> Opening | None:
    """Put on the panel's record what is taken along; the reason for its texts, where there are some. Refused without one."""
    opening = None
    if asked.texts:
        now = access.standing(actor, place(actor, asked), exports=True)
        if not now.open:
            raise errors.Refused("This is not open.", next="Say first why you want to read it.")
        opening = now.opening
    narrowed = {name: value for name, value in asked.narrowed().items() if name not in ("of", "team")}
    said = ", ".join(f"{name}: {value}" for name, value in narrowed.items() if name != "user")
    user = f"user: {record.ref(asked.filters.user)}" if asked.filters.user else ""
    by = ", ".join(filter(None, (user, said)))
    record.exported(
        actor=actor,
        what=asked.of,
        form=f"{count}, {FORMATS[asked.format]}",
        teams=asked.filters.scope or (),
        narrowed=by,
        names={"before": f"{by}, {asked.typed()}".strip(", ") if asked.typed() else ""},
    )
    return opening


@transaction.atomic
def request(actor: User, asked: Wanted, *, count: Count, said: str, address: str) -> Export:
    """Have it made in the background. Conflict while another one of theirs is; the oldest of those that are kept makes room."""
    User.objects.select_for_update(no_key=True).get(pk=actor.pk)
    mine = exports.there(Export.Kind.LOG).filter(owner=actor)
    if mine.filter(state__in=Export.UNFINISHED).exists():
        raise errors.Conflict("An export of yours is being made already.", next="Wait for it, or stop it.")
    old = list(mine.order_by("-created").values_list("pk", flat=True)[MOST - 1 :])
    exports.expire(Export.objects.filter(pk__in=old))
    counted = asked.of == "responses" or not asked.texts  # else it is replies that are written, and not known how many
    total = count.number if counted and not count.more else 0
    try:
        opening = begin(actor, asked, count=said)
        kept = {"kind": Export.Kind.LOG, "asked": {**asked.as_data(), "from": address}, "total": total}
        return Export.objects.create(owner=actor, opening=opening, **kept)
    except IntegrityError:
        raise errors.Conflict("An export of yours is being made already.", next="Wait for it, or stop it.") from None


def of(actor: User) -> list[Export]:
    """Theirs, the newest first."""
    found = exports.there(Export.Kind.LOG).filter(owner=actor)
    return list(found.select_related("opening__conversation", "opening__team").order_by("-created"))


def find(*, actor: User, export_id: str) -> Export:
    """One that is ready, for whoever asked for it and may still have it; NotFound for everybody else."""
    mine = exports.ready(Export.Kind.LOG).filter(owner=actor, pk=listed.key(export_id))
    found = mine.select_related("opening__conversation__team", "opening__team").first()
    if found is None:
        raise errors.NotFound
    still(actor.pk, wanted(found.asked))
    return found


@transaction.atomic
def fetch(*, actor: User, export_id: str, address: str) -> Export:
    """One that is ready, to be sent now. With texts this is on record, and wants a reason that is open: Refused without."""
    found = find(actor=actor, export_id=export_id)
    if wanted(found.asked).texts:
        if found.opening is None:
            raise errors.NotFound
        there = exported.place(found.opening)
        access.read(actor=actor, place=there, what="fetched", about=found.pk, address=address, exports=True)
    return found


def chunks(actor_id: int, export: Export) -> Iterator[bytes]:
    """Its pieces, as long as it may be had: whoever may not any more gets no further."""
    index, asked = 0, wanted(export.asked)
    while (chunk := exports.chunk(export, index)) is not None:
        try:
            actor = still(actor_id, asked)
            if asked.texts and export.opening is not None:
                place_ = exported.place(export.opening)
                if not access.standing(actor, place_, exports=True).open:
                    return
        except errors.NotFound:
            return
        yield chunk
        index += 1
