"""Reading in SQL as it is written: for what every reply does, where compiling a query costs more than its answer."""

import json
from collections.abc import Collection
from typing import Any, Final

from django.db import connection

Value = str | int | Collection[str] | Collection[int]

ONE_OF: Final = {"sqlite": "IN (SELECT value FROM json_each(%s))", "postgresql": "= ANY(%s)"}
NOW: Final = {"sqlite": "STRFTIME('%%Y-%%m-%%d %%H:%%M:%%f', 'NOW')", "postgresql": "STATEMENT_TIMESTAMP()"}  # as Django's Now()


def rows(query: str, *values: Value, lock: str = "") -> list[Any]:
    """What the query finds, as tuples. `{one_of}` compares with a collection: one value, however many are in it, so that the text
    stays the same. `{now}` is the database's clock. `lock` follows where rows can be locked; on SQLite nobody else writes.
    """
    text = query.format(one_of=ONE_OF[connection.vendor], now=NOW[connection.vendor])
    if lock and connection.features.has_select_for_update:
        text += f" {lock}"
    with connection.cursor() as cursor:
        cursor.execute(text, [_plain(value) for value in values])
        found: list[Any] = cursor.fetchall()
    return found


def _plain(value: Value) -> str | int | list[Any]:
    if isinstance(value, str | int):
        return value
    return json.dumps(list(value)) if connection.vendor == "sqlite" else list(value)
