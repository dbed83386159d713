"""Deleting a message, with all that follows it: out of the conversation at once, had back for some minutes, then gone."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from chat import errors, markdown
from chat.models import Branch, Conversation, Item, Kept, Link, Removal, Response, User
from chat.store import clock, conversations, counting, exports, history, ledger, messages, news, responses, rows, search, sql

SLICE: Final = 20  # replies that one transaction removes
GONE: Final = "This message does not exist any more."


@dataclass(frozen=True, slots=True)
class Removed:
    """`running`: replies below that were asked to stop."""

    conversation: Conversation
    item: Item
    running: list[str]


def find(*, actor: User, conversation_id: str, item_id: str) -> Item:
    """A message that this person may delete: one of theirs, or any in a conversation of theirs."""
    conversation = conversations.find(actor=actor, conversation_id=conversation_id, action="conversation.write")
    return _mine(
        actor, conversation, Item.objects.filter(pk=item_id, conversation=conversation, role="user", hidden=False).first()
    )


def _mine(actor: User, conversation: Conversation, item: Item | None) -> Item:
    if item is None:
        raise errors.NotFound(GONE)
    if actor.pk not in (item.author_id, conversation.owner_id):
        raise errors.Conflict("This message is somebody else’s.", next="Ask them, or the conversation’s owner, to delete it.")
    return item


@dataclass(frozen=True, slots=True)
class Extent:
    """What goes with a message: replies that follow it, and how many of them a provider keeps."""

    replies: int
    kept: int


def extent(item: Item) -> Extent:
    ids = history.below(item.pk)
    return Extent(len(ids), Kept.objects.filter(turn__response__in=ids, state=Kept.State.KEPT).count())


def undoable(*, actor: User, conversation: Conversation, item_id: str) -> bool:
    """Whether this person can have that message back."""
    found = _in_time().filter(conversation=conversation, item=item_id).select_related("item").first()
    return found is not None and actor.pk in (found.item.author_id, conversation.owner_id)


def _limit(now: datetime | None = None) -> datetime:
    return (now or clock.now()) - timedelta(minutes=settings.UNDO_MINUTES)


def _in_time() -> QuerySet[Removal]:
    """Those that can be had back, whole: of any other, pieces may be gone."""
    return Removal.objects.filter(created__gte=_limit())


@transaction.atomic
def remove(*, actor: User, conversation_id: str, item_id: str) -> Removed:
    """Hide it at once, from everybody, with all that follows; whoever was there is where the conversation still goes. What is
    being written below is stopped. The bytes, here and at the provider, go when the time for undo is over (`purge`).
    """
    conversation = conversations.lock(actor=actor, conversation_id=conversation_id, action="conversation.write")
    item = find(actor=actor, conversation_id=conversation_id, item_id=item_id)
    ids = history.below(item.pk)
    running = list(Response.objects.filter(pk__in=ids, status__in=Response.RUNNING))
    for response in running:
        responses.stop(conversation, response)
    Removal.objects.create(item=item, conversation=conversation)
    exports.withdraw([conversation.pk])
    _move(item, ids, None)
    _lead_away(conversation, item, ids)
    news.announce(conversation, "branch.changed", user=actor.pk)
    return Removed(conversation, item, [response.pk for response in running])


OWN: Final = "UPDATE chat_item SET conversation_id = %s WHERE id = %s OR response_id {one_of}"
SAID: Final = """UPDATE chat_item SET conversation_id = %s WHERE previous_id {one_of}
AND NOT EXISTS (SELECT 1 FROM chat_removal m WHERE m.item_id = chat_item.id AND m.item_id <> %s)"""


def _move(item: Item, ids: list[str], conversation_id: str | None) -> None:
    """Into the conversation, or out of it."""
    sql.run(OWN, conversation_id, item.pk, ids)
    sql.run(SAID, conversation_id, ids, item.pk)
    sql.run("UPDATE chat_response SET conversation_id = %s WHERE id {one_of}", conversation_id, ids)


UNFINDABLE: Final = "response_id {one_of} AND NOT EXISTS (SELECT 1 FROM chat_searchentry e WHERE e.item_id = chat_item.id)"


def _make_findable(conversation: Conversation, ids: list[str]) -> None:
    """What ended while it was out of the conversation belongs to nobody's search yet."""
    for item in rows.fetch(Item, UNFINDABLE, ids):
        search.index(item, markdown.plain(responses.message_text(item.wire)), owner_id=conversation.owner_id)


