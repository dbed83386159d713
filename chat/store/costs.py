"""What replies cost: their tokens at the prices that held on their day (UTC). Computed when it is read, so that a price entered
later for days gone by holds for them at once. Cost is linear: that of a sum of tokens at one price is the sum of the costs.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal, localcontext
from typing import Final

from chat.models import Price, Response
from chat.protocol.types import Json
from chat.store import sql

MOST: Final = 2**31 - 1  # tokens that one reply may be said to have: whoever says more is mistaken
PER: Final = -6  # prices are for 10^6 tokens
DIGITS: Final = 60  # enough for every sum to be exact


@dataclass(frozen=True, slots=True)
class Tokens:
    """`cached` are among the `input`."""

    input: int
    cached: int
    output: int


def tokens(usage: Json | None) -> Tokens:
    """What a model server said of a reply; zeros for what it did not say, or not in numbers."""
    said = usage or {}
    details = said.get("input_tokens_details")
    input_ = _number(said.get("input_tokens"))
    cached = _number(details.get("cached_tokens")) if isinstance(details, dict) else 0
    return Tokens(input_, min(cached, input_), _number(said.get("output_tokens")))


def _number(value: object) -> int:
    return min(value, MOST) if type(value) is int and value > 0 else 0


CACHED: Final = {
    "sqlite": """CASE WHEN JSON_TYPE(usage, '$.input_tokens_details.cached_tokens') = 'integer'
THEN MIN(MAX(JSON_EXTRACT(usage, '$.input_tokens_details.cached_tokens'), 0), COALESCE(input_tokens, 0)) ELSE 0 END""",
    "postgresql": """CASE WHEN JSONB_TYPEOF(usage -> 'input_tokens_details' -> 'cached_tokens') = 'number'
AND (usage -> 'input_tokens_details' ->> 'cached_tokens') ~ '^[0-9]+$'
THEN LEAST((usage -> 'input_tokens_details' ->> 'cached_tokens')::numeric, COALESCE(input_tokens, 0)) ELSE 0 END""",
}
_READ, _FROM_CACHE = "CAST(COALESCE(input_tokens, 0) AS NUMERIC)", f"CAST({CACHED[sql.VENDOR]} AS NUMERIC)"
_WRITTEN = "CAST(COALESCE(output_tokens, 0) AS NUMERIC)"


def _whole(price: Decimal) -> int:
    """In millionths: prices have six places."""
    return int(price.scaleb(-PER))


class Book:
    """All prices. A model's own name counts for more than the beginning of one, a long beginning for more than a short one; of
    those prices the newest that has begun.
    """

    def __init__(self, prices: Iterable[Price]) -> None:
        self._named: dict[str, list[Price]] = {}
        for price in sorted(prices, key=lambda price: price.from_date, reverse=True):
            self._named.setdefault(price.model, []).append(price)
        self._begun = sorted((name for name in self._named if name.endswith("*")), key=len, reverse=True)
        self.days = sorted({price.from_date for some in self._named.values() for price in some})

    def price(self, model: str, day: date) -> Price | None:
        """What this model costs on this day; None: nobody has said."""
        held = (price for name in self._names(model) for price in self._named[name] if price.from_date <= day)
        return next(held, None)

    def cost(self, model: str, day: date, spent: Tokens) -> Decimal | None:
        """Exact, in the server's currency; None without a price."""
        price = self.price(model, day)
        if price is None:
            return None
        cached = price.input if price.cached_input is None else price.cached_input
        with localcontext(prec=DIGITS):
            whole = (spent.input - spent.cached) * price.input + spent.cached * cached + spent.output * price.output
            return whole.scaleb(PER)

    def at_least(self, cost: Decimal, models: Collection[str] | None = None) -> tuple[str, list[str | int]]:
        """A condition in SQL for rows of replies that cost so much, with its values; of whole numbers alone, as `cost` counts.
        `models`: all that there may be, if that is known. Naming those takes a fraction of comparing with every price.
        """
        held, names, rates = list[str](), list[str](), list[tuple[int, int, int]]()
        for which, value, prices in self._each(models):
            for price in prices:
                held.append(f"{which} = %s AND created >= '{sql.stamp(datetime.combine(price.from_date, time(), UTC))}'")
                names.append(value)
                cached = price.input if price.cached_input is None else price.cached_input
                rates.append((_whole(price.input), _whole(cached) - _whole(price.input), _whole(price.output)))
        if not held:
            return "FALSE", []
        read, less, written = (
            f"CASE {' '.join(f'WHEN {which} THEN {rate[kind]}' for which, rate in zip(held, rates, strict=True))} END"
            for kind in range(3)
        )
        spent = f"{_READ} * {read} + {_FROM_CACHE} * {less} + {_WRITTEN} * {written}"
        return f"model <> '' AND usage IS NOT NULL AND {spent} >= %s", [*names * 3, _whole(cost.scaleb(-PER))]

    def _each(self, models: Collection[str] | None) -> Iterator[tuple[str, str, list[Price]]]:
        """What of a row is compared with which value, and the prices that then hold, the newest first."""
        if models is not None:
            yield from (("model", model, self._named[name]) for model in models for name in self._names(model))
            return
        yield from (("model", name, prices) for name, prices in self._named.items() if not name.endswith("*"))
        yield from ((f"SUBSTR(model, 1, {len(name) - 1})", name[:-1], self._named[name]) for name in self._begun)

    def _names(self, model: str) -> list[str]:
        """Of prices that hold for this model: the one that counts for most is first."""
        names = [model, *(name for name in self._begun if model.startswith(name[:-1]))] if model else []
        return [name for name in names if name in self._named]

    def of(self, response: Response) -> Decimal | None:
        """What one reply cost; None where its model has no price, or its model server counted no tokens."""
        if response.usage is None:
            return None
        return self.cost(response.model, response.created.astimezone(UTC).date(), tokens(response.usage))


def book() -> Book:
    return Book(Price.objects.all())
