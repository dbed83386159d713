"""What several people do to a team in the same moment: whoever is slower meets what the other has left, and nothing is lost."""

import random
from collections.abc import Callable
from functools import partial

import pytest
from django.db import IntegrityError

from chat import errors
from chat.models import Conversation, Membership, Participant, Team, User
from chat.store import invitations, messages, projects, sharing, teams
from tests.accounts.conftest import simultaneously
from tests.cast import Cast, person
from tests.teams.conftest import add

pytestmark = pytest.mark.django_db(transaction=True)
ROUNDS = 3
Act = Callable[[], object]


def together(*acts: Act) -> list[object]:
    """All at once; what each returned or raised. Only what we raise on purpose may be raised."""
    shuffled = random.sample(list(enumerate(acts)), len(acts))
    found = simultaneously(len(acts), lambda number: (shuffled[number][0], attempt(shuffled[number][1])))
    results = dict(pair for pair in found if isinstance(pair, tuple))
    assert len(results) == len(acts), found
    return [results[index] for index in range(len(acts))]


def attempt(act: Act) -> object:
    try:
        return act()
    except errors.ParleyError as error:
        return error


def test_two_owners_leave_and_one_stays(people: Cast) -> None:
    for number in range(ROUNDS):
        team = teams.create(actor=people.owner, name=f"Team {number}")
        add(team, people.mate, "owner")
        together(
            partial(teams.leave, actor=people.owner, team_id=team.pk),
            partial(teams.leave, actor=people.mate, team_id=team.pk),
        )
        assert team.memberships.filter(role="owner").count() == 1


def test_two_owners_make_each_other_members_and_one_stays(people: Cast) -> None:
    for number in range(ROUNDS):
        team = teams.create(actor=people.owner, name=f"Team {number}")
        add(team, people.mate, "owner")
        one, other = people.owner, people.mate
        together(
            partial(teams.change_role, actor=one, team_id=team.pk, user_id=other.pk, role="member"),
            partial(teams.change_role, actor=other, team_id=team.pk, user_id=one.pk, role="member"),
        )
        assert team.memberships.filter(role="owner").count() == 1


def test_an_invitation_for_two_lets_two_in(people: Cast, team: Team) -> None:
    made, _ = invitations.make(actor=people.owner, team=team, days=7, uses=2)
    crowd = [person(f"p{number}") for number in range(5)]
    together(*(partial(teams.join, user=user, invitation=made) for user in crowd))
    assert team.memberships.filter(user__in=crowd).count() == 2


@pytest.mark.parametrize("what", ["shared with", "handed over to"])
def test_who_is_removed_meanwhile_has_nothing(people: Cast, team: Team, what: str) -> None:
    verb: Callable[..., object] = sharing.hand_over
    more: dict[str, str] = {}
    if what == "shared with":
        verb, more = sharing.with_person, {"access": "write"}
    for _ in range(ROUNDS):
        pk = messages.send(actor=people.owner, conversation_id=None, text="Hello").conversation.pk
        sharing.move(actor=people.owner, conversation_id=pk, team_id=team.pk)
        together(
            partial(verb, actor=people.owner, conversation_id=pk, user_id=people.mate.pk, **more),
            partial(teams.remove, actor=people.owner, team_id=team.pk, user_id=people.mate.pk),
        )
        found = Conversation.objects.get(pk=pk)
        assert found.owner == people.owner or found.team.personal_of == people.mate
        assert not Participant.objects.filter(conversation=pk, user=people.mate).exclude(access="").exists()
        add(team, User.objects.get(pk=people.mate.pk))


