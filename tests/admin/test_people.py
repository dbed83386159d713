"""People in the panel: found, looked at, shut out and let in, with their roles; each act on record, each refusal in words."""

from datetime import timedelta
from typing import Any

import pytest
from allauth.usersessions.models import UserSession
from django.test import Client
from django.utils import timezone

from chat.models import Conversation, Membership, Response, User
from tests.accounts.conftest import sign_in
from tests.admin.conftest import World, without_token

LIST = "/admin/chat/user/"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


def act(client: Client, action: str, *people: User, sure: bool = True, **more: Any) -> Any:
    ticked = {"action": action, "index": "0", "_selected_action": [person.pk for person in people]}
    return client.post(LIST, {**ticked, **({"sure": "yes"} if sure else {}), **more}, follow=True)


def fresh(person: User) -> User:
    return User.objects.get(pk=person.pk)


def test_people_are_found_by_username_name_and_address(world: World) -> None:
    User.objects.filter(username="stella").update(name="Fräulein Sternberg")
    for words in ("stel", "stella@example.org", "Sternb", "ella fräulein"):
        found = world.client("server owner").get(LIST, {"q": words}).context["cl"].result_list
        assert [person.username for person in found] == ["stella"]


def test_a_team_admin_finds_the_people_of_their_team_only(world: World) -> None:
    ada = world.client("team admin")
    page = ada.get(LIST).text
    for name in ("tom", "ada", "mateo", "gus", "sid"):
        assert f"{name}@example.org" in page
    for name in ("otto", "cleo", "stella", "olivia"):
        assert f"{name}@example.org" not in page
        assert f"{name}@example.org" not in ada.get(LIST, {"q": name}).text


def test_they_are_narrowed_by_team_role_and_standing(world: World) -> None:
    def found(who: str, **by: str) -> set[str]:
        return {person.username for person in world.client(who).get(LIST, by).context["cl"].result_list}

    assert found("server owner", team=world.chemistry.pk) == {"olivia", "otto", "cleo"}
    assert found("server owner", team=world.physics.pk, role="admin") == {"ada", "sid"}
    assert found("server owner", role="guest") == {"gus"}
    assert found("server owner", suspended="yes") == {"sid"}
    assert found("team admin", role="admin", suspended="no", team="") == {"ada"}
    assert found("team admin", role="owner") == {"tom"}


def test_a_filter_that_names_a_foreign_team_is_one_that_names_none(world: World) -> None:
    """Even where somebody of theirs is in it."""
    ada = world.client("team admin")
    Membership.objects.create(team=world.chemistry, user=world.people["member"], role="owner")
    assert not ada.get(LIST, {"team": world.chemistry.pk, "role": "owner"}).context["cl"].result_count
    for path in (LIST, "/admin/chat/invitation/"):
        foreign = without_token(ada.get(path, {"team": world.chemistry.pk}))
        missing = without_token(ada.get(path, {"team": "team_" + "0" * 32}))
        assert foreign == (200, "", missing[2].replace(b"team_" + b"0" * 32, world.chemistry.pk.encode()))
        assert "Chemistry" not in ada.get(path).text
        assert ada.get(path, {"team": "\0"}).status_code == 200


@pytest.mark.parametrize(
    "column", ["password__startswith", "instructions__contains", "memberships__team__name", "memberships__team", "id__in"]
)
def test_no_other_column_can_be_guessed_at(world: World, column: str) -> None:
    ada = world.client("team admin")
    assert ada.get(LIST, {column: "1"}).status_code == 400
    assert ada.get(LIST, {"_to_field": column.partition("__")[0]}).status_code == 400


def test_odd_questions_are_no_errors(world: World) -> None:
    owner = world.client("server owner")
    for asked in (
        {"o": "99.x"},
        {"p": "999"},
        {"q": "\0"},
        {"q": "a " * 3000},
        {"role": "king"},
        {"suspended": "x"},
        {"all": ""},
        {"_facets": "1"},
    ):
        assert owner.get(LIST, asked, follow=True).status_code == 200, asked
    for key in ("abc", "9" * 30, "\0"):
        assert owner.post(LIST, {"action": "suspend", "index": "0", "_selected_action": key}).status_code == 404


def test_the_list_tells_where_and_when_and_in_how_many_browsers(world: World) -> None:
    there = Client(headers={"user-agent": FIREFOX})
    sign_in(there, "mateo")
    UserSession.objects.filter(user=world.people["member"]).update(last_seen_at=timezone.now().replace(year=2026, month=1, day=2))
    row = world.client("server owner").get(LIST, {"q": "mateo"}).text
    assert "Physics (member)" in row
    assert "2 Jan 2026" in row
    assert 'data-label="Sign-ins"' in row.replace("sign-ins", "Sign-ins")
    there.session.flush()
    mateo = world.client("server owner").get(LIST, {"q": "mateo"}).context["cl"].result_list[0]
    assert mateo.sign_ins == 0


