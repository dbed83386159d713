"""Teams: made, renamed, left, ended; who may do what in one."""

import re
from typing import Any

import pytest
from django.test import Client

from chat import errors
from chat.models import Conversation, Membership, Participant, Response, Server, Team, User
from chat.store import conversations, departures, links, messages, projects, server, teams
from tests.cast import Cast, person
from tests.conftest import signed_in
from tests.teams.conftest import add, epoch, role_of

ROLES = ("owner", "admin", "member", "guest")


def test_who_makes_a_team_owns_it(people: Cast) -> None:
    answer = signed_in(people.mate).post("/teams/new/", {"name": "  Physics   department "}, follow=True)
    assert "Physics department" in answer.text
    assert role_of(Team.objects.get(name="Physics department"), people.mate) == "owner"


@pytest.mark.parametrize("name", ["", "   ", "x" * 101, "a\u202eb", "a\x07b"])
def test_a_name_that_cannot_be_shown_is_refused_with_a_sentence(people: Cast, name: str) -> None:
    answer = signed_in(people.mate).post("/teams/new/", {"name": name})
    assert answer.status_code == 422
    assert not Team.objects.filter(personal_of=None).exists()


def test_a_person_alone_never_sees_the_word(people: Cast) -> None:
    client = signed_in(people.mate)
    for path in ("/", "/settings/"):
        assert "team" not in visible(client.get(path).text).lower()


def visible(html: str) -> str:
    """The text of a page, without its markup."""
    return re.sub(r"<script.*?</script>|<svg.*?</svg>|<[^>]+>", " ", html, flags=re.DOTALL)


def test_only_the_owner_of_the_server_makes_teams_where_they_say_so(people: Cast) -> None:
    server.change_team_creation(actor=people.owner, who=Server.TeamCreation.OWNER)
    refused = signed_in(people.mate).post("/teams/new/", {"name": "Physics"})
    assert "only its owner makes teams" in refused.text
    assert not Team.objects.filter(personal_of=None).exists()
    assert "only its owner makes teams" in signed_in(people.mate).get("/teams/new/").text
    assert signed_in(people.owner).post("/teams/new/", {"name": "Physics"}).status_code == 302


def test_it_is_listed_for_those_who_are_in_it(people: Cast, team: Team) -> None:
    assert "Physics" in signed_in(people.mate).get("/settings/").text
    assert "Physics" not in signed_in(people.stranger).get("/settings/").text


def test_a_stranger_finds_no_team(people: Cast, team: Team) -> None:
    client = signed_in(people.stranger)
    for path in (
        "rename/",
        "leave/",
        "end/",
        "invitations/",
        f"members/{people.mate.pk}/role/",
        f"members/{people.mate.pk}/remove/",
    ):
        theirs, missing = (client.post(f"/teams/{pk}/{path}", {"name": "x"}) for pk in (team.pk, "team_" + "0" * 32))
        assert theirs.status_code == missing.status_code == 404
    assert client.get(f"/teams/{team.pk}/").status_code == 404


def test_nobody_finds_anybodys_team_of_one(people: Cast) -> None:
    own = Team.objects.get(personal_of=people.mate)
    assert signed_in(people.mate).get(f"/teams/{own.pk}/").status_code == 404


def test_who_manages_it_renames_it(people: Cast, team: Team) -> None:
    assert signed_in(people.mate).post(f"/teams/{team.pk}/rename/", {"name": "Chemistry"}).status_code == 404
    assert "Chemistry" in signed_in(people.owner).post(f"/teams/{team.pk}/rename/", {"name": "Chemistry"}, follow=True).text
    assert signed_in(people.owner).post(f"/teams/{team.pk}/rename/", {"name": " "}).status_code == 422


@pytest.mark.parametrize("role", ROLES)
def test_what_each_role_sees(people: Cast, team: Team, role: str) -> None:
    somebody = person("ada")
    add(team, somebody, role)
    text = signed_in(somebody).get(f"/teams/{team.pk}/").text
    assert "Leave the team" in text
    assert ("Invite" in text) is (role in ("owner", "admin"))
    assert ("End the team" in text) is (role == "owner")


def attempts(client: Client, team: Team, other: User) -> dict[str, Any]:
    at = f"/teams/{team.pk}/"
    return {
        "rename": lambda: client.post(f"{at}rename/", {"name": "Other"}),
        "invite": lambda: client.post(f"{at}invitations/", {"role": "member", "uses": 1, "days": 7}),
        "role": lambda: client.post(f"{at}members/{other.pk}/role/", {"role": "guest"}),
        "remove": lambda: client.post(f"{at}members/{other.pk}/remove/"),
        "hand over": lambda: client.post(f"{at}members/{other.pk}/hand-over/"),
        "end": lambda: client.post(f"{at}end/"),
    }


