"""Reading a branch: from its end up to its start. One recursive query, so that 10,000 messages cost what the page shows."""

import json
from dataclasses import dataclass, field
from typing import NamedTuple

from django.db import connection

from chat.models import Conversation, File, Item, Response, User
from chat.protocol.types import Json
from chat.store import attached, files, rows, sql

PATH = """
WITH RECURSIVE path(id, input_id, previous_id, depth) AS (
    SELECT r.id, r.input_id, i.previous_id, 1
    FROM chat_response r LEFT JOIN chat_item i ON i.id = r.input_id WHERE r.id = %s
    UNION ALL
    SELECT r.id, r.input_id, i.previous_id, path.depth + 1
    FROM path JOIN chat_response r ON r.id = path.previous_id LEFT JOIN chat_item i ON i.id = r.input_id
    WHERE path.depth < %s
)
SELECT id, previous_id FROM path ORDER BY depth
"""


@dataclass(slots=True)
class Exchange:
    """A Response, the item it answers, and the ids of their other versions in the order in which they were made."""

    response: Response
    item: Item
    output: list[Item] = field(default_factory=list)
    response_versions: list[str] = field(default_factory=list)
    item_versions: list[str] = field(default_factory=list)
    leads_to: dict[str, str] = field(default_factory=dict)  # version of the item → its newest Response
    followed: bool = False
    named: frozenset[str] = frozenset()  # usernames that the item mentions, in lower case
    files: dict[str, File] = field(default_factory=dict)  # by id, those that go with the item and are there


def path(end: str, *, most: int = 1_000_000) -> tuple[list[str], str | None]:
    """Ids of the Responses from the start of the branch down to `end`, the last `most` of them, and the one before these."""
    with connection.cursor() as cursor:
        cursor.execute(PATH, [end, most])
        found = cursor.fetchall()
    ids = [str(row[0]) for row in reversed(found)]
    return ids, (str(found[-1][1]) if found and found[-1][1] else None)


SIZES = """SELECT r.id, COALESCE(LENGTH(CAST(i.wire AS TEXT)), 0)
+ (SELECT COALESCE(SUM(LENGTH(CAST(o.wire AS TEXT))), 0) FROM chat_item o WHERE o.response_id = r.id)
FROM chat_response r LEFT JOIN chat_item i ON i.id = r.input_id WHERE r.id {one_of}"""


def sizes(ids: list[str]) -> list[int]:
    """About how many bytes each of these Responses has with the item it answers."""
    found = {pk: int(size) for pk, size in sql.rows(SIZES, ids)}
    return [found.get(pk, 0) for pk in ids]


def exchanges(ids: list[str]) -> list[Exchange]:
    """The exchanges with these Responses, in this order, with what the model put out, and the other versions of each."""
    result = alone(ids)
    if result:
        _add_versions(result)
        _add_named(result)
        _add_files(result)
    return result


def alone(ids: list[str]) -> list[Exchange]:
    """The same without other versions and without who is named."""
    found = {response.pk: response for response in rows.fetch(Response, "id {one_of}", ids)}
    said = {item.pk: item for item in rows.fetch(Item, "id {one_of}", {response.input_id or "" for response in found.values()})}
    authors = {user.pk: user for user in rows.fetch(User, "id {one_of}", {item.author_id or 0 for item in said.values()})}
    for item in said.values():
        item.author = authors.get(item.author_id or 0)
    result = [Exchange(found[pk], said[str(found[pk].input_id)]) for pk in ids if pk in found and found[pk].input_id in said]
    _add_output(result)
    return result


def _add_output(result: list[Exchange]) -> None:
    of = {exchange.response.pk: exchange.output for exchange in result}
    for item in rows.fetch(Item, "response_id {one_of} ORDER BY output_index", of.keys()):
        of[str(item.response_id)].append(item)


NAMED = "SELECT m.item_id, LOWER(u.username) FROM chat_mention m JOIN chat_user u ON u.id = m.user_id WHERE m.item_id {one_of}"


def _add_named(result: list[Exchange]) -> None:
    """Asked only where somebody may be."""
    maybe = [exchange.item.pk for exchange in result if _says_at(exchange.item)]
    named: dict[str, set[str]] = {}
    for item, username in sql.rows(NAMED, maybe) if maybe else ():
        named.setdefault(item, set()).add(username)
    for exchange in result:
        exchange.named = frozenset(named.get(exchange.item.pk, ()))


def _add_files(result: list[Exchange]) -> None:
    """Asked only where some are."""
    wanted = {exchange.item.pk: attached.ids_of(exchange.item.wire) for exchange in result}
    known = files.known([pk for ids in wanted.values() for pk in ids])
    for exchange in result:
        exchange.files = {pk: known[pk] for pk in wanted[exchange.item.pk] if pk in known}


def _says_at(item: Item) -> bool:
    content = item.wire.get("content")
    parts = content if isinstance(content, list) and not item.hidden else []
    return any("@" in str(part.get("text")) for part in parts if isinstance(part, dict))


