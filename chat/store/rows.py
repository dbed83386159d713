"""Rows of models, read and added without the ORM's compiler: for what every reply does. What a model's fields say holds here too,
also of fields that are yet to come; only queries are written out.
"""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, Final, NamedTuple, TypeVar

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models import AutoField, Field, Model

from chat.store import sql

M = TypeVar("M", bound=Model)
Convert = Callable[[Any, Any, Any], Any]


class _Shape(NamedTuple):
    """A table: the columns of the model's fields, how what stands in one becomes a value, and the way to add a row."""

    names: tuple[str, ...]
    columns: str
    converters: tuple[tuple[int, Any, tuple[Convert, ...]], ...]
    added: tuple["Field[Any, Any]", ...]
    add: str


def fetch(model: type[M], where: str, *values: sql.Value, lock: str = "") -> list[M]:
    """What the model's manager would give for `where`, SQL that follows WHERE. Values and `lock` as for `sql.rows`."""
    shape = _shape(model)
    query = f"SELECT {shape.columns} FROM {model._meta.db_table} WHERE {where}"  # noqa: S608 - all of it is ours
    return [_made(model, shape, row) for row in sql.rows(query, *values, lock=lock)]


def change(model: type[M], changes: str, *values: sql.Value) -> list[M]:
    """Change rows, by SQL that follows SET, and give them as they are now."""
    shape = _shape(model)
    query = f"UPDATE {model._meta.db_table} SET {changes} RETURNING {shape.columns}"  # noqa: S608 - all of it is ours
    return [_made(model, shape, row) for row in sql.rows(query, *values)]


def add(row: M) -> M:
    """As `row.save(force_insert=True)`. A key that the database counts is not told."""
    shape, database = _shape(type(row)), connections[DEFAULT_DB_ALIAS]
    values = [field.get_db_prep_save(field.pre_save(row, True), database) for field in shape.added]
    with database.cursor() as cursor:
        cursor.execute(shape.add, values)
    row._state.adding, row._state.db = False, DEFAULT_DB_ALIAS
    return row


def _made(model: type[M], shape: _Shape, row: tuple[Any, ...]) -> M:
    values, database = list(row), connections[DEFAULT_DB_ALIAS]
    for at, expression, converters in shape.converters:
        for convert in converters:
            values[at] = convert(values[at], expression, database)
    return model.from_db(DEFAULT_DB_ALIAS, shape.names, values)


@cache
def _shape(model: type[Model]) -> _Shape:
    meta, database = model._meta, connections[DEFAULT_DB_ALIAS]
    fields: Final = meta.concrete_fields
    converters = []
    for at, field in enumerate(fields):
        expression = field.get_col(meta.db_table)
        found = (*database.ops.get_db_converters(expression), *expression.get_db_converters(database))
        if found:
            converters.append((at, expression, found))
    added = tuple(field for field in fields if not isinstance(field, AutoField))

    def quoted(some: "Sequence[Field[Any, Any]]") -> str:
        return ", ".join(database.ops.quote_name(str(field.column)) for field in some)

    return _Shape(
        names=tuple(field.attname for field in fields),
        columns=quoted(fields),
        converters=tuple(converters),
        added=added,
        add=f"INSERT INTO {meta.db_table} ({quoted(added)}) VALUES ({', '.join(['%s'] * len(added))})",  # noqa: S608 - all of it is ours
    )