def _lead_away(conversation: Conversation, item: Item, ids: list[str]) -> None:
    """Whoever saw what is out of the conversation sees what is left: the newest in its place, else what it followed."""
    left = item.previous or _first(conversation)
    end = conversations.newest_leaf(left) if left is not None else None
    if conversation.head_id in ids:
        Conversation.objects.filter(pk=conversation.pk).update(head=end)
    theirs = Branch.objects.filter(conversation=conversation, head__in=ids)
    if end is None:
        theirs.delete()
    else:
        theirs.update(head=end)


def _first(conversation: Conversation) -> Response | None:
    """The newest beginning that is left."""
    begun = Response.objects.filter(conversation=conversation, input__previous=None, input__conversation=conversation)
    return begun.order_by("-created", "-pk").first()


@transaction.atomic
def restore(*, actor: User, conversation_id: str, item_id: str) -> Conversation:
    """Have it back, with all that followed. Refused where that was to be stored nowhere, and the conversation is stored now."""
    conversation = conversations.lock(actor=actor, conversation_id=conversation_id, action="conversation.write")
    removal = _in_time().filter(conversation=conversation, item=item_id).select_related("item__previous").first()
    item = _mine(actor, conversation, removal.item if removal else None)
    if item.previous is not None and item.previous.conversation_id is None:
        raise errors.NotFound(GONE)
    ids = history.below(item.pk)
    if conversation.store and Response.objects.filter(pk__in=ids, store=False).exists():
        raise errors.Conflict("Replies are stored here now, and this was to be stored nowhere.", next="Switch that off first.")
    Removal.objects.filter(item=item).delete()
    _move(item, ids, conversation.pk)
    _make_findable(conversation, ids)
    if item.previous_id is None and not conversation.title:
        conversations.untitle(conversation, instead=_title(item))
    if conversation.responses.exclude(team=conversation.team).exists():  # it has moved meanwhile
        counting.move(conversation.pk, team=conversation.team)
        conversation.responses.update(team=conversation.team)
        conversation.kept.update(team=conversation.team_id)
    newest = Response.objects.filter(input=item).order_by("-created", "-pk").first()
    if newest is not None:
        end = conversations.newest_leaf(newest)
        Conversation.objects.filter(pk=conversation.pk).update(head=end)
        conversations.show(conversation, actor, end)
    news.announce(conversation, "branch.changed", user=actor.pk)
    return conversation


def purge(now: datetime | None = None) -> int | None:
    """Remove for good a piece of what was deleted longer ago than the time for undo: 1 when a message went, 0 when some of what
    followed it did, None when nothing is left.
    """
    over = Removal.objects.filter(created__lt=_limit(now)).order_by("created", "pk").values_list("pk", flat=True).first()
    if over is None:
        return None
    purge_slice(over)
    return int(not Removal.objects.filter(pk=over).exists())


@transaction.atomic
def purge_slice(removal_id: int) -> bool:
    """Remove the newest of what followed the message, or itself when nothing is left of that. False when it is gone."""
    found = Removal.objects.filter(pk=removal_id)
    if (conversation_id := found.values_list("conversation", flat=True).first()) is None:
        return False
    conversation = news.lock(conversation_id)
    removal = found.select_related("item__previous").first()
    if removal is None:  # it was had back
        return False
    exports.withdraw([conversation_id])
    if some := history.below(removal.item_id)[-SLICE:]:
        ledger.due_of(some)
        counting.before_these_go(some)
        _shorten_links(some, removal.item.previous)
        return bool(Response.objects.filter(pk__in=some).delete())
    begins = removal.item.previous_id is None
    removal.item.delete()
    if begins:  # the title may be made of it
        conversations.untitle(conversation, instead=_title(_beginnings(conversation).first()))
    return True


def _beginnings(conversation: Conversation) -> QuerySet[Item]:
    """What is left of the messages that it begins with, the newest first."""
    return Item.objects.filter(conversation=conversation, previous=None, role="user").order_by("-created", "-pk")


def _title(item: Item | None) -> str:
    return messages.first_title(responses.message_text(item.wire)) if item is not None else ""


def _shorten_links(ids: list[str], left: Response | None) -> None:
    """A snapshot ends where the conversation does."""
    links = Link.objects.filter(head__in=ids)
    links.update(head=left) if left is not None else links.delete()
