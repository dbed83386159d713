"""Every route and the socket, for everybody: who comes in is whom `policy.can` lets do what the table says of the route."""

from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, get_resolver, resolve, reverse

from chat import policy
from chat.live.catchup import catch_up
from chat.models import Link
from chat.policy import can, who_may_read
from chat.store import conversations, files, removals
from chat.web.fields import FIELDS
from tests.cast import ACTORS, World, gather
from tests.conftest import signed_in

ALLAUTHS = ("account_", "mfa_")
OURS = [p for p in get_resolver().url_patterns if isinstance(p, URLPattern) and not (p.name or "").startswith(ALLAUTHS)]
OF_OBJECTS = [p for p in OURS if policy.ROUTES[str(p.name)] not in (policy.PUBLIC, policy.SIGNED_IN)]
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


@pytest.fixture
def world(db: None, actor: str) -> World:
    return gather(team_reads=actor == "through the team")


def address(pattern: URLPattern, ids: dict[str, str]) -> str:
    return reverse(str(pattern.name), kwargs={name: ids[name] for name in pattern.pattern.converters if name in ids})


def object_of(action: str, world: World) -> object:
    kind, others = action.partition(".")[0], {"project": world.project, "file": world.file}
    return {"conversation": world.conversation, "team": world.team, "link": world.link, **others}.get(kind)


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
            if pattern.name == "restore_file":
                files.remove(actor=world.people["author"], file_id=world.file.pk)
            if pattern.name == "restore_message":
                where = {"conversation_id": world.conversation.pk, "item_id": str(world.response.input_id)}
                removals.remove(actor=world.people["author"], **where)
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
