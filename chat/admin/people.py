"""People in the panel: found, looked at, shut out, let in again. Nothing that they wrote is shown here."""

from functools import partial
from typing import Any

from django.contrib import admin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_safe
from unfold.decorators import action, display

from chat.admin import person
from chat.admin.acts import ACTS, Act
from chat.admin.filters import PeopleTeamFilter, RoleFilter, StandingFilter
from chat.admin.reading import Reading, actor, day, minute
from chat.models import User
from chat.policy import can, teams_managed_by
from chat.store import people


@admin.register(User)
class People(Reading):
    list_display = ("username", "shown", "mail", "in_teams", "joined", "seen", "sign_ins", "standing")
    list_filter = (PeopleTeamFilter, RoleFilter, StandingFilter)
    search_fields = ("username", "name", "email")
    search_help_text = "Name, username or e-mail"
    ordering = ("username",)
    actions = tuple(ACTS)
    actions_list = ("invite",)
    with_history = True

    def within_reach(self, request: HttpRequest) -> Any:
        return people.within_reach(actor(request))

    def get_list_display(self, request: HttpRequest) -> tuple[str, ...]:
        """Where people are signed in concerns the owner of the server alone."""
        return (
            self.list_display
            if self.has_account_permission(request)
            else tuple(name for name in self.list_display if name != "sign_ins")
        )

    def has_account_permission(self, request: HttpRequest) -> bool:
        return can(actor(request), "person.manage", None)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        if not self.has_account_permission(request):
            return {}
        return {name: (partial(People.on_ticked, name=name), name, act.label) for name, act in ACTS.items()}

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """What was done to an account concerns the owner of the server alone."""
        if not self.has_account_permission(request):
            raise Http404
        return super().history_view(request, object_id, extra_context)

    def on_record(self, one: User) -> dict[str, str]:
        return {"whom": one.username}

    def response_action(self, request: HttpRequest, queryset: Any) -> Any:
        """Keys are numbers: others break the question to the database."""
        if not all(key.isdecimal() and len(key) < 19 for key in request.POST.getlist(ACTION_CHECKBOX_NAME)):
            raise Http404
        return super().response_action(request, queryset)

    def on_ticked(self, request: HttpRequest, chosen: Any, *, name: str) -> HttpResponse | None:
        """On all that are ticked; what shuts people out asks first."""
        act, ticked = ACTS[name], list(chosen)
        if ticked and act.warning and "sure" not in request.POST:
            hidden = [("action", name), ("index", "0"), *((ACTION_CHECKBOX_NAME, one.pk) for one in ticked)]
            return self.sure(request, act, ticked, hidden=hidden, back=self.address("changelist"))
        for one in ticked:
            self.on(request, act, one)
        return None

    def on(self, request: HttpRequest, act: Act, one: User) -> None:
        self.act(request, lambda: act.on(actor=actor(request), person=one))

    def sure(self, request: HttpRequest, act: Act, chosen: list[User], **more: Any) -> HttpResponse:
        title = f"{act.label}: {chosen[0].shown_name}" if len(chosen) == 1 else f"{act.label}: {len(chosen)} people"
        context = {"title": title, "warning": act.warning, "label": act.label, "chosen": chosen, **more}
        return self.page(request, "panel/sure.html", **context)

    def routes(self) -> list[Any]:
        return [
            self.route("invite/", self.invite, "invite"),
            self.route("<int:user_id>/change/", require_safe(self.look), "change"),
            self.route("<int:user_id>/do/<slug:name>/", require_http_methods(["GET", "HEAD", "POST"])(self.do), "do"),
            *person.routes(self),
        ]

    def look(self, request: HttpRequest, user_id: int) -> HttpResponse:
        one = self.found(request, str(user_id))
        return self.page(request, "panel/person.html", **person.facts(actor(request), one))

    def do(self, request: HttpRequest, user_id: int, name: str) -> HttpResponse:
        """One act on one person: asked about first, then done."""
        one, act = self.found(request, str(user_id)), ACTS.get(name)
        if act is None or not self.has_account_permission(request):
            raise Http404
        if request.method != "POST":
            return self.sure(request, act, [one], object=one, back=self.address("change", one.pk))
        self.on(request, act, one)
        return redirect(self.address("change", one.pk))

    @action(description="Invite people", icon="person_add")
    def invite(self, request: HttpRequest) -> HttpResponse:
        """To where invitations are made: of the server, of the one team that they look after, or to the list of those."""
        if can(actor(request), "server.manage", None):
            return redirect("server_settings")
        teams = list(teams_managed_by(actor(request))[:2])
        return redirect("team", teams[0].pk) if len(teams) == 1 else redirect("admin:chat_team_changelist")

    @display(description="name", ordering="name")
    def shown(self, one: User) -> str:
        return one.name

    @display(description="e-mail", ordering="email")
    def mail(self, one: User) -> str:
        return one.email

    @display(description="teams")
    def in_teams(self, one: Any) -> str:
        return ", ".join(f"{each.team.name} ({each.get_role_display().lower()})" for each in one.shown_memberships)

    @display(description="joined", ordering="date_joined")
    def joined(self, one: User) -> str:
        return day(one.date_joined)

    @display(description="last seen", ordering="seen")
    def seen(self, one: Any) -> str:
        return minute(one.seen)

    @display(description="sign-ins", ordering="sign_ins")
    def sign_ins(self, one: Any) -> int:
        return int(one.sign_ins)

    @display(description="standing", ordering="suspended", label={"suspended": "danger", "in good standing": "success"})
    def standing(self, one: User) -> str:
        return "suspended" if one.suspended else "in good standing"