def test_where_somebody_is_signed_in_concerns_the_owner_of_the_server_alone(world: World) -> None:
    sign_in(Client(headers={"user-agent": FIREFOX}), "mateo")
    page = f"{LIST}{world.people['member'].pk}/change/"
    assert "Firefox on Linux" in world.client("server owner").get(page).text
    for path in (page, LIST):
        answer = world.client("team admin").get(path).text
        assert "Firefox" not in answer
        assert "ign-ins" not in answer
    assert "Suspend" not in world.client("team admin").get(page).text


def test_what_they_use_is_counted_within_reach_and_nothing_they_wrote_is_shown(world: World) -> None:
    mateo = world.people["member"]
    User.objects.filter(pk=mateo.pk).update(instructions="my secret instructions")
    usage = {"input_tokens": 1000, "output_tokens": 234, "total_tokens": 1234}
    for team, count in ((world.physics, 2), (world.people["member"].personal_team, 3)):
        talk = Conversation.objects.create(owner=mateo, team=team, title="A secret title")
        mine: dict[str, Any] = {"conversation": talk, "author": mateo, "team": team, "model": "gpt-x"}
        made = [Response(**mine, status="completed", usage=usage) for _ in range(count)]
        Response.objects.bulk_create([*made, Response(**mine, status="failed")])
    old = Response.objects.create(conversation=talk, author=mateo, team=talk.team, model="old", status="completed", usage=usage)
    Response.objects.filter(pk=old.pk).update(created=timezone.now() - timedelta(days=31))
    expected = {"server owner": ("7", "5,000", "6,170", "their own: 2"), "team admin": ("3", "2,000", "2,468", "their own: 1")}
    for who, numbers in expected.items():
        page = world.client(who).get(f"{LIST}{mateo.pk}/change/").text
        for number in numbers:
            assert number in page
        assert "secret" not in page
        assert "old" not in page.split("Use in the last")[1].split("</table>")[0]
    teams = world.client("team admin").get("/admin/chat/team/").text
    assert "Physics" in teams
    assert "Chemistry" not in teams
    assert "2,468" in world.client("team admin").get(f"/admin/chat/team/{world.physics.pk}/change/").text


ODD: list[Any] = [10**400, 1e308, -5, "many", "", True, None, [1], {"a": 1}, "12e400", "NaN"]


@pytest.mark.parametrize("odd", ODD, ids=lambda odd: str(odd)[:12])
def test_what_a_model_server_counts_that_is_no_count_counts_as_nothing(world: World, odd: Any) -> None:
    mateo = world.people["member"]
    talk = Conversation.objects.create(owner=mateo, team=world.physics)
    mine: dict[str, Any] = {"conversation": talk, "author": mateo, "team": world.physics, "model": "gpt-x", "status": "completed"}
    for usage in ({"input_tokens": odd, "output_tokens": odd, "total_tokens": odd}, {"input_tokens": 1234}, odd, None):
        Response.objects.create(**mine, usage=usage)
    for path in (f"{LIST}{mateo.pk}/change/", f"/admin/chat/team/{world.physics.pk}/change/"):
        answer = world.client("server owner").get(path)
        assert "1,234" in answer.text
        (row,) = [row for row in answer.context["use"] if row.model == "gpt-x"]
        assert (row.input_tokens, row.output_tokens, row.total_tokens) == (1234, 0, 0)


def test_the_owner_is_asked_and_then_suspends_and_lets_in_again(world: World) -> None:
    owner, stella = world.client("server owner"), world.people["stranger"]
    assert "cannot sign in until you let them in again" in act(owner, "suspend", stella, sure=False).text
    assert not fresh(stella).suspended
    assert "stella is suspended." in act(owner, "suspend", stella).text
    assert fresh(stella).suspended
    assert "stella is let in again." in act(owner, "unsuspend", stella, sure=False).text
    assert not fresh(stella).suspended
    assert world.done() == [("olivia", f"person.{act}", "stella", "", "") for act in ("suspended", "let_in")]
    for page in (f"{LIST}{stella.pk}/history/", "/admin/chat/adminact/"):
        assert "let in again" in owner.get(page, follow=True).text


def test_what_is_so_already_is_not_done_again(world: World) -> None:
    answer = act(world.client("server owner"), "unsuspend", world.people["stranger"])
    assert "There was nothing to change." in answer.text
    assert world.done() == []


def test_the_owner_is_never_suspended_and_that_stops_nobody_else(world: World) -> None:
    answer = act(world.client("server owner"), "suspend", world.people["server owner"], world.people["member"])
    assert "The owner of this server cannot be suspended." in answer.text
    assert not fresh(world.people["server owner"]).suspended
    assert fresh(world.people["member"]).suspended


