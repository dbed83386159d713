"""On SQLite the thread that writes for all runs does not wait for the disk."""

import pytest
from django.db import connection

from chat.store import pool

pytestmark = [
    pytest.mark.skipif(connection.vendor != "sqlite", reason="SQLite's own log"),
    pytest.mark.django_db(transaction=True),
]


def checkpoints_after() -> int:
    """Pages in the write-ahead log, after which a commit brings them home; 0 for never."""
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA wal_autocheckpoint")
        return int(cursor.fetchone()[0])


async def test_the_runs_thread_leaves_checkpoints_to_others_also_when_it_connects_anew() -> None:
    assert await pool.for_readers(checkpoints_after) > 0
    assert await pool.for_runs(checkpoints_after) == 0
    await pool.for_runs(lambda: connection.close())
    assert await pool.for_runs(checkpoints_after) == 0
