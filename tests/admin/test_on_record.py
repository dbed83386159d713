"""No act without a row: every route by which the server, a team or an account is changed, or the log taken along, is tried here,
and all others of the panel write nothing.
"""

import re
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from chat import policy
from chat.models import Export, Membership, Opening, User
from chat.store import invitations, record, teams
from chat.store import server as servers
from chat.store.listed import Filters
from chat.store.log_exports import Wanted
from tests.admin.conftest import World
from tests.admin.test_doors import NAMED, address

PANEL = "/admin/chat"
# Route → by whom, where, with what, and which rows that leaves.
SERVER = {
    "signup": "invited",
    "team_creation": "owner",
    "storing": "off",
    "storing_settled": "on",
    "log_mode": "redacted",
    "temporary": "no",
}
CASES: dict[str, tuple[str, str, dict[str, str], list[str]]] = {
    "server_settings": (
        "server owner",
        "/settings/server/",
        SERVER,
        [f"server.{what}" for what in ("signup", "team_creation", "storing", "log_mode", "temporary", "public_links")],
    ),
    "hand_over_server": ("server owner", "/settings/server/hand-over/", {"username": "tom"}, ["server.handed_over"]),
    "invite": ("server owner", "/settings/server/invitations/", {"uses": "1", "days": "7"}, ["invitation.made"]),
    "resend_invitation": ("server owner", "{server}/resend/", {}, ["invitation.renewed"]),
    "revoke_invitation": ("server owner", "{server}/revoke/", {}, ["invitation.withdrawn"]),
    "new_team": ("member", "/teams/new/", {"name": "Maths"}, ["team.made"]),
    "accept_invitation": ("stranger", "/invitations/{token}/accept/", {}, ["member.joined"]),
    "team_leave": ("member", "/teams/{team}/leave/", {}, ["member.left"]),
    "team_rename": ("team admin", "/teams/{team}/rename/", {"name": "Maths"}, ["team.renamed"]),
    "team_role": ("team owner", "/teams/{team}/members/{member}/role/", {"role": "admin"}, ["member.role"]),
    "team_remove": ("team admin", "/teams/{team}/members/{member}/remove/", {}, ["member.removed"]),
    "team_hand_over": ("team owner", "/teams/{team}/members/{member}/hand-over/", {}, ["team.handed_over"]),
    "team_end": ("team owner", "/teams/{team}/end/", {}, ["team.ended"]),
    "team_domain": ("server owner", "/teams/{team}/domain/", {"domain": "physics.example"}, ["team.domain"]),
    "team_storing": ("team admin", "/teams/{team}/storing/", {"storing": "off"}, ["team.storing"]),
    "team_log_mode": ("team owner", "/teams/{team}/log-mode/", {"log_mode": "metadata"}, ["team.log_mode"]),
    "team_invite": (
        "team admin",
        "/teams/{team}/invitations/",
        {"uses": "1", "days": "7", "role": "guest"},
        ["invitation.made"],
    ),
    "team_resend": ("team admin", "{in_team}/resend/", {}, ["invitation.renewed"]),
    "team_revoke": ("team admin", "{in_team}/revoke/", {}, ["invitation.withdrawn"]),
    "chat_user_changelist": (
        "server owner",
        f"{PANEL}/user/",
        {"action": "suspend", "index": "0", "_selected_action": "{member}", "sure": "yes"},
        ["person.suspended"],
    ),
    "chat_user_do": ("server owner", f"{PANEL}/user/{{member}}/do/end_sign_ins/", {}, ["person.signed_out"]),
    "chat_user_role": ("team admin", f"{PANEL}/user/{{member}}/teams/{{team}}/role/", {"role": "guest"}, ["member.role"]),
    "chat_user_remove": ("team admin", f"{PANEL}/user/{{member}}/teams/{{team}}/remove/", {}, ["member.removed"]),
    "chat_invitation_changelist": (
        "team admin",
        f"{PANEL}/invitation/",
        {"action": "withdraw", "index": "0", "_selected_action": "{physics}", "sure": "yes"},
        ["invitation.withdrawn"],
    ),
    "chat_probe_now": ("server owner", f"{PANEL}/probe/now/", {}, ["probe.asked"]),
    "chat_price_add": (
        "server owner",
        f"{PANEL}/price/add/",
        {"model": "m", "from_date": "2026-01-01", "input": "1", "output": "2"},
        ["price.added"],
    ),
    "chat_price_change": (
        "server owner",
        f"{PANEL}/price/900001/change/",
        {"model": "m", "from_date": "2026-01-01", "input": "1", "output": "2"},
        ["price.changed"],
    ),
    "chat_price_remove": ("server owner", f"{PANEL}/price/900001/remove/", {"sure": "yes"}, ["price.removed"]),
    "chat_response_open": ("team admin", f"{PANEL}/response/{{response_id}}/open/", {"reason": "ticket"}, ["reading.asked"]),
    "chat_conversation_open": (
        "team admin",
        f"{PANEL}/conversation/{{conversation_id}}/open/",
        {"reason": "ticket"},
        ["reading.asked"],
    ),
    "chat_opening_open": ("server owner", f"{PANEL}/opening/search/open/", {"reason": "ticket"}, ["reading.asked"]),
    "chat_opening_decide": ("team admin", f"{PANEL}/opening/{{opening_id}}/decide/", {"grant": "yes"}, ["reading.decided"]),
    "chat_export_make": ("team admin", f"{PANEL}/export/make/", {"of": "responses", "format": "csv"}, ["exported"]),
    "chat_export_open": ("team admin", f"{PANEL}/export/open/", {"of": "responses", "reason": "ticket"}, ["reading.asked"]),
    "chat_export_again": ("team admin", f"{PANEL}/export/{{export_id}}/open/", {"reason": "ticket"}, ["reading.asked"]),
    "chat_adminact_export": ("team admin", f"{PANEL}/adminact/export/", {"form": "csv"}, ["exported"]),
}
ALSO = {"new_team", "accept_invitation", "team_leave"}  # that concern a team, by whoever may
READING = {
    *("index", "login", "logout", "password_change", "jsi18n", "app_list", "search"),
    *("chat_user_invite", "chat_user_change", "chat_user_history", "chat_invitation_invite"),
    *("chat_team_changelist", "chat_team_change", "chat_team_history", "chat_daily_changelist", "chat_kept_changelist"),
    *("chat_probe_changelist", "chat_probe_change", "chat_purge_changelist", "chat_price_changelist"),
    *("chat_response_changelist", "chat_response_change", "chat_response_text", "chat_response_raw", "chat_response_replay"),
    *("chat_conversation_changelist", "chat_conversation_change", "chat_conversation_text"),
    *("chat_opening_changelist", "chat_opening_search", "chat_opening_found", "chat_accessrow_changelist"),
    *("chat_adminact_changelist", "chat_export_changelist", "chat_export_new", "chat_export_fetch", "chat_export_remove"),
}


