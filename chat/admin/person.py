"""One person in the panel: what is shown of them, and what they are in the teams that the actor looks after."""

from typing import TYPE_CHECKING, Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_POST

from chat import errors
from chat.admin.acts import ACTS
from chat.admin.reading import actor
from chat.models import Membership, User
from chat.policy import can
from chat.store import people, sign_ins, teams, use

if TYPE_CHECKING:
    from chat.admin.people import People

Role = Membership.Role
GONE = "What they own in {team} and share stays there, and is an owner’s; what they do not share goes with them."


def facts(viewer: User, one: Any) -> dict[str, Any]:
    """What the page shows. Where somebody is signed in concerns the owner of the server alone."""
    account = can(viewer, "person.manage", one)
    return {
        "title": one.shown_name,
        "object": one,
        "one": one,
        "acts": offered(viewer, one) if account else [],
        "memberships": [(each, roles(viewer, each)) for each in people.memberships(viewer).filter(user=one)],
        "sign_ins": sign_ins.of(one, here=None) if account else None,
        "conversations": use.conversations(actor=viewer, person=one),
        "use": use.of_person(actor=viewer, person=one),
        "days": use.DAYS,
    }


def offered(viewer: User, one: User) -> list[tuple[str, str]]:
    """Names and words of what can be done to this account now."""
    if one.pk == viewer.pk:
        return []
    names = ["unsuspend" if one.suspended else "suspend", "end_sign_ins"]
    return [(name, ACTS[name].label) for name in names]


def roles(viewer: User, theirs: Membership) -> list[tuple[str, str]]:
    """What this person may make of that membership; none of their own, and only owners touch owners."""
    owns = can(viewer, "team.own", theirs.team)
    if theirs.user_id == viewer.pk or (theirs.role == Role.OWNER and not owns):
        return []
    return [(str(value), str(label)) for value, label in Role.choices if owns or value != Role.OWNER]


def routes(panel: "People") -> list[Any]:
    def change_role(request: HttpRequest, user_id: int, team_id: str) -> HttpResponse:
        theirs = membership(panel, request, user_id, team_id)

        def verb() -> str:
            role = request.POST.get("role", "")
            if role == theirs.role:
                return ""
            made = teams.change_role(actor=actor(request), team_id=team_id, user_id=user_id, role=role)
            return f"{made.user.get_username()} is {made.get_role_display().lower()} of {theirs.team} from now on."

        panel.act(request, verb)
        return redirect(panel.address("change", user_id))

    def remove(request: HttpRequest, user_id: int, team_id: str) -> HttpResponse:
        theirs = membership(panel, request, user_id, team_id)
        if request.method != "POST":
            return asked(panel, request, theirs)

        def verb() -> str:
            gone = teams.remove(actor=actor(request), team_id=team_id, user_id=user_id)
            return f"{gone.get_username()} is out of {theirs.team}."

        panel.act(request, verb)
        still_seen = can(actor(request), "person.see", theirs.user)
        return redirect(panel.address("change", user_id) if still_seen else panel.address("changelist"))

    one_of = "<int:user_id>/teams/<str:team_id>/"
    return [
        panel.route(f"{one_of}role/", require_POST(change_role), "role"),
        panel.route(f"{one_of}remove/", require_http_methods(["GET", "HEAD", "POST"])(remove), "remove"),
    ]


def membership(panel: "People", request: HttpRequest, user_id: int, team_id: str) -> Membership:
    """Somebody's, in a team that the actor looks after; NotFound for all others."""
    one = panel.found(request, str(user_id))
    found = people.memberships(actor(request)).filter(user=one, team_id=team_id if team_id.isprintable() else "").first()
    if found is None:
        raise errors.NotFound
    return found


def asked(panel: "People", request: HttpRequest, theirs: Membership) -> HttpResponse:
    return panel.page(
        request,
        "panel/sure.html",
        object=theirs.user,
        title=f"Remove {theirs.user.shown_name} from {theirs.team.name}",
        warning=GONE.format(team=theirs.team.name),
        label="Remove",
        chosen=[theirs.user],
        back=panel.address("change", theirs.user_id),
    )
