"""Reading in SQL as it is written: for what every reply does, where compiling a query costs more than its answer."""

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from django.conf import settings
from django.db import connection

VENDOR: Final = "sqlite" if settings.ON_SQLITE else "postgresql"  # asking the connection costs more than it should
Value = str | int | datetime | Collection[str] | Collection[int] | None

ONE_OF: Final = {"sqlite": "IN (SELECT value FROM json_each(%s))", "postgresql": "= ANY(%s)"}
NOW: Final = {"sqlite": "STRFTIME('%%Y-%%m-%%d %%H:%%M:%%f', 'NOW')", "postgresql": "STATEMENT_TIMESTAMP()"}  # as Django's Now()
IN_SECONDS: Final = {
    "sqlite": "STRFTIME('%%Y-%%m-%%d %%H:%%M:%%f', 'NOW', %s || ' seconds')",
    "postgresql": "STATEMENT_TIMESTAMP() + %s * INTERVAL '1 second'",
}


def rows(query: str, *values: Value, lock: str = "") -> list[Any]:
    """What the query finds, as tuples. `{one_of}` compares with a collection: one value, however many are in it, so that the text
    stays the same. `{now}` is the database's clock, `{in_seconds}` what it will show in so many seconds. `lock` follows where
    rows can be locked; on SQLite nobody else writes.
    """
    with connection.cursor() as cursor:
        cursor.execute(_text(query, lock), [_plain(value) for value in values])
        found: list[Any] = cursor.fetchall()
    return found


def run(query: str, *values: Value) -> int:
    """The same for what gives no rows: how many it changed."""
    with connection.cursor() as cursor:
        cursor.execute(_text(query), [_plain(value) for value in values])
        return int(cursor.rowcount)


def each(query: str, types: Mapping[str, str], values: Sequence[Sequence[Any]]) -> int:
    """One statement for many rows of values, each in the order of `types`, which names them and says what they are. `{name}` is a
    value of the row, `{rows}` stands where they come from. Postgres gets them all at once, for it plans every statement anew;
    SQLite runs it for one after the other, which costs it less. Returns how many rows it changed.
    """
    if not values:
        return 0
    with connection.cursor() as cursor:
        if VENDOR == "sqlite":
            holes = {name: f"%({name})s" for name in types}
            cursor.executemany(
                query.format(rows="", now=NOW[VENDOR], **holes), [dict(zip(types, row, strict=True)) for row in values]
            )
        else:
            arrays = ", ".join(f"%s::{type_}[]" for type_ in types.values())
            rows = f"FROM UNNEST({arrays}) AS each ({', '.join(types)})"
            names = {name: f"each.{name}" for name in types}
            cursor.execute(
                query.format(rows=rows, now=NOW[VENDOR], **names), [list(column) for column in zip(*values, strict=True)]
            )
        return int(cursor.rowcount)


def moment(value: Any) -> datetime:
    """A time as a query gives it; SQLite gives a text."""
    found = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def stamp(moment: datetime) -> str:
    """A time as it is compared with what the ORM has written: on SQLite a text, without a fraction where that is zero."""
    return str(moment.astimezone(UTC).replace(tzinfo=None)) + ("" if VENDOR == "sqlite" else "+00")


def _text(query: str, lock: str = "") -> str:
    text = query.format(one_of=ONE_OF[VENDOR], now=NOW[VENDOR], in_seconds=IN_SECONDS[VENDOR])
    return f"{text} {lock}" if lock and VENDOR != "sqlite" else text


def _plain(value: Value) -> str | int | list[Any] | None:
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, datetime):  # as the ORM writes it
        return connection.ops.adapt_datetimefield_value(value)
    return json.dumps(list(value)) if VENDOR == "sqlite" else list(value)
