"""The ledger itself: who deletes what is due, and when it is tried again."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from chat.models import Kept
from chat.store import ledger
from tests.accounts.conftest import simultaneously

SERVER = "https://models.example/v1"


def keep(upstream_id: str = "resp_1", **more: Any) -> Kept:
    now = timezone.now()
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
    Kept.objects.update(next_try=timezone.now())
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
