"""Deleting a message, with all that follows it: out of the conversation at once, had back for some minutes, then gone."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet

from chat import errors
from chat.models import Conversation, Item, Link, Removal, Response, User
from chat.store import clock, conversations, counting, exports, history, ledger, moving, news, sql

SLICE: Final = 20  # replies that one transaction removes
GONE: Final = "This message does not exist any more."
Going = Removal.Going


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


KEPT: Final = """SELECT COUNT(*) FROM chat_kept k JOIN chat_turn t ON t.id = k.turn_id
WHERE k.state = 'kept' AND t.response_id {one_of}"""


def extent(item: Item) -> Extent:
    ids = history.below(item.pk)
    return Extent(len(ids), sql.rows(KEPT, ids)[0][0])


def undoable(*, actor: User, conversation: Conversation) -> list[Removal]:
    """What this person can have back now, what was deleted last first; what lies in something else that is deleted comes after
    that. One query where nothing is.
    """
    there = Q(item__previous=None) | Q(item__previous__conversation=conversation)
    found = Removal.objects.filter(there, conversation=conversation).exclude(going=Going.BACK).order_by("-created", "-pk")
    if conversation.owner_id != actor.pk:
        found = found.filter(item__author=actor)
    some = list(found)
    limit = _limit() if some else None
    return [removal for removal in some if limit and removal.created >= limit]


def _limit(now: datetime | None = None) -> datetime:
    return (now or clock.now()) - timedelta(minutes=settings.UNDO_MINUTES)


def _in_time() -> QuerySet[Removal]:
    """Those that can be had back, whole: of any other, pieces may be gone."""
    return Removal.objects.filter(created__gte=_limit())


def remove(*, actor: User, conversation_id: str, item_id: str) -> Removed:
    """Hide it at once, from everybody, with all that follows; whoever was there is where the conversation still goes. What is
    being written below is stopped. Where much follows, the rest of it is moved by `moving.pieces`. The bytes, here and at the
    provider, go when the time for undo is over (`purge`).
    """
    found = find(actor=actor, conversation_id=conversation_id, item_id=item_id)
    ids = history.below(found.pk)
    with transaction.atomic():
        conversation = conversations.lock(actor=actor, conversation_id=conversation_id, action="conversation.write")
        _refuse_amid_another(conversation)
        item = find(actor=actor, conversation_id=conversation_id, item_id=item_id)
        ids = _exactly(item, ids)
        going = Going.OUT if len(ids) > moving.PIECE else ""
        made = Removal.objects.create(item=item, conversation=conversation, going=going)
        Removal.objects.filter(pk=made.pk).update(created=clock.now())  # by which it is judged
        exports.withdraw([conversation.pk])
        sql.run(moving.PLACE, None, item.pk)
        running = moving.move_out(conversation, item.pk, ids[: moving.PIECE])
        moving.lead_away(conversation, item, set(ids))
        if item.previous_id is None:
            _untitle(conversation)
        news.announce(conversation, "branch.changed", user=actor.pk)
    return Removed(conversation, item, running)


def _exactly(item: Item, ids: list[str]) -> list[str]:
    """What follows it now, in a conversation that is locked, after `ids` did a moment ago. Of many it does not matter: what has
    come since is found by who moves the last piece.
    """
    return ids if len(ids) > moving.PIECE else history.below(item.pk)


def _refuse_amid_another(conversation: Conversation) -> None:
    if Removal.objects.filter(conversation=conversation).exclude(going="").exists():
        raise errors.Conflict("Messages are just being deleted here, or had back.", next="Try again in a moment.")


UNSTORED: Final = "SELECT 1 FROM chat_response WHERE id {one_of} AND NOT store LIMIT 1"


def restore(*, actor: User, conversation_id: str, item_id: str) -> Conversation:
    """Have it back, with all that followed: the first of that, where it is much, and the rest by `moving.pieces`. Refused where
    that was to be stored nowhere, and the conversation is stored now.
    """
    conversations.find(actor=actor, conversation_id=conversation_id, action="conversation.write")
    ids = history.below(item_id)
    with transaction.atomic():
        conversation = conversations.lock(actor=actor, conversation_id=conversation_id, action="conversation.write")
        _refuse_amid_another(conversation)
        removal = _removal(actor, conversation, item_id)
        ids = _exactly(removal.item, ids)
        if conversation.store and sql.rows(UNSTORED, ids):
            raise errors.Conflict(
                "Replies are stored here now, and this was to be stored nowhere.", next="Switch that off first."
            )
        sql.run(moving.PLACE, conversation.pk, item_id)
        moving.move_back(conversation, item_id, ids[: moving.PIECE])
        if len(ids) > moving.PIECE:
            Removal.objects.filter(pk=removal.pk).update(going=Going.BACK)
        else:
            moving.end_back(conversation, removal, actor)
    return conversation


def _removal(actor: User, conversation: Conversation, item_id: str) -> Removal:
    """By which this person can have that message back; raises otherwise."""
    removal = _in_time().filter(conversation=conversation, item=item_id).select_related("item__previous").first()
    item = _mine(actor, conversation, removal.item if removal else None)
    if removal is None or (item.previous is not None and item.previous.conversation_id is None):
        raise errors.NotFound(GONE)
    return removal


def purge(now: datetime | None = None) -> int | None:
    """Remove for good a piece of what was deleted longer ago than the time for undo: 1 when a message went, 0 when some of what
    followed it did, None when nothing is left. What a process that died was moving is moved first.
    """
    try:
        return _purge_some(_limit(now))
    except Conversation.DoesNotExist:  # it went meanwhile, with all of this
        return 0


def _purge_some(limit: datetime) -> int | None:
    if (going := Removal.objects.exclude(going="").values_list("conversation", flat=True).first()) is not None:
        next(moving.pieces(going), None)
        return 0
    over = Removal.objects.filter(created__lt=limit).order_by("created", "pk").values_list("pk", flat=True).first()
    if over is None:
        return None
    purge_slice(over)
    return int(not Removal.objects.filter(pk=over).exists())


@transaction.atomic
def purge_slice(removal_id: int) -> bool:
    """Remove the last of what followed the message, or itself when nothing is left of that. False when it is gone, or some of it
    is being moved.
    """
    found = Removal.objects.filter(pk=removal_id, going="")
    if (conversation_id := found.values_list("conversation", flat=True).first()) is None:
        return False
    conversation = news.lock(conversation_id)
    removal = found.select_related("item__previous").first()
    if removal is None:  # it was had back, or is on its way back
        return False
    below = history.below(removal.item_id)
    exports.withdraw([conversation_id])
    _withdraw_own(removal, below)
    if some := below[-SLICE:]:
        ledger.due_of(some)
        counting.before_these_go(some)
        _shorten_links(some, removal.item.previous)
        return bool(Response.objects.filter(pk__in=some).delete())
    begins = removal.item.previous_id is None
    removal.item.delete()
    if begins:  # the model may have titled it meanwhile
        _untitle(conversation)
    return True


def _withdraw_own(removal: Removal, below: list[str]) -> None:
    """Exports of whoever has the conversation, or wrote what goes."""
    owner, author = removal.conversation.owner_id, removal.item.author_id
    wrote = Item.objects.filter(previous__in=below[-SLICE:])
    exports.withdraw_own(removal.created, lambda pk: pk in (owner, author) or wrote.filter(author=pk).exists())


def _untitle(conversation: Conversation) -> None:
    """The title may be made of what goes: it is of the newest that is left of the messages that the conversation begins with."""
    left = Item.objects.filter(conversation=conversation, previous=None, role="user").order_by("-created", "-pk").first()
    conversations.untitle(conversation, instead=moving.title_of(left))


def _shorten_links(ids: list[str], left: Response | None) -> None:
    """A snapshot ends where the conversation does."""
    links = Link.objects.filter(head__in=ids)
    links.update(head=left) if left is not None else links.delete()
