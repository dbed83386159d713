"""What is used, in numbers, by day, team and model: of the teams that somebody looks after, or of the whole server."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, timedelta
from decimal import Decimal, localcontext
from itertools import accumulate, pairwise
from typing import Any, Final

from django.db.models import Count, QuerySet, Sum
from django.utils import timezone

from chat import errors
from chat.models import Daily, DailyPerson, LastActive, Team, User
from chat.models.daily import EDGES, WAITS
from chat.policy import can, teams_managed_by
from chat.store import costs, counting
from chat.store.costs import DIGITS, Tokens

PERIODS: Final = (7, 30, 90, 365)  # days, today among them
PLAIN: Final = ("replies", "failed", "incomplete", "stored", "input", "cached", "output")
KINDS: Final = len(PLAIN)
MOST_OFFERED: Final = 200  # models that the page can be narrowed to


@dataclass(slots=True)
class Sums:
    """`input` and `output` are tokens; `cost` is that of those that have a price, `unpriced` are the others. `waits`: of how many
    replies the first words came in each class of time (`models.daily.EDGES`).
    """

    replies: int = 0
    failed: int = 0
    incomplete: int = 0
    stored: int = 0
    input: int = 0
    cached: int = 0
    output: int = 0
    waits: list[int] = field(default_factory=lambda: [0] * len(WAITS))
    cost: Decimal | None = None
    unpriced: int = 0
    people: int = 0

    @property
    def unstored(self) -> int:
        return self.replies - self.stored

    @property
    def errors(self) -> int:
        return self.failed + self.incomplete

    @property
    def tokens(self) -> int:
        return self.input + self.output

    def wait(self, share: int) -> float | None:
        return percentile(self.waits, share)

    def add(self, other: "Sums") -> None:
        """All but `people`, who may be the same."""
        for name in (*PLAIN, "unpriced"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.waits = [mine + more for mine, more in zip(self.waits, other.waits, strict=True)]
        if other.cost is not None:
            with localcontext(prec=DIGITS):
                self.cost = (self.cost or Decimal(0)) + other.cost


@dataclass(frozen=True, slots=True)
class Overview:
    """`days`: each of the period, oldest first. `teams`: None for people on their own, and teams that have ended.
    `unpriced`: models without a price. `behind`: there is more to count.
    """

    days: list[tuple[date, Sums]]
    teams: list[tuple[Team | None, Sums]]
    models: list[tuple[str, Sums]]
    total: Sums
    unpriced: list[str]
    behind: bool


def percentile(counts: Sequence[int], share: int) -> float | None:
    """Within how many seconds the first words of so many in a hundred replies had come, as if in each class they had come evenly;
    the last class has no end, so its beginning. None without any.
    """
    if (number := sum(counts)) <= 0:
        return None
    rank, upto = max(1, -(-share * number // 100)), list(accumulate(counts))
    at = bisect_left(upto, rank)
    low = EDGES[at - 1] if at else 0
    high = EDGES[at] if at < len(EDGES) else low
    return (low + (high - low) * (rank - upto[at] + counts[at]) / counts[at]) / 1000


def today() -> date:
    return timezone.now().astimezone(UTC).date()


def look(*, actor: User, days: int, team_id: str = "", model: str = "") -> Overview:
    """The last so many days; NotFound for a team that the actor does not look after."""
    teams = {team.pk: team for team in teams_managed_by(actor)}
    if days not in PERIODS or (team_id and team_id not in teams) or not model.isprintable():
        raise errors.NotFound
    end = today()  # what has a day to come, by a clock that was wrong, is left out
    start = end - timedelta(days=days - 1)
    scope: dict[str, Any] = {"day__range": (start, end), **({"model": model} if model else {})}
    if team_id:
        scope["team"] = team_id
    elif not can(actor, "server.manage", None):
        scope["team__in"] = list(teams)
    return _Looking(scope, [start + timedelta(days=number) for number in range(days)], teams).result()


class _Looking:
    """Adds up what one look finds: the rows of `Daily` once by day and model, once by team and model."""

    def __init__(self, scope: dict[str, Any], days: list[date], teams: dict[str, Team]) -> None:
        self.numbers = Daily.objects.filter(**scope)
        self.active = DailyPerson.objects.filter(**scope)
        self.last_active = LastActive.objects.filter(**{**scope, "day__range": (days[0], date.max)})
        self.teams, self.book = teams, costs.book()
        self.by_day = {day: Sums() for day in days}
        self.by_team: dict[str, Sums] = defaultdict(Sums)
        self.by_model: dict[str, Sums] = defaultdict(Sums)
        self.total = Sums()

    def result(self) -> Overview:
        for day, model, numbers in _added(self.numbers, "day", "model"):
            more = self._sums(model, day, numbers)
            self.by_day[day].add(more)
            self.by_model[model].add(more)
        for sums in self.by_model.values():
            self.total.add(sums)
        self._add_teams()
        self._add_people()
        return Overview(
            days=list(self.by_day.items()),
            teams=[(self.teams.get(pk), sums) for pk, sums in _most(self.by_team)],
            models=_most(self.by_model),
            total=self.total,
            unpriced=sorted(model for model, sums in self.by_model.items() if sums.unpriced),
            behind=counting.behind(),
        )

    def _sums(self, model: str, day: date, numbers: list[int]) -> Sums:
        """Numbers in the order of `counting.COLUMNS`, with what their tokens cost on this day."""
        found = Sums(waits=numbers[KINDS:])
        for name, number in zip(PLAIN, numbers[:KINDS], strict=True):
            setattr(found, name, number)
        if found.tokens:
            found.cost = self.book.cost(model, day, Tokens(found.input, found.cached, found.output))
            found.unpriced = found.tokens if found.cost is None else 0
        return found

    def _add_teams(self) -> None:
        """Between two days from which prices hold, tokens of a model cost the same: they are added up there."""
        start, end = min(self.by_day), max(self.by_day)
        begins = [start, *(day for day in self.book.days if start < day <= end), end + timedelta(days=1)]
        for first, after in pairwise(begins):
            for team, model, numbers in _added(self.numbers.filter(day__gte=first, day__lt=after), "team", "model"):
                self.by_team[self._known(team)].add(self._sums(model, first, numbers))

    def _known(self, team: str) -> str:
        return team if team in self.teams else ""

    def _add_people(self) -> None:
        for day, number in self.active.values_list("day").annotate(Count("person", distinct=True)).order_by():
            self.by_day[day].people = number
        of_team, of_model, everybody = defaultdict[str, set[int]](set), defaultdict[str, set[int]](set), set[int]()
        for team, model, person in self.last_active.values_list("team", "model", "person"):
            of_team[self._known(team)].add(person)
            of_model[model].add(person)
            everybody.add(person)
        for sums, people in ((self.by_team, of_team), (self.by_model, of_model)):
            for key in people.keys() & sums.keys():
                sums[key].people = len(people[key])
        self.total.people = len(everybody)


def _added(rows: QuerySet[Daily], *by: str) -> Iterator[tuple[Any, str, list[int]]]:
    sums = {f"sum_{name}": Sum(name) for name in counting.COLUMNS}
    for first, second, *numbers in rows.order_by().values_list(*by).annotate(**sums):
        yield first, second, numbers


def _most(found: dict[str, Sums]) -> list[tuple[str, Sums]]:
    """Those with the most replies first; none without any."""
    kept = ((key, sums) for key, sums in found.items() if sums.replies)
    return sorted(kept, key=lambda one: (-one[1].replies, one[0]))


@dataclass(frozen=True, slots=True)
class Unpriced:
    """A model that was used without a price: first on this day, on so many days, so many tokens."""

    model: str
    since: date
    days: int
    tokens: int


def without_price(*, actor: User) -> list[Unpriced]:
    """Models of the last 90 days, for the owner of the server."""
    if not can(actor, "server.manage", None):
        raise errors.NotFound
    book, missing = costs.book(), defaultdict[str, dict[date, int]](dict)
    used = Daily.objects.filter(day__gt=today() - timedelta(days=90)).order_by("day").values_list("day", "model")
    for day, model, read, written in used.annotate(Sum("input"), Sum("output")):
        if read + written and book.price(model, day) is None:
            missing[model][day] = read + written
    found = (Unpriced(model, min(days), len(days), sum(days.values())) for model, days in missing.items())
    return sorted(found, key=lambda one: (-one.tokens, one.model))


def models_used(overview: Overview, chosen: str) -> Iterable[str]:
    """Those that the page can be narrowed to."""
    return sorted({model for model, _ in overview.models[:MOST_OFFERED] if model} | ({chosen} - {""}))
