"""The log, flush by flush: rows that take up several of them tell each event's position as if each had its own."""

import json
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from chat.models import Conversation, LogRow, Response
from chat.store import conversations, log, messages, responses
from chat.store.log import Batch, Row
from chat.store.responses import Ending
from tests.cast import Cast

sqlite_only = pytest.mark.skipif(connection.vendor != "sqlite", reason="Postgres keeps a row for each flush")


@dataclass
class Growing:
    """A run as its process sees it. `at`: position → how many of its events were committed then."""

    response: Response
    row: Row | None = None
    count: int = 0
    at: dict[int, int] = field(default_factory=dict)

    def batch(self, *events: bytes) -> Batch:
        response = self.response
        return Batch(response.pk, response.epoch, response.conversation_id, self.count, events, shows=True, row=self.row)

    def flush(self, *events: bytes) -> None:
        batch = self.batch(*events)
        position = log.append([batch])[self.response.pk]
        assert position is not None
        self.committed(batch, position)

    def committed(self, batch: Batch, position: int) -> None:
        self.row, self.count = batch.at(position), batch.last + 1
        self.at[position] = self.count


def begun(cast: Cast, conversation_id: str | None = None) -> Growing:
    sent = messages.send(actor=cast.owner, conversation_id=conversation_id, text="Why tides?")
    Response.objects.filter(pk=sent.response.pk).update(status="in_progress", epoch=1)
    return Growing(Response.objects.get(pk=sent.response.pk))


def event(number: int, text: str = "tides ") -> bytes:
    return json.dumps({"number": number, "delta": text}, ensure_ascii=False).encode("utf-8", "surrogatepass")


def numbers(response: Response, *, after: int = -1, upto: int | None = None) -> list[int]:
    return [int(str(one["number"])) for one in log.read(response.pk, after=after, upto=upto)]


def rows(run: Growing) -> list[LogRow]:
    return list(LogRow.objects.filter(response=run.response).order_by("first"))


@sqlite_only
def test_a_row_takes_up_flushes_until_it_is_full(cast: Cast) -> None:
    run = begun(cast)
    for number in range(100):
        run.flush(event(number))
    kept = rows(run)
    assert 3 <= len(kept) <= 5
    assert max(len(row.events) for row in kept) <= log.ROOM
    assert numbers(run.response) == list(range(100))
    assert [row.first for row in kept[1:]] == [row.last + 1 for row in kept[:-1]]


@sqlite_only
def test_a_large_flush_has_a_row_of_its_own(cast: Cast) -> None:
    run = begun(cast)
    for number, size in enumerate((10, 5_000, 10, 10)):
        run.flush(event(number, "x" * size))
    assert [(row.first, row.last) for row in rows(run)] == [(0, 0), (1, 1), (2, 3)]


def test_what_was_committed_at_each_position_is_told(cast: Cast) -> None:
    run = begun(cast)
    for size in (3, 1, 5, 2, 1, 4):
        run.flush(*map(event, range(run.count, run.count + size)))
    for position, count in run.at.items():
        assert numbers(run.response, upto=position) == list(range(count))
        assert numbers(run.response, after=2, upto=position) == list(range(3, count))


def test_what_happens_to_the_conversation_between_two_flushes_moves_no_event(cast: Cast) -> None:
    run = begun(cast)
    conversation_id = str(run.response.conversation_id)
    between = {}
    for number in range(6):
        run.flush(event(number))
        if number % 2:
            conversations.rename(actor=cast.owner, conversation_id=conversation_id, title=f"Tides {number}")
            between[Conversation.objects.get(pk=conversation_id).position] = run.count
    for position, count in {**run.at, **between}.items():
        assert numbers(run.response, upto=position) == list(range(count))


