"""Prices are entered by the owner of the server, held to, and on record; none comes along."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from chat.models import Price
from tests.admin.conftest import PRICE, World
from tests.cast import person
from tests.conftest import signed_in
from tests.replies import count, replied

PAGE = "/admin/chat/price/"
GOOD = {"model": "gpt-5*", "from_date": "2026-03-01", "input": "1.25", "output": "10", "cached_input": ""}


def test_without_prices_the_page_says_how_to_enter_them_and_what_needs_one(db: None) -> None:
    olivia = person("olivia")
    client = signed_in(olivia)
    assert "There are no prices yet" in client.get(PAGE).text
    replied(olivia, model="gpt-5-mini", tokens=(1_000, 0, 234))
    replied(olivia, model="silent")  # no tokens, nothing to pay
    count()
    page = client.get(PAGE)
    assert [(one.model, one.tokens, one.days) for one in page.context["missing"]] == [("gpt-5-mini", 1_234, 1)]
    assert 'value="gpt-5-mini"' in client.get(f"{PAGE}add/?model=gpt-5-mini").text
    client.post(f"{PAGE}add/", {**GOOD, "from_date": datetime.now(UTC).date().isoformat()})
    page = client.get(PAGE)
    assert (page.context["missing"], "(holds now)" in page.text) == ([], True)


def test_a_price_is_added_changed_and_removed_on_record(world: World) -> None:
    owner = world.client("server owner")
    answer = owner.post(f"{PAGE}add/", {**GOOD, "cached_input": "0.125"}, follow=True)
    assert "1.25 for 1,000,000 tokens read, 0.125 for those read from a cache, 10 for those written (USD)" in answer.text
    one = Price.objects.get(model="gpt-5*")
    assert (one.input, one.cached_input, one.output) == (Decimal("1.25"), Decimal("0.125"), Decimal(10))
    assert 'value="0.125"' in owner.get(f"{PAGE}{one.pk}/change/").text
    owner.post(f"{PAGE}{one.pk}/change/", {**GOOD, "output": "0.000001"})
    one.refresh_from_db()
    assert (one.cached_input, one.output) == (None, Decimal("0.000001"))
    assert "Remove the price of gpt-5* from 2026-03-01?" in owner.get(f"{PAGE}{one.pk}/remove/").text
    owner.post(f"{PAGE}{one.pk}/remove/", {"sure": "yes"})
    assert Price.objects.count() == 1
    first, then = (f"gpt-5* from 2026-03-01: read 1.25{rest}" for rest in (", cached 0.125, written 10", ", written 0.000001"))
    done = [(what, before, after) for _, what, _, before, after in world.done()]
    assert done == [("price.added", "", first), ("price.changed", first, then), ("price.removed", then, "")]


@pytest.mark.parametrize("field", ["input", "output", "cached_input"])
@pytest.mark.parametrize("typed", ["NaN", "-1", "1e3", "Infinity", "1000000", "0.1234567", "1,5", "١", "9" * 400, "\x00"])
def test_what_is_no_price_is_refused_in_words(world: World, field: str, typed: str) -> None:
    answer = world.client("server owner").post(f"{PAGE}add/", {**GOOD, field: typed})
    assert answer.status_code == 422
    assert "This is no price. Write a number like 2.50, below a million, with at most 6 places." in answer.text
    assert 'value="gpt-5*"' in answer.text


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"model": ""}, "This is no name of a model."),
    ({"model": "a*b"}, "This is no name of a model."),
    ({"model": "a\x00"}, "This is no name of a model."),
    ({"model": "m" * 201}, "This is no name of a model."),
    ({"from_date": "2026-02-30"}, "This is no day."),
    ({"from_date": "1.3.2026"}, "This is no day."),
    ({"from_date": ""}, "This is no day."),
    ({"input": ""}, "This is no price."),
    ({"model": "some-model", "from_date": "2026-01-01"}, "This model has a price from that day already."),
]


@pytest.mark.parametrize(("changed", "said"), WRONG)
def test_what_cannot_be_is_said_and_changes_nothing(world: World, changed: dict[str, Any], said: str) -> None:
    owner = world.client("server owner")
    answer = owner.post(f"{PAGE}add/", {**GOOD, **changed})
    assert (answer.status_code, said in answer.text) == (422, True)
    assert world.done() == []
    assert owner.post(f"{PAGE}{PRICE}/change/", {"model": "some-model", "from_date": "2026-01-01", "input": "3", "output": "4"})
    assert [one.input for one in Price.objects.all()] == [3]


def test_prices_are_the_server_owners_alone(world: World) -> None:
    for who in ("team owner", "team admin", "stranger"):
        client = world.client(who)
        answers = [
            client.post(f"{PAGE}add/", GOOD),
            client.post(f"{PAGE}{PRICE}/change/", GOOD),
            client.post(f"{PAGE}{PRICE}/remove/"),
        ]
        assert {answer.status_code for answer in answers} == {404}
        assert client.get(PAGE).status_code == 404
    assert [(one.pk, one.model) for one in Price.objects.all()] == [(PRICE, "some-model")]