ALLOWED = {
    "owner": {"rename", "invite", "role", "remove", "hand over", "end"},
    "admin": {"rename", "invite", "role", "remove"},
    "member": set(),
    "guest": set(),
}


@pytest.mark.parametrize("act", sorted(ALLOWED["owner"]))
@pytest.mark.parametrize("role", ROLES)
def test_what_each_role_may_do(people: Cast, team: Team, role: str, act: str) -> None:
    somebody = person("ada")
    add(team, somebody, role)
    answer = attempts(signed_in(somebody), team, people.mate)[act]()
    assert (answer.status_code in (200, 302)) is (act in ALLOWED[role])


def test_an_admin_does_nothing_to_an_owner_and_makes_none(people: Cast, team: Team) -> None:
    admin = person("ada")
    add(team, admin, "admin")
    for attempt in (
        lambda: teams.change_role(actor=admin, team_id=team.pk, user_id=people.owner.pk, role="guest"),
        lambda: teams.remove(actor=admin, team_id=team.pk, user_id=people.owner.pk),
        lambda: teams.change_role(actor=admin, team_id=team.pk, user_id=people.mate.pk, role="owner"),
    ):
        with pytest.raises(errors.Refused):
            attempt()
    assert role_of(team, people.owner) == "owner"


def test_the_last_owner_stays(people: Cast, team: Team) -> None:
    client = signed_in(people.owner)
    assert "A team needs an owner" in client.post(f"/teams/{team.pk}/leave/", follow=True).text
    own = f"/teams/{team.pk}/members/{people.owner.pk}/"
    assert "A team needs an owner" in client.post(f"{own}role/", {"role": "admin"}, follow=True).text
    assert "A team needs an owner" in client.post(f"{own}remove/", follow=True).text
    assert role_of(team, people.owner) == "owner"


def test_handed_over_it_may_be_left(people: Cast, team: Team) -> None:
    client = signed_in(people.owner)
    assert "Mateo owns the team now" in client.post(f"/teams/{team.pk}/members/{people.mate.pk}/hand-over/", follow=True).text
    assert (role_of(team, people.mate), role_of(team, people.owner)) == ("owner", "admin")
    assert "You have left Physics." in client.post(f"/teams/{team.pk}/leave/", follow=True).text
    assert role_of(team, people.owner) is None


def test_one_of_two_owners_may_leave(people: Cast, team: Team) -> None:
    add(team, second := person("ada"), "owner")
    teams.leave(actor=people.owner, team_id=team.pk)
    assert role_of(team, second) == "owner"


def test_whose_standing_changes_is_asked_anew(people: Cast, team: Team) -> None:
    """Sockets close within two seconds when the epoch has grown."""
    before = epoch(people.mate)
    teams.change_role(actor=people.owner, team_id=team.pk, user_id=people.mate.pk, role="guest")
    teams.change_role(actor=people.owner, team_id=team.pk, user_id=people.mate.pk, role="guest")
    assert epoch(people.mate) == before + 1
    teams.remove(actor=people.owner, team_id=team.pk, user_id=people.mate.pk)
    assert epoch(people.mate) == before + 2


def test_what_one_owns_goes_with_one(people: Cast, team: Team) -> None:
    begun = messages.send(actor=people.mate, conversation_id=None, text="Mine")
    begun.conversation.team = team
    begun.conversation.save()
    teams.remove(actor=people.owner, team_id=team.pk, user_id=people.mate.pk)
    found = conversations.find(actor=people.mate, conversation_id=begun.conversation.pk)
    assert found.team.personal_of == people.mate


def test_ended_everybody_keeps_what_they_own(people: Cast, team: Team) -> None:
    begun = messages.send(actor=people.mate, conversation_id=None, text="Mine")
    begun.conversation.team = team
    begun.conversation.save()
    client = signed_in(people.owner)
    assert "This cannot be undone." in client.get(f"/teams/{team.pk}/end/").text
    assert "Physics is no more." in client.post(f"/teams/{team.pk}/end/", follow=True).text
    assert conversations.find(actor=people.mate, conversation_id=begun.conversation.pk).team.personal_of == people.mate
    assert not Membership.objects.filter(team__personal_of=None).exists()