def test_every_route_of_owners_and_admins_is_tried_here() -> None:
    for_admins = {name for name, action in policy.ROUTES.items() if action in ("server.manage", "team.manage", "team.own")}
    assert for_admins | ALSO | {pattern.name for pattern in NAMED} == set(CASES) | READING
    assert not set(CASES) & READING


def places(world: World) -> dict[str, str]:
    made, token = invitations.make(actor=world.people["team owner"], team=world.physics, days=7, uses=1)
    admin = world.people["team admin"]
    asked = Wanted("responses", "jsonl", Filters(scope=(world.physics.pk,)), world.physics.pk).as_data()
    opening = Opening.objects.create(reader=admin, team=world.physics, reason="ticket", exports=True, expires=timezone.now())
    export = Export.objects.create(owner=admin, kind=Export.Kind.LOG, state=Export.State.READY, opening=opening, asked=asked)
    in_team, of_server = world.invitations["physics"].pk, world.invitations["server"].pk
    return {
        **world.log[world.physics.pk],
        "team": world.physics.pk,
        "export_id": export.pk,
        "member": str(world.people["member"].pk),
        "token": token,
        "physics": in_team,
        "in_team": f"/teams/{world.physics.pk}/invitations/{in_team}",
        "server": f"/settings/server/invitations/{of_server}",
    }


def test_an_act_is_on_record_by_whoever_did_it_and_a_strangers_try_is_not(world: World) -> None:
    where, wrong = places(world), {}
    world.acts += 1
    for name, (who, path, sent, expected) in CASES.items():
        tried = path.format(**where), {field: value.format(**where) for field, value in sent.items()}
        with transaction.atomic():  # nothing of it stays
            stranger = [] if name in ALSO else [world.client("chemist").post(*tried).status_code, world.done()]
            status = world.client(who).post(*tried).status_code
            done = world.done()
            transaction.set_rollback(True)
        by = {username for username, *_ in done}
        found = ([what for _, what, *_ in done], by, status in (200, 302), stranger)
        if found != (expected, {world.people[who].username}, True, [] if name in ALSO else [404, []]):
            wrong[name] = (*found, status)
    assert wrong == {}


WRITES = re.compile(r'^\s*(?:INSERT INTO|UPDATE|DELETE FROM) "?(\w+)')
NO_ACTS = re.compile(
    "django_session|usersessions_.*|chat_access.*|chat_conversation|chat_export"
)  # being here, readings, one's own files


def test_all_other_pages_of_the_panel_write_nothing(world: World) -> None:
    owner, log = world.client("server owner"), world.log[world.physics.pk]
    owner.post(f"{PANEL}/conversation/{log['conversation_id']}/open/", {"reason": "ticket"})
    for pattern in NAMED:
        if pattern.name not in READING - {"logout"}:
            continue
        path = address(pattern, person=world.people["member"].pk, team=world.physics.pk, log=log)
        for method in ("get", "post"):
            with transaction.atomic(), CaptureQueriesContext(connection) as queries:
                getattr(owner, method)(path)
                transaction.set_rollback(True)
            written = {found[1] for query in queries if (found := WRITES.match(query["sql"]))}
            assert not {table for table in written if not NO_ACTS.fullmatch(table)}, (path, written)


def test_what_has_no_route_is_on_it_too(world: World) -> None:
    people: Any = world.people
    teams.join_by_domain(people["stranger"])
    assert world.done() == []
    teams.choose_domain(actor=people["server owner"], team_id=world.physics.pk, domain="example.org")
    people["stranger"].emailaddress_set.create(email="stella@example.org", verified=True, primary=True)
    teams.join_by_domain(people["stranger"])
    servers.change_signup(actor=people["server owner"], signup="open")  # as it is
    assert [(who, what) for who, what, *_ in world.done()] == [("olivia", "team.domain"), ("stella", "member.joined")]
    assert Membership.objects.filter(user=people["stranger"], team=world.physics).exists()


def test_an_act_without_words_is_none(world: World) -> None:
    with pytest.raises(ValueError, match="no words"):
        record.write(actor=User.objects.get(username="olivia"), what="made.up")
