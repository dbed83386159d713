"""Reading the record: what owners and admins did, newest first, within the actor's reach, with the names that people have now."""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from chat import errors
from chat.models import LEFT, AdminAct, Opening, Server, Team, User
from chat.policy import can
from chat.store import keyset, listed, record
from chat.store.cells import row
from chat.store.keyset import Condition, Cursor, Question

COLUMNS: Final = "id, created, who, what, about, team_id"
KEY: Final = re.compile(r"user:([0-9]{1,18})")
NAMED: Final = re.compile("\x02([0-9]{1,18})\x03")  # people in the texts of entries from before
KINDS: Final = ("invitation", "conversation", "price")  # that have no name here
NO_MORE: Final = "a team that is no more"
SAID: Final = {
    **{str(value): str(label).lower() for value, label in (*Server.Signup.choices, *Opening.State.choices)},
    **{str(value): str(label).lower() for value, label in Opening.Reason.choices},
    Server.TeamCreation.OWNER.value: "owner",
}
ENDS: Final = "This export ends here: you do not look after all of this any more."
FIELDS: Final = ("number", "at", "who", "username", "what", "about", "whom", "team", "team_name", "before", "after", "from")


@dataclass(frozen=True, slots=True)
class Filters:
    """What the record is narrowed by; "" and None: not by that. `who` and `whom`: "user:" and a key, as the rows have them."""

    who: str = ""
    whom: str = ""
    what: str = ""
    team: Team | None = None
    since: datetime | None = None
    until: datetime | None = None

    def narrowed(self) -> str:
        """By what but its team, in keys and words of ours."""
        since, until = self.since and self.since.isoformat(), self.until and self.until.isoformat()
        found = {"who": self.who, "whom": self.whom, "what": self.what, "since": since, "until": until}
        return ", ".join(f"{name}: {value}" for name, value in found.items() if value)


@dataclass(frozen=True, slots=True)
class Told:
    """One row, in words. `address` is for the owner of the server alone."""

    act: AdminAct
    facts: dict[str, Any]
    who: str
    what: str
    whom: str
    team: str
    before: str
    after: str
    address: str


def somebody(actor: User, text: str) -> str:
    """How rows name somebody, by their username; for the owner of the server also by their key, or whoever has no account."""
    everything = can(actor, "server.manage", None)
    if everything and (KEY.fullmatch(text) or text in (record.COMMAND, record.ITSELF)):
        return text
    return record.ref(listed.person(actor, text))


def question(actor: User, filters: Filters) -> Question:
    """NotFound for whom the record is none of their business."""
    if not can(actor, "panel.enter", None):
        raise errors.NotFound
    asked = [
        (filters.whom, Condition("about = %s", (filters.whom,))),
        (filters.who, Condition("who = %s", (filters.who,))),
        (filters.what, Condition("what = %s", (filters.what,))),
    ]
    within = listed.Filters(team=filters.team, since=filters.since, until=filters.until)
    return listed.question("chat_adminact", COLUMNS, actor, within, asked, [])


def page(actor: User, asked: Question, cursor: Cursor | None) -> tuple[list[Told], keyset.Page]:
    found = keyset.page(asked, cursor)
    rows = AdminAct.objects.filter(pk__in=found.ids).select_related("detail").order_by("-created", "-pk")
    return told(actor, rows), found


def told(actor: User, acts: Iterable[AdminAct]) -> list[Told]:
    """In words; the names of people and teams by one question for all of each."""
    rows = [(act, json.loads(act.body), _detail(act)) for act in acts]
    people, teams, everything = _people(rows), _teams(rows), can(actor, "server.manage", None)
    return [_told(act, facts, detail, people, teams, everything=everything) for act, facts, detail in rows]


Rows = list[tuple[AdminAct, dict[str, Any], dict[str, str]]]


def _people(rows: Rows) -> dict[str, str]:
    keys = {key for _, facts, _ in rows for name in ("who", "about", "before", "after") for key in KEY.findall(facts[name])}
    keys |= {key for _, facts, _ in rows for key in NAMED.findall(facts.get("said", ""))}
    here = User.objects.exclude(is_active=False, username__startswith="left-").filter(pk__in={int(key) for key in keys})
    return {str(pk): username for pk, username in here.values_list("pk", "username")} if keys else {}