def test_a_person_is_suspended_from_their_page_once_that_is_confirmed(world: World) -> None:
    owner, stella = world.client("server owner"), world.people["stranger"]
    page = f"{LIST}{stella.pk}/do/suspend/"
    assert "Suspend: Stella" in owner.get(page).text
    assert not fresh(stella).suspended
    assert "stella is suspended." in owner.post(page, follow=True).text
    assert fresh(stella).suspended


def test_all_sign_ins_of_somebody_are_ended(world: World) -> None:
    stella, phone, desk = world.people["stranger"], Client(), Client()
    for browser in (phone, desk):
        sign_in(browser, "stella")
        assert browser.get("/settings/").status_code == 200
    answer = world.client("server owner").post(f"{LIST}{stella.pk}/do/end_sign_ins/", follow=True)
    assert "stella is signed out everywhere." in answer.text
    assert [browser.get("/settings/")["Location"] for browser in (phone, desk)] == ["/accounts/login/?next=/settings/"] * 2
    assert fresh(stella).auth_epoch == 1
    assert world.done() == [("olivia", "person.signed_out", "stella", "", "")]
    assert sign_in(phone, "stella")["Location"] == "/"


def test_ones_own_sign_ins_are_ended_elsewhere(world: World) -> None:
    owner = world.client("server owner")
    assert "These are your own sign-ins." in act(owner, "end_sign_ins", world.people["server owner"]).text
    assert owner.get("/settings/").status_code == 200


@pytest.mark.parametrize("who", ["team owner", "team admin"])
def test_who_looks_after_a_team_touches_no_account(world: World, who: str) -> None:
    client, mateo = world.client(who), world.people["member"]
    browser = world.client("member")
    for action in ("suspend", "end_sign_ins", "unsuspend", "delete_selected"):
        act(client, action, mateo, world.people["chemist"], select_across="1")
        assert client.post(f"{LIST}{mateo.pk}/do/{action}/").status_code == 404
    assert (fresh(mateo).suspended, fresh(mateo).auth_epoch) == (False, mateo.auth_epoch)
    assert fresh(world.people["suspended admin"]).suspended
    assert browser.get("/settings/").status_code == 200
    assert world.done() == []


def role_page(world: World, who: str, what: str = "role") -> str:
    return f"{LIST}{world.people[who].pk}/teams/{world.physics.pk}/{what}/"


def role_of(world: World, who: str) -> str | None:
    return Membership.objects.filter(team=world.physics, user=world.people[who]).values_list("role", flat=True).first()


@pytest.mark.parametrize("who", ["server owner", "team owner", "team admin"])
def test_roles_are_changed_in_the_teams_within_reach(world: World, who: str) -> None:
    answer = world.client(who).post(role_page(world, "member"), {"role": "guest"}, follow=True)
    assert "mateo is guest of Physics from now on." in answer.text
    assert role_of(world, "member") == "guest"
    by = world.people[who].username
    assert world.done() == [(by, "member.role", "mateo", "member", "guest")]
    history = world.client("team owner").get(f"/admin/chat/team/{world.physics.pk}/history/", follow=True).context["rows"]
    assert [(row.who, row.what, row.whom, row.team) for row in history[:1]] == [(by, "role in a team", "mateo", "Physics")]


@pytest.mark.parametrize(
    ("by", "whom", "role", "said"),
    [
        ("team admin", "team owner", "guest", "This is for the team’s owners."),
        ("team admin", "member", "owner", "Only an owner makes somebody an owner."),
        ("team owner", "team owner", "guest", "A team needs an owner"),
        ("team owner", "member", "king", "Choose what they will be."),
        ("team owner", "member", "member", "There was nothing to change."),
    ],
)
def test_what_stands_against_it_is_said(world: World, by: str, whom: str, role: str, said: str) -> None:
    before = role_of(world, whom)
    assert said in world.client(by).post(role_page(world, whom), {"role": role}, follow=True).text
    assert role_of(world, whom) == before
    assert world.done() == []


def test_somebody_is_removed_once_that_is_confirmed(world: World) -> None:
    ada = world.client("team admin")
    page = role_page(world, "member", "remove")
    assert "Remove Mateo from Physics" in ada.get(page).text
    assert role_of(world, "member") == "member"
    answer = ada.post(page, follow=True)
    assert "mateo is out of Physics." in answer.text
    assert answer.redirect_chain[-1][0] == LIST
    assert role_of(world, "member") is None
    assert world.done() == [("ada", "member.removed", "mateo", "member", "")]
    assert ada.get(f"{LIST}{world.people['member'].pk}/change/").status_code == 404


def test_whom_one_sees_one_may_not_be_let_change(world: World) -> None:
    """What the page offers is what the verbs let do."""
    page = world.client("team admin").get(f"{LIST}{world.people['team owner'].pk}/change/").text
    assert "Remove" not in page
    assert '<option value="owner"' not in world.client("team admin").get(f"{LIST}{world.people['member'].pk}/change/").text
    assert '<option value="owner"' in world.client("team owner").get(f"{LIST}{world.people['member'].pk}/change/").text
