"""What has expired goes, and nothing else, by the database's clock; several at once, and one that is killed, do no harm."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import StringIO
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.utils import timezone

from chat import errors
from chat.models import (
    CacheEntry,
    Certificate,
    Conversation,
    Daily,
    Export,
    ExportChunk,
    Invitation,
    Kept,
    Link,
    LogRow,
    Opening,
    Presence,
    Purge,
    PushSubscription,
    Removal,
    Response,
    User,
)
from chat.runs.executor import executor
from chat.runs.purge import KINDS, Purging
from chat.store import clock, conversations, messages, pool, purges, removals
from tests.accounts.conftest import simultaneously
from tests.cast import Cast, person, put_in
from tests.runs.conftest import House

MICROSECOND = timedelta(microseconds=1)
NOW = datetime(2026, 10, 25, 1, 4, 30, 123456, tzinfo=UTC)  # in Berlin the clocks went back four minutes ago, from 3 to 2
UNDO, RETENTION = timedelta(minutes=10), timedelta(days=30)


def talk(owner: User, text: str = "Hello") -> Conversation:
    found: Conversation = messages.send(actor=owner, conversation_id=None, text=text).conversation
    Response.objects.filter(conversation=found).update(status="completed")
    return found


def deleted(owner: User, at: datetime) -> Any:
    found = talk(owner)
    Conversation.objects.filter(pk=found.pk).update(deleted=at)
    return found


def logged(owner: User, at: datetime) -> Any:
    response = Response.objects.get(conversation=talk(owner))
    row = LogRow.objects.create(response=response, events=b"", packed=True)
    LogRow.objects.filter(pk=row.pk).update(created=at)
    return row


def linked(owner: User, at: datetime) -> Any:
    return Link.objects.create(conversation=talk(owner), audience="anyone", expires=at)


def exported(owner: User, at: datetime) -> Any:
    export = Export.objects.create(owner=owner, state="ready", expires=at)
    ExportChunk.objects.bulk_create(ExportChunk(export=export, index=index, bytes=b"x") for index in range(40))
    return export


def signed_in(owner: User, at: datetime) -> Any:
    return Session.objects.create(session_key=f"key-{Session.objects.count()}", session_data="", expire_date=at)


def counted(owner: User, at: datetime) -> Any:
    return CacheEntry.objects.create(pk=f"key-{CacheEntry.objects.count()}", value="", expires=at)


def invited(owner: User, at: datetime) -> Any:
    return Invitation.objects.create(
        invited_by=owner, token_hash=str(Invitation.objects.count()), email="a@b.example", expires=at
    )


def present(owner: User, at: datetime) -> Any:
    return Presence.objects.create(conversation=talk(owner), user=owner, until=at)


def kept(owner: User, at: datetime) -> Any:
    """Closed, and long ago."""
    number = Kept.objects.count()
    where = {"server": "https://models.example", "upstream_id": f"resp_{number}", "state": "gone", "ended": at}
    return Kept.objects.create(owner=owner, next_try=at, created=at, expires=at, **where)


def removed(owner: User, at: datetime) -> Any:
    removal = Removal.objects.create(item=Response.objects.get(conversation=(there := talk(owner))).input, conversation=there)
    Removal.objects.filter(pk=removal.pk).update(created=at)
    return removal


def temporary(owner: User, at: datetime) -> Any:
    """What a reply in a temporary conversation leaves."""
    row = Response.objects.create(author=owner, team=owner.personal_team, store=False, status="completed", model="scripted")
    Response.objects.filter(pk=row.pk).update(created=at)
    return row


def certified(owner: User, at: datetime) -> Any:
    number = Certificate.objects.count()
    return Certificate.objects.create(kind="conversation", subject=f"conv_{number}", owner=owner, removed=at, done=at)


def opened(owner: User, at: datetime) -> Any:
    """A reason to read, whose time was over then."""
    where = {"conversation": (there := talk(owner)), "team": there.team}
    return Opening.objects.create(reader=owner, **where, reason="other", note="Why", state="granted", expires=at)


def browsing(owner: User, at: datetime) -> Any:
    """A browser that was signed in, and is to be notified."""
    session = signed_in(owner, at)
    PushSubscription.objects.create(user=owner, endpoint=f"https://push.example/{session.pk}", session=session.pk)
    where = {"ip": "192.0.2.1", "user_agent": "Firefox", "last_seen_at": at - timedelta(hours=2)}
    return UserSession.objects.create(user=owner, session_key=session.pk, **where)


def unsent(owner: User, at: datetime) -> Any:
    use = put_in(owner)
    type(use).objects.filter(pk=use.pk).update(expires=at)
    return use


MADE: dict[str, tuple[Callable[[User, datetime], Any], timedelta]] = {
    "conversations": (deleted, UNDO),
    "log": (logged, RETENTION),
    "messages": (removed, UNDO),
    "files": (unsent, timedelta()),
    "ledger": (kept, timedelta(days=30)),
    "links": (linked, timedelta()),
    "exports": (exported, timedelta()),
    "sessions": (signed_in, timedelta()),
    "cache": (counted, timedelta()),
    "invitations": (invited, timedelta()),
    "presence": (present, timedelta(minutes=5)),
    "temporary": (temporary, RETENTION),
    "openings": (opened, timedelta(days=7)),
    "certificates": (certified, timedelta(days=365)),
    "browsers": (browsing, timedelta()),
}


def there(row: Any) -> bool:
    return bool(type(row)._default_manager.filter(pk=row.pk).exists())


def test_every_kind_that_has_a_time_is_tried_here() -> None:
    unlike = {"probes", "active", "copies"}  # go by their number, by the day, and when nothing uses them
    assert set(KINDS) - unlike == set(MADE)


@pytest.mark.parametrize("kind", MADE)
def test_a_microsecond_before_its_time_a_row_stays_and_a_microsecond_after_it_goes(cast: Cast, kind: str) -> None:
    make, kept_for = MADE[kind]
    over, not_yet = make(cast.owner, NOW - kept_for - MICROSECOND), make(cast.stranger, NOW - kept_for + MICROSECOND)
    went = 0
    while (some := KINDS[kind].remove(NOW)) is not None:
        went += some
    assert (there(over), there(not_yet), went) == (False, True, 1)


def test_ten_minutes_are_ten_minutes_in_the_hour_that_comes_twice(cast: Cast) -> None:
    """Deleted at 2:55 summer time in Berlin; at 2:04 winter time nine and a half minutes have passed, by the wall minus fifty."""
    berlin = ZoneInfo("Europe/Berlin")
    just, before = NOW - UNDO + MICROSECOND, NOW - UNDO - MICROSECOND
    with timezone.override(berlin):
        kept, gone = deleted(cast.owner, just.astimezone(berlin)), deleted(cast.owner, before.astimezone(berlin))
        assert just.astimezone(berlin).hour == NOW.astimezone(berlin).hour == 2
        assert conversations.purge(NOW) == 1
        assert conversations.purge(NOW) is None
    assert (there(kept), there(gone)) == (True, False)


def test_the_databases_clock_is_in_utc(db: None) -> None:
    with timezone.override(ZoneInfo("Europe/Berlin")):
        assert clock.now().tzinfo is UTC
        assert abs(clock.now() - datetime.now(UTC)) < timedelta(seconds=10)


@pytest.mark.parametrize("skew", [timedelta(days=40), timedelta(days=-40)])
def test_the_processes_own_clock_counts_for_nothing(cast: Cast, monkeypatch: pytest.MonkeyPatch, skew: timedelta) -> None:
    right = clock.now()
    rows = {
        kind: (make(cast.owner, right - kept - UNDO), make(cast.stranger, right + UNDO)) for kind, (make, kept) in MADE.items()
    }
    late, there_still = talk(cast.owner), talk(cast.owner)
    message = {"conversation_id": there_still.pk, "item_id": Response.objects.get(conversation=there_still).input_id}
    monkeypatch.setattr("django.utils.timezone.now", lambda: right + skew)
    conversations.delete(actor=cast.owner, conversation_id=late.pk)
    removals.remove(actor=cast.owner, **message)
    list(Purging().pieces())
    assert {kind: (there(over), there(not_yet)) for kind, (over, not_yet) in rows.items()} == dict.fromkeys(MADE, (False, True))
    assert conversations.restore(actor=cast.owner, conversation_id=late.pk).deleted is None
    assert removals.restore(actor=cast.owner, **message).pk == there_still.pk


def test_what_was_deleted_too_long_ago_is_not_had_back_half(cast: Cast) -> None:
    found = deleted(cast.owner, clock.now() - UNDO - timedelta(seconds=1))
    with pytest.raises(errors.NotFound, match="too late"):
        conversations.restore(actor=cast.owner, conversation_id=found.pk)
    again = deleted(cast.owner, clock.now() - UNDO + timedelta(seconds=30))
    conversations.restore(actor=cast.owner, conversation_id=again.pk)
    assert not Conversation.objects.filter(pk=again.pk, deleted__isnull=False).exists()


def long_gone(owner: User, *, count: int) -> list[Any]:
    """So many of each kind, and a conversation of three pieces."""
    at = clock.now() - timedelta(days=400)
    rows = [make(owner, at) for make, _ in MADE.values() for _ in range(count)]
    large = deleted(owner, at)
    item = Response.objects.get(conversation=large).input
    Response.objects.bulk_create(Response(conversation=large, input=item, status="completed") for _ in range(45))
    return [*rows, large]


@pytest.mark.django_db(transaction=True)
def test_several_at_once_remove_everything_once_and_nothing_else() -> None:
    owner = person("olivia")
    gone, kept = long_gone(owner, count=6), [make(owner, clock.now() + UNDO) for make, _ in MADE.values()]
    purgings = [Purging() for _ in range(3)]
    results = simultaneously(3, lambda number: sum(1 for _ in purgings[number].pieces()))
    assert [result for result in results if isinstance(result, Exception)] == []
    assert [row for row in gone if there(row)] == []
    assert all(map(there, kept))
    assert Purge.objects.count() >= 1
    assert sum(purge.counts.get("conversations", 0) for purge in Purge.objects.all()) == 7


@pytest.mark.parametrize("after", [1, 3, 8])
def test_one_that_is_killed_between_two_pieces_leaves_the_rest_to_the_next_and_claims_no_success(cast: Cast, after: int) -> None:
    gone = long_gone(cast.owner, count=2)
    assert len(list(islice(Purging().pieces(), after))) == after
    assert not Purge.objects.exists()
    assert any(map(there, gone))
    list(Purging().pieces())
    assert not any(map(there, gone))
    assert Purge.objects.count() == 1


def test_what_went_within_an_hour_is_one_row_and_rows_are_kept_for_a_month(cast: Cast) -> None:
    now = clock.now()
    Purge.objects.create(started=now - timedelta(days=32), ended=now - timedelta(days=31))
    Purge.objects.create(started=now - timedelta(hours=2), ended=now - timedelta(hours=1), counts={"links": 1})
    purges.record(started=now, counts={"links": 2})
    purges.record(started=clock.now(), counts={"links": 3, "log": 1})
    newest, before = Purge.objects.order_by("-ended")
    assert (newest.counts, before.counts) == ({"links": 5, "log": 1}, {"links": 1})
    assert newest.ended >= newest.started >= now


def test_a_browser_whose_session_is_over_is_forgotten_and_notified_no_more(cast: Cast) -> None:
    over, not_yet = browsing(cast.owner, NOW - MICROSECOND), browsing(cast.owner, NOW + MICROSECOND)
    moving = browsing(cast.owner, NOW - MICROSECOND)
    UserSession.objects.filter(pk=moving.pk).update(last_seen_at=NOW)  # its session may just be getting another key
    assert KINDS["browsers"].remove(NOW) == 1
    assert KINDS["browsers"].remove(NOW) is None
    assert [there(one) for one in (over, not_yet, moving)] == [False, True, True]
    assert set(PushSubscription.objects.values_list("session", flat=True)) == {not_yet.session_key, moving.session_key}


def test_a_row_of_a_temporary_reply_is_counted_before_it_goes_and_one_that_can_be_had_back_stays(cast: Cast) -> None:
    temporary(cast.owner, NOW - RETENTION - MICROSECOND)
    back = Response.objects.get(conversation=talk(cast.owner))
    Response.objects.filter(pk=back.pk).update(conversation=None, store=False, created=NOW - RETENTION - MICROSECOND)
    assert KINDS["temporary"].remove(NOW) == 1
    assert [row.pk for row in Response.objects.all()] == [back.pk]
    assert Daily.objects.get().replies == 1


def test_the_command_says_what_went(cast: Cast) -> None:
    long_gone(cast.owner, count=2)
    said = StringIO()
    call_command("purge", stdout=said)
    assert "3 deleted conversations" in said.getvalue()
    assert "2 links" in said.getvalue()
    again = StringIO()
    call_command("purge", stdout=again)
    assert again.getvalue() == "Nothing had expired.\n"


async def test_a_process_that_executes_does_it_by_itself_and_puts_it_on_record(house: House) -> None:
    await executor.close()
    gone = await pool.for_readers(long_gone, house.actor, count=1)
    await pool.for_readers(Purge.objects.all().delete)
    executor.open()
    async with asyncio.timeout(10):
        while not await pool.for_readers(Purge.objects.exists):
            await asyncio.sleep(0.02)
    assert not await pool.for_readers(lambda: any(map(there, gone)))