def _add_versions(result: list[Exchange]) -> None:
    questions: dict[str | None, list[str]] = {}
    for pk, previous in _siblings(result):
        questions.setdefault(previous, []).append(pk)
    items = {exchange.item.pk for exchange in result} | {pk for several in questions.values() for pk in several}
    answers: dict[str, list[str]] = {}
    for pk, input_id in sql.rows("SELECT id, input_id FROM chat_response WHERE input_id {one_of} ORDER BY created, id", items):
        answers.setdefault(input_id, []).append(pk)
    shown = [exchange.response.pk for exchange in result]
    followed = {
        pk
        for (pk,) in sql.rows(
            "SELECT DISTINCT previous_id FROM chat_item WHERE previous_id {one_of} AND conversation_id IS NOT NULL", shown
        )
    }
    for exchange in result:
        exchange.response_versions = answers.get(exchange.item.pk, [])
        exchange.item_versions = questions.get(exchange.item.previous_id, [])
        exchange.leads_to = {pk: answers[pk][-1] for pk in exchange.item_versions if pk in answers}
        exchange.followed = exchange.response.pk in followed


SAID = "SELECT id, previous_id FROM chat_item WHERE response_id IS NULL AND NOT hidden AND "


def _siblings(result: list[Exchange]) -> list[tuple[str, str | None]]:
    later = [exchange.item.previous_id for exchange in result if exchange.item.previous_id]
    found: list[tuple[str, str | None]] = (
        sql.rows(SAID + "previous_id {one_of} AND conversation_id IS NOT NULL ORDER BY created, id", later) if later else []
    )
    first = next((exchange.item for exchange in result if exchange.item.previous_id is None), None)
    if first is not None and first.conversation_id is not None:
        found += sql.rows(SAID + "previous_id IS NULL AND conversation_id = %s ORDER BY created, id", first.conversation_id)
    return found


class Past(NamedTuple):
    """An item of a branch as the model gets it: its wire JSON, and `upstream_id`, what the provider called it, where that still
    means something: in a complete reply of the same model on the same server.
    """

    wire: Json
    upstream_id: str = ""


SAID_TO = "SELECT r.id, i.wire FROM chat_response r JOIN chat_item i ON i.id = r.input_id WHERE r.id {one_of}"
ANSWERED = """SELECT o.response_id, o.wire, CASE WHEN r.status = 'completed' AND r.model = %s AND EXISTS
(SELECT 1 FROM chat_turn t WHERE t.response_id = r.id AND t.server = %s AND t.server <> '') THEN o.upstream_id ELSE '' END
FROM chat_item o JOIN chat_response r ON r.id = o.response_id
WHERE o.response_id {one_of} AND o.response_id <> %s ORDER BY o.output_index"""


def wire_input(response: Response, *, model: str = "", server: str = "") -> list[Past]:
    """What the model gets: every item of the branch up to this Response's own input, oldest first."""
    ids, _ = path(response.pk)
    said: dict[str, Json] = {pk: json.loads(wire) for pk, wire in sql.rows(SAID_TO, ids)}
    answered: dict[str, list[Past]] = {}
    for response_id, wire, upstream_id in sql.rows(ANSWERED, model, server[:500], ids, response.pk):
        answered.setdefault(response_id, []).append(Past(json.loads(wire), upstream_id))
    items: list[Past] = []
    for pk in ids:
        items += [Past(said[pk]), *answered.get(pk, [])]
    return items


def forget_thoughts(response: Response) -> None:
    """The provider cannot read what it once gave back encrypted on this branch: that goes along no more."""
    ids, _ = path(response.pk)
    sql.run("UPDATE chat_item SET upstream_id = '' WHERE type = 'reasoning' AND response_id {one_of}", ids)


def wire_news(response: Response) -> list[Past]:
    """The same for a provider that has kept all that is above: this Response's own input."""
    return [Past(json.loads(wire)) for _, wire in sql.rows(SAID_TO, [response.pk])]


BELOW = """WITH RECURSIVE below(id, created, place, depth) AS (
SELECT id, created, conversation_id, 1 FROM chat_response WHERE input_id = %s UNION ALL
SELECT r.id, r.created, r.conversation_id, b.depth + 1 FROM below b JOIN chat_item i ON i.previous_id = b.id
LEFT JOIN chat_removal m ON m.item_id = i.id JOIN chat_response r ON r.input_id = i.id WHERE m.id IS NULL)
SELECT id FROM below {those} ORDER BY depth, created, id"""
THOSE = {None: "", True: "WHERE place IS NOT NULL", False: "WHERE place IS NULL"}


def below(item_id: str, *, there: bool | None = None) -> list[str]:
    """Ids of the Responses that follow a message, in all versions, each before those that follow it, whatever the clocks said of
    those who took them; without what had been deleted before. `there`: only those that are in their conversation, or only those
    that are out of it.
    """
    return [pk for (pk,) in sql.rows(BELOW.replace("{those}", THOSE[there]), item_id)]


def holding(conversation: Conversation, item_id: str) -> Response | None:
    """The Response through which an item can be shown: its own, or the newest answer to it."""
    item = Item.objects.filter(pk=item_id, conversation=conversation).select_related("response").first()
    if item is None:
        return None
    return item.response or item.responses.order_by("-created").first()
