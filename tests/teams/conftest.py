"""A team: Olivia owns it, Mateo is in it; Stella is not."""

import pytest

from chat.models import Membership, Team, User
from chat.store import invitations, teams
from tests import cast


@pytest.fixture
def people(db: None) -> cast.Cast:
    return cast.assemble()


@pytest.fixture
def team(people: cast.Cast) -> Team:
    team = teams.create(actor=people.owner, name="Physics")
    add(team, people.mate)
    return team


def add(team: Team, person: User, role: str = Membership.Role.MEMBER) -> None:
    """By an invitation, as everybody; owners are made afterwards."""
    owner = team.memberships.filter(role="owner").first()
    assert owner is not None
    made, _ = invitations.make(actor=owner.user, team=team, days=7, uses=1, role="member" if role == "owner" else role)
    teams.join(user=person, invitation=made)
    if role == "owner":
        teams.change_role(actor=owner.user, team_id=team.pk, user_id=person.pk, role=role)


def role_of(team: Team, person: User) -> str | None:
    return team.memberships.filter(user=person).values_list("role", flat=True).first()


def epoch(person: User) -> int:
    return User.objects.get(pk=person.pk).auth_epoch
