"""SQLite's index of words. What is removed leaves it when its parts are merged, or when it is made anew: in pieces, between which
others write. Postgres' index forgets by itself.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any, Final, NamedTuple

from django.db import connection

from chat.store import sql

MERGED: Final = 64  # pages that one transaction merges
ENTRIES, CHARACTERS = 200, 300_000  # that one transaction indexes, unless a single entry is longer
MOST_LEVELS: Final = 800
MERGE: Final = "INSERT INTO chat_search (chat_search, rank) VALUES ('merge', %s)"
# It is made anew from the newest entry to the oldest, and what is new is indexed at once: whatever is older than all that it has.
LACKING: Final = "FROM chat_searchentry WHERE id < COALESCE((SELECT MIN(id) FROM chat_search_docsize), 9e18)"


class Level(NamedTuple):
    """Of the parts that the index has on this level, so many are being merged into one on the next: the first ones."""

    merging: int
    parts: tuple[int, ...]

    @property
    def merged(self) -> tuple[int, ...]:
        return self.parts[: self.merging]


@dataclass(slots=True)
class _Work:
    """What is under way in this process, the only one that serves a SQLite."""

    open: bool = False
    parts: tuple[int, ...] = ()  # that are being merged; none while the index is made anew
    ended: int = 0  # how often
    wanted: dict[object, int] = field(default_factory=dict)  # who waits for the end of which

    def goes_on(self, more: bool) -> None:
        self.open = more
        self.ended += not more


_work = _Work()


def merge(whose: object = None, *, most_levels: int = MOST_LEVELS) -> bool:
    """Go on until the words are gone that had been removed when it was first asked for in this name. False when they are.

    A merge begins by putting all parts on a level of their own (`-MERGED`), and is at its end when these are gone, whatever is
    written meanwhile. Levels are never given back, and about 2,000 of them break the index, so that it is made anew long before.
    """
    if sql.VENDOR != "sqlite":
        return False
    wanted = _work.wanted.setdefault(whose, _work.ended + 1 + _work.open)  # one under way may have passed by what is to go
    if _work.ended < wanted:
        with connection.cursor() as cursor:
            (_go_on if _work.open else _begin)(cursor, most_levels)
    if _work.ended < wanted:
        return True
    _work.wanted.pop(whose, None)  # another thread may have been here
    return False


def begin_again() -> None:
    """What it did last is undone: its transaction was rolled back."""
    _work.open = False
    _work.wanted = dict.fromkeys(_work.wanted, _work.ended + 1)


def _begin(cursor: Any, most_levels: int) -> None:
    if _index_some(cursor):  # what an earlier process did not come to
        return
    if len(levels(cursor)) > most_levels:
        cursor.execute("INSERT INTO chat_search (chat_search) VALUES ('delete-all')")
        _work.parts = ()
        _work.goes_on(lacking(cursor))
    else:
        cursor.execute(MERGE, [-MERGED])
        _work.parts = next((level.merged for level in reversed(levels(cursor)) if level.merging), ())
        _work.goes_on(bool(_work.parts))


def _go_on(cursor: Any, most_levels: int) -> None:
    if not _work.parts:
        _work.goes_on(_index_some(cursor))
        return
    before = _structure(cursor)
    cursor.execute(MERGE, [MERGED])
    if _structure(cursor) == before:  # so that it would be for ever
        _begin(cursor, most_levels)
    else:
        _work.goes_on(any(level.merged == _work.parts for level in levels(cursor)))


def lacking(cursor: Any) -> bool:
    """Whether the index is being made anew, and lacks entries."""
    return bool(cursor.execute(f"SELECT EXISTS (SELECT 1 {LACKING})").fetchone()[0])


def _index_some(cursor: Any) -> bool:
    """The newest of those that it lacks. False when it lacks none."""
    newest = cursor.execute(f"SELECT id, LENGTH(text) {LACKING} ORDER BY id DESC LIMIT %s", [ENTRIES]).fetchall()
    sizes = accumulate(size for _, size in newest)
    chosen = [pk for (pk, _), size in zip(newest, sizes, strict=True) if size <= CHARACTERS] or [pk for pk, _ in newest[:1]]
    if chosen:
        some = "SELECT id, text FROM chat_searchentry WHERE id BETWEEN %s AND %s ORDER BY id"
        cursor.execute(f"INSERT INTO chat_search (rowid, text) {some}", [chosen[-1], chosen[0]])
    return bool(chosen)


def levels(cursor: Any) -> list[Level]:
    """What its parts stand on, the newest first (fts5's own format, "Structure Record": four bytes, then numbers)."""
    numbers = _numbers(_structure(cursor)[4:])
    count, _parts, _writes = next(numbers), next(numbers), next(numbers)
    return [_level(numbers) for _ in range(count)]


def _level(numbers: Iterator[int]) -> Level:
    merging, count = next(numbers), next(numbers)
    parts = [(next(numbers), next(numbers), next(numbers)) for _ in range(count)]  # with their first and last pages
    return Level(merging, tuple(part for part, _, _ in parts))


def _structure(cursor: Any) -> bytes:
    (block,) = cursor.execute("SELECT block FROM chat_search_data WHERE id = 10").fetchone()
    return bytes(block)


def _numbers(data: bytes) -> Iterator[int]:
    """Seven bits in a byte, the highest first; the last byte of each is below 128."""
    number = 0
    for byte in data:
        number = number << 7 | byte & 127
        if byte < 128:
            yield number
            number = 0
