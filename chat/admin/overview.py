"""The overview in the panel: what is used, in numbers. Whoever looks after teams sees those; the owner of the server sees all."""

from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest, HttpResponse, QueryDict
from django.views.decorators.http import require_safe

from chat.admin.figures import Row, Table, Where, figures, table
from chat.admin.plots import plots
from chat.admin.reading import Reading, actor
from chat.models import Daily, Team
from chat.policy import can, teams_managed_by
from chat.store import overview
from chat.store.overview import PERIODS, Overview

NAMES = {7: "7 days", 30: "30 days", 90: "90 days", 365: "a year"}
ALONE = "On their own, or in a team that has ended"
NONE = "None (not found, or stopped before)"
LONGEST = 200  # characters of a model's name


@admin.register(Daily)
class Overviews(Reading):
    def within_reach(self, request: HttpRequest) -> Any:
        return Daily.objects.none()  # the numbers are found otherwise

    def get_urls(self) -> list[Any]:
        return [self.route("", require_safe(self.look), "changelist")]

    def look(self, request: HttpRequest) -> HttpResponse:
        asked, viewer = Asked(request.GET), actor(request)
        found = overview.look(actor=viewer, days=asked.days, team_id=asked.team, model=asked.model)
        owns = can(viewer, "server.manage", None)
        return self.page(
            request,
            "panel/overview.html",
            title="Overview",
            asked=asked,
            periods=NAMES.items(),
            teams=teams_managed_by(viewer).order_by("name", "pk").values_list("pk", "name")[:LONGEST],
            models=overview.models_used(found, asked.model),
            found=found,
            owns=owns,
            currency=settings.PRICE_CURRENCY,
            total=figures(found.total, asked.where(found)),
            plots=plots(found.days),
            tables=[asked.days_table(found), asked.models_table(found), *([] if asked.team else [asked.teams_table(found)])],
            first=found.days[0][0],
            last=found.days[-1][0],
        )


class Asked:
    """What the page is narrowed to, as its address says."""

    def __init__(self, data: QueryDict) -> None:
        days = data.get("days", "30")
        self.days = int(days) if days in map(str, PERIODS) else 0  # of which there is nothing
        self.team, self.model = data.get("team", "")[:40], data.get("model", "")[:LONGEST]

    def address(self, **more: str) -> str:
        asked = {"days": str(self.days), "team": self.team, "model": self.model, **more}
        return f"?{urlencode({name: value for name, value in asked.items() if value})}"

    def where(self, found: Overview, **more: Any) -> Where:
        period = {"first": found.days[0][0], "last": found.days[-1][0], "team": self.team, "model": self.model}
        return Where(**{**period, **more})

    def days_table(self, found: Overview) -> Table:
        days = reversed(found.days)
        rows = (Row(f"{day.day} {day:%b %Y}", "", figures(sums, self.where(found, first=day, last=day))) for day, sums in days)
        return table("By day", "Day", rows)

    def models_table(self, found: Overview) -> Table:
        return table(
            "By model",
            "Model",
            (
                Row(
                    model or NONE,
                    self.address(model=model) if model else "",
                    figures(sums, self.where(found, model=model, listed=bool(model))),
                )
                for model, sums in found.models
            ),
        )

    def teams_table(self, found: Overview) -> Table:
        return table("By team", "Team", (self._team(found, team, figures_of) for team, figures_of in found.teams))

    def _team(self, found: Overview, team: Team | None, sums: overview.Sums) -> Row:
        if team is None:
            return Row(ALONE, "", figures(sums, self.where(found, listed=False)))
        return Row(team.name, self.address(team=team.pk), figures(sums, self.where(found, team=team.pk)))
