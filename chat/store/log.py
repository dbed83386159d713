"""The log of events: numbered, appended, read from a cursor, merged when a run has ended. The one interface to it.

A row holds one flush of one run as JSON lines. One transaction carries the flushes of all runs of a process.
"""

import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from django.db import connection, transaction

from chat.models import Conversation
from chat.protocol.types import Json
from chat.store import sql


@dataclass(frozen=True, slots=True)
class Batch:
    """Consecutive events of one run, the first of them with sequence number `first`, each as JSON bytes.

    `turn`: the turn that they came from, where it can be taken up again, and the provider's number of the last of them.
    `shows`: there is something to be seen in them or before them.
    """

    response_id: str
    epoch: int
    conversation_id: str | None
    first: int
    events: Sequence[bytes]
    turn: tuple[str, int | None] | None = None
    shows: bool = False

    @property
    def last(self) -> int:
        return self.first + len(self.events) - 1


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
        written: dict[str, int | None] = {batch.response_id: None for batch in batches if batch.conversation_id in held}
        for batch in valid:
            if batch.conversation_id is not None:
                positions[batch.conversation_id] += len(batch.events)
            written[batch.response_id] = positions.get(batch.conversation_id or "", batch.last)
        _write(valid, written, positions)
    return written


def _held(missing: set[str]) -> set[str]:
    """Of the conversations that could not be locked: those that are there all the same."""
    return set(Conversation.objects.filter(pk__in=missing).values_list("pk", flat=True)) if missing else set()


def _unfenced(batches: Sequence[Batch]) -> list[Batch]:
    query = "SELECT id, epoch, sequence FROM chat_response WHERE status = 'in_progress' AND id {one_of} ORDER BY id"
    rows = sql.rows(query, [batch.response_id for batch in batches], lock="FOR UPDATE")
    facts = {pk: (epoch, sequence) for pk, epoch, sequence in rows}
    return [batch for batch in batches if facts.get(batch.response_id) == (batch.epoch, batch.first)]


APPEND = """INSERT INTO chat_logrow (response_id, first, last, position, events, packed, created)
SELECT {response}, {first}, {last}, {position}, {events}, {packed}, CURRENT_TIMESTAMP {rows}"""
APPENDED = {"response": "text", "first": "int", "last": "int", "position": "bigint", "events": "bytea", "packed": "boolean"}
ADVANCE = """UPDATE chat_response SET sequence = {next}, position = {position},
first_token = CASE WHEN {shows} THEN COALESCE(first_token, {now}) ELSE first_token END {rows}
WHERE chat_response.id = {response}"""
ADVANCED = {"response": "text", "next": "int", "position": "bigint", "shows": "boolean"}
TURN = "UPDATE chat_turn SET upstream_sequence = {sequence} {rows} WHERE chat_turn.id = {turn}"
MOVE = "UPDATE chat_conversation SET position = {position} {rows} WHERE chat_conversation.id = {conversation}"


def _write(batches: Sequence[Batch], written: dict[str, int | None], positions: dict[str, int]) -> None:
    """A statement for each table, for all runs; the ORM would send three for each run, and compile every one anew."""
    touched = sorted({batch.conversation_id for batch in batches if batch.conversation_id})
    at = [(batch, written[batch.response_id]) for batch in batches]
    sql.each(APPEND, APPENDED, [(b.response_id, b.first, b.last, position, b"\n".join(b.events), False) for b, position in at])
    sql.each(ADVANCE, ADVANCED, [(batch.response_id, batch.last + 1, position, batch.shows) for batch, position in at])
    sql.each(TURN, {"turn": "text", "sequence": "int"}, [batch.turn for batch in batches if batch.turn])
    sql.each(MOVE, {"conversation": "text", "position": "bigint"}, [(pk, positions[pk]) for pk in touched])


class Flush(NamedTuple):
    """A row of the log."""

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


FLUSHES = "SELECT first, last, position, events, packed FROM chat_logrow WHERE "


class Passed(Exception):
    """The run has ended since the moment that was asked for: how far it was then cannot be told any more. Ask anew."""


def read(response_id: str, *, after: int = -1, upto: int | None = None) -> list[Json]:
    """The events of a run with sequence numbers above `after`, in order; with `upto`, those committed when the
    conversation was there. Raises Passed when they have been merged with later ones.

    Position and rows are read one after the other, without a transaction: a row that came in between is told by its position.
    """
    rows = [Flush(*row) for row in sql.rows(FLUSHES + "response_id = %s AND last > %s ORDER BY first", response_id, after)]
    if upto is not None:
        if any(row.packed and row.position > upto for row in rows):
            raise Passed
        rows = [row for row in rows if row.position <= upto]
    return [event for row in rows for number, event in enumerate(row.decoded(), row.first) if number > after]


PACK = "UPDATE chat_logrow SET last = %s, position = %s, events = %s, packed = %s WHERE response_id = %s"


def pack(response_id: str) -> None:
    """Merge all rows of an ended run into one compressed row. Call it inside the transaction that ends the run."""
    rows = [Flush(*row) for row in sql.rows(FLUSHES + "response_id = %s ORDER BY first", response_id)]
    if not rows:
        return
    last, text = rows[-1], b"\n".join(row.lines for row in rows)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM chat_logrow WHERE response_id = %s AND first > %s", [response_id, rows[0].first])
        cursor.execute(PACK, [last.last, last.position, zlib.compress(text, 6), True, response_id])


LARGEST = 2**63 - 1


def news(conversation_id: str, *, after: int, upto: int | None = None) -> list[Json]:
    """What happened to the conversation itself after position `after`, up to `upto` or until now."""
    query = (
        FLUSHES + "conversation_id = %s AND response_id IS NULL AND position > %s AND position <= %s ORDER BY position LIMIT 200"
    )
    found = sql.rows(query, conversation_id, after, LARGEST if upto is None else upto)
    return [event for row in found for event in Flush(*row).decoded()]
