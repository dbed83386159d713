"""A conversation of Mateo's in a team with Olivia; Stella is not in it."""

import pytest
from django.core.cache import cache
from django.test import Client

from chat.models import Conversation, Item, Response, Team, User
from chat.store import messages, sharing, teams
from tests import cast
from tests.teams.conftest import add


@pytest.fixture(autouse=True)
def fresh_limits(db: None) -> None:
    """Tries are counted in the cache."""
    cache.clear()


@pytest.fixture
def people(db: None) -> cast.Cast:
    return cast.assemble()


@pytest.fixture
def team(people: cast.Cast) -> Team:
    team = teams.create(actor=people.mate, name="Physics")
    add(team, people.owner)
    return team


@pytest.fixture
def conversation(people: cast.Cast, team: Team) -> Conversation:
    begun = messages.send(actor=people.mate, conversation_id=None, text="Quarks")
    Response.objects.filter(pk=begun.response.pk).update(status="completed")
    sharing.move(actor=people.mate, conversation_id=begun.conversation.pk, team_id=team.pk)
    return sharing.with_team(actor=people.mate, conversation_id=begun.conversation.pk, access="write")


def session_of(user: User) -> str:
    """Sign them in; the session's key."""
    client = Client()
    client.force_login(user)
    return str(client.session.session_key)


def say(actor: User, conversation: Conversation, text: str) -> Item:
    """Say it; the message."""
    begun = messages.send(actor=actor, conversation_id=conversation.pk, text=text)
    assert begun.response.input is not None
    return begun.response.input
