"""The numbers of each day (`Daily`): a reply is counted once, in the background, soon after it has ended and before it goes."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from secrets import randbelow
from typing import Any, Final, NamedTuple

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from chat import errors
from chat.models import DailyPerson, LastActive, Response, Team, User
from chat.models.daily import EDGES, WAITS
from chat.protocol.types import Json
from chat.store import costs, sql

SLICE: Final = 250  # replies that one transaction counts
KEPT: Final = timedelta(days=366)  # who was active on a day: as long as the overview looks back
COLUMNS: Final = ("replies", "failed", "incomplete", "stored", "input", "cached", "output", *WAITS)
FACTS: Final = (
    *("created", "first_token", "status", "error_code", "model", "store", "usage", "author_id", "team_id", "team__personal_of"),
)


class Fact(NamedTuple):
    """What counts of a reply."""

    created: datetime
    first_token: datetime | None
    status: str
    error_code: str
    model: str
    store: bool
    usage: Json | None
    author_id: int | None
    team_id: str | None
    personal_of: int | None

    @property
    def day(self) -> date:
        return self.created.astimezone(UTC).date()

    def key(self) -> tuple[str, str, str]:
        """As in `Daily`: whoever is on their own is in no team. It stays the same as long as the reply is in its team."""
        team = self.team_id if self.team_id and self.personal_of is None else ""
        return self.day.isoformat(), team, self.model if self._answered() else ""

    def _answered(self) -> bool:
        """Whether such a model is known. Any name can be asked for: what nobody answers to may be somebody's words."""
        if self.error_code == errors.ModelNotFound.code:
            return False
        return self.status != Response.Status.CANCELLED or self.first_token is not None or self.usage is not None

    def numbers(self) -> list[int]:
        """In the order of COLUMNS."""
        spent, waits = costs.tokens(self.usage), [0] * len(WAITS)
        if self.first_token is not None:
            waits[wait_class((self.first_token - self.created) / timedelta(milliseconds=1))] = 1
        kinds = (1, self.status == Response.Status.FAILED, self.status == Response.Status.INCOMPLETE, self.store)
        return [*map(int, kinds), spent.input, spent.cached, spent.output, *waits]


def wait_class(milliseconds: float) -> int:
    return bisect_right(EDGES, milliseconds)


UNCOUNTED: Final = "SELECT id FROM chat_response WHERE NOT counted AND NOT (status IN ('queued', 'in_progress'))"
NEWEST: Final = f"{UNCOUNTED} ORDER BY created DESC LIMIT {SLICE}"
BEHIND: Final = f"{UNCOUNTED} ORDER BY created DESC LIMIT 1 OFFSET {SLICE}"
THEIRS: Final = f"{UNCOUNTED} AND conversation_id = %s ORDER BY id"
THESE: Final = f"{UNCOUNTED} AND id {{one_of}} ORDER BY id"


def step() -> bool:
    """Count a slice of what has ended; False when nothing is left to count."""
    return bool(sql.rows(f"{UNCOUNTED} LIMIT 1") and _count(NEWEST, lock="FOR UPDATE SKIP LOCKED"))


def purge(now: datetime) -> int | None:
    """Forget some of who was active on days that the overview does not look back to. How many rows went; None when there are
    none.
    """
    for model in (DailyPerson, LastActive):
        over = model.objects.filter(day__lt=(now - KEPT).astimezone(UTC).date())
        if some := list(over.values_list("pk", flat=True)[:SLICE]):
            return over.filter(pk__in=some).delete()[0]
    return None


def behind() -> bool:
    """Whether more waits to be counted than the next step counts."""
    return bool(sql.rows(BEHIND))


def before_they_go(conversation_id: str) -> None:
    """Count what of this conversation is not yet counted: it is about to be removed."""
    if sql.rows(f"{THEIRS} LIMIT 1", conversation_id):
        _count(THEIRS, conversation_id, lock="FOR UPDATE")


def before_these_go(response_ids: list[str]) -> None:
    """The same for these."""
    _count(THESE, response_ids, lock="FOR UPDATE")


@transaction.atomic
def _count(query: str, *values: str | list[str], lock: str) -> int:
    """In one transaction with the mark: killed in the middle, nothing was counted; two at once count different ones."""
    ids = [pk for (pk,) in sql.rows(query, *values, lock=lock)]
    _add((fact, 1) for fact in _facts(Response.objects.filter(pk__in=ids)))
    sql.run("UPDATE chat_response SET counted = TRUE WHERE id {one_of}", ids)
    return len(ids)