def test_two_runs_of_one_conversation_are_told_apart_at_each_position(cast: Cast) -> None:
    one = begun(cast)
    other = begun(cast, str(one.response.conversation_id))
    seen = []
    for turn in range(8):
        flushed = [run for run, now in ((one, turn % 3 != 2), (other, turn % 2 == 0 or turn % 3 == 2)) if now]
        batches = [run.batch(*map(event, range(run.count, run.count + 2))) for run in flushed]
        written = log.append(batches)
        for run, batch in zip(flushed, batches, strict=True):
            run.committed(batch, int(str(written[run.response.pk])))
        seen.append((max(int(str(position)) for position in written.values()), one.count, other.count))
    for position, first, second in seen:
        assert numbers(one.response, upto=position) == list(range(first))
        assert numbers(other.response, upto=position) == list(range(second))


def test_every_character_survives_being_added_to_a_row(cast: Cast) -> None:
    run = begun(cast)
    texts = ["naïve", "🌊", "\ud83c", "\x00\n\r\u2028", "'; --", "%s {rows}"]
    for number, text in enumerate(texts):
        run.flush(event(number, text))
    assert [one["delta"] for one in log.read(run.response.pk)] == texts


def test_an_ended_run_is_one_row_whatever_its_flushes_were(cast: Cast) -> None:
    run = begun(cast)
    for number in range(30):
        run.flush(event(number))
    assert responses.end(run.batch(event(30), event(31)), Ending("completed")) is not None
    (kept,) = rows(run)
    assert (kept.first, kept.last, kept.packed) == (0, 31, True)
    assert numbers(run.response) == list(range(32))


@sqlite_only
def test_a_row_that_somebody_removed_is_an_error_and_no_gap(cast: Cast) -> None:
    run = begun(cast)
    run.flush(event(0))
    LogRow.objects.filter(response=run.response).delete()
    with pytest.raises(IntegrityError), transaction.atomic():
        log.append([run.batch(event(1))])
    assert Response.objects.get(pk=run.response.pk).sequence == 1


def test_another_process_goes_on_in_a_row_of_its_own(cast: Cast) -> None:
    run = begun(cast)
    run.flush(event(0))
    Response.objects.filter(pk=run.response.pk).update(epoch=2)
    other = Growing(Response.objects.get(pk=run.response.pk), count=1)
    other.flush(event(1))
    assert [row.first for row in rows(other)] == [0, 1]
    assert log.append([run.batch(event(1, "late"))]) == {}
    assert numbers(run.response) == [0, 1]


def test_what_has_been_kept_long_enough_goes_and_the_reply_stays(cast: Cast, settings: Any) -> None:
    settings.RESPONSE_RETENTION_DAYS = 30
    old, new = (messages.send(actor=cast.owner, conversation_id=None, text=text).response for text in ("Old", "New"))
    running = messages.send(actor=cast.owner, conversation_id=None, text="Running").response
    for response in (old, new, running):
        LogRow.objects.create(response=response, events=b"{}", packed=response is not running)
    LogRow.objects.exclude(response=new).update(created=timezone.now() - timedelta(days=30, seconds=1))
    assert log.purge() == 1
    assert set(LogRow.objects.filter(response__isnull=False).values_list("response", flat=True)) == {new.pk, running.pk}
    assert log.purge() is None


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite changes a row where it stands")
def test_a_flush_writes_no_index_of_a_reply_or_its_conversation(cast: Cast) -> None:
    run = begun(cast)
    run.flush(event(0))
    before = {table: _updates(table) for table in ("chat_response", "chat_conversation")}
    for number in range(1, 21):
        run.flush(event(number))
    for table, (changed, in_place) in before.items():
        now_changed, now_in_place = _updates(table)
        assert (now_changed - changed, now_in_place - in_place) == (20, 20), table


def _updates(table: str) -> tuple[int, int]:
    """How many rows were changed in this transaction, and how many of those where they stand."""
    with connection.cursor() as cursor:
        which = "pg_stat_get_xact_tuples_updated(%s::regclass), pg_stat_get_xact_tuples_hot_updated(%s::regclass)"
        cursor.execute(f"SELECT {which}", [table, table])
        changed, in_place = cursor.fetchone()
    return int(changed), int(in_place)
