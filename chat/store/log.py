"""The log of events: numbered, appended, read from a cursor, merged when a run has ended. The one interface to it.

A row holds one flush of one run as JSON lines. One transaction carries the flushes of all runs of a process. On SQLite a row
takes up several flushes: a transaction costs its pages there, and rows that lie on as many pages are dear to merge.
"""

import json
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from django.conf import settings
from django.db import IntegrityError, connection, transaction

from chat.models import Conversation, LogRow
from chat.protocol.types import Json
from chat.store import clock, sql

SLICE: Final = 200  # rows that one transaction removes
ROOM: Final = 1_250 if sql.VENDOR == "sqlite" else 0  # bytes of a row that takes up more: three of them share a page


class Row(NamedTuple):
    """Where a run's last flush went: the row's first sequence number, the bytes in it, the position of its last event."""

    first: int
    size: int
    position: int


@dataclass(frozen=True, slots=True)
class Batch:
    """Consecutive events of one run, the first of them with sequence number `first`, each as JSON bytes.

    `turn`: the turn that they came from, where it can be taken up again, and the provider's number of the last of them.
    `shows`: there is something to be seen in them or before them. `row`: that of the flush before, where it is known.
    """

    response_id: str
    epoch: int
    conversation_id: str | None
    first: int
    events: Sequence[bytes]
    turn: tuple[str, int | None] | None = None
    shows: bool = False
    row: Row | None = None

    @property
    def last(self) -> int:
        return self.first + len(self.events) - 1

    def at(self, position: int) -> Row:
        """The row that takes these events, the last of which has this position: the one before, where that has room and nothing
        else has happened in the conversation since, so that the position of each of its events can be told.
        """
        size = sum(map(len, self.events)) + len(self.events)
        if self.row is not None and self.row.size + size <= ROOM and self.row.position == position - len(self.events):
            return Row(self.row.first, self.row.size + size, position)
        return Row(self.first, size, position)


def append(batches: Sequence[Batch], *, waits: bool = False) -> dict[str, int | None]:
    """Commit all batches in one transaction. Returns response id → position of its last event; a fenced run is not in it.

    Where somebody holds the conversation (a request that takes long), its runs get None and are to be tried again, so that no
    other waits for them; with `waits` all wait.
    """
    with transaction.atomic(savepoint=False):
        ids = {batch.conversation_id for batch in batches if batch.conversation_id}
        lock = "FOR UPDATE" if waits else "FOR UPDATE SKIP LOCKED"
        query = "SELECT id, position FROM chat_conversation WHERE id {one_of} ORDER BY id"
        positions: dict[str, int] = dict(sql.rows(query, ids, lock=lock))
        held = set() if waits else _held(ids - positions.keys())
        valid = _unfenced([batch for batch in batches if batch.conversation_id not in held])
        at = []
        for batch in valid:
            if batch.conversation_id is not None:
                positions[batch.conversation_id] += len(batch.events)
            at.append((batch, positions.get(batch.conversation_id or "", batch.last)))
        _write(at, positions)
    waiting = {batch.response_id: None for batch in batches if batch.conversation_id in held}
    return {**waiting, **{batch.response_id: position for batch, position in at}}


def _held(missing: set[str]) -> set[str]:
    """Of the conversations that could not be locked: those that are there all the same."""
    return set(Conversation.objects.filter(pk__in=missing).values_list("pk", flat=True)) if missing else set()


def _unfenced(batches: Sequence[Batch]) -> list[Batch]:
    query = "SELECT id, epoch, sequence FROM chat_response WHERE status = 'in_progress' AND id {one_of} ORDER BY id"
    rows = sql.rows(query, [batch.response_id for batch in batches], lock="FOR UPDATE")
    facts = {pk: (epoch, sequence) for pk, epoch, sequence in rows}
    return [batch for batch in batches if facts.get(batch.response_id) == (batch.epoch, batch.first)]


