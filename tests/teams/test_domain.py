"""A team's domain: whoever has confirmed an address there is a member by themselves."""

import pytest
from allauth.account.models import EmailAddress
from allauth.account.signals import email_confirmed

from chat.models import Team, User
from chat.store import teams
from tests.cast import Cast, person
from tests.conftest import signed_in
from tests.teams.conftest import role_of


def confirm(user: User, email: str, *, verified: bool = True) -> None:
    address = EmailAddress.objects.create(user=user, email=email, verified=verified, primary=False)
    if verified:
        email_confirmed.send(sender=EmailAddress, request=None, email_address=address)


@pytest.fixture
def physics(people: Cast, team: Team) -> Team:
    answer = signed_in(people.owner).post(f"/teams/{team.pk}/domain/", {"domain": " @Physics.Example.org "}, follow=True)
    assert "Saved." in answer.text
    team.refresh_from_db()
    return team


def test_who_confirms_an_address_there_is_a_member(people: Cast, physics: Team) -> None:
    confirm(people.stranger, "stella@physics.EXAMPLE.org")
    assert role_of(physics, people.stranger) == "member"


@pytest.mark.parametrize("email", ["stella@example.org", "stella@evilphysics.example.org", "stella@sub.physics.example.org"])
def test_who_confirms_another_is_not(people: Cast, physics: Team, email: str) -> None:
    confirm(people.stranger, email)
    assert role_of(physics, people.stranger) is None


def test_an_address_that_is_not_confirmed_makes_nobody_a_member(people: Cast, physics: Team) -> None:
    confirm(people.stranger, "stella@physics.example.org", verified=False)
    assert teams.join_by_domain(people.stranger) == []


def test_who_is_in_it_already_stays_what_they_are(people: Cast, physics: Team) -> None:
    teams.change_role(actor=people.owner, team_id=physics.pk, user_id=people.mate.pk, role="guest")
    confirm(people.mate, "mateo@physics.example.org")
    assert role_of(physics, people.mate) == "guest"


def test_only_the_owner_of_the_server_says_so(people: Cast) -> None:
    team = teams.create(actor=people.mate, name="Theirs")
    client = signed_in(people.mate)
    assert "Domain" not in client.get(f"/teams/{team.pk}/").text
    assert client.post(f"/teams/{team.pk}/domain/", {"domain": "example.org"}).status_code == 404


@pytest.mark.parametrize("domain", ["localhost", "a b.org", "-", "x" * 260 + ".org", "exa_mple.org", "https://example.org"])
def test_what_is_no_domain_is_refused(people: Cast, team: Team, domain: str) -> None:
    answer = signed_in(people.owner).post(f"/teams/{team.pk}/domain/", {"domain": domain}, follow=True)
    assert "A domain looks like example.org." in answer.text
    team.refresh_from_db()
    assert team.domain is None


def test_a_domain_is_one_teams(people: Cast, physics: Team) -> None:
    other = teams.create(actor=people.owner, name="Other")
    answer = signed_in(people.owner).post(f"/teams/{other.pk}/domain/", {"domain": "physics.example.org"}, follow=True)
    assert "Another team has this domain." in answer.text


def test_taken_back_it_makes_nobody_a_member(people: Cast, physics: Team) -> None:
    signed_in(people.owner).post(f"/teams/{physics.pk}/domain/", {"domain": ""})
    confirm(person("ada"), "ada@physics.example.org")
    assert physics.memberships.count() == 2
