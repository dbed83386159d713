"""What the lists are narrowed by. Only teams within the actor's reach are offered, and another's name finds nobody."""

from typing import Any

from django.contrib.admin import SimpleListFilter
from django.http import HttpRequest

from chat.admin.reading import actor
from chat.models import Membership
from chat.policy import teams_managed_by
from chat.store import people


class TeamFilter(SimpleListFilter):
    title = "team"
    parameter_name = "team"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return list(teams_managed_by(actor(request)).order_by("name", "pk").values_list("pk", "name")[:200])

    def has_output(self) -> bool:
        return True

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        chosen = self.value()
        if not chosen:
            return queryset
        return self.within(teams_managed_by(actor(request)).filter(pk=chosen if chosen.isprintable() else ""), queryset)

    def within(self, teams: Any, queryset: Any) -> Any:
        return queryset.filter(team__in=teams)


class PeopleTeamFilter(TeamFilter):
    def within(self, teams: Any, queryset: Any) -> Any:
        return queryset.filter(pk__in=Membership.objects.filter(team__in=teams).values("user"))


class RoleFilter(SimpleListFilter):
    """In the team that is chosen, or in any within reach."""

    title = "role in a team"
    parameter_name = "role"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(str(value), str(label)) for value, label in Membership.Role.choices]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        if self.value() not in Membership.Role.values:
            return queryset
        such = people.memberships(actor(request)).filter(role=self.value())
        team = request.GET.get(TeamFilter.parameter_name)
        if team and team.isprintable():
            such = such.filter(team=team)
        return queryset.filter(pk__in=such.order_by().values("user"))


class StandingFilter(SimpleListFilter):
    title = "standing"
    parameter_name = "suspended"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("no", "In good standing"), ("yes", "Suspended")]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return {"yes": queryset.filter(suspended=True), "no": queryset.filter(suspended=False)}.get(self.value() or "", queryset)
