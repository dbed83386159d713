"""What removed rows leave behind in SQLite's files: words in the index until its parts are merged, and all there was in the
write-ahead log until that is emptied. Postgres' own VACUUM does it there.
"""

import threading

from django.db import DEFAULT_DB_ALIAS, connections

from chat.store import fts5, sql

_left = threading.Event()
_left.set()  # by whoever was here before this process
_begun = threading.Event()


def leave() -> None:
    """Something was removed: call it after the commit."""
    _left.set()


def step() -> bool:
    """Remove a piece of what is left. False when nothing is, or when it cannot be done just now (somebody reads what is to go, or
    this is within a transaction): ask again later.
    """
    if sql.VENDOR != "sqlite" or not (_left.is_set() or _begun.is_set()) or connections[DEFAULT_DB_ALIAS].in_atomic_block:
        return False
    if not _begun.is_set():
        _left.clear()  # what is removed from now on is for the next time
        _begun.set()
    if fts5.merge(leave):
        return True
    _begun.clear()
    if not _emptied():
        _left.set()
    return False


def _emptied() -> bool:
    """Bring the write-ahead log home and cut it to nothing. Not waited for: nobody could write meanwhile."""
    with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
        ((patience,),) = cursor.execute("PRAGMA busy_timeout").fetchall()
        cursor.execute("PRAGMA busy_timeout = 0")
        try:
            ((busy, *_),) = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        finally:
            cursor.execute(f"PRAGMA busy_timeout = {int(patience)}")
    return not busy
