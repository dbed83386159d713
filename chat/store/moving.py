"""Moving a deleted message, with all that follows it, out of its conversation and back: in pieces, so that nobody waits long.

The first transaction hides the message and leads everybody away from what follows; what is still to be moved then is a mark
(`Removal.going`), and `pieces` goes on with it.
"""

from collections.abc import Collection, Iterator
from typing import Final

from django.db import transaction

from chat import markdown
from chat.models import Branch, Conversation, Item, Removal, Response, User
from chat.store import conversations, counting, history, news, responses, rows, search, sql, wording

PIECE: Final = 300  # replies that one transaction moves
Going = Removal.Going


PLACE: Final = "UPDATE chat_item SET conversation_id = %s WHERE id = %s"
ANSWERS: Final = "UPDATE chat_item SET conversation_id = %s WHERE response_id {one_of}"
SAID: Final = """UPDATE chat_item SET conversation_id = %s WHERE previous_id {one_of}
AND NOT EXISTS (SELECT 1 FROM chat_removal m WHERE m.item_id = chat_item.id AND m.item_id <> %s)"""


def move_out(conversation: Conversation, item_id: str, ids: list[str]) -> list[str]:
    """Of what follows this message. Gives those that were asked to stop."""
    running = rows.fetch(Response, "id {one_of} AND status IN ('queued', 'in_progress')", ids)
    for response in running:
        responses.stop(conversation, response)
    _move(item_id, ids, None)
    return [response.pk for response in running]


def move_back(conversation: Conversation, item_id: str, ids: list[str]) -> None:
    _move(item_id, ids, conversation.pk)
    _make_findable(conversation, ids)
    if elsewhere := [pk for (pk,) in sql.rows(ELSEWHERE, ids, conversation.team_id)]:  # it has moved meanwhile
        counting.move_these(elsewhere, team=conversation.team)
        sql.run("UPDATE chat_response SET team_id = %s WHERE id {one_of}", conversation.team_id, elsewhere)


ELSEWHERE: Final = "SELECT id FROM chat_response WHERE id {one_of} AND (team_id IS NULL OR team_id <> %s)"


def _move(item_id: str, ids: list[str], conversation_id: str | None) -> None:
    """Into the conversation, or out of it."""
    sql.run(ANSWERS, conversation_id, ids)
    sql.run(SAID, conversation_id, ids, item_id)
    sql.run("UPDATE chat_response SET conversation_id = %s WHERE id {one_of}", conversation_id, ids)


UNFINDABLE: Final = "response_id {one_of} AND NOT EXISTS (SELECT 1 FROM chat_searchentry e WHERE e.item_id = chat_item.id)"


def _make_findable(conversation: Conversation, ids: list[str]) -> None:
    """What ended while it was out of the conversation belongs to nobody's search yet."""
    for item in rows.fetch(Item, UNFINDABLE, ids):
        search.index(item, markdown.plain(responses.message_text(item.wire)), owner_id=conversation.owner_id)


def lead_away(conversation: Conversation, item: Item, ids: Collection[str]) -> None:
    """Whoever saw what is out of the conversation sees what is left: the newest in its place, else what it followed."""
    branches = Branch.objects.filter(conversation=conversation).values_list("pk", "head")
    theirs = Branch.objects.filter(pk__in=[pk for pk, head in branches if head in ids])
    left = item.previous or _first(conversation)
    end = conversations.newest_leaf(left) if left is not None else None
    if conversation.head_id in ids:
        Conversation.objects.filter(pk=conversation.pk).update(head=end)
    if end is None:
        theirs.delete()
    else:
        theirs.update(head=end)


def _first(conversation: Conversation) -> Response | None:
    """The newest beginning that is left."""
    begun = Response.objects.filter(conversation=conversation, input__previous=None, input__conversation=conversation)
    return begun.order_by("-created", "-pk").first()


def end_back(conversation: Conversation, removal: Removal, viewer: User | None) -> None:
    """All is there again, and shown: to `viewer` (who wrote it, where that is not known), whatever they see otherwise."""
    item = removal.item
    viewer = viewer or item.author
    Removal.objects.filter(pk=removal.pk).delete()
    if item.previous_id is None and not conversation.title:
        conversations.untitle(conversation, instead=title_of(item))
    conversation.kept.exclude(team=conversation.team_id).update(team=conversation.team_id)
    newest = Response.objects.filter(input=item).order_by("-created", "-pk").first()
    if newest is not None:
        end = conversations.newest_leaf(newest)
        Conversation.objects.filter(pk=conversation.pk).update(head=end)
        if viewer is not None:
            conversations.show(conversation, viewer, end)
    news.announce(conversation, "branch.changed", user=viewer.pk if viewer else None)


def pieces(conversation_id: str, *, viewer: User | None = None) -> Iterator[list[str]]:
    """Go on with what is being moved there, a transaction for each piece: replies that were asked to stop with it. `viewer`: who
    had it back. Several at once take each other's work off.
    """
    found = Removal.objects.filter(conversation=conversation_id).exclude(going="").select_related("conversation")
    while (removal := found.first()) is not None:
        ids = history.below(removal.item_id, there=removal.going == Going.OUT)
        for at in range(0, len(ids), PIECE):
            yield _piece(removal, ids[at : at + PIECE])
        if not ids:
            yield _end(removal, viewer)


def _still(removal: Removal) -> tuple[Conversation, Removal | None]:
    """Both as they are now, the conversation locked."""
    conversation = news.lock(removal.conversation_id)
    found = Removal.objects.filter(pk=removal.pk, going=removal.going).select_related("item__previous", "item__author")
    return conversation, found.first()


@transaction.atomic
def _piece(removal: Removal, ids: list[str]) -> list[str]:
    conversation, found = _still(removal)
    if found is None:  # somebody else was faster
        return []
    if found.going == Going.OUT:
        return move_out(conversation, found.item_id, ids)
    move_back(conversation, found.item_id, ids)
    return []


@transaction.atomic
def _end(removal: Removal, viewer: User | None) -> list[str]:
    """Unless something was said there meanwhile, below it: that is moved first."""
    conversation, found = _still(removal)
    if found is None:
        return []
    happened = conversation.position != removal.conversation.position  # since nothing was left to move
    if happened and (rest := history.below(found.item_id, there=found.going == Going.OUT)):
        return _piece(removal, rest[:PIECE])
    if found.going == Going.BACK:
        end_back(conversation, found, viewer)
        return []
    heads = [conversation.head_id, *Branch.objects.filter(conversation=conversation).values_list("head", flat=True)]
    lead_away(conversation, found.item, {pk for (pk,) in sql.rows(OUTSIDE, [head for head in heads if head])})
    Removal.objects.filter(pk=found.pk).update(going="")
    news.announce(conversation, "branch.changed")
    return []


OUTSIDE: Final = "SELECT id FROM chat_response WHERE id {one_of} AND conversation_id IS NULL"


def title_of(item: Item | None) -> str:
    return wording.first_title(responses.message_text(item.wire), item.wire) if item is not None else ""
