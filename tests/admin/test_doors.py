"""Every address of the panel for everybody: who has no business gets what anybody gets for an address that is not there."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib import admin
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, reverse

from chat.models import Conversation, Membership, Probe, Response, User
from chat.policy import can, people_seen_by, teams_managed_by
from tests.admin.conftest import PRICE, World, without_token

NOTHING = "/admin/no-such-page/"
OUTSIDERS = ("member", "guest", "stranger")
INSIDERS = ("server owner", "team owner", "team admin", "other admin")
# Route → who comes in: everybody in the panel, those who may see the person, the team; or the owner of the server alone.
ENTER, PERSON, TEAM, OWNER, NOBODY = "panel.enter", "person.see", "team.manage", "server.manage", ""
RESPONSE, CONVERSATION = "response.see", "conversation.see"
ROUTES = {
    **dict.fromkeys(("index", "login", "logout", "password_change", "jsi18n", "app_list"), ENTER),
    **dict.fromkeys(("chat_user_changelist", "chat_user_invite", "chat_team_changelist"), ENTER),
    **dict.fromkeys(("chat_invitation_changelist", "chat_invitation_invite"), ENTER),
    **dict.fromkeys(("chat_user_change",), PERSON),
    **dict.fromkeys(("chat_user_role", "chat_user_remove"), TEAM),
    **dict.fromkeys(("chat_team_change", "chat_team_history"), TEAM),
    **dict.fromkeys(("chat_user_do", "chat_user_history"), OWNER),
    **dict.fromkeys(("chat_probe_changelist", "chat_probe_now", "chat_probe_change", "chat_purge_changelist"), OWNER),
    **dict.fromkeys(("chat_response_changelist", "chat_conversation_changelist"), ENTER),
    **dict.fromkeys(("chat_opening_changelist", "chat_opening_search", "chat_opening_found"), ENTER),
    **dict.fromkeys((f"chat_response_{name}" for name in ("change", "open", "text", "raw", "replay")), RESPONSE),
    **dict.fromkeys((f"chat_conversation_{name}" for name in ("change", "open", "text")), CONVERSATION),
    "chat_opening_decide": CONVERSATION,
    **dict.fromkeys(("chat_export_changelist",), ENTER),
    # without a list or an export that is theirs: nothing
    **dict.fromkeys((f"chat_export_{name}" for name in ("new", "make", "open", "again", "fetch", "remove")), NOBODY),
    **dict.fromkeys(("chat_opening_open", "chat_accessrow_changelist"), OWNER),  # the first: of a search of everything
    **dict.fromkeys(("chat_daily_changelist", "chat_kept_changelist"), ENTER),
    **dict.fromkeys(("chat_adminact_changelist", "chat_adminact_export"), ENTER),
    **dict.fromkeys(("chat_price_changelist", "chat_price_add", "chat_price_change", "chat_price_remove"), OWNER),
    **dict.fromkeys(("search", None), NOBODY),
}


def walked(patterns: Any, *, before: str = "") -> Iterator[tuple[URLPattern, str]]:
    for one in patterns:
        if isinstance(one, URLResolver):
            yield from walked(one.url_patterns, before=f"{before}{one.pattern}")
        else:
            yield one, before


ALL = [pattern for pattern, _ in walked(admin.site.get_urls())]
NAMED = [pattern for pattern in ALL if pattern.name]


MISSING = {name: f"{prefix}_{'0' * 32}" for name, prefix in (("response_id", "resp"), ("conversation_id", "conv"))}


def address(pattern: URLPattern, *, person: Any, team: str, log: dict[str, str] | None = None) -> str:
    of_person = "user" in str(pattern.name)
    ids = {"user_id": person, "team_id": team, "name": "suspend", "object_id": person if of_person else team, "app_label": "chat"}
    ids["number"] = Probe.objects.values_list("pk", flat=True).first() or 0
    ids |= {**MISSING, "opening_id": f"open_{'0' * 32}", "export_id": f"exp_{'0' * 32}", **(log or {})}
    ids["price_id"] = PRICE
    wanted = {name: ids[name] for name in pattern.pattern.regex.groupindex if name in ids}
    return reverse(f"admin:{pattern.name}", kwargs=wanted)


def asked(client: Client, path: str) -> list[tuple[int, str, bytes]]:
    """What both methods answer; nothing of it stays."""
    found = []
    for method in ("get", "post"):
        with transaction.atomic():
            found.append(without_token(getattr(client, method)(path, {"role": "guest"} if method == "post" else None)))
            transaction.set_rollback(True)
    return found


def test_every_address_stands_in_this_table() -> None:
    assert {pattern.name for pattern in ALL} == set(ROUTES)
    assert not {"autocomplete", "view_on_site", "chat_user_add", "chat_user_delete"} & set(ROUTES)


def test_only_what_is_ours_is_registered() -> None:
    """Not what other apps would bring along: sessions, second steps, jobs, groups."""
    assert sorted(model._meta.label for model in admin.site._registry) == [
        "chat.AccessRow",
        "chat.AdminAct",
        "chat.Conversation",
        "chat.Daily",
        "chat.Export",
        "chat.Invitation",
        "chat.Kept",
        "chat.Opening",
        "chat.Price",
        "chat.Probe",
        "chat.Purge",
        "chat.Response",
        "chat.Team",
        "chat.User",
    ]


@pytest.mark.parametrize("who", OUTSIDERS)
def test_for_who_looks_after_nobody_there_is_nothing_here(world: World, who: str) -> None:
    client = world.client(who)
    nothing = asked(client, NOTHING)
    assert [status for status, *_ in nothing] == [404, 404]
    wrong = {}
    for pattern in NAMED:
        path = address(pattern, person=world.people[who].pk, team=world.physics.pk)
        if pattern.name not in ("logout", "password_change") and asked(client, path) != nothing:
            wrong[pattern.name] = [status for status, *_ in asked(client, path)]
    assert wrong == {}


def test_nobody_comes_in_unnamed_or_suspended(world: World) -> None:
    """They are sent to sign in, or shown out, wherever they go."""
    for pattern in NAMED:
        path = address(pattern, person=world.people["member"].pk, team=world.physics.pk)
        for answer in (Client().get(path), Client().post(path)):
            assert answer["Location"].startswith("/accounts/login/"), path
        for method in ("get", "post"):
            assert getattr(world.client("suspended admin"), method)(path)["Location"] == "/accounts/inactive/", path


@pytest.mark.parametrize("who", INSIDERS)
def test_who_comes_in_is_who_may(world: World, who: str) -> None:
    user, member, wrong = world.people[who], world.people["member"], {}
    log = world.log[world.physics.pk]
    objects = {PERSON: member, TEAM: world.physics, RESPONSE: Response.objects.get(pk=log["response_id"])}
    objects[CONVERSATION] = Conversation.objects.get(pk=log["conversation_id"])
    for pattern in NAMED:
        action: Any = ROUTES[pattern.name]
        if pattern.name in ("logout", "password_change"):
            continue
        expected = bool(action) and can(user, action, objects.get(action))
        found = asked(world.client(who), address(pattern, person=member.pk, team=world.physics.pk, log=log))
        came_in = {status for status, *_ in found} - {405} != {404}
        if came_in is not expected:
            wrong[pattern.name] = (expected, [status for status, *_ in found])
    assert wrong == {}


@pytest.mark.parametrize("who", ["team owner", "team admin", "other admin"])
def test_what_is_not_theirs_answers_like_what_is_not_there(world: World, who: str) -> None:
    theirs, foreign = ("physics", "chemist") if who != "other admin" else ("chemistry", "member")
    team = world.chemistry if theirs == "physics" else world.physics
    client = world.client(who)
    for pattern in NAMED:
        if not {"user_id", "team_id", "object_id", *MISSING, "opening_id"} & set(pattern.pattern.regex.groupindex):
            continue
        there = asked(client, address(pattern, person=world.people[foreign].pk, team=team.pk, log=world.log[team.pk]))
        missing = asked(client, address(pattern, person=999_999, team="team_" + "0" * 32))
        assert there == missing, pattern.name
        assert {status for status, *_ in there} <= {404, 405}, pattern.name


def test_a_person_of_theirs_is_theirs_only_in_their_team(world: World) -> None:
    """Ada's Mateo is in Chemistry too, with which she has no business."""
    member, ada = world.people["member"], world.client("team admin")
    Membership.objects.create(team=world.chemistry, user=member, role="admin")
    for page in (f"/admin/chat/user/{member.pk}/change/", "/admin/chat/user/?q=mateo"):
        assert "Physics" in ada.get(page).text
        assert "Chemistry" not in ada.get(page).text
    for what in ("role", "remove"):
        there = asked(ada, f"/admin/chat/user/{member.pk}/teams/{world.chemistry.pk}/{what}/")
        assert there == asked(ada, f"/admin/chat/user/{member.pk}/teams/team_{'0' * 32}/{what}/")
    assert Membership.objects.get(team=world.chemistry, user=member).role == "admin"


