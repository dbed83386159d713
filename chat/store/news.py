"""A conversation's numbers: each thing that happens in it gets the next position, in the transaction in which it happens."""

import json
from collections.abc import Mapping

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from chat.doorbell import Ring, hub
from chat.models import Conversation, LogRow, Response
from chat.store import wake

Change = Response | Now | str


def lock(conversation_id: str) -> Conversation:
    """The conversation, locked until the end of the transaction: parallel writers wait for each other here, first of all."""
    return Conversation.objects.select_for_update().get(pk=conversation_id)


def advance(conversation: Conversation, count: int, **more: Change) -> int:
    """Take the next `count` positions of a locked conversation, and set what else changes with them; returns the last of them."""
    Conversation.objects.filter(pk=conversation.pk).update(position=F("position") + count, **more)
    conversation.position += count
    return conversation.position


def announce(
    conversation: Conversation,
    type_: str,
    *,
    after: int = 0,
    change: Mapping[str, Change] | None = None,
    **fields: str | int | None,
) -> int:
    """Log news about the conversation itself, and ring once it is committed. Returns its position: the next one, `after` so many
    that others take. What is to `change` of the conversation changes with it, in one statement.
    """
    position = advance(conversation, after + 1, **(change or {}))
    event = json.dumps({"type": f"parley:{type_}", **fields}).encode()
    LogRow.objects.create(conversation=conversation, position=position, events=event)
    ring = Ring(conversation.pk, position, position)
    transaction.on_commit(lambda: wake.on_loop(hub.ring, ring))
    return position