APPEND = """INSERT INTO chat_logrow (response_id, first, last, position, events, packed, created)
SELECT {response}, {first}, {last}, {position}, {events}, {packed}, {now} {rows}"""
APPENDED = {"response": "text", "first": "int", "last": "int", "position": "bigint", "events": "bytea", "packed": "boolean"}
EXTEND = """UPDATE chat_logrow SET events = CAST(events || {events} AS BLOB), last = {last}, position = {position} {rows}
WHERE chat_logrow.response_id = {response} AND chat_logrow.first = {first}"""  # on SQLite alone; there two blobs make a text
EXTENDED = {name: type_ for name, type_ in APPENDED.items() if name != "packed"}
ADVANCE = """UPDATE chat_response SET sequence = {next}, position = {position},
first_token = CASE WHEN {shows} THEN COALESCE(first_token, {now}) ELSE first_token END {rows}
WHERE chat_response.id = {response}"""
ADVANCED = {"response": "text", "next": "int", "position": "bigint", "shows": "boolean"}
TURN = "UPDATE chat_turn SET upstream_sequence = {sequence} {rows} WHERE chat_turn.id = {turn}"
MOVE = "UPDATE chat_conversation SET position = {position} {rows} WHERE chat_conversation.id = {conversation}"


def _write(at: Sequence[tuple[Batch, int]], positions: dict[str, int]) -> None:
    """A statement for each table, for all runs; the ORM would send three for each run, and compile every one anew. `at`: batches
    with the positions of their last events.
    """
    touched = sorted({batch.conversation_id for batch, _ in at if batch.conversation_id})
    new, more = [], []
    for batch, position in at:
        first, events = batch.at(position).first, b"\n".join(batch.events)
        if first == batch.first:
            new.append((batch.response_id, first, batch.last, position, events, False))
        else:
            more.append((batch.response_id, first, batch.last, position, b"\n" + events))
    sql.each(APPEND, APPENDED, new)
    if sql.each(EXTEND, EXTENDED, more) != len(more):
        raise IntegrityError("a row of the log is not there any more")
    sql.each(ADVANCE, ADVANCED, [(batch.response_id, batch.last + 1, position, batch.shows) for batch, position in at])
    sql.each(TURN, {"turn": "text", "sequence": "int"}, [batch.turn for batch, _ in at if batch.turn])
    sql.each(MOVE, {"conversation": "text", "position": "bigint"}, [(pk, positions[pk]) for pk in touched])


class Flush(NamedTuple):
    """A row of the log: what was flushed, once or several times."""

    first: int
    last: int
    position: int
    events: bytes
    packed: bool

    @property
    def lines(self) -> bytes:
        return zlib.decompress(self.events) if self.packed else bytes(self.events)

    def decoded(self) -> list[Json]:
        return [json.loads(line) for line in self.lines.split(b"\n") if line]

    def known(self, upto: int | None) -> int:
        """The sequence number of its last event that was committed when the conversation was at `upto`."""
        return self.last if upto is None or self.position <= upto else self.last - (self.position - upto)


FLUSHES = "SELECT first, last, position, events, packed FROM chat_logrow WHERE "


class Passed(Exception):
    """The run has ended since the moment that was asked for: how far it was then cannot be told any more. Ask anew."""


def read(response_id: str, *, after: int = -1, upto: int | None = None) -> list[Json]:
    """The events of a run with sequence numbers above `after`, in order; with `upto`, those committed when the
    conversation was there. Raises Passed when they have been merged with later ones.

    Position and rows are read one after the other, without a transaction: what came in between is told by its position.
    """
    rows = [Flush(*row) for row in sql.rows(FLUSHES + "response_id = %s AND last > %s ORDER BY first", response_id, after)]
    if upto is not None and (any(row.packed and row.position > upto for row in rows) or (not rows and _has_ended(response_id))):
        raise Passed
    return [event for row in rows for number, event in enumerate(row.decoded(), row.first) if after < number <= row.known(upto)]


PACK = "UPDATE chat_logrow SET last = %s, position = %s, events = %s, packed = %s, times = %s WHERE response_id = %s"
PACKED = "SELECT first, last, position, events, packed, created FROM chat_logrow WHERE response_id = %s ORDER BY first"
MOST_TIMES: Final = 2_000  # of a reply that took longer, every second one is kept, or every third


