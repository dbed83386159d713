"""The panel itself: its doors, its content policy, its lists of teams and invitations."""

import re

import pytest
from django.test import Client

from chat.models import Invitation, Team, User
from chat.store import invitations
from tests import cast
from tests.admin.conftest import World
from tests.conftest import signed_in

PAGES = tuple(
    f"/admin/chat/{noun}/" for noun in ("user", "team", "invitation", "response", "conversation", "opening", "accessrow")
)
PAGES += ("/admin/chat/adminact/", "/admin/chat/kept/", "/admin/chat/opening/search/")
PAGES += ("/admin/chat/probe/", "/admin/chat/probe/now/", "/admin/chat/purge/")
NUMBERS = ("/admin/chat/daily/", "/admin/chat/price/", "/admin/chat/price/add/")
PAGES += NUMBERS


def test_the_panel_opens_with_its_people(world: World) -> None:
    assert world.client("team admin").get("/admin/", follow=True).redirect_chain == [("/admin/chat/user/", 302)]


def test_an_empty_house_has_an_empty_panel(db: None) -> None:
    owner = signed_in(cast.person("olivia"))
    for page in PAGES:
        assert owner.get(page).status_code == 200
    assert "In no team." in owner.get(f"/admin/chat/user/{User.objects.get().pk}/change/").text


def test_the_panel_has_no_sign_in_of_its_own(world: World, client: Client) -> None:
    answer = client.post("/admin/login/", {"username": "olivia", "password": cast.PASSWORD})
    assert answer["Location"] == "/accounts/login/?next=/admin/"
    assert "_auth_user_id" not in client.session


def test_signing_out_of_the_panel_is_signing_out_and_passwords_are_changed_where_everybody_does(world: World) -> None:
    panel = world.client("team admin")
    assert panel.get("/admin/password_change/")["Location"] == "/accounts/password/change/"
    panel.get("/admin/logout/")
    assert "_auth_user_id" in panel.session
    gone = panel.post("/admin/logout/")
    assert (gone["Location"], gone["Clear-Site-Data"]) == ("/accounts/login/", '"storage"')
    assert "_auth_user_id" not in panel.session


def test_its_policy_allows_eval_for_alpine_and_nothing_inline(world: World) -> None:
    owner = world.client("server owner")
    for page in (*PAGES, f"/admin/chat/user/{world.people['member'].pk}/change/", f"/admin/chat/team/{world.physics.pk}/change/"):
        answer = owner.get(page)
        policy = dict(part.strip().split(" ", 1) for part in answer["Content-Security-Policy"].split(";"))
        assert policy["default-src"] == "'none'"
        assert policy["script-src"] == "'self' 'unsafe-eval'"
        assert policy["style-src"] == "'self'"
        assert not re.search(r"<style|<script(?![^>]*\bsrc=)|\sstyle=|\son(click|load|change|submit)=", answer.text), page


def test_no_other_page_has_that_policy(world: World) -> None:
    for path in ("/", "/settings/", "/settings/server/", f"/teams/{world.physics.pk}/", "/admin/no-such-page/"):
        assert "unsafe" not in world.client("server owner").get(path)["Content-Security-Policy"]


def test_the_panel_is_light_or_dark_as_everything_else(world: World) -> None:
    User.objects.filter(username="ada").update(theme="dark")
    assert 'class="dark"' in world.client("team admin").get("/admin/chat/user/").text
    assert 'class="dark"' not in world.client("team owner").get("/admin/chat/user/").text


def test_names_and_searches_are_text(world: World) -> None:
    """Alpine reads attributes: nothing that somebody chose stands in one that it reads."""
    nasty = """"><b x-init="taken=1">'{{7*7}}"""
    User.objects.filter(username="mateo").update(name=nasty)
    Team.objects.filter(pk=world.physics.pk).update(name=nasty)
    owner, mateo = world.client("server owner"), world.people["member"].pk
    for page in (
        f"/admin/chat/user/?q={nasty}",
        *PAGES,
        f"/admin/chat/user/{mateo}/change/",
        f"/admin/chat/user/{mateo}/do/suspend/",
    ):
        answer = owner.get(page).text
        assert "<b x-init" not in answer
        assert not re.search(r"""\s(x-|@|:)[a-z:.-]+=(["'])(?:(?!\2).)*7\*7""", answer)