def move(conversation_id: str, *, team: Team) -> None:
    """What was counted of this conversation, which is locked, counts in this team from now on. Called before its replies are
    moved there.
    """
    _move(Response.objects.filter(conversation=conversation_id), team)


def move_these(response_ids: list[str], *, team: Team) -> None:
    """The same for these of one conversation."""
    _move(Response.objects.filter(pk__in=response_ids), team)


def bring_home(conversation_ids: list[str]) -> None:
    """The same for many that become their owners' alone."""
    _move(Response.objects.filter(conversation__in=conversation_ids), None)


def _move(some: QuerySet[Response], team: Team | None) -> None:
    replies = some.order_by("pk")
    counted = [pk for pk, is_ in replies.select_for_update().values_list("pk", "counted") if is_]
    facts = list(_facts(replies.filter(pk__in=counted)))
    home = {"team_id": None, "personal_of": None} if team is None else {"team_id": team.pk, "personal_of": team.personal_of_id}
    there = [fact._replace(**home) for fact in facts]
    _add([*((fact, -1) for fact in facts), *((fact, 1) for fact in there)])
    by = [(*fact.key(), fact.author_id) for fact in facts if fact.author_id is not None]
    for day, person in sorted({(day, person) for day, _, _, person in by}):
        sql.run("DELETE FROM chat_dailyperson WHERE day = %s AND person = %s AND replies <= 0", day, person)
    for place in sorted({one[1:] for one in by}):
        _look_again(*place)


def _look_again(team: str, model: str, person: int) -> None:
    """When somebody was active there last, now that something was taken away."""
    there = DailyPerson.objects.filter(team=team, model=model, person=person).order_by("-day").values_list("day", flat=True)
    last, known = there.first(), LastActive.objects.filter(team=team, model=model, person=person)
    known.update(day=last) if last else known.delete()


def forget(user: User) -> bool:
    """Numbers of somebody whose account goes stay without them: they are one person still, and nobody knows who."""
    nobody, places = -1 - randbelow(2**62), (DailyPerson, LastActive)
    return sum(model.objects.filter(person=user.pk).update(person=nobody) for model in places) > 0


def _facts(replies: Any) -> Iterable[Fact]:
    return (Fact(*row) for row in replies.order_by().values_list(*FACTS))


ADD: Final = f"""INSERT INTO chat_daily (day, team, model, {", ".join(COLUMNS)})
SELECT {{day}}, {{team}}, {{model}}, {", ".join(f"{{{name}}}" for name in COLUMNS)} {{rows}} WHERE TRUE
ON CONFLICT (day, team, model) DO UPDATE SET {", ".join(f"{name} = chat_daily.{name} + excluded.{name}" for name in COLUMNS)}"""
ADD_PERSON: Final = """INSERT INTO chat_dailyperson (day, team, model, person, replies)
SELECT {day}, {team}, {model}, {person}, {replies} {rows} WHERE TRUE
ON CONFLICT (day, person, team, model) DO UPDATE SET replies = chat_dailyperson.replies + excluded.replies"""
LAST: Final = """INSERT INTO chat_lastactive (team, model, person, day)
SELECT {team}, {model}, {person}, {day} {rows} WHERE TRUE
ON CONFLICT (team, model, person) DO UPDATE SET day = excluded.day WHERE excluded.day > chat_lastactive.day"""
KEY: Final = {"day": "date", "team": "text", "model": "text"}


def _add(counted: Iterable[tuple[Fact, int]]) -> None:
    """Each fact so many times. Rows are locked in one order, so that nobody waits for each other for ever."""
    sums: dict[tuple[str, str, str], list[int]] = defaultdict(lambda: [0] * len(COLUMNS))
    people: dict[tuple[str, str, str, int], int] = defaultdict(int)
    oldest = _oldest()
    for fact, times in counted:
        key = fact.key()
        sums[key] = [sum_ + times * number for sum_, number in zip(sums[key], fact.numbers(), strict=True)]
        if fact.author_id is not None and fact.day >= oldest:
            people[*key, fact.author_id] += times
    sql.each(ADD, KEY | dict.fromkeys(COLUMNS, "bigint"), [(*key, *sums[key]) for key in sorted(sums)])
    rows = [(*key, people[key]) for key in sorted(people)]
    sql.each(ADD_PERSON, KEY | {"person": "bigint", "replies": "bigint"}, rows)
    last = {(team, model, person): day for day, team, model, person in sorted(people) if people[day, team, model, person] > 0}
    types = {"team": "text", "model": "text", "person": "bigint", "day": "date"}
    sql.each(LAST, types, [(*who, last[who]) for who in sorted(last)])


def _oldest() -> date:
    return (timezone.now() - KEPT).astimezone(UTC).date()