def _teams(rows: Rows) -> dict[str, str]:
    keys = {facts["team"] for _, facts, _ in rows} | {facts["about"].partition("team:")[2] for _, facts, _ in rows}
    found = Team.objects.filter(pk__in=keys - {""}).values_list("pk", "name", "personal_of") if keys - {""} else []
    return {pk: name if of is None else "alone" for pk, name, of in found}


def _detail(act: AdminAct) -> dict[str, str]:
    detail = getattr(act, "detail", None)
    return json.loads(detail.text) if detail else {}


def _told(
    act: AdminAct,
    facts: dict[str, Any],
    detail: dict[str, str],
    people: dict[str, str],
    teams: dict[str, str],
    *,
    everything: bool,
) -> Told:
    def named(text: str) -> str:
        if found := KEY.fullmatch(text):
            return people.get(found[1], LEFT)
        if text.startswith(record.SERVER):
            return text.removeprefix(record.SERVER)
        kind, sep, key = text.partition(":")
        if kind == "team" and sep:
            return teams.get(key, NO_MORE)
        return f"{kind} {key.rpartition('_')[2][:8]}" if sep and kind in KINDS else text

    def narrowed(text: str) -> str:
        return KEY.sub(lambda found: people.get(found[1], LEFT), text) if act.what == "exported" else text

    before, after = (narrowed(detail.get(name) or SAID.get(facts[name], named(facts[name]))) for name in ("before", "after"))
    what = NAMED.sub(lambda found: people.get(found[1], LEFT), facts.get("said", "")) or record.WORDS.get(act.what, act.what)
    return Told(
        act=act,
        facts=facts,
        who=named(act.who) or LEFT,
        what=what,
        whom="this server" if act.about == "server" else named(act.about),
        team=teams.get(act.team, NO_MORE) if act.team else "",
        before=before,
        after=after,
        address=detail.get("from", "") if everything and named(act.who) != LEFT else "",
    )


def begin(actor: User, filters: Filters, form: str) -> None:
    """Put on record that it is taken along. NotFound for whom the record is none of their business."""
    asked = question(actor, replace(filters, who="", whom="", what=""))
    record.exported(actor=actor, what="record", form=form, teams=asked.ways, narrowed=filters.narrowed())


def exported(actor: User, filters: Filters, form: str) -> Iterator[bytes]:
    """All rows that fit, a page at a time: as CSV, in which nothing is a formula, or a JSON object for each, which holds the row
    as it is chained. Before each page it is asked anew who this person is now; whoever may not go on is told so at its end.
    """
    if form == "csv":
        yield _line(FIELDS)
    cursor: Cursor | None = None
    try:
        asked = question(actor, filters)
        while True:
            rows, found = page(_still(actor, filters, asked), asked, cursor)
            if rows:
                yield b"".join(_line(_cells(one)) if form == "csv" else _object(one) for one in rows)
            if (cursor := found.next) is None:
                return
    except errors.NotFound:
        yield _line([ENDS]) if form == "csv" else json.dumps({"error": ENDS}).encode() + b"\n"


def _still(actor: User, filters: Filters, asked: Question) -> User:
    """This person as they are now; NotFound once they look after something else than when they asked."""
    actor = User.objects.get(pk=actor.pk)
    if filters.team is not None:
        listed.team(actor, filters.team.pk)
    if question(actor, filters) != asked:
        raise errors.NotFound
    return actor


def _cells(one: Told) -> tuple[str, ...]:
    facts = one.facts
    who = (str(one.act.number), facts["at"], one.act.who, one.who, one.what, one.act.about, one.whom)
    return (*who, one.act.team, one.team, one.before, one.after, one.address)


def _line(cells: Sequence[str]) -> bytes:
    return row(cells).encode("utf-8", "replace")


def _object(one: Told) -> bytes:
    names = {"username": one.who, "whom": one.whom, "team_name": one.team, "before": one.before, "after": one.after}
    whole = {"row": one.facts, "hash": one.act.hash, "said": one.what, **names, "from": one.address}
    return json.dumps(whole, ensure_ascii=False).encode("utf-8", "replace") + b"\n"
