"""Invitations to a team: by link or mail, with a role, an expiry and a number of uses; sent again, withdrawn, accepted."""

from datetime import timedelta

import pytest
from django.conf import LazySettings
from django.core import mail
from django.test import Client
from django.utils import timezone

from chat import errors
from chat.models import Invitation, Server, Team, User
from chat.store import invitations, server, teams
from tests.accounts.conftest import links, sign_up, simultaneously
from tests.cast import Cast, person
from tests.conftest import signed_in
from tests.teams.conftest import add, epoch, role_of

SPENT = "This invitation has expired, has been used up or was withdrawn."


def invite(client: Client, team: Team, **fields: object) -> str:
    """The link, as the page tells it."""
    form = {"email": "", "role": "member", "uses": 1, "days": 7, **fields}
    answer = client.post(f"/teams/{team.pk}/invitations/", form)
    assert answer.status_code == 200
    return path_in(answer.text)


def path_in(text: str) -> str:
    (link,) = [link for link in links(text.replace("<", " ")) if "/invitations/" in link]
    return link.partition("localhost:8000")[2] or link


def offered() -> Invitation:
    """The one that is still good."""
    return invitations.usable().get()


def joined(client: Client, path: str) -> str:
    return client.post(f"{path}accept/", follow=True).text


@pytest.mark.parametrize("role", ["admin", "member", "guest"])
def test_who_is_signed_in_joins_with_a_click_as_what_was_offered(people: Cast, team: Team, role: str) -> None:
    path = invite(signed_in(people.owner), team, role=role)
    client = signed_in(people.stranger)
    page = client.get(path)
    assert "Join Physics?" in page.text
    assert role_of(team, people.stranger) is None
    assert "You are in Physics now." in joined(client, path)
    assert role_of(team, people.stranger) == role


def test_who_has_no_account_signs_up_into_the_team(people: Cast, team: Team) -> None:
    path = invite(signed_in(people.owner), team)
    client = Client()
    assert client.get(path)["Location"] == "/accounts/signup/"
    assert "Physics" in client.get("/accounts/signup/").text
    sign_up(client)
    assert role_of(team, User.objects.get(username="anna")) == "member"


def test_it_lets_people_in_where_an_invitation_is_needed(people: Cast, team: Team) -> None:
    server.change_signup(actor=people.owner, signup=Server.Signup.INVITED)
    client = Client()
    client.get(invite(signed_in(people.owner), team))
    sign_up(client)
    assert role_of(team, User.objects.get(username="anna")) == "member"


def test_it_lets_nobody_in_where_the_server_is_closed(people: Cast, team: Team) -> None:
    path = invite(signed_in(people.owner), team)
    server.change_signup(actor=people.owner, signup=Server.Signup.CLOSED)
    assert "This server takes no new accounts." in Client().get(path).text
    assert "You are in Physics now." in joined(signed_in(people.stranger), path)


def test_it_is_used_up(people: Cast, team: Team) -> None:
    path = invite(signed_in(people.owner), team, uses=2)
    others = [person(name) for name in ("ada", "ben", "cleo")]
    told = [joined(signed_in(one), path) for one in others]
    assert ["You are in Physics now." in text for text in told] == [True, True, False]
    assert SPENT in told[-1]


def test_the_last_use_goes_to_one_person_only(people: Cast, team: Team) -> None:
    made, _ = invitations.make(actor=people.owner, team=team, days=7, uses=1)
    crowd = [person(f"p{number}") for number in range(5)]
    for one in crowd[1:]:
        fresh = Invitation.objects.get(pk=made.pk)
        if one is crowd[1]:
            teams.join(user=one, invitation=fresh)
        else:
            with pytest.raises(errors.Refused):
                teams.join(user=one, invitation=made)
    assert team.memberships.count() == 3


@pytest.mark.django_db(transaction=True)
def test_also_where_they_come_at_once(transactional_db: None) -> None:
    owner = person("olivia")
    team = teams.create(actor=owner, name="Physics")
    made, _ = invitations.make(actor=owner, team=team, days=7, uses=1)
    crowd = [person(f"p{number}") for number in range(4)]
    results = simultaneously(4, lambda number: teams.join(user=crowd[number], invitation=made))
    assert sum(isinstance(result, Team) for result in results) == 1
    assert team.memberships.count() == 2


def test_who_is_in_the_team_already_uses_none_up_and_stays_what_they_are(people: Cast, team: Team) -> None:
    path = invite(signed_in(people.owner), team, role="guest")
    joined(signed_in(people.mate), path)
    assert role_of(team, people.mate) == "member"
    assert offered().uses_left == 1


def test_one_for_an_address_is_for_that_address(people: Cast, team: Team) -> None:
    path = invite(signed_in(people.owner), team, email="mina@example.org")
    assert "This invitation is for mina@example.org." in joined(signed_in(people.stranger), path)
    assert role_of(team, people.stranger) is None


def test_withdrawn_it_opens_nothing(people: Cast, team: Team) -> None:
    client = signed_in(people.owner)
    path = invite(client, team)
    answer = client.post(f"/teams/{team.pk}/invitations/{offered().pk}/revoke/", follow=True)
    assert "The invitation is withdrawn." in answer.text
    assert SPENT in joined(signed_in(people.stranger), path)
    again = client.post(f"/teams/{team.pk}/invitations/inv_{'0' * 32}/revoke/", follow=True)
    assert "This invitation is gone already." in again.text


