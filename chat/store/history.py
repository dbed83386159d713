"""Reading a branch: from its end up to its start. One recursive query, so that 10,000 messages cost what the page shows."""

from dataclasses import dataclass, field

from django.db import connection
from django.db.models import Prefetch

from chat.models import Conversation, Item, Response
from chat.protocol.types import Json

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
    response_versions: list[str] = field(default_factory=list)
    item_versions: list[str] = field(default_factory=list)


def path(end: str, *, most: int = 1_000_000) -> tuple[list[str], str | None]:
    """Ids of the Responses from the start of the branch down to `end`, the last `most` of them, and the one before these."""
    with connection.cursor() as cursor:
        cursor.execute(PATH, [end, most])
        rows = cursor.fetchall()
    ids = [str(row[0]) for row in reversed(rows)]
    return ids, (str(rows[-1][1]) if rows and rows[-1][1] else None)


def exchanges(ids: list[str], *, versions: bool = True) -> list[Exchange]:
    """The exchanges with these Responses, in this order, with their output and the other versions of each."""
    output = Prefetch("output", Item.objects.order_by("output_index"))
    found = Response.objects.filter(pk__in=ids).select_related("input__author").prefetch_related(output, "turns")
    by_id = {response.pk: response for response in found}
    result = [Exchange(by_id[pk], by_id[pk].input) for pk in ids if pk in by_id and by_id[pk].input is not None]  # type: ignore[arg-type]
    if versions:
        _add_versions(result)
    return result


def _add_versions(result: list[Exchange]) -> None:
    answers: dict[str, list[str]] = {}
    inputs = [exchange.item.pk for exchange in result]
    for pk, input_id in Response.objects.filter(input__in=inputs).order_by("created", "pk").values_list("pk", "input_id"):
        answers.setdefault(input_id, []).append(pk)
    questions: dict[str | None, list[str]] = {}
    for pk, previous in _siblings(result):
        questions.setdefault(previous, []).append(pk)
    for exchange in result:
        exchange.response_versions = answers.get(exchange.item.pk, [])
        exchange.item_versions = questions.get(exchange.item.previous_id, [])


def _siblings(result: list[Exchange]) -> list[tuple[str, str | None]]:
    visible = Item.objects.filter(response=None, hidden=False).order_by("created", "pk")
    later = [exchange.item.previous_id for exchange in result if exchange.item.previous_id]
    rows: list[tuple[str, str | None]] = list(visible.filter(previous__in=later).values_list("pk", "previous_id"))
    first = next((exchange.item for exchange in result if exchange.item.previous_id is None), None)
    if first is not None:
        rows += visible.filter(previous=None, conversation_id=first.conversation_id).values_list("pk", "previous_id")
    return rows


def versions_of_item(item_ids: list[str]) -> dict[str, str]:
    """Item id → its newest Response: where choosing that version leads."""
    rows = Response.objects.filter(input__in=item_ids).order_by("created", "pk").values_list("input_id", "pk")
    return {str(item_id): pk for item_id, pk in rows}


def wire_input(response: Response) -> list[Json]:
    """What the model gets: every item of the branch up to this Response's own input, oldest first, as wire JSON."""
    ids, _ = path(response.pk)
    items: list[Json] = []
    for exchange in exchanges(ids, versions=False):
        items.append(exchange.item.wire)
        if exchange.response.pk != response.pk:
            items.extend(item.wire for item in exchange.response.output.all())
    return items


def holding(conversation: Conversation, item_id: str) -> Response | None:
    """The Response through which an item can be shown: its own, or the newest answer to it."""
    item = Item.objects.filter(pk=item_id, conversation=conversation).select_related("response").first()
    if item is None:
        return None
    return item.response or item.responses.order_by("-created").first()
