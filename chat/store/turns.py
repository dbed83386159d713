"""Turns: the calls to a model inside a run, noted before they are made, with what the provider calls them."""

from django.db import transaction

from chat.models import LONGEST_NAME, Response, Turn
from chat.store import ledger, rows, sql


@transaction.atomic
def begin(
    response: Response,
    *,
    index: int,
    provider: str,
    model: str,
    server: str = "",
    chained: bool = False,
    background: bool = False,
) -> Turn:
    """Note the call that is about to be made, and which model it asks for where nobody had chosen one."""
    if model != response.model:
        sql.run("UPDATE chat_response SET model = %s WHERE id = %s AND epoch = %s", model[:200], response.pk, response.epoch)
    fields = {"response": response, "index": index, "epoch": response.epoch, "background": background, "chained": chained}
    return rows.add(Turn(**fields, provider=provider[:100], server=server[:500]))


PLACE = """SELECT c.id FROM chat_conversation c WHERE c.id IN (%s, (SELECT r.conversation_id
FROM chat_turn t JOIN chat_response r ON r.id = t.response_id WHERE t.id = %s)) ORDER BY c.id"""


@transaction.atomic
def note(turn_id: str, *, upstream_id: str, kept: ledger.Keeping | None) -> None:
    """What the provider calls this turn, and that it keeps it: before anything is shown of what goes on without us, soon for any
    other, so that a process that dies leaves nothing there that nobody knows of. How far it has been read is noted with each
    flush (`Batch.turn`).
    """
    place = kept.conversation_id if kept is not None else None
    sql.rows(PLACE, place, turn_id, lock="FOR KEY SHARE OF c")  # as whoever ends the run: its conversation first
    sql.run("UPDATE chat_turn SET upstream_id = %s WHERE id = %s", upstream_id[:LONGEST_NAME], turn_id)
    if kept is not None:
        ledger.note(kept)


def resumable(response: Response) -> Turn | None:
    """The turn of an abandoned run that the provider has gone on with."""
    turns = Turn.objects.filter(response=response, background=True, ended=None).exclude(upstream_id="")
    return turns.order_by("-index", "-epoch").first()
