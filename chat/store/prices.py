"""Prices of models, entered by the owner of the server. None comes with Parley: what is not entered is not known."""

import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Final

from django.db import transaction
from django.db.models import QuerySet

from chat import errors
from chat.models import Price, Server, User
from chat.store import record, server

MOST: Final = 1_000  # prices
NUMBER: Final = re.compile(r"[0-9]{1,6}(?:\.[0-9]{1,6})?")
DAY: Final = re.compile(r"20[0-9]{2}-[0-9]{2}-[0-9]{2}")


@dataclass(frozen=True, slots=True)
class Typed:
    """A price as somebody typed it; `cached_input` may be left out."""

    model: str = ""
    from_date: str = ""
    input: str = ""
    output: str = ""
    cached_input: str = ""

    @classmethod
    def of(cls, price: Price) -> "Typed":
        cached = "" if price.cached_input is None else plain(price.cached_input)
        return cls(price.model, price.from_date.isoformat(), plain(price.input), plain(price.output), cached)

    def read(self) -> dict[str, Any]:
        """The fields of a Price; InvalidInput for what is none."""
        return {
            "model": _model(self.model),
            "from_date": _day(self.from_date),
            "input": _number(self.input, "input"),
            "output": _number(self.output, "output"),
            "cached_input": _number(self.cached_input, "cached_input") if self.cached_input else None,
        }


def plain(number: Decimal) -> str:
    """2.500000 as 2.5."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _model(text: str) -> str:
    if not text or len(text) > 200 or not text.isprintable() or "*" in text[:-1]:
        raise errors.InvalidInput(
            "This is no name of a model.", next="Write it as the model server does; * may stand at its end.", param="model"
        )
    return text


def _day(text: str) -> date:
    try:
        if DAY.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise errors.InvalidInput("This is no day.", next="Write it like 2026-11-26.", param="from_date")


def _number(text: str, param: str) -> Decimal:
    if not NUMBER.fullmatch(text):
        raise errors.InvalidInput(
            "This is no price.", next="Write a number like 2.50, below a million, with at most 6 places.", param=param
        )
    return Decimal(text)


def within_reach(actor: User) -> QuerySet[Price]:
    """All of them, for the owner of the server; NotFound for everybody else."""
    server.manage(actor)
    return Price.objects.order_by("model", "-from_date")


def found(*, actor: User, price_id: int) -> Price:
    one = within_reach(actor).filter(pk=price_id).first()
    if one is None:
        raise errors.NotFound
    return one


@transaction.atomic
def add(*, actor: User, typed: Typed) -> Price:
    _lock(actor)
    if Price.objects.count() >= MOST:
        raise errors.InvalidInput("There are too many prices.", next="Remove some that nobody needs any more.")
    fields = typed.read()
    _only(fields, but=None)
    made = Price.objects.create(**fields)
    record.write(actor=actor, what="price.added", about=made, after=_said(made))
    return made


@transaction.atomic
def change(*, actor: User, price_id: int, typed: Typed) -> Price:
    _lock(actor)
    one = found(actor=actor, price_id=price_id)
    fields = typed.read()
    _only(fields, but=one.pk)
    Price.objects.filter(pk=one.pk).update(**fields)
    made = Price(pk=one.pk, **fields)
    record.write(actor=actor, what="price.changed", about=made, before=_said(one), after=_said(made))
    return made


@transaction.atomic
def remove(*, actor: User, price_id: int) -> Price:
    """The one that is no more."""
    _lock(actor)
    one = found(actor=actor, price_id=price_id)
    Price.objects.filter(pk=one.pk).delete()
    record.write(actor=actor, what="price.removed", about=one, before=_said(one))
    return one


def _said(one: Price) -> str:
    cached = "" if one.cached_input is None else f", cached {plain(one.cached_input)}"
    return f"{one.model[:120]} from {one.from_date}: read {plain(one.input)}{cached}, written {plain(one.output)}"


def _lock(actor: User) -> None:
    """One change at a time."""
    server.manage(actor)
    Server.objects.select_for_update().get(pk=1)


def _only(fields: dict[str, Any], *, but: int | None) -> None:
    same = Price.objects.filter(model=fields["model"], from_date=fields["from_date"])
    if same.exclude(pk=but or 0).exists():
        raise errors.InvalidInput("This model has a price from that day already.", next="Change that one.", param="from_date")