def test_a_new_link_ends_the_old_one_and_is_good_for_as_long_again(people: Cast, team: Team) -> None:
    client = signed_in(people.owner)
    old = invite(client, team)
    made = offered()
    Invitation.objects.update(created=timezone.now() - timedelta(days=6), expires=timezone.now() + timedelta(days=1))
    new = path_in(client.post(f"/teams/{team.pk}/invitations/{made.pk}/resend/").text)
    assert offered().expires > timezone.now() + timedelta(days=6)
    assert SPENT in joined(signed_in(people.stranger), old)
    assert "You are in Physics now." in joined(signed_in(people.stranger), new)


def test_with_a_mail_server_it_is_mailed_and_mailed_again(people: Cast, team: Team, settings: LazySettings) -> None:
    settings.EMAIL_URL = "smtp://localhost"
    teams.rename(actor=people.owner, team_id=team.pk, name="Physics & <Maths>")
    client = signed_in(people.owner)
    path = invite(client, team, email="mina@example.org")
    (message,) = mail.outbox
    assert message.to == ["mina@example.org"]
    assert message.subject == "[Parley] Olivia invites you to Physics & <Maths> on Parley"
    assert path_in(str(message.body)) == path
    text = client.post(f"/teams/{team.pk}/invitations/{offered().pk}/resend/").text
    assert "It has been sent to mina@example.org." in text
    assert len(mail.outbox) == 2


def test_a_mail_server_that_is_away_leaves_the_link(people: Cast, team: Team, settings: LazySettings) -> None:
    settings.EMAIL_URL = "smtp://localhost"
    settings.EMAIL_BACKEND = "tests.teams.test_invitations.Away"
    form = {"email": "mina@example.org", "role": "member", "uses": 1, "days": 7}
    text = signed_in(people.owner).post(f"/teams/{team.pk}/invitations/", form).text
    assert "The e-mail could not be sent." in text
    assert path_in(text)


class Away:
    def __init__(self, **_: object) -> None:
        pass

    def send_messages(self, _: object) -> int:
        raise ConnectionRefusedError


def test_expired_it_opens_nothing(people: Cast, team: Team) -> None:
    path = invite(signed_in(people.owner), team)
    Invitation.objects.update(expires=timezone.now() - timedelta(seconds=1))
    assert SPENT in joined(signed_in(people.stranger), path)


@pytest.mark.parametrize(
    "bad", [{"role": "owner"}, {"role": "emperor"}, {"uses": 0}, {"uses": 101}, {"days": 2}, {"email": "no"}]
)
def test_what_cannot_be_offered_is_refused(people: Cast, team: Team, bad: dict[str, object]) -> None:
    form = {"email": "", "role": "member", "uses": 1, "days": 7, **bad}
    answer = signed_in(people.owner).post(f"/teams/{team.pk}/invitations/", form)
    assert answer.status_code == 422
    assert not invitations.usable().exists()


def test_an_invitation_to_one_team_is_not_anothers_to_withdraw(people: Cast, team: Team) -> None:
    other = teams.create(actor=people.stranger, name="Other")
    invite(signed_in(people.owner), team)
    made = offered()
    client = signed_in(people.stranger)
    client.post(f"/teams/{other.pk}/invitations/{made.pk}/revoke/")
    client.post(f"/teams/{other.pk}/invitations/{made.pk}/resend/")
    assert offered().token_hash == made.token_hash


def test_those_to_a_team_are_not_among_the_servers(people: Cast, team: Team) -> None:
    invite(signed_in(people.owner), team, email="mina@example.org")
    assert "mina@example.org" not in signed_in(people.owner).get("/settings/server/").text


def test_joining_is_noticed_by_what_is_open(people: Cast, team: Team) -> None:
    before = epoch(people.stranger)
    add(team, people.stranger)
    assert epoch(people.stranger) == before + 1


@pytest.mark.parametrize("what", ["removed", "demoted", "suspended"])
def test_it_is_good_as_long_as_whoever_made_it_may_let_people_in(people: Cast, team: Team, what: str) -> None:
    teams.change_role(actor=people.owner, team_id=team.pk, user_id=people.mate.pk, role="admin")
    path = invite(signed_in(people.mate), team, role="admin")
    match what:
        case "removed":
            teams.remove(actor=people.owner, team_id=team.pk, user_id=people.mate.pk)
        case "demoted":
            teams.change_role(actor=people.owner, team_id=team.pk, user_id=people.mate.pk, role="member")
        case _:
            User.objects.filter(pk=people.mate.pk).update(suspended=True)
    assert SPENT in joined(signed_in(people.stranger), path)
    assert role_of(team, people.stranger) is None


def test_nobody_sends_them_without_end(people: Cast, team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(invitations, "AN_HOUR", 2)
    client = signed_in(people.owner)
    invite(client, team)  # one was made for the team's second member
    form = {"email": "mina@example.org", "role": "member", "uses": 1, "days": 7}
    answer = client.post(f"/teams/{team.pk}/invitations/", form)
    assert answer.status_code == 422
    assert "That is 2 invitations within an hour." in answer.text
    assert "mina@example.org" in answer.text
    resent = client.post(f"/teams/{team.pk}/invitations/{offered().pk}/resend/", follow=True)
    assert "That is 2 invitations within an hour." in resent.text


def test_one_that_is_used_up_is_not_sent_again(people: Cast, team: Team) -> None:
    made, _ = invitations.make(actor=people.owner, team=team, days=7, uses=1)
    teams.join(user=people.stranger, invitation=made)
    with pytest.raises(errors.NotFound):
        invitations.renew(actor=people.owner, invitation_id=made.pk, team=team)
