"""A conversation's numbers: each thing that happens in it gets the next position, in the transaction in which it happens."""

import json
from collections.abc import Collection, Mapping

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
    rows.add(LogRow(conversation=conversation, position=position, events=_event(type_, fields)))
    where = (conversation.pk, position, position)
    ring = Ring.showing(*where, content) if content else Ring(*where)
    transaction.on_commit(lambda: wake.on_loop(hub.ring, ring))
    return position


def announce_all(conversation_ids: Collection[str], type_: str) -> None:
    """The same news about many, which are locked."""
    sql.run("UPDATE chat_conversation SET position = position + 1 WHERE id {one_of}", conversation_ids)
    at = sql.rows("SELECT id, position FROM chat_conversation WHERE id {one_of}", conversation_ids)
    LogRow.objects.bulk_create(LogRow(conversation_id=pk, position=position, events=_event(type_, {})) for pk, position in at)
    rings = [Ring(pk, position, position) for pk, position in at]
    transaction.on_commit(lambda: wake.on_loop(_ring_all, rings))


def _ring_all(rings: list[Ring]) -> None:
    for ring in rings:
        hub.ring(ring)


def _event(type_: str, fields: Mapping[str, str | int | None]) -> bytes:
    return json.dumps({"type": f"parley:{type_}", **fields}).encode()
