"""From the numbers of the overview to the list of the replies that they count."""

from collections.abc import Mapping, Sequence
from datetime import date
from urllib.parse import urlencode

from django.urls import NoReverseMatch, reverse


def to_replies(which: Sequence[Mapping[str, str]], *, first: date, last: date, team: str = "", model: str = "") -> list[str]:
    """Where those of these days (UTC) that are counted are listed, once for each of `which`: its `status` or `stored`, or nothing
    more. "" where there is no such list.
    """
    try:
        where = reverse("admin:chat_response_changelist")
    except NoReverseMatch:
        return [""] * len(which)
    asked = {"from": f"{first}T00:00Z", "to": f"{last}T23:59Z", "team": team, "model": model, "counted": "yes"}
    address = f"{where}?{urlencode({name: value for name, value in asked.items() if value})}"
    return ["&".join([address, *([urlencode(more)] if more else [])]) for more in which]
