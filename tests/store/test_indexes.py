"""What is asked at every step finds an index, and a flush of a run's events changes none but the log's own."""

import re
from importlib import import_module
from typing import Any

import pytest
from django.apps import apps
from django.db import connection, transaction

from chat.live import catchup
from chat.models import LogRow, Response
from chat.store import copies, counting, ledger, log
from tests.cast import Cast

fewer_indexes = import_module("chat.migrations.0004_fewer_indexes")


def plain(query: str) -> str:
    """With a moment where the database's clock stands."""
    return query.format(now="'2026-01-01'", in_seconds="'2026-01-01'")


STANDING = """INSERT INTO chat_kept
(kind, server, account, upstream_id, conversation_id, team, state, attempts, next_try, error, created, expires)
SELECT 'response', 's', '', i, CASE WHEN i % 2 = 0 THEN 'c' || i END, 't' || i % 9, 'remains', 0, now(), '', now(),
now() + i * interval '1 hour'
FROM generate_series(1, 2000) AS s(i)"""
"""Of a ledger with nothing in it Postgres takes any index."""


def plan(query: str, *values: Any, full: bool = False) -> str:
    """How the database would answer, if it had so many rows that it mattered. `full`: the ledger has."""
    if connection.vendor != "postgresql":
        return _explained("EXPLAIN QUERY PLAN", query, values)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        if full:
            cursor.execute(STANDING)
            cursor.execute("ANALYZE chat_kept")
        found = _explained("EXPLAIN", query, values)
        transaction.set_rollback(True)
    return found


def _explained(how: str, query: str, values: Any) -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"{how} {query}", values)
        return "\n".join(str(row) for row in cursor.fetchall())


@pytest.mark.parametrize(
    ("query", "values", "indexes"),
    [
        (catchup.MOVED, ("c", 1, "c", 1), ["response_settled"]),
        (log.FLUSHES + "response_id = %s AND last > %s ORDER BY first", ("r", 1), ["one_log_row_per_first"]),
        (log.FLUSHES + "conversation_id = %s AND position > %s ORDER BY position", ("c", 1), ["log_position"]),
        ("DELETE FROM chat_logrow WHERE conversation_id IN (%s)", ("c",), ["log_position"]),
        ("SELECT id FROM chat_logrow WHERE packed AND created < %s ORDER BY created LIMIT 200", ("2026-01-01",), ["log_oldest"]),
        ("DELETE FROM chat_logrow WHERE response_id IN (%s)", ("r",), ["one_log_row_per_first"]),
        ("SELECT id FROM chat_item WHERE response_id = %s", ("r",), ["one_item_per_output_index"]),
        ("SELECT id FROM chat_item WHERE author_id = %s AND client_id = %s", (1, "c"), ["one_item_per_client_id"]),
        ("SELECT id FROM chat_turn WHERE response_id = %s", ("r",), ["one_turn_per_index"]),
        ("SELECT id FROM chat_branch WHERE conversation_id = %s", ("c",), ["one_branch_per_viewer"]),
        (plain(ledger.DUE), (), ["kept_due"]),
        (plain(ledger.STRAYS), (1,), ["kept_stray"]),
        (plain(ledger.RETURNED), ("s", "e", "e", "a", 1), ["kept_remains"]),
        (plain(ledger.OVER), ("2026-01-01", 1), ["kept_open"]),
        (plain(copies.STANDING), (1, 1), ["kept_copies"]),
        ("SELECT 1 FROM chat_kept WHERE file_id IN (%s) AND server = 's' AND account = ''", ("f",), ["one_copy_of_a_file"]),
        (plain(ledger.OLD), ("2026-01-01", 1), ["kept_ended"]),
        ("SELECT id FROM chat_kept WHERE conversation_id = %s", ("c",), ["chat_kept_conversation_id"]),
        ("SELECT id FROM chat_kept WHERE turn_id = %s", ("t",), ["one_kept_per_turn"]),
        ("SELECT day FROM chat_dailyperson WHERE team = %s AND model = %s AND person = %s", ("t", "m", 1), ["daily_of_person"]),
        (counting.THEIRS, ("c",), ["chat_response_conversation_id"]),
        ("SELECT 1 FROM chat_fileuse u WHERE u.file_id = %s", ("f",), ["chat_fileuse_file_id"]),
        ("DELETE FROM chat_fileuse WHERE item_id IN (%s)", ("i",), ["chat_fileuse_item_id"]),
        ("SELECT id FROM chat_fileuse WHERE expires <= %s", ("2026-01-01",), ["file_use_expires"]),
        ("SELECT id FROM chat_file WHERE state = 'going' ORDER BY created", (), ["file_state"]),
        ("SELECT id FROM chat_file WHERE owner_id = %s ORDER BY created DESC, id DESC", (1,), ["file_newest"]),
        ("SELECT id FROM chat_conversation WHERE owner_id = %s ORDER BY active DESC", (1,), ["conversation_newest"]),
    ],
)
def test_it_is_found_by_an_index(db: None, query: str, values: tuple[Any, ...], indexes: list[str]) -> None:
    found = plan(query, *values, full=query in (plain(ledger.DUE), plain(ledger.STRAYS)))
    for index in indexes:
        assert index in found or _unnamed(found, index), found
    assert "SCAN " not in found
    assert "Seq Scan" not in found


def test_ones_own_ledger_is_found_without_reading_everybodys(cast: Cast) -> None:
    mine, left = ledger.parts(cast.mate)
    for some, index in ((mine, "chat_kept_conversation_id"), (left, "chat_kept_owner_id")):
        for asked in (some, ledger.newest(some, 10**9)):
            query, values = asked.query.sql_with_params()
            found = plan(query, *values, full=True)
            assert index in found, found
            assert "chat_kept_pkey" not in found
            assert "SCAN " not in found


def _unnamed(found: str, constraint: str) -> bool:
    """SQLite does not tell the names of what its tables hold as UNIQUE."""
    return connection.vendor == "sqlite" and constraint.startswith("one_") and "sqlite_autoindex_" in found


def test_nothing_that_changes_with_every_flush_is_named_by_an_index_of_a_response(db: None) -> None:
    """Not in a condition either: Postgres would write all indexes of a reply with every flush."""
    for index in Response._meta.indexes:
        assert not {"position", "sequence"} & set(index.fields), index.name
        assert not re.search(r"position|sequence|first_token", str(index.condition)), index.name
    assert all(index.condition is not None for index in LogRow._meta.indexes)


def test_a_reply_has_no_index_for_patterns(db: None) -> None:
    with connection.cursor() as cursor:
        found = connection.introspection.get_constraints(cursor, Response._meta.db_table)
    assert not [name for name in found if name.endswith("_like")]


@pytest.mark.parametrize("row", fewer_indexes.SUPERFLUOUS)
def test_a_column_has_no_index_of_its_own_where_another_begins_with_it(db: None, row: tuple[str, str]) -> None:
    model = apps.get_model("chat", row[0])
    column = str(model._meta.get_field(row[1]).column)
    with connection.cursor() as cursor:
        found = connection.introspection.get_constraints(cursor, model._meta.db_table).values()
    assert not [one for one in found if one["index"] and not one["unique"] and one["columns"] == [column]]
    assert [one for one in found if (one["index"] or one["unique"]) and one["columns"][0] == column]