def test_who_is_gone_already_is_said_so(people: Cast, team: Team) -> None:
    client = signed_in(people.owner)
    for number in (people.stranger.pk, 0, 2**31, 10**18 - 1):
        answer = client.post(f"/teams/{team.pk}/members/{number}/remove/", follow=True)
        assert "They are not in this team any more." in answer.text
    assert client.post(f"/teams/{team.pk}/members/{10**30}/remove/").status_code == 404


def test_a_role_that_does_not_exist_is_refused(people: Cast, team: Team) -> None:
    client = signed_in(people.owner)
    for role in ("", "emperor", "OWNER"):
        assert (
            "Choose what they will be."
            in client.post(f"/teams/{team.pk}/members/{people.mate.pk}/role/", {"role": role}, follow=True).text
        )
    assert role_of(team, people.mate) == "member"


def test_the_owner_of_the_server_finds_every_team(people: Cast) -> None:
    team = teams.create(actor=people.mate, name="Theirs")
    assert "Theirs" in signed_in(people.owner).get(f"/teams/{team.pk}/").text


def test_somebody_suspended_manages_nothing(people: Cast, team: Team) -> None:
    other = teams.create(actor=people.mate, name="Theirs")
    people.mate.suspended = True
    people.mate.save()
    with pytest.raises(errors.NotFound):
        teams.find(actor=people.mate, team_id=other.pk)


@pytest.mark.parametrize("most", [2])
def test_there_is_an_end_to_how_many_one_makes(people: Cast, monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    monkeypatch.setattr(teams, "MOST", most)
    for number in range(most):
        teams.create(actor=people.mate, name=str(number))
    with pytest.raises(errors.Refused, match=f"You own {most} teams already"):
        teams.create(actor=people.mate, name="One more")


def test_somebody_alone_never_sees_the_word(people: Cast) -> None:
    client = signed_in(people.stranger)
    begun = messages.send(actor=people.stranger, conversation_id=None, text="Hello")
    Response.objects.filter(pk=begun.response.pk).update(status="completed")
    own = projects.create(actor=people.stranger, name="My novel")
    links.make(actor=people.stranger, conversation_id=begun.conversation.pk, live=True, audience="anyone", days=7)
    Server.objects.update(public_links=False)
    pages = (
        "/",
        "share/",
        "project/",
        "/projects/",
        own.url,
        "/settings/",
        "/settings/security/",
        "/archived/",
        "/search/?q=Hello",
    )
    for path in pages:
        page = client.get(path if path.startswith("/") else begun.conversation.url + path)
        assert page.status_code == 200
        words = re.sub(r"<script.*?</script>|<[^>]*>", " ", page.text.partition("<body")[2], flags=re.DOTALL)
        assert not re.search(r"\bteams?\b", words, re.IGNORECASE), path


def test_however_many_conversations_it_has_it_ends_by_as_many_statements(
    people: Cast, team: Team, django_assert_max_num_queries: Any
) -> None:
    """By the piece, a team of a thousand held everybody up for many seconds."""
    counts = []
    for number, size in enumerate((2, 60)):
        each = teams.create(actor=people.owner, name=f"Team {number}")
        Membership.objects.create(team=each, user=people.mate, role="member")
        some = [Conversation(owner=people.mate, team=each, team_access="read", shared=True, title="Mine") for _ in range(size)]
        Conversation.objects.bulk_create(some)
        Participant.objects.create(conversation=some[0], user=people.owner, access="write")
        with django_assert_max_num_queries(60) as asked:
            teams.end(actor=people.owner, team_id=each.pk)
        counts.append(len(asked))
        mine = Conversation.objects.filter(pk__in=[one.pk for one in some])
        home = {"team": people.mate.personal_team, "team_access": "", "shared": False, "position": 1}
        assert mine.filter(**home).count() == size
        assert not Participant.objects.filter(conversation__in=mine).exists()
    assert counts[0] == counts[1]


@pytest.mark.parametrize("who", ["suspended", "gone"])
def test_the_last_owner_who_can_come_in_stays(people: Cast, team: Team, who: str) -> None:
    add(team, people.mate, "owner")
    User.objects.filter(pk=people.mate.pk).update(**({"suspended": True} if who == "suspended" else {"is_active": False}))
    with pytest.raises(errors.Refused):
        teams.leave(actor=people.owner, team_id=team.pk)
    assert departures.bonds(people.owner).teams == [team]