def test_teams_are_listed_with_who_answers_for_them(world: World) -> None:
    Team.objects.filter(pk=world.physics.pk).update(domain="physics.example")
    page = world.client("team admin").get("/admin/chat/team/").text
    assert "physics.example" in page
    assert "Tom" in page
    assert "Chemistry" not in page
    assert "Ada</" not in page  # nobody's team of one
    found = world.client("server owner").get("/admin/chat/team/").context["cl"].result_list
    assert [(team.name, team.members_count) for team in found] == [("Chemistry", 3), ("Physics", 5)]
    assert f"/teams/{world.physics.pk}/" in world.client("team admin").get(f"/admin/chat/team/{world.physics.pk}/change/").text


@pytest.mark.parametrize("who", ["server owner", "team admin"])
@pytest.mark.parametrize("page", ["/admin/chat/team/", "/admin/chat/user/"])
def test_every_link_of_a_list_leads_somewhere(world: World, who: str, page: str) -> None:
    client = world.client(who)
    links = set(re.findall(r'href="(/admin/chat/\w+/[^"/]+/change/)"', client.get(page).text))
    assert len(links) >= 1
    for link in links:
        text = client.get(link).text
        histories = re.findall(r'href="(/admin/[^"]+/history/)"', text)
        assert [client.get(link).status_code, *(client.get(path, follow=True).status_code for path in histories)] == [200] * (
            1 + len(histories)
        )


def test_a_team_whose_key_looks_quoted_has_its_page_and_its_history(world: World) -> None:
    odd = Team.objects.create(pk="team_22" + "0" * 30, name="Odd")
    for path in ("change", "history"):
        assert world.client("server owner").get(f"/admin/chat/team/{odd.pk}/{path}/", follow=True).status_code == 200


def test_an_accounts_history_is_for_the_owner_of_the_server(world: World) -> None:
    path = f"/admin/chat/user/{world.people['member'].pk}/history/"
    assert world.client("server owner").get(path, follow=True).status_code == 200
    assert world.client("team admin").get(path).status_code == 404


@pytest.mark.parametrize("key", ["\x00", "x" * 500])
def test_a_key_that_is_none_is_not_there(world: World, key: str) -> None:
    sent = {"action": "withdraw", "index": "0", "_selected_action": [key]}
    assert world.client("server owner").post("/admin/chat/invitation/", sent).status_code == 404


@pytest.mark.parametrize(("who", "keys"), [("server owner", {"physics", "chemistry", "server"}), ("team admin", {"physics"})])
def test_invitations_within_reach_are_listed(world: World, who: str, keys: set[str]) -> None:
    found = world.client(who).get("/admin/chat/invitation/").context["cl"].result_list
    assert {one.pk for one in found} == {world.invitations[key].pk for key in keys}


def withdraw(client: Client, *chosen: Invitation, **more: str) -> str:
    ticked = {"action": "withdraw", "index": "0", "_selected_action": [one.pk for one in chosen]}
    return client.post("/admin/chat/invitation/", {**ticked, **more}, follow=True).text


def test_an_invitation_is_withdrawn_once_that_is_confirmed_and_a_foreign_one_is_not(world: World) -> None:
    ada, mine = world.client("team admin"), world.invitations["physics"]
    others = (world.invitations["chemistry"], world.invitations["server"])
    assert "Withdraw one invitation" in withdraw(ada, mine, *others)
    assert invitations.usable().count() == 3
    assert "An invitation to Physics by tom is withdrawn." in withdraw(ada, mine, *others, sure="yes", select_across="1")
    assert set(invitations.usable().values_list("pk", flat=True)) == {one.pk for one in others}
    assert world.done() == [("ada", "invitation.withdrawn", f"invitation {mine.pk[4:12]}", "", "")]


@pytest.mark.parametrize(("who", "where"), [("server owner", "/settings/server/"), ("team admin", "/teams/{}/")])
def test_people_are_invited_where_the_link_is_shown(world: World, who: str, where: str) -> None:
    client = world.client(who)
    assert "/admin/chat/user/invite/" in client.get("/admin/chat/user/").text
    assert client.get("/admin/chat/user/invite/")["Location"] == where.format(world.physics.pk)
