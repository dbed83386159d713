"""The list of conversations, by day."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby

from django.conf import settings
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.http import urlencode

from chat.models import Conversation, Project
from chat.store import conversations, mentions, projects, talks
from chat.web.decorators import PersonRequest

PINNED, MOST_PINNED, MOST_PROJECTS = "Pinned", 500, 30


@dataclass(frozen=True, slots=True)
class Group:
    """Conversations of one day or month. `continued`: its heading stands on an earlier page of the list."""

    label: str
    conversations: list[Conversation]
    continued: bool = False


@dataclass(frozen=True, slots=True)
class Sidebar:
    """`mentioned`: the conversations in which one is named and has not looked since. `temporary`: ids, while they live."""

    groups: list[Group] = field(default_factory=list)
    more_url: str | None = None
    current_id: str = ""
    projects: Iterable[Project] = ()
    mentioned: frozenset[str] = frozenset()
    temporary: Iterable[str] = ()


def build(request: PersonRequest, *, current_id: str = "", before: str = "") -> Sidebar:
    """A page of the list: pinned ones first, then by day; `before` is the cursor of the page above. Projects are looked up where
    they are shown. The current conversation is looked at: what names somebody there is seen.
    """
    mentioned = mentions.unseen(request.user)
    if current_id in mentioned and not mentions.seen([(request.user.pk, current_id)]):
        mentioned -= {current_id}
    above, last = None, ""
    if before:
        moment, _, last = before.partition("~")
        above = _moment(moment)
        if above is None:
            return Sidebar(current_id=current_id)
    pinned = [] if before else conversations.newest(actor=request.user, pinned=True, most=MOST_PINNED)
    groups = [Group(PINNED, pinned)] if pinned else []
    cursor = (above, last) if above else None
    shown = conversations.newest(actor=request.user, pinned=False, before=cursor, most=settings.CONVERSATIONS_PER_PAGE + 1)
    more = len(shown) > settings.CONVERSATIONS_PER_PAGE
    shown = shown[: settings.CONVERSATIONS_PER_PAGE]
    groups += _by_day(shown, above)
    more_url = f"/conversations/?{urlencode({'before': f'{shown[-1].active.isoformat()}~{shown[-1].pk}'})}" if more else None
    temporary = [] if before else talks.of(request.user)
    return Sidebar(groups, more_url, current_id, projects.of(request.user)[:MOST_PROJECTS], mentioned, temporary)


def current(request: PersonRequest) -> str:
    """The id of the conversation that the page shows from which htmx asks."""
    try:
        parts = (request.htmx.current_url_abs_path or "").split("/")
    except ValueError:  # a header that is no address
        return ""
    return parts[2] if len(parts) > 2 and parts[1] == "c" else ""


def _by_day(shown: list[Conversation], above: datetime | None) -> list[Group]:
    continued = label(above) if above else ""
    return [Group(name, list(group), name == continued) for name, group in groupby(shown, key=lambda one: label(one.active))]


def label(moment: datetime) -> str:
    """Today, Yesterday, Previous 7 days, Previous 30 days, or the month; in the reader's time zone."""
    day, today = timezone.localtime(moment).date(), timezone.localdate()
    if day >= today:
        return "Today"
    if day == today - timedelta(days=1):
        return "Yesterday"
    if day > today - timedelta(days=8):
        return "Previous 7 days"
    if day > today - timedelta(days=31):
        return "Previous 30 days"
    return day.strftime("%B %Y")


def _moment(text: str) -> datetime | None:
    try:
        moment = parse_datetime(text)
    except ValueError:
        return None
    return moment if moment is not None and timezone.is_aware(moment) and 1970 <= moment.year < 9000 else None
