"""A reply is counted once, whatever happens to it, to the process or to its people."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from django.db.models import Sum

from chat.models import Conversation, Daily, DailyPerson, LastActive, Response, Team
from chat.store import conversations, counting, departures, messages, overview, sharing, teams
from tests.accounts.conftest import simultaneously
from tests.cast import Cast, assemble
from tests.replies import count, replied
from tests.store.test_indexes import plan


def numbers(*names: str) -> tuple[int, ...]:
    sums = Daily.objects.aggregate(**{f"all_{name}": Sum(name, default=0) for name in names})
    return tuple(sums[f"all_{name}"] for name in names)


def test_what_has_ended_is_counted_once_and_what_runs_is_not(cast: Cast) -> None:
    replied(cast.mate, tokens=(100, 40, 7))
    replied(cast.mate, status="failed", store=False)
    replied(cast.mate, status="incomplete", tokens=(1, 0, 1))
    replied(cast.mate, status="cancelled")
    running = replied(cast.mate, status="in_progress")
    replied(cast.mate, status="queued")
    count()
    count()
    names = ("replies", "failed", "incomplete", "stored", "input", "cached", "output")
    assert numbers(*names) == (4, 1, 1, 3, 101, 40, 8)
    Response.objects.filter(pk=running.pk).update(status="completed")
    count()
    assert numbers("replies") == (5,)


def test_what_is_to_be_counted_is_all_that_its_index_holds(db: None) -> None:
    assert "response_uncounted" in plan(counting.NEWEST)
    assert "response_uncounted" in plan(counting.BEHIND)


def test_a_day_is_from_midnight_to_midnight_utc(cast: Cast) -> None:
    for at in ("2026-03-28T23:59:59.999999", "2026-03-29T00:00:00", "2026-03-29T23:59:59.999999"):
        replied(cast.mate, at=at)
    count()
    assert {f"{one.day}": one.replies for one in Daily.objects.all()} == {"2026-03-28": 1, "2026-03-29": 2}


def test_a_name_that_no_model_answered_to_may_be_words_and_is_in_no_number(cast: Cast) -> None:
    replied(cast.mate, model="my secret", status="failed", error_code="model_not_found")
    replied(cast.mate, model="my secret", status="cancelled")
    replied(cast.mate, model="stopped later", status="cancelled", wait=1)
    replied(cast.mate, model="server down", status="failed", error_code="upstream_unreachable")
    count()
    found = sorted(Daily.objects.values_list("model", "replies"))
    assert found == [("", 2), ("server down", 1), ("stopped later", 1)]


def test_a_step_that_dies_halfway_has_counted_nothing(cast: Cast) -> None:
    replied(cast.mate)
    with transaction.atomic():
        counting.step()
        assert numbers("replies") == (1,)
        transaction.set_rollback(True)
    assert numbers("replies") == (0,)
    count()
    assert numbers("replies") == (1,)


@pytest.mark.django_db(transaction=True)
def test_two_processes_count_each_reply_once() -> None:
    mate = assemble().mate
    there = Conversation.objects.create(owner=mate, team=Team.objects.get(personal_of=mate))
    many = [Response(conversation=there, author=mate, status="completed", model=f"m{n % 3}") for n in range(700)]
    Response.objects.bulk_create(many)
    failed = [one for one in simultaneously(3, lambda _: count()) if one is not None]
    assert failed == []
    assert numbers("replies") == (700,)
    assert DailyPerson.objects.aggregate(all=Sum("replies")) == {"all": 700}


@pytest.mark.django_db(transaction=True)
def test_who_counts_and_who_moves_at_the_same_time_leave_the_numbers_right() -> None:
    mate = assemble().mate
    team = teams.create(actor=mate, name="Physics")
    begun = messages.send(actor=mate, conversation_id=None, text="What is a quark?").conversation
    Response.objects.update(status="completed")

    def act(which: int) -> None:
        for number in range(12):
            if which == 0:
                sharing.move(actor=mate, conversation_id=begun.pk, team_id="" if number % 2 else team.pk)
            elif which == 1:
                Response.objects.create(conversation=begun, author=mate, team_id=begun_in(begun.pk), status="completed")
            else:
                counting.step()

    assert simultaneously(4, act) == [None] * 4
    count()
    here = Response.objects.filter(team=team).count()
    assert {(one.team, one.replies) for one in Daily.objects.exclude(replies=0)} == {
        pair for pair in ((team.pk, here), ("", 13 - here)) if pair[1]
    }
    assert sum(DailyPerson.objects.values_list("replies", flat=True)) == 13


def begun_in(conversation_id: str) -> str:
    return str(Conversation.objects.get(pk=conversation_id).team_id)


def test_numbers_stay_when_conversations_go_also_what_was_not_counted_yet(cast: Cast, settings: Any) -> None:
    settings.UNDO_MINUTES = 0
    there = replied(cast.mate, tokens=(10, 0, 1)).conversation
    assert there is not None
    conversations.delete(actor=cast.mate, conversation_id=there.pk)
    conversations.purge()
    assert not Response.objects.exists()
    count()
    assert numbers("replies", "input") == (1, 10)


def test_a_conversation_that_is_moved_takes_its_numbers_along(cast: Cast) -> None:
    team = teams.create(actor=cast.mate, name="Physics")
    begun = messages.send(actor=cast.mate, conversation_id=None, text="What is a quark?")
    Response.objects.filter(pk=begun.response.pk).update(status="completed", model="gpt-x")
    count()
    late = replied(cast.mate, conversation=begun.conversation)  # not counted before it is moved
    for target in (team.pk, "", team.pk):
        sharing.move(actor=cast.mate, conversation_id=begun.conversation.pk, team_id=target)
    count()
    assert {(one.team, one.replies) for one in Daily.objects.filter(replies__gt=0)} == {(team.pk, 2)}
    assert set(DailyPerson.objects.values_list("team", "person", "replies")) == {(team.pk, cast.mate.pk, 2)}
    assert set(LastActive.objects.values_list("team", "person")) == {(team.pk, cast.mate.pk)}
    assert Response.objects.get(pk=late.pk).counted


def test_numbers_of_somebody_who_has_left_stay_without_them(cast: Cast) -> None:
    team = teams.create(actor=cast.owner, name="Physics")
    for day in (0, 1):
        replied(cast.stranger, team, at=datetime.now(UTC) - timedelta(days=day))
    replied(cast.owner, team)
    count()
    departures.begin(actor=cast.stranger)
    while departures.step():
        pass
    assert not DailyPerson.objects.filter(person=cast.stranger.pk).exists()
    assert not LastActive.objects.filter(person=cast.stranger.pk).exists()
    found = overview.look(actor=cast.owner, days=7)
    assert (found.total.replies, found.total.people) == (3, 2)
    assert [sums.people for _, sums in found.days[-2:]] == [1, 2]


def test_who_was_active_is_kept_as_long_as_the_overview_looks_back(cast: Cast) -> None:
    replied(cast.mate)
    count()
    old = datetime.now(UTC).date() - timedelta(days=400)
    DailyPerson.objects.update(day=old)
    LastActive.objects.update(day=old)
    replied(cast.mate, at=datetime.now(UTC) - timedelta(days=400))
    count()
    while counting.purge(datetime.now(UTC)) is not None:
        pass
    assert not DailyPerson.objects.exists()
    assert not LastActive.objects.exists()
    assert numbers("replies") == (2,)


def test_when_somebody_was_active_last_goes_back_when_that_is_taken_elsewhere(cast: Cast) -> None:
    team = teams.create(actor=cast.mate, name="Physics")
    begun = messages.send(actor=cast.mate, conversation_id=None, text="What is a quark?")
    Response.objects.filter(pk=begun.response.pk).update(status="completed", model="gpt-x")
    before = datetime.now(UTC) - timedelta(days=3)
    replied(cast.mate, at=before)
    replied(cast.mate, at=before - timedelta(days=1))
    count()
    sharing.move(actor=cast.mate, conversation_id=begun.conversation.pk, team_id=team.pk)
    assert dict(LastActive.objects.values_list("team", "day")) == {"": before.date(), team.pk: datetime.now(UTC).date()}


@pytest.mark.parametrize(
    ("waits", "p50", "p95"),
    [
        ([], None, None),
        ([0.0], 0.05, 0.05),
        ([0.05] * 100, 0.075, 0.0975),
        ([1.0] * 50 + [7.0] * 50, 1.25, 7.85),
        ([-3.0] * 19 + [500.0], 0.026316, 0.05),
        ([500.0] * 3, 120.0, 120.0),
    ],
)
def test_waits_are_put_together_from_their_classes(waits: list[float], p50: float | None, p95: float | None) -> None:
    """In 50–100 ms the 50th of 100 has come after 75 ms, if they came evenly; 500 s are more than the last class begins with."""
    counts = [0] * (len(counting.EDGES) + 1)
    for wait in waits:
        counts[counting.wait_class(wait * 1000)] += 1
    found = [overview.percentile(counts, share) for share in (50, 95)]
    assert [one and round(one, 6) for one in found] == [p50, p95]
