"""The world of a team with a conversation of the author's, and replies in it that were ended as a run ends them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from django.test import Client

from chat.models import Conversation, Response, User
from chat.store import access, log, messages, responses
from chat.store.log import Batch
from chat.store.responses import Ending
from tests import cast
from tests.cast import World
from tests.conftest import signed_in

WHO = ("server owner", "team owner", "team admin")
"""Whoever looks after the team."""
CANARY, REPLY = "zanzibarquestion", "zanzibaranswer"


@pytest.fixture
def world(db: None) -> World:
    return cast.gather()


@dataclass
class Log:
    """The log of that world."""

    world: World
    stored: Response
    unstored: Response

    def client(self, who: str) -> Client:
        return signed_in(self.world.people[who])

    def open(self, who: str, conversation: Conversation | None = None, reason: str = "ticket", note: str = "T-17") -> Any:
        place = conversation or self.world.conversation
        return access.ask(actor=self.world.people[who], place=place, reason=reason, note=note)


@pytest.fixture
def logged(world: World) -> Log:
    """A stored reply in the world's conversation, and one that was not stored in another of the same team."""
    author, team = world.people["author"], world.team.pk
    stored = answered(author, CANARY, REPLY, into=world.conversation.pk)
    other = messages.send(actor=author, conversation_id=None, text="unstoredquestion", store=False)
    Response.objects.filter(conversation=other.conversation).update(team=team)
    Conversation.objects.filter(pk=other.conversation.pk).update(team=team, title="unstoredtitle")
    return Log(world, stored, end(other.response, "unstoredanswer"))


def answered(author: User, text: str, reply: str, into: str | None = None, **more: Any) -> Response:
    begun = messages.send(actor=author, conversation_id=into, text=text)
    return end(begun.response, reply, **more)


def deltas(pieces: Sequence[str]) -> list[bytes]:
    where = {"type": "response.output_text.delta", "item_id": "msg_x", "content_index": 0, "output_index": 0}
    return [json.dumps({**where, "delta": piece}).encode() for piece in pieces]


def end(response: Response, text: str, *, pieces: Sequence[str] = (), items: Sequence[Any] = (), **ending: Any) -> Response:
    """Take it, write it flush by flush, end it."""
    taken = responses.take(response.pk)
    assert taken is not None
    parts = deltas(pieces or text.split(" "))
    for number, part in enumerate(parts):
        log.append([Batch(taken.pk, taken.epoch, taken.conversation_id, number, [part], shows=True)])
    wire = {"type": "message", "role": "assistant", "id": f"msg_{taken.pk[5:]}", "status": "completed"}
    said = {**wire, "content": [{"type": "output_text", "text": text, "annotations": []}]}
    last = Batch(taken.pk, taken.epoch, taken.conversation_id, len(parts), [b'{"type":"response.completed"}'])
    facts = {"status": "completed", "usage": {"input_tokens": 3, "output_tokens": 5}, **ending}
    assert responses.end(last, Ending(items=[*items, said], **facts)) is not None
    return Response.objects.get(pk=taken.pk)
