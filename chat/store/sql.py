"""Reading in SQL as it is written: for what every reply does, where compiling a query costs more than its answer."""

import json
from collections.abc import Collection
from typing import Any, Final

from django.db import connection

Value = str | int | Collection[str] | Collection[int] | None

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


def _text(query: str, lock: str = "") -> str:
    vendor = connection.vendor
    text = query.format(one_of=ONE_OF[vendor], now=NOW[vendor], in_seconds=IN_SECONDS[vendor])
    return f"{text} {lock}" if lock and connection.features.has_select_for_update else text


def _plain(value: Value) -> str | int | list[Any] | None:
    if value is None or isinstance(value, str | int):
        return value
    return json.dumps(list(value)) if connection.vendor == "sqlite" else list(value)
