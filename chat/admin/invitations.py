"""Invitations in the panel: those that are still good, and their end. They are made where their link can be shown."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from unfold.decorators import action, display

from chat import errors
from chat.admin.filters import TeamFilter
from chat.admin.reading import Reading, actor, minute
from chat.models import Invitation
from chat.store import invitations, server


@admin.register(Invitation)
class Invitations(Reading):
    list_display = ("to", "where", "role", "uses_left", "until", "by")
    list_display_links = None
    list_filter = (TeamFilter,)
    search_fields = ("email",)
    search_help_text = "E-mail"
    ordering = ("-created", "id")
    actions = ("withdraw",)
    actions_list = ("invite",)

    def within_reach(self, request: HttpRequest) -> Any:
        return invitations.within_reach(actor(request)).select_related("team", "invited_by")

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        return {"withdraw": (Invitations.withdraw, "withdraw", "Withdraw")}

    def routes(self) -> list[Any]:
        return [self.route("invite/", self.invite, "invite")]

    @action(description="Invite people", icon="person_add")
    def invite(self, request: HttpRequest) -> HttpResponse:
        return redirect("admin:chat_user_invite")

    def withdraw(self, request: HttpRequest, chosen: Any) -> HttpResponse | None:
        """All that are ticked, once that is confirmed."""
        ticked = list(chosen)
        if ticked and "sure" not in request.POST:
            hidden = [("action", "withdraw"), ("index", "0"), *((ACTION_CHECKBOX_NAME, one.pk) for one in ticked)]
            title = "Withdraw one invitation" if len(ticked) == 1 else f"Withdraw {len(ticked)} invitations"
            warning = "Whoever comes with the link is told that it is no longer good."
            context = {"title": title, "warning": warning, "label": "Withdraw", "chosen": ticked, "hidden": hidden}
            return self.page(request, "panel/sure.html", back=self.address("changelist"), **context)
        for one in ticked:
            self.act(request, lambda one=one: self.end(request, one))  # type: ignore[misc]
        return None

    def end(self, request: HttpRequest, one: Invitation) -> str:
        try:
            invitations.revoke(actor=actor(request), invitation_id=one.pk, team=one.team)
        except errors.NotFound:
            return ""
        return f"An invitation to {one.team or server.current()} by {one.invited_by.get_username()} is withdrawn."

    @display(description="for", ordering="email")
    def to(self, one: Invitation) -> str:
        return one.email or "anyone with the link"

    @display(description="to", ordering="team__name")
    def where(self, one: Invitation) -> str:
        return one.team.name if one.team else "this server"

    @display(description="good until", ordering="expires")
    def until(self, one: Invitation) -> str:
        return minute(one.expires)

    @display(description="invited by", ordering="invited_by__username")
    def by(self, one: Invitation) -> str:
        return one.invited_by.shown_name