@pytest.mark.parametrize("what", ["moved into it", "begun in a project of it", "put into a project of it"])
def test_a_team_that_ends_meanwhile_takes_no_conversation_with_it(people: Cast, what: str) -> None:
    for number in range(ROUNDS):
        team = teams.create(actor=people.owner, name=f"Team {number}")
        Membership.objects.create(team=team, user=people.mate, role="member")
        project = projects.create(actor=people.owner, name="Quarks", team_id=team.pk)
        pk = messages.send(actor=people.mate, conversation_id=None, text="Mine").conversation.pk
        act: dict[str, Act] = {
            "moved into it": partial(sharing.move, actor=people.mate, conversation_id=pk, team_id=team.pk),
            "begun in a project of it": partial(
                messages.send, actor=people.mate, conversation_id=None, text="Hello", project_id=project.pk
            ),
            "put into a project of it": partial(projects.put, actor=people.mate, conversation_id=pk, project_id=project.pk),
        }
        begun, _ = together(act[what], partial(teams.end, actor=people.owner, team_id=team.pk))
        assert not isinstance(begun, IntegrityError)
        assert Conversation.objects.get(pk=pk).team.personal_of == people.mate
        if isinstance(begun, messages.Begun):
            assert Conversation.objects.get(pk=begun.conversation.pk).team.personal_of == people.mate


@pytest.mark.parametrize("what", ["a message in a project", "a new project"])
def test_two_things_of_one_person_do_not_wait_for_each_other_for_ever(people: Cast, what: str) -> None:
    mine = projects.create(actor=people.mate, name="Quarks")
    other: dict[str, Act] = {
        "a message in a project": partial(
            messages.send, actor=people.mate, conversation_id=None, text="There", project_id=mine.pk
        ),
        "a new project": partial(projects.create, actor=people.mate, name="Another"),
    }
    for _ in range(4 * ROUNDS):
        together(partial(messages.send, actor=people.mate, conversation_id=None, text="Here"), other[what])


def test_a_project_that_is_removed_while_it_is_changed_is_a_missing_one(people: Cast) -> None:
    for _ in range(2 * ROUNDS):
        mine = projects.create(actor=people.mate, name="Quarks")
        changed, _ = together(
            partial(projects.change, actor=people.mate, project_id=mine.pk, name="Leptons", instructions=""),
            partial(projects.remove, actor=people.mate, project_id=mine.pk),
        )
        assert isinstance(changed, errors.NotFound) or changed == mine


def test_who_is_made_less_meanwhile_hands_nothing_over(people: Cast) -> None:
    for number in range(2 * ROUNDS):
        team = teams.create(actor=people.owner, name=f"Team {number}")
        add(team, people.mate, "owner")
        add(team, people.stranger, "member")
        together(
            partial(teams.change_role, actor=people.owner, team_id=team.pk, user_id=people.mate.pk, role="guest"),
            partial(teams.hand_over, actor=people.mate, team_id=team.pk, user_id=people.stranger.pk),
        )
        roles = dict(team.memberships.values_list("user", "role"))
        assert roles[people.mate.pk] == "guest"  # whether before it or after


def test_teams_with_the_same_people_change_hands_and_end_at_the_same_time(people: Cast) -> None:
    for number in range(2 * ROUNDS):
        one, other = (teams.create(actor=people.owner, name=f"{side} {number}") for side in ("One", "Other"))
        for team in (one, other):
            add(team, people.mate, "owner")
        together(
            partial(teams.hand_over, actor=people.owner, team_id=one.pk, user_id=people.mate.pk),
            partial(teams.hand_over, actor=people.mate, team_id=other.pk, user_id=people.owner.pk),
        )
        assert one.memberships.filter(user=people.mate, role="owner").exists()
        together(
            partial(teams.end, actor=people.mate, team_id=one.pk),
            partial(teams.end, actor=people.owner, team_id=other.pk),
        )
        assert not Team.objects.filter(pk__in=(one.pk, other.pk)).exists()


def test_who_joins_while_it_ends_is_in_no_team(people: Cast) -> None:
    for number in range(2 * ROUNDS):
        team = teams.create(actor=people.owner, name=f"Team {number}")
        made, _ = invitations.make(actor=people.owner, team=team, days=7, uses=1)
        together(
            partial(teams.end, actor=people.owner, team_id=team.pk),
            partial(teams.join, user=people.mate, invitation=made),
        )
        assert not Membership.objects.filter(team=team.pk).exists()


def test_who_joins_twice_at_once_takes_one_use(people: Cast, team: Team) -> None:
    for number in range(ROUNDS):
        user = person(f"twice{number}")
        made, _ = invitations.make(actor=people.owner, team=team, days=7, uses=2)
        together(*(partial(teams.join, user=user, invitation=made) for _ in range(3)))
        made.refresh_from_db()
        assert made.uses_left == 1
