"""What replies cost: the price of the day, exactly; and no price is not nothing."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from chat.models import Price, Response
from chat.store.costs import Book, Tokens, tokens


def price(model: str, day: str, input_: str, output: str, cached: str | None = None) -> Price:
    held = Decimal(cached) if cached is not None else None
    return Price(model=model, from_date=date.fromisoformat(day), input=Decimal(input_), output=Decimal(output), cached_input=held)


def cost(book: Book, model: str, day: str, read: int, cached: int, written: int) -> Decimal | None:
    return book.cost(model, date.fromisoformat(day), Tokens(read, cached, written))


def test_a_price_holds_from_its_day_until_the_next() -> None:
    book = Book([price("m", "2026-03-01", "1", "10"), price("m", "2026-03-10", "2", "20")])
    days = ("2026-02-28", "2026-03-01", "2026-03-09", "2026-03-10", "2099-01-01")
    found = [cost(book, "m", day, 1_000_000, 0, 0) for day in days]
    assert found == [None, Decimal(1), Decimal(1), Decimal(2), Decimal(2)]


def test_tokens_from_a_cache_have_their_own_price_where_there_is_one() -> None:
    with_, without = Book([price("m", "2026-01-01", "1", "10", "0.1")]), Book([price("m", "2026-01-01", "1", "10")])
    assert cost(with_, "m", "2026-01-01", 1_000_000, 400_000, 1) == Decimal("0.64001")
    assert cost(without, "m", "2026-01-01", 1_000_000, 400_000, 1) == Decimal("1.00001")
    assert cost(Book([price("m", "2026-01-01", "1", "10", "0")]), "m", "2026-01-01", 10, 10, 0) == 0


def test_a_name_counts_for_more_than_the_beginning_of_one_and_a_long_beginning_for_more_than_a_short_one() -> None:
    book = Book(
        [
            price("gpt-5", "2026-05-01", "1", "1"),
            price("gpt-5*", "2026-01-01", "2", "2"),
            price("gpt*", "2026-06-01", "3", "3"),
            price("*", "2025-01-01", "4", "4"),
        ]
    )
    asked = (("gpt-5", "2026-05-01"), ("gpt-5", "2026-04-30"), ("gpt-5-mini", "2026-07-01"), ("gpt-4", "2026-07-01"))
    found = [book.price(model, date.fromisoformat(day)) for model, day in (*asked, ("gpt-4", "2026-05-31"))]
    assert [one and int(one.input) for one in found] == [1, 2, 2, 3, 4]
    assert book.price("", date(2026, 7, 1)) is None


def test_the_cost_of_a_sum_is_the_sum_of_the_costs_to_the_last_place() -> None:
    book = Book([price("m", "2026-01-01", "0.123457", "999999.999999", "0.000001")])
    replies = [(7 * n, 3 * n, 11 * n + 1) for n in range(1, 400)]
    added = sum((cost(book, "m", "2026-01-01", *one) or Decimal(0) for one in replies), Decimal(0))
    sums = [sum(column) for column in zip(*replies, strict=True)]
    assert added == cost(book, "m", "2026-01-01", *sums)
    huge = 10**18 + 1
    assert cost(book, "m", "2026-01-01", huge, 0, 0) == Decimal("0.123457") * huge / 10**6


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        (None, (0, 0, 0)),
        ({"input_tokens": 5, "output_tokens": 2}, (5, 0, 2)),
        ({"input_tokens": 5, "input_tokens_details": {"cached_tokens": 9}}, (5, 5, 0)),
        ({"input_tokens": -5, "output_tokens": "7", "input_tokens_details": [1]}, (0, 0, 0)),
        ({"input_tokens": True, "output_tokens": float("nan"), "input_tokens_details": {"cached_tokens": None}}, (0, 0, 0)),
        ({"input_tokens": 10**30, "output_tokens": 1.5}, (2**31 - 1, 0, 0)),
    ],
)
def test_what_a_model_server_says_of_tokens_is_taken_as_far_as_it_is_numbers(usage: Any, expected: tuple[int, ...]) -> None:
    assert tokens(usage) == Tokens(*expected)


def test_a_reply_costs_what_held_on_its_day_in_utc() -> None:
    book = Book([price("m", "2026-03-01", "1", "0"), price("m", "2026-03-29", "2", "0")])
    late = datetime.fromisoformat("2026-03-29T01:30+02:00").astimezone(UTC)  # the 28th in UTC, and a night of 23 hours
    reply = Response(model="m", created=late, usage={"input_tokens": 1_000_000})
    assert book.of(reply) == 1
    assert book.of(Response(model="m", created=late, usage=None)) is None
