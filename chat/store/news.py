"""A conversation's numbers: each thing that happens in it gets the next position, in the transaction in which it happens."""

import json
from collections.abc import Mapping

from django.db import transaction

from chat.doorbell import Ring, hub
from chat.models import Conversation, LogRow
from chat.store import rows, sql, wake


def lock(conversation_id: str) -> Conversation:
    """The conversation, locked until the end of the transaction: parallel writers wait for each other here, first of all."""
    found = rows.fetch(Conversation, "id = %s", conversation_id, lock="FOR UPDATE")
    if not found:
        raise Conversation.DoesNotExist
    return found[0]


def advance(conversation: Conversation, count: int, *, active: bool = False, **columns: str) -> int:
    """Take the next `count` positions of a locked conversation, and set what else changes (`active`: to now); returns the last
    of them.
    """
    sets = ["position = position + %s", *(f"{name} = %s" for name in columns), *(["active = {now}"] if active else [])]
    query = f"UPDATE chat_conversation SET {', '.join(sets)} WHERE id = %s"  # noqa: S608 - all of it is ours
    sql.run(query, count, *columns.values(), conversation.pk)
    conversation.position += count
    return conversation.position


def announce(
    conversation: Conversation,
    type_: str,
    *,
    after: int = 0,
    active: bool = False,
    change: Mapping[str, str] | None = None,
    content: str = "",
    **fields: str | int | None,
) -> int:
    """Log news about the conversation itself, and ring once it is committed. Returns its position: the next one, `after` so many
    that others take. What is to `change` of the conversation changes with it, in one statement. `content`: the HTML that shows
    it, where it is the same for all readers; else they look it up.
    """
    position = advance(conversation, after + 1, active=active, **(change or {}))
    event = json.dumps({"type": f"parley:{type_}", **fields}).encode()
    rows.add(LogRow(conversation=conversation, position=position, events=event))
    where = (conversation.pk, position, position)
    ring = Ring.showing(*where, content) if content else Ring(*where)
    transaction.on_commit(lambda: wake.on_loop(hub.ring, ring))
    return position
