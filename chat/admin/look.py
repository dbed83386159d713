"""How the panel looks: what stands in its sidebar, its style sheets, and light or dark as everywhere else."""

from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse

from chat.admin.reading import actor
from chat.models import User
from chat.policy import can


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    items = [
        entry("People", "group", "admin:chat_user_changelist"),
        entry("Teams", "groups", "admin:chat_team_changelist"),
        entry("Invitations", "mail", "admin:chat_invitation_changelist"),
    ]
    items.append(entry("Overview", "bar_chart", "admin:chat_daily_changelist"))
    if can(actor(request), "server.manage", None):
        items.append(entry("Prices", "payments", "admin:chat_price_changelist"))
        items.append(entry("Record", "history", "admin:admin_logentry_changelist"))
    return [{"items": items}]


def entry(title: str, icon: str, route: str) -> dict[str, Any]:
    return {"title": title, "icon": icon, "link": reverse(route)}


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
