"""The totals of the ledger, for owners and admins: how much providers keep, until when, and which deletions wait or fail.

Counted in indexes that hold only what is still kept, up to a bound: whatever there is, a page looks at no more than that. Above
it Postgres says what it guesses, and SQLite that there are more.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from chat.models import Kept, Team, User
from chat.policy import can, teams_managed_by
from chat.store import sql

COUNTED: Final = 20_000  # objects of one provider, kind and state
IN_TEAM: Final = 1_000  # of a team, in the list of teams
LOOKED_AT: Final = 2_000  # of those that wait, for what keeps them
TEAMS: Final = 100
GROUPS: Final = 60  # of provider, kind and state
REASONS: Final = 5


Group = tuple[str, str, str]
"""A provider's address, a kind, a state."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why `count` deletions have not come about; "" while nothing stands against them. `tries`: the most that one has taken."""

    said: str
    count: int
    tries: int


@dataclass(frozen=True, slots=True)
class Total:
    """What one provider holds of one kind, in one state; `more`: at least so many; `about`: the database guesses. `first` and
    `last`: when they expire.
    """

    server: str
    kind: str
    state: str
    count: int
    more: bool
    first: datetime
    last: datetime
    reasons: tuple[Reason, ...] = ()
    about: bool = False


@dataclass(frozen=True, slots=True)
class OfTeam:
    """How much is kept of a team's conversations, and when the next of it expires."""

    team: Team
    count: int
    more: bool


STANDS: Final = "state IN ('kept', 'due', 'remains')"  # as the indexes say
NEXT: Final = """SELECT server, kind, state FROM chat_kept WHERE {within} AND server = %s AND kind = %s AND state > %s
ORDER BY server, kind, state LIMIT 1"""
NEXT_KIND: Final = """SELECT server, kind, state FROM chat_kept WHERE {within} AND server = %s AND kind > %s
ORDER BY server, kind, state LIMIT 1"""
NEXT_SERVER: Final = """SELECT server, kind, state FROM chat_kept WHERE {within} AND server > %s
ORDER BY server, kind, state LIMIT 1"""
COUNT: Final = """SELECT COUNT(*) FROM (SELECT 1 FROM chat_kept WHERE {within} AND server = %s AND kind = %s AND state = %s
LIMIT %s) AS counted"""
ALL: Final = "SELECT 1 FROM chat_kept WHERE {within} AND server = %s AND kind = %s AND state = %s"
FIRST: Final = """SELECT expires FROM chat_kept WHERE {within} AND server = %s AND kind = %s AND state = %s
ORDER BY expires LIMIT 1"""
LAST: Final = FIRST.replace("LIMIT", "DESC LIMIT")
WHY: Final = """SELECT error, COUNT(*), MAX(attempts) FROM (SELECT error, attempts FROM chat_kept
WHERE {within} AND server = %s AND kind = %s AND state = %s LIMIT %s) AS looked GROUP BY error ORDER BY COUNT(*) DESC LIMIT %s"""
TEAM: Final = "team = %s"
IN_ONE: Final = "SELECT COUNT(*) FROM (SELECT 1 FROM chat_kept WHERE {within} LIMIT %s) AS counted"


def _rows(query: str, within: str, *values: str | int) -> list[Any]:
    return sql.rows(query.replace("{within}", f"{within} AND {STANDS}" if within else STANDS), *values)


def scope(actor: User, team: Team | None) -> list[str] | None:
    """The keys of the teams whose ledger this person sees here; None: everything."""
    if team is not None:
        return [team.pk]
    if can(actor, "server.manage", None):
        return None
    return list(teams_managed_by(actor).order_by("name", "pk").values_list("pk", flat=True)[:TEAMS])


def of(actor: User, team: Team | None = None, *, most: int = COUNTED) -> list[Total]:
    """Of everything, or of the teams that this person looks after, or of this one of them, which they have found."""
    within = scope(actor, team)
    if within is None:
        return _totals("", (), most)
    parts = [one for pk in within for one in _totals(TEAM, (pk,), most // len(within))]
    groups: dict[Group, list[Total]] = {}
    for part in parts:
        groups.setdefault((part.server, part.kind, part.state), []).append(part)
    return [_sum(groups[key]) for key in sorted(groups)]


def _totals(condition: str, values: tuple[str, ...], most: int) -> list[Total]:
    """Each group by a step in the index from the one before, its numbers by what stands between."""
    found: list[Total] = []
    key: Group = ("", "", "")
    while len(found) < GROUPS and (after := _next(condition, values, key)) is not None:
        key = after
        if (total := _total(condition, (*values, *key), key, most)) is not None:
            found.append(total)
    return found


def _next(condition: str, values: tuple[str, ...], key: Group) -> Group | None:
    """The group after this one. One comparison of all three columns would be a walk through all rows between on SQLite."""
    for query, after in ((NEXT, key), (NEXT_KIND, key[:2]), (NEXT_SERVER, key[:1])):
        for server, kind, state in _rows(query, condition, *values, *after):
            return server, kind, state
    return None


def _total(condition: str, values: tuple[str, ...], key: Group, most: int) -> Total | None:
    ((count,),) = _rows(COUNT, condition, *values, most + 1)
    ends = [_rows(query, condition, *values) for query in (FIRST, LAST)]
    if not count or not all(ends):  # it went while we looked
        return None
    first, last = (sql.moment(rows[0][0]) for rows in ends)
    why = () if key[2] == Kept.State.KEPT else _reasons(condition, values)
    if count > most and sql.VENDOR == "postgresql":
        return Total(*key, max(_guess(condition, values), most), False, first, last, why, about=True)
    return Total(*key, min(count, most), count > most, first, last, why)


def _guess(condition: str, values: tuple[str, ...]) -> int:
    """How many Postgres thinks there are, by what it has seen when it last looked through the table."""
    ((plan,),) = _rows(f"EXPLAIN (FORMAT JSON) {ALL}", condition, *values)
    return int((json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"]["Plan Rows"])


def _reasons(condition: str, values: tuple[str, ...]) -> tuple[Reason, ...]:
    return tuple(Reason(*row) for row in _rows(WHY, condition, *values, LOOKED_AT, REASONS))


def _sum(parts: list[Total]) -> Total:
    """Of several teams."""
    one = parts[0]
    why: dict[str, Reason] = {}
    for each in (reason for part in parts for reason in part.reasons):
        known = why.get(each.said, Reason(each.said, 0, 0))
        why[each.said] = Reason(each.said, known.count + each.count, max(known.tries, each.tries))
    reasons = tuple(sorted(why.values(), key=lambda reason: -reason.count)[:REASONS])
    first, last = min(part.first for part in parts), max(part.last for part in parts)
    count, more = sum(part.count for part in parts), any(part.more for part in parts)
    about = any(part.about for part in parts)
    return Total(one.server, one.kind, one.state, count, more, first, last, reasons, about=about)


def cut(actor: User) -> bool:
    """Whether there are more teams than are looked at, the first by name."""
    return len(teams_managed_by(actor).values_list("pk")[: TEAMS + 1]) > TEAMS


def by_team(actor: User) -> list[OfTeam]:
    """The teams that this person looks after, by name, with how much is kept of each."""
    teams = teams_managed_by(actor).order_by("name", "pk")[:TEAMS]
    counted = [(team, _rows(IN_ONE, TEAM, team.pk, IN_TEAM + 1)[0][0]) for team in teams]
    return [OfTeam(team, min(count, IN_TEAM), count > IN_TEAM) for team, count in counted]
