"""Teams in the panel: who is in them and what they use. What is done to a team is done on its own page."""

from typing import Any

from django.contrib import admin
from django.db.models import Count, OuterRef, Prefetch, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from unfold.decorators import display
from unfold.views import ChangeList

from chat.admin.reading import List, Reading, actor, day
from chat.models import Membership, Team
from chat.policy import teams_managed_by
from chat.store import use


class TeamList(List):
    """With what the teams of this page used, in one question for all."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.result_list: Any = list(self.result_list)
        counted = use.replies(actor=actor(request), teams=[team.pk for team in self.result_list])
        for team in self.result_list:
            team.replies = counted.get(team.pk, 0)


@admin.register(Team)
class Teams(Reading):
    list_display = ("name", "people", "owners", "domain", "made", "replies")
    search_fields = ("name", "domain")
    search_help_text = "Name or domain"
    ordering = ("name", "id")
    with_history = True

    def within_reach(self, request: HttpRequest) -> QuerySet[Any]:
        in_it = Membership.objects.filter(team=OuterRef("pk")).order_by().values("team").annotate(number=Count("pk"))
        mine = teams_managed_by(actor(request))
        owners = Membership.objects.filter(team__in=mine, role=Membership.Role.OWNER).select_related("user")
        found = mine.annotate(members_count=Coalesce(Subquery(in_it.values("number")), 0))
        return found.prefetch_related(Prefetch("memberships", owners.order_by("user__username"), to_attr="owners"))

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return TeamList

    def on_record(self, one: Team) -> dict[str, str]:
        return {"team": one.pk}

    def routes(self) -> list[Any]:
        return [self.route("<str:team_id>/change/", require_safe(self.look), "change")]

    def look(self, request: HttpRequest, team_id: str) -> HttpResponse:
        team, viewer = self.found(request, team_id), actor(request)
        return self.page(
            request,
            "panel/team.html",
            title=team.name,
            object=team,
            team=team,
            use=use.of_team(actor=viewer, team=team),
            days=use.DAYS,
        )

    @display(description="people", ordering="members_count")
    def people(self, team: Any) -> int:
        return int(team.members_count)

    @display(description="owners")
    def owners(self, team: Any) -> str:
        return ", ".join(each.user.shown_name for each in team.owners)

    @display(description="made", ordering="created")
    def made(self, team: Team) -> str:
        return day(team.created)

    @display(description=f"replies in {use.DAYS} days")
    def replies(self, team: Any) -> str:
        return f"{team.replies:,}"