ODD = (
    "/admin/chat/user/abc/change/",
    "/admin/chat/user/99999999999999999999999/change/",
    "/admin/chat/user/%00/history/",
    "/admin/chat/user/99999999999999999999999/history/",
    "/admin/chat/team/%00/history/",
    "/admin/chat/team/%00/change/",
    "/admin/chat/user/1/teams/%00/role/",
    "/admin/chat/user/1/do/delete/",
    "/admin/chat/price/99999999999999999999999/change/",
    "/admin/chat/price/2/remove/",
    "/admin/chat/price/abc/change/",
    "/admin/chat/daily/1/change/",
    "/admin/chat/daily/add/",
    "/admin/chat/user/add/",
    "/admin/chat/user/1/delete/",
    "/admin/chat/user/1/",
    "/admin/chat/response/1/change/",
    "/admin/chat/response/%00/text/",
    "/admin/chat/conversation/abc/change/",
    "/admin/chat/opening/%00/decide/",
    "/admin/chat/accessrow/?before=x",
    "/admin/admin/logentry/",
    "/admin/chat/adminact/1/change/",
    "/admin/chat/adminact/add/",
    "/admin/chat/adminact/?team=team_" + "0" * 32,
    "/admin/chat/adminact/?who=nobody-here",
    "/admin/chat/kept/1/change/",
    "/admin/chat/kept/?team=%00",
    "/admin/chat/kept/?team=team_" + "0" * 32,
    "/admin/chat/user/autocomplete/",
    "/admin/r/1/1/",
    "/admin/autocomplete/?app_label=chat&model_name=membership&field_name=user&term=s",
    "/admin/search/?s=people",
    "/admin/auth/group/",
    "/admin/sessions/session/",
    "/admin/account/emailaddress/",
    "/admin/mfa/authenticator/",
)


def test_an_odd_address_is_one_that_is_not_there(world: World) -> None:
    owner = world.client("server owner")
    found = {(path, method): getattr(owner, method)(path).status_code for path in ODD for method in ("get", "post")}
    assert {asked: status for asked, status in found.items() if status not in (404, 405)} == {}


def test_a_flag_on_a_person_opens_nothing(world: World) -> None:
    User.objects.filter(username__in=["stella", "ada"]).update(is_staff=True, is_superuser=True)
    assert world.client("stranger").get("/admin/").status_code == 404
    ada = world.client("team admin")
    assert ada.get("/admin/chat/accessrow/").status_code == 404
    assert "stella" not in ada.get("/admin/chat/user/").text


def test_the_lists_and_the_rules_agree(world: World) -> None:
    for user in world.people.values():
        seen, managed = people_seen_by(user), teams_managed_by(user)
        for one in world.people.values():
            assert can(user, "person.see", one) is seen.filter(pk=one.pk).exists()
        for team in (world.physics, world.chemistry):
            assert can(user, "team.manage", team) is managed.filter(pk=team.pk).exists()
        assert can(user, "panel.enter", None) is (managed.exists() or can(user, "server.manage", None))
