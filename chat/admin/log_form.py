"""What the log's lists are narrowed by, as it stands in the address: found within the actor's reach, or not at all."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from urllib.parse import urlencode

from django.http import HttpRequest, QueryDict
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime

from chat import errors
from chat.admin.reading import actor
from chat.policy import teams_managed_by
from chat.store import listed
from chat.store.keyset import Count, Cursor
from chat.store.listed import Filters

OF_REPLIES: Final = ("conversation", "model", "status", "tool", "first", "total", "tokens", "cost", "counted")
FIELDS: Final = ("user", "team", "stored", "from", "to", *OF_REPLIES)
CHOICES: Final = {"status": [str(value) for value, _ in listed.STATUSES], "stored": ["yes", "no"], "counted": ["yes"]}
NUMBER: Final = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,12})?")
LONGEST: Final = {"model": 200, "user": 150}  # characters; 60 of all others
TEAMS: Final = 200


@dataclass(frozen=True, slots=True)
class Asked:
    """The values as they were typed, what they mean, and where the page begins."""

    values: dict[str, str]
    filters: Filters
    cursor: Cursor | None

    def address(self, **more: str) -> str:
        """These filters with other values, as the end of an address."""
        return written({**self.values, **more})


def written(values: Mapping[str, str]) -> str:
    return f"?{urlencode({name: value for name, value in values.items() if value})}"


def read(request: HttpRequest, values: dict[str, str]) -> Asked:
    """InvalidInput for what is none of our forms', NotFound for what is out of reach."""
    who = actor(request)
    for name, value in values.items():
        if not value.isprintable() or len(value) > LONGEST.get(name, 60) or value not in ["", *CHOICES.get(name, [value])]:
            raise errors.InvalidInput("The list cannot be narrowed by that.", param=name)
    filters = Filters(
        user=listed.person(who, values["user"]) if values["user"] else None,
        team=listed.team(who, values["team"]) if values["team"] else None,
        conversation=listed.conversation(who, values["conversation"]).pk if values["conversation"] else "",
        since=moment(values["from"]),
        until=moment(values["to"], end=True),
        first=milliseconds(values["first"]),
        total=milliseconds(values["total"]),
        tokens=int(number(values["tokens"])) if values["tokens"] else None,
        cost=number(values["cost"]) if values["cost"] else None,
        model=listed.model(who, values["model"]),
        status=values["status"],
        stored=values["stored"],
        tool=values["tool"],
        counted=values["counted"],
    )
    return Asked(values, filters, listed.cursor(who, request.GET.get("before", "")[:200]))


def typed(data: QueryDict) -> dict[str, str]:
    """Without blanks around, but for a model's name, which may have some."""
    kept = {name: data.get(name, "")[:300] for name in FIELDS}
    return {name: value if name == "model" and value.strip() else value.strip() for name, value in kept.items()}


def number(text: str) -> Decimal:
    if not NUMBER.fullmatch(text):
        raise errors.InvalidInput("That is no number.", next="Write it like 2.5.")
    return Decimal(text)


def milliseconds(text: str) -> int | None:
    return int(number(text) * 1000) if text else None


def moment(text: str, *, end: bool = False) -> datetime | None:
    """A day, or a day and a time, in the viewer's time zone; the end of that day or minute with `end`."""
    if not text:
        return None
    try:
        if (at := parse_datetime(text)) is None:
            day = parse_date(text)
            at = datetime.combine(day, datetime.min.time()) if day else None
        if at is None or not 2000 <= at.year <= 9000:
            raise ValueError
        at = at if at.tzinfo else timezone.make_aware(at)
    except (ValueError, OverflowError):
        raise errors.InvalidInput("That is no day.", next="Write it like 2026-11-26.") from None
    return at + (timedelta(minutes=1) if ":" in text else timedelta(days=1)) if end else at


def context(request: HttpRequest, values: dict[str, str]) -> dict[str, Any]:
    teams = teams_managed_by(actor(request)).order_by("name", "pk").values_list("pk", "name")[:TEAMS]
    return {"values": values, "teams": list(teams), "statuses": listed.STATUSES, "asked": any(values.values())}


def said(count: Count, one: str, many: str) -> str:
    """How many there are, in words."""
    if count.more:
        return f"More than {count.number:,} {many}"
    if count.about:
        return f"About {count.number:,} {many}"
    return f"{count.number:,} {one if count.number == 1 else many}" if count.number else f"No {many}"
