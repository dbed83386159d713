"""The numbers of the overview as they are read: what each column says, and where it leads."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Final, NamedTuple

from chat.admin.to_replies import to_replies
from chat.models.daily import EDGES
from chat.store.overview import Sums

LEAST: Final = Decimal("0.0001")
MOST_ROWS: Final = 100  # of a table of teams or models


class Figure(NamedTuple):
    """One number: its name, what it says, the page with what it counts (or "")."""

    name: str
    said: str
    link: str


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    says: Callable[[Sums], str]
    narrowed: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Where:
    """What a row of numbers is about. `listed`: the list of replies can be narrowed to it."""

    first: date
    last: date
    team: str = ""
    model: str = ""
    listed: bool = True


def money(cost: Decimal) -> str:
    """In few places, never as nothing when it is something."""
    if 0 < cost < LEAST:
        return f"below {LEAST}"
    return f"{cost:,.2f}" if cost >= 1 or not cost else f"{cost:.4f}"


def cost(sums: Sums) -> str:
    if sums.cost is None:
        return "no price" if sums.unpriced else "0"
    return f"{money(sums.cost)} *" if sums.unpriced else money(sums.cost)


def seconds(wait: float | None) -> str:
    if wait is None:
        return "–"
    if wait * 1000 >= EDGES[-1]:
        return f"over {EDGES[-1] // 1000} s"
    return f"{wait:.2f} s" if wait < 10 else f"{wait:.1f} s"


COLUMNS: Final = (
    Column("People active", lambda sums: f"{sums.people:,}"),
    Column("Replies", lambda sums: f"{sums.replies:,}"),
    Column("Tokens read", lambda sums: f"{sums.input:,}"),
    Column("Tokens written", lambda sums: f"{sums.output:,}"),
    Column("Cost", cost),
    Column("Failed", lambda sums: f"{sums.failed:,}", {"status": "failed"}),
    Column("Incomplete", lambda sums: f"{sums.incomplete:,}", {"status": "incomplete"}),
    Column("First words, p50", lambda sums: seconds(sums.wait(50))),
    Column("First words, p95", lambda sums: seconds(sums.wait(95))),
    Column("Stored", lambda sums: f"{sums.stored:,}", {"stored": "yes"}),
    Column("Not stored", lambda sums: f"{sums.unstored:,}", {"stored": "no"}),
)
NARROWED: Final = [column.narrowed for column in COLUMNS]
NOTHING: Final = [Figure(column.name, column.says(Sums()), "") for column in COLUMNS]


def figures(sums: Sums, where: Where) -> list[Figure]:
    """All of a row, in the order of COLUMNS. What counts nothing leads nowhere."""
    if not sums.replies:
        return NOTHING
    links = [""] * len(COLUMNS)
    if where.listed:
        links = to_replies(NARROWED, first=where.first, last=where.last, team=where.team, model=where.model)
    return [Figure(column.name, column.says(sums), link) for column, link in zip(COLUMNS, links, strict=True)]


class Row(NamedTuple):
    """Of a table: what it is about, the overview narrowed to that (or ""), its numbers."""

    label: str
    link: str
    figures: list[Figure]


class Table(NamedTuple):
    name: str
    about: str
    head: list[str]
    rows: list[Row]
    more: int  # that it does not show


def table(name: str, about: str, rows: Iterable[Row]) -> Table:
    found = list(rows)
    most = found if about == "Day" else found[:MOST_ROWS]
    return Table(name, about, [column.name for column in COLUMNS], most, len(found) - len(most))