def pack(response_id: str) -> None:
    """Merge all rows of an ended run into one compressed row. Call it inside the transaction that ends the run."""
    found = sql.rows(PACKED, response_id)
    if not found:
        return
    rows = [Flush(*row[:5]) for row in found]
    times = _times([(row[0], sql.moment(row[5])) for row in found])
    last, text = rows[-1], b"\n".join(row.lines for row in rows)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM chat_logrow WHERE response_id = %s AND first > %s", [response_id, rows[0].first])
        cursor.execute(PACK, [last.last, last.position, zlib.compress(text, 6), True, times, response_id])


def _times(flushes: Sequence[tuple[int, datetime]]) -> str:
    start, step = flushes[0][1], len(flushes) // MOST_TIMES + 1
    return json.dumps([[first, round((at - start).total_seconds() * 1000)] for first, at in flushes[::step]])


class Timed(NamedTuple):
    """An event, and how many seconds after the first flush of its run the row with it was written."""

    seconds: float
    event: Json


def recorded(response_id: str) -> tuple[datetime | None, list[Timed]]:
    """When the first flush of a run that has ended was written, and its events; (None, []) when they are not kept any more."""
    row = LogRow.objects.filter(response=response_id, packed=True).first()
    if row is None:
        return None, []
    events = Flush(row.first, row.last, row.position, bytes(row.events), True).decoded()
    return row.created, list(_spread(events, _flushes(row), row.first))


def _flushes(row: LogRow) -> list[tuple[int, int]]:
    return [(first, at) for first, at in json.loads(row.times)] if row.times else [(row.first, 0)]


def flushes(response_id: str) -> tuple[datetime | None, list[float]]:
    """The same without the events: seconds after the first flush."""
    row = LogRow.objects.filter(response=response_id, packed=True).defer("events").first()
    return (row.created, [at / 1000 for _, at in _flushes(row)]) if row else (None, [])


def _spread(events: list[Json], flushes: list[tuple[int, int]], start: int) -> Iterator[Timed]:
    """Events that were written together are spread over the time until the next were."""
    upto = 0
    for number, event in enumerate(events, start):
        while upto + 1 < len(flushes) and flushes[upto + 1][0] <= number:
            upto += 1
        first, at = flushes[upto]
        after, later = flushes[upto + 1] if upto + 1 < len(flushes) else (first, at)
        part = (number - first) / (after - first) if after > first else 0
        yield Timed((at + (later - at) * part) / 1000, event)


def drop(response_id: str) -> None:
    """Instead, for what is not stored: nothing of the run is left in the log."""
    sql.run("DELETE FROM chat_logrow WHERE response_id = %s", response_id)


def purge(now: datetime | None = None) -> int | None:
    """Remove what has been kept for `RESPONSE_RETENTION_DAYS`: the oldest events of ended runs, a slice of them. How many rows
    went, None when there are none. Replies stay in their histories.
    """
    limit = (now or clock.now()) - timedelta(days=settings.RESPONSE_RETENTION_DAYS)
    over = LogRow.objects.filter(packed=True, created__lt=limit).order_by("created")
    oldest = list(over.values_list("pk", flat=True)[:SLICE])
    return LogRow.objects.filter(pk__in=oldest).delete()[0] if oldest else None


def _has_ended(response_id: str) -> bool:
    return not sql.rows("SELECT 1 FROM chat_response WHERE id = %s AND status IN ('queued', 'in_progress')", response_id)


LARGEST = 2**63 - 1


def news(conversation_id: str, *, after: int, upto: int | None = None) -> list[Json]:
    """What happened to the conversation itself after position `after`, up to `upto` or until now."""
    query = (
        FLUSHES + "conversation_id = %s AND response_id IS NULL AND position > %s AND position <= %s ORDER BY position LIMIT 200"
    )
    found = sql.rows(query, conversation_id, after, LARGEST if upto is None else upto)
    return [event for row in found for event in Flush(*row).decoded()]
