"""Pages of a long table, newest first, by where the one before ended: the same work on the first page and on the ten-thousandth.

A question is put to one index, which gives its rows newest first; what no index answers is tried on at most `LOOK` of them, and
the page then says that it can be gone on from there.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
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


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of a table. `by`: found by an index; `ways` more of that kind, of which any will do (the teams of somebody);
    `tried` on the `columns` of the rows that were found so. From `since` (included) until `until`.
    """

    table: str
    columns: str
    by: tuple[Condition, ...] = ()
    ways: tuple[Condition, ...] = ()
    tried: tuple[Condition, ...] = ()
    since: datetime | None = None
    until: datetime | None = None

    def each_way(self) -> list[tuple[Condition, ...]]:
        return [(*self.by, way) for way in self.ways] if self.ways else [self.by]


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
    found: set[Cursor] = set()
    ends: list[Cursor] = []
    ways = question.each_way()
    size = size or PAGE
    most = max(LOOK // max(len(ways), 1), size + 1)
    for way in ways:
        rows, end = _look(question, way, cursor, most, size + 1)
        found.update(rows)
        ends += [end] if end else []
    edge = max(ends, default=None)
    known = sorted((row for row in found if edge is None or row >= edge), reverse=True)
    shown = known[:size]
    if len(known) > size:
        return Page([pk for _, pk in shown], shown[-1])
    return Page([pk for _, pk in shown], edge, looked=most * len(ways) if edge else 0)


def _look(
    question: Question, way: tuple[Condition, ...], cursor: Cursor | None, most: int, wanted: int
) -> tuple[list[Cursor], Cursor | None]:
    """So many rows that fit; and where the looking ended, if there may be more below."""
    inner, values = found_by(question, way, cursor, most=most if question.tried else wanted)
    text, more = _tried(question, inner)
    rows = [_cursor(row) for row in sql.rows(f"{text} LIMIT {wanted}", *values, *more)]
    if not question.tried or len(rows) >= wanted:
        return rows, None
    last = _at(question, way, cursor, most - 1)
    return rows, _cursor(last[0]) if last else None


def _at(question: Question, way: tuple[Condition, ...], cursor: Cursor | None, number: int) -> list[tuple[object, object]]:
    """The row with this number, from 0, if there are so many."""
    text, values = found_by(replace(question, tried=()), way, cursor, most=1)
    found: list[tuple[object, object]] = sql.rows(f"{text} OFFSET {number}", *values)
    return found


def _cursor(row: Sequence[object]) -> Cursor:
    created, pk = row[0], str(row[1])
    return (sql.stamp(created) if isinstance(created, datetime) else str(created)), pk


def found_by(question: Question, way: tuple[Condition, ...], cursor: Cursor | None, *, most: int) -> tuple[str, list[str | int]]:
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


def _tried(question: Question, inner: str, what: str = "created, id") -> tuple[str, list[str | int]]:
    where = " AND ".join(one.text for one in question.tried)
    text = f"SELECT {what} FROM ({inner}) AS looked{f' WHERE {where}' if where else ''}"  # noqa: S608 - all of it is ours
    return text, [value for one in question.tried for value in one.values]


def count(question: Question) -> Count:
    """Up to `COUNTED` they are counted, and where they are tried, of as many as a page looks through; above, Postgres says what
    it guesses and SQLite that there are more.
    """
    number, more, ways = 0, False, question.each_way()
    most = max((LOOK if question.tried else COUNTED) // len(ways), 1)
    for way in ways:
        inner, values = found_by(question, way, None, most=most + (0 if question.tried else 1))
        text, others = _tried(question, inner, "COUNT(*)")
        ((here,),) = sql.rows(text, *values, *others)
        number += here
        more = more or bool(_at(question, way, None, most) if question.tried else here > most)
    if not more:
        return Count(number)
    if sql.VENDOR == "postgresql":
        return Count(max(sum(_guess(question, way) for way in ways), number), about=True)
    return Count(number - (0 if question.tried else 1), more=True)


def _guess(question: Question, way: tuple[Condition, ...]) -> int:
    inner, values = found_by(question, way, None, most=1)
    where = [inner.partition(" WHERE ")[2].partition(" ORDER BY ")[0], *(one.text for one in question.tried)]
    text = f"EXPLAIN (FORMAT JSON) SELECT 1 FROM {question.table} WHERE {' AND '.join(where)}"  # noqa: S608 - all of it is ours
    ((plan,),) = sql.rows(text, *values, *(value for one in question.tried for value in one.values))
    return int((json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"]["Plan Rows"])
