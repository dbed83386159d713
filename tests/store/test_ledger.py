"""The ledger itself: who deletes what is due, and when it is tried again."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from django.utils import timezone

from chat.models import Conversation, Kept, Turn
from chat.store import conversations, ledger, messages, responses, turns
from chat.store.log import Batch
from chat.store.responses import Ending
from tests.accounts.conftest import simultaneously
from tests.cast import Cast, person

SERVER = "https://models.example/v1"


def past() -> datetime:
    """SQLite's clock counts milliseconds."""
    return timezone.now() - timedelta(seconds=1)


def keep(upstream_id: str = "resp_1", **more: Any) -> Kept:
    now = past()
    fields = {"state": "due", "next_try": now, "created": now, "expires": now + timedelta(days=30), **more}
    return Kept.objects.create(server=SERVER, upstream_id=upstream_id, **fields)


@pytest.mark.parametrize(("tries", "pause"), [(1, 5), (2, 10), (3, 20), (30, 3600)])
def test_the_pauses_between_two_tries_grow_to_an_hour(db: None, tries: int, pause: int) -> None:
    keep(attempts=tries - 1)
    (claimed,) = ledger.claim(SERVER, most=4)
    before = timezone.now()
    ledger.retry(claimed, "Not now.")
    found = Kept.objects.get()
    assert abs((found.next_try - before).total_seconds() - pause) < 2
    assert (found.state, found.error) == ("due", "Not now.")


def test_a_try_that_died_is_made_again_and_does_not_count_when_it_comes_back(db: None) -> None:
    keep()
    (claimed,) = ledger.claim(SERVER, most=4)
    assert ledger.claim(SERVER, most=4) == []
    Kept.objects.update(next_try=past())
    (again,) = ledger.claim(SERVER, most=4)
    ledger.gone(claimed)
    assert Kept.objects.get().state == "due"
    ledger.gone(again)
    assert Kept.objects.get().state == "gone"


def test_only_what_this_provider_keeps_is_deleted_there(db: None) -> None:
    keep()
    assert ledger.claim("https://other.example/v1", most=4) == []
    assert ledger.claim("", most=4) == []


@pytest.mark.django_db(transaction=True)
def test_two_processes_never_try_the_same_at_once() -> None:
    for number in range(20):
        keep(f"resp_{number}")
    found: list[str] = []

    def take(_: int) -> None:
        while some := ledger.claim(SERVER, most=3):
            found.extend(claim.upstream_id for claim in some)

    assert simultaneously(4, take) == [None] * 4
    assert len(found) == len(set(found)) == 20


def test_what_is_noted_late_is_noted_once_and_goes_where_nobody_has_it_any_more(cast: Cast) -> None:
    begun = messages.send(actor=cast.mate, conversation_id=None, text="Hello")
    turn = Turn.objects.create(response=begun.response, index=0, epoch=0, provider="openai")
    keeping = ledger.Keeping(turn.pk, SERVER, "", "resp_1")
    for _ in range(2):
        ledger.note(keeping)
    assert Kept.objects.get().state == "kept"
    while conversations.purge_slice(begun.conversation.pk):
        pass
    ledger.note(keeping)
    assert Kept.objects.get().state == "due"
    ledger.note(ledger.Keeping(turn.pk, SERVER, "", "resp_2"))
    assert [(row.upstream_id, row.state) for row in Kept.objects.order_by("pk")] == [("resp_1", "due"), ("resp_2", "due")]


def test_what_nobody_has_here_any_more_is_due_however_it_went(cast: Cast) -> None:
    begun = messages.send(actor=cast.mate, conversation_id=None, text="Hello")
    turn = Turn.objects.create(response=begun.response, index=0, epoch=0, provider="openai")
    ledger.note(ledger.Keeping(turn.pk, SERVER, "", "resp_1"))
    ledger.tidy(SERVER)
    assert Kept.objects.get().state == "kept"
    Conversation.objects.all().delete()
    ledger.tidy(SERVER)
    assert Kept.objects.get().state == "due"


@pytest.mark.django_db(transaction=True)
def test_what_is_noted_in_the_moment_in_which_the_run_ends_waits_for_it_in_one_order() -> None:
    """The conversation first: else they wait for each other until Postgres finds that after a second, at every short reply."""
    actor = person("olivia")
    for number in range(25):
        begun = messages.send(actor=actor, conversation_id=None, text="Hello")
        taken = responses.take(begun.response.pk)
        assert taken is not None
        turn = turns.begin(taken, index=0, provider="openai", model="m", server="https://m.example")
        keeping = ledger.Keeping(turn.pk, "https://m.example", "", f"resp_{number}")
        batch = Batch(taken.pk, taken.epoch, taken.conversation_id, 0, [b"{}"])
        ending = Ending(status="completed", upstream_id=keeping.upstream_id, kept=keeping)
        acts: list[Callable[[], object]] = [
            partial(turns.note, turn.pk, upstream_id=keeping.upstream_id, kept=keeping),
            partial(responses.end, batch, ending),
        ]
        found = simultaneously(2, lambda each, acts=acts: acts[each]())
        assert not [result for result in found if isinstance(result, Exception)]
        assert Kept.objects.filter(turn=turn).count() == 1
