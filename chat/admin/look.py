"""How the panel looks: what stands in its sidebar, its style sheets, and light or dark as everywhere else."""

from typing import Any, Final

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse

from chat.admin.reading import actor
from chat.models import User
from chat.policy import can

APART: Final = ("admin:chat_opening_search",)  # pages below a list that have an entry of their own


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    items = [
        entry("People", "group", "admin:chat_user_changelist"),
        entry("Teams", "groups", "admin:chat_team_changelist"),
        entry("Invitations", "mail", "admin:chat_invitation_changelist"),
        entry("Responses", "reply", "admin:chat_response_changelist"),
        entry("Conversations", "forum", "admin:chat_conversation_changelist"),
        entry("Search texts", "search", "admin:chat_opening_search"),
        entry("Requests to read", "key", "admin:chat_opening_changelist"),
        entry("Exports", "download", "admin:chat_export_changelist"),
    ]
    items += [
        entry("Overview", "bar_chart", "admin:chat_daily_changelist"),
        entry("Kept elsewhere", "cloud", "admin:chat_kept_changelist"),
        entry("Record", "history", "admin:chat_adminact_changelist"),
    ]
    if can(actor(request), "server.manage", None):
        items += [
            entry("Who has read", "visibility", "admin:chat_accessrow_changelist"),
            entry("Prices", "payments", "admin:chat_price_changelist"),
            entry("Model server", "dns", "admin:chat_probe_changelist"),
            entry("Upkeep", "delete_sweep", "admin:chat_purge_changelist"),
        ]
    return [{"items": items}]


def entry(title: str, icon: str, route: str) -> dict[str, Any]:
    """`active` is told here: unfold takes an address that begins with another's for that one too."""
    link, others = reverse(route), [reverse(one) for one in APART if one != route]

    def active(request: HttpRequest) -> bool:
        return request.path.startswith(link) and not any(request.path.startswith(one) for one in others)

    return {"title": title, "icon": icon, "link": link, "active": active}


def theme(request: HttpRequest) -> str | None:
    """What the person has chosen; None: like their device."""
    chosen = getattr(request.user, "theme", User.Theme.SYSTEM)
    return None if chosen == User.Theme.SYSTEM else str(chosen)


def colors(request: HttpRequest) -> str:
    return static("css/colors.css")


def style(request: HttpRequest) -> str:
    return static("css/panel.css")


def script(request: HttpRequest) -> str:
    return static("js/panel.js")


def icon(request: HttpRequest) -> str:
    return static("img/icon.svg")
