"""Every route and the socket, for everybody: who comes in is whom `policy.can` lets do what the table says of the route."""

from dataclasses import dataclass
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, get_resolver, resolve, reverse

from chat import policy
from chat.live.catchup import catch_up
from chat.models import Conversation, Link, Project, Response, Team, User
from chat.policy import can, who_may_read
from chat.store import conversations, invitations, links, messages, projects, sharing, teams
from chat.web.fields import FIELDS
from tests.cast import person
from tests.conftest import signed_in

ALLAUTHS = ("account_", "mfa_")
OURS = [p for p in get_resolver().url_patterns if isinstance(p, URLPattern) and not (p.name or "").startswith(ALLAUTHS)]
OF_OBJECTS = [p for p in OURS if policy.ROUTES[str(p.name)] not in (policy.PUBLIC, policy.SIGNED_IN)]
ACTORS = (
    "author",
    "writer",
    "reader",
    "through the team",
    "mate without a share",
    "guest",
    "guest who reads",
    "team admin",
    "team owner",
    "other team",
    "suspended writer",
    "left the team",
    "server owner",
)
SENT = {
    "text": "Hello",
    "title": "Other",
    "name": "Other",
    "access": "read",
    "role": "member",
    "uses": "1",
    "days": "7",
    "team": "",
}


@dataclass
class World:
    """A conversation of the author's in a team, shared with some, and everybody who might want something of it."""

    conversation: Conversation
    team: Team
    response: Response
    invitation: str
    link: Link
    project: Project
    people: dict[str, User]

    def ids(self) -> dict[str, str]:
        return {
            "conversation_id": self.conversation.pk,
            "response_id": self.response.pk,
            "item_id": str(self.response.input_id),
            "team_id": self.team.pk,
            "invitation_id": self.invitation,
            "link_id": self.link.pk,
            "project_id": self.project.pk,
            "user_id": str(self.people["mate without a share"].pk),
        }


@pytest.fixture
def world(db: None, actor: str) -> World:
    people = {"server owner": person("olivia")}  # the first who signs up
    people |= {name: person(f"p{number}") for number, name in enumerate(ACTORS) if name != "server owner"}
    owner = people["team owner"]
    team = teams.create(actor=owner, name="Physics")
    roles = {"guest": "guest", "guest who reads": "guest", "team admin": "admin"}
    for name, user in people.items():
        if name not in ("server owner", "team owner", "other team"):
            made, _ = invitations.make(actor=owner, team=team, days=7, uses=1, role=roles.get(name, "member"))
            teams.join(user=user, invitation=made)
    teams.create(actor=people["other team"], name="Chemistry")
    author = people["author"]
    begun = messages.send(actor=author, conversation_id=None, text="What is a quark?")
    Response.objects.filter(pk=begun.response.pk).update(status="completed")
    pk = begun.conversation.pk
    sharing.move(actor=author, conversation_id=pk, team_id=team.pk)
    given = {
        "writer": "write",
        "reader": "read",
        "guest who reads": "read",
        "suspended writer": "write",
        "left the team": "write",
    }
    for name, access in given.items():
        sharing.with_person(actor=author, conversation_id=pk, user_id=people[name].pk, access=access)
    if actor == "through the team":
        sharing.with_team(actor=author, conversation_id=pk, access="read")
    teams.leave(actor=people["left the team"], team_id=team.pk)
    User.objects.filter(pk=people["suspended writer"].pk).update(suspended=True)
    offered, _ = invitations.make(actor=owner, team=team, days=7, uses=1)
    fresh = {name: User.objects.get(pk=user.pk) for name, user in people.items()}
    found, response = Conversation.objects.get(pk=pk), Response.objects.get(pk=begun.response.pk)
    link = links.make(actor=author, conversation_id=pk, live=True, audience="team", days=7)
    project = projects.create(actor=author, name="Quarks", team_id=team.pk)
    return World(found, team, response, offered.pk, link, project, fresh)


def address(pattern: URLPattern, ids: dict[str, str]) -> str:
    return reverse(str(pattern.name), kwargs={name: ids[name] for name in pattern.pattern.converters if name in ids})


def object_of(action: str, world: World) -> object:
    kind = action.partition(".")[0]
    return {"conversation": world.conversation, "team": world.team, "link": world.link, "project": world.project}.get(kind)


def came_in(answer: Any) -> bool:
    """Not sent away: what was asked for was looked at, though it may have been refused for another reason."""
    return answer.status_code not in (403, 404) and "/accounts/" not in answer.get("Location", "")


def asked(client: Client, path: str, response_id: str) -> list[str]:
    """How the route answers both methods; nothing of it stays."""
    found, known = [], FIELDS.get(str(resolve(path).url_name), "").split()
    sent = {name: value for name, value in {**SENT, "response": response_id}.items() if name in known}
    for method in ("get", "post"):
        with transaction.atomic():
            answer = getattr(client, method)(path, sent)
            transaction.set_rollback(True)
        if answer.status_code != 405:
            found.append("in" if came_in(answer) else "out")
    return found


@pytest.mark.parametrize("actor", ACTORS)
def test_who_comes_in_is_who_may(world: World, actor: str) -> None:
    user = world.people[actor]
    client, wrong = signed_in(user), {}
    for pattern in OF_OBJECTS:
        action: Any = policy.ROUTES[str(pattern.name)]
        expected = "in" if can(user, action, object_of(action, world)) else "out"
        with transaction.atomic():
            if pattern.name == "restore":  # of what is there, there is nothing to restore
                conversations.delete(actor=world.people["author"], conversation_id=world.conversation.pk)
            found = asked(client, address(pattern, world.ids()), world.response.pk)
            transaction.set_rollback(True)
        if not found or set(found) != {expected}:
            wrong[pattern.name] = (expected, found)
    assert wrong == {}


@pytest.mark.parametrize("actor", ["anonymous"])
def test_nobody_comes_in_unnamed(world: World) -> None:
    for pattern in OF_OBJECTS:
        assert "in" not in asked(Client(), address(pattern, world.ids()), world.response.pk)


@pytest.mark.parametrize("actor", ACTORS)
def test_the_sockets_tell_whom_the_pages_tell_and_so_does_who_is_named(world: World, actor: str) -> None:
    user = world.people[actor]
    opens = Link.objects.readable_by(user).filter(pk=world.link.pk).exists()
    assert opens is can(user, "link.read", world.link)
    may = can(user, "conversation.read", world.conversation)
    assert catch_up(world.conversation.pk, user, 0).gone is not may
    assert who_may_read(world.conversation).filter(pk=user.pk).exists() is may
