"""Pages of a long table, newest first, by where the one before ended: the same work on the first page and on the ten-thousandth.

A question is put to one index, which gives its rows newest first; what no index answers is tried on at most `LOOK` of them, and
the page then says that it can be gone on from there.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain
from typing import Final

from chat.store import sql

PAGE: Final = 50
LOOK: Final = 5_000  # rows that one page looks through
COUNTED: Final = 10_000
BEGINNING, END_OF_TIME = "0001-01-01", "9999-12-31"
Cursor = tuple[str, str]
"""`created`, as the database compares it, and the id of the last row that was looked at."""


@dataclass(frozen=True, slots=True)
class Condition:
    """A piece of SQL with its values."""

    text: str
    values: tuple[str | int, ...] = ()


Way = tuple[Condition, ...]
Query = tuple[str, list[str | int]]


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of a table. `by`: found by an index; `ways`: values of the column `among`, of which any will do (the teams of
    somebody), each found by an index, too; `tried` on the `columns` of the rows that were found so. From `since` (included) until
    `until`.
    """

    table: str
    columns: str
    by: tuple[Condition, ...] = ()
    ways: tuple[str, ...] = ()
    tried: tuple[Condition, ...] = ()
    since: datetime | None = None
    until: datetime | None = None
    among: str = "team_id"

    def each_way(self) -> list[Way]:
        return [(*self.by, Condition(f"{self.among} = %s", (way,))) for way in self.ways] if self.ways else [self.by]


@dataclass(frozen=True, slots=True)
class Page:
    """Ids, newest first. `next`: where to go on, None at the end; `looked` rows were looked through, and there are more."""

    ids: list[str]
    next: Cursor | None = None
    looked: int = 0


@dataclass(frozen=True, slots=True)
class Count:
    """How many there are. `about`: the database guesses; `more`: at least so many."""

    number: int
    about: bool = False
    more: bool = False


def page(question: Question, cursor: Cursor | None, *, size: int | None = None) -> Page:
    """The rows below the cursor, at most `size` (`PAGE`). Where each of several ways has its own end, those above the highest of
    them are known.
    """
    size = size or PAGE
    ways = question.each_way()
    most = max(LOOK // len(ways), size + 1)
    found = _look(question, cursor, most, size + 1)
    edge = max(_ends(question, cursor, most - 1, found, size + 1), default=None)
    known = sorted((row for row in set(chain(*found)) if edge is None or row >= edge), reverse=True)
    shown = known[:size]
    if len(known) > size:
        return Page([pk for _, pk in shown], shown[-1])
    return Page([pk for _, pk in shown], edge, looked=most * len(ways) if edge else 0)


def _look(question: Question, cursor: Cursor | None, most: int, wanted: int) -> list[list[Cursor]]:
    """So many rows that fit, of each way."""

    def of(way: Way) -> Query:
        inner, values = found_by(question, way, cursor, most=most if question.tried else wanted)
        text, more = _tried(question, inner)
        return f"{text} LIMIT {wanted}", [*values, *more]

    return [[_cursor(row) for row in rows] for rows in _of_each(question, of)]


def _ends(question: Question, cursor: Cursor | None, number: int, found: list[list[Cursor]], wanted: int) -> list[Cursor]:
    """Where the looking ended, of those ways where there may be more below."""
    open_ = [len(rows) < wanted for rows in found]
    if not question.tried or not any(open_):
        return []
    last = _at(question, cursor, number)
    return [_cursor(rows[0]) for rows, more in zip(last, open_, strict=True) if more and rows]


def _at(question: Question, cursor: Cursor | None, number: int) -> list[list[Sequence[object]]]:
    """Of each way the row with this number, from 0, if there are so many."""
    untried = replace(question, tried=())

    def of(way: Way) -> Query:
        text, values = found_by(untried, way, cursor, most=1)
        return f"{text} OFFSET {number}", values

    return _of_each(untried, of)


def _of_each(question: Question, of: Callable[[Way], Query]) -> list[list[Sequence[object]]]:
    """What is found in each way, in their order. Postgres is asked once for all of them; asking SQLite once more costs next to
    nothing.
    """
    if len(question.ways) < 2 or sql.VENDOR == "sqlite":
        return [sql.rows(text, *values) for text, values in map(of, question.each_way())]
    text, values = of((*question.by, Condition(f"{question.among} = way.value")))
    found: list[list[Sequence[object]]] = [[] for _ in question.ways]
    for number, *row in sql.rows(EACH_WAY.format(text), list(question.ways), *values):
        found[number - 1].append(row)
    return found


EACH_WAY: Final = """SELECT way.number, each.* FROM UNNEST(%s::text[]) WITH ORDINALITY AS way (value, number)
CROSS JOIN LATERAL ({}) AS each"""


def _cursor(row: Sequence[object]) -> Cursor:
    created, pk = row[0], str(row[1])
    return (sql.stamp(created) if isinstance(created, datetime) else str(created)), pk


def found_by(question: Question, way: Way, cursor: Cursor | None, *, most: int) -> Query:
    """The rows that an index gives, newest first."""
    since = sql.stamp(question.since) if question.since else BEGINNING
    until = sql.stamp(question.until) if question.until else END_OF_TIME
    before = cursor if cursor and cursor[0] < until else (until, "")
    conditions = [*(one.text for one in way), "created >= %s", "(created, id) < (%s, %s)"]
    columns = question.columns if question.tried else "created, id"
    text = (
        f"SELECT {columns} FROM {question.table} WHERE {' AND '.join(conditions)} "  # noqa: S608 - all of it is ours
        f"ORDER BY created DESC, id DESC LIMIT {most}"
    )
    return text, [*(value for one in way for value in one.values), since, *before]


def _tried(question: Question, inner: str, what: str = "created, id") -> Query:
    where = " AND ".join(one.text for one in question.tried)
    text = f"SELECT {what} FROM ({inner}) AS looked{f' WHERE {where}' if where else ''}"  # noqa: S608 - all of it is ours
    return text, [value for one in question.tried for value in one.values]


def count(question: Question) -> Count:
    """Up to `COUNTED` they are counted, and where they are tried, of as many as a page looks through; above, Postgres says what
    it guesses and SQLite that there are more.
    """
    most = max((LOOK if question.tried else COUNTED) // len(question.each_way()), 1)

    def of(way: Way) -> Query:
        inner, values = found_by(question, way, None, most=most + (0 if question.tried else 1))
        text, others = _tried(question, inner, "COUNT(*)")
        return text, [*values, *others]

    here = [int(str(rows[0][0])) for rows in _of_each(question, of)]
    number = sum(here)
    more = any(_at(question, None, most)) if question.tried else max(here) > most
    if not more:
        return Count(number)
    if sql.VENDOR == "postgresql":
        return Count(max(_guess(question), number), about=True)
    return Count(number - (0 if question.tried else 1), more=True)


def _guess(question: Question) -> int:
    any_of = f"{question.among} IN ({', '.join(['%s'] * len(question.ways))})"
    way = (*question.by, Condition(any_of, question.ways)) if question.ways else question.by
    inner, values = found_by(question, way, None, most=1)
    where = [inner.partition(" WHERE ")[2].partition(" ORDER BY ")[0], *(one.text for one in question.tried)]
    text = f"EXPLAIN (FORMAT JSON) SELECT 1 FROM {question.table} WHERE {' AND '.join(where)}"  # noqa: S608 - all of it is ours
    ((plan,),) = sql.rows(text, *values, *(value for one in question.tried for value in one.values))
    return int((json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"]["Plan Rows"])
