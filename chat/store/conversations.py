"""Verbs on whole conversations. Each finds through the actor: a stranger's id is a missing one."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F, QuerySet, Subquery
from django.db.models.functions import Now
from django.utils import timezone

from chat import errors
from chat.models import Branch, Certificate, Conversation, Item, Link, Participant, Removal, Response, SearchEntry, User
from chat.models.conversations import ConversationQuerySet, shared_with
from chat.policy import Action, within_reach
from chat.store import certificates, clock, copies, counting, exports, history, ledger, news, rows, sql

TITLE_LENGTH = 200
PURGE_SLICE = 20
REFUSED = {
    "conversation.write": ("You may read this conversation, and not write in it.", "Ask its owner."),
    "conversation.manage": ("This is for the conversation’s owner.", "Ask them."),
}


def find(*, actor: User, conversation_id: str, action: Action = "conversation.read", deleted: bool = False) -> Conversation:
    """The conversation, if this person may do that with it; NotFound otherwise."""
    found = within_reach(actor, action).filter(pk=conversation_id, deleted__isnull=not deleted).first()
    if found is None and action != "conversation.read" and not deleted:
        find(actor=actor, conversation_id=conversation_id)
        what, then = REFUSED[action]
        raise errors.Refused(what, next=then)
    if found is None:
        raise errors.NotFound("This conversation does not exist, or it is not yours.")
    return found


def lock(*, actor: User, conversation_id: str, action: Action = "conversation.read") -> Conversation:
    """The same, locked until the end of the transaction. Others may have changed it while we waited: what is not plainly one's
    own is asked again.
    """
    locked = news.lock(find(actor=actor, conversation_id=conversation_id, action=action).pk)
    if locked.owner_id != actor.pk or locked.deleted is not None:
        find(actor=actor, conversation_id=conversation_id, action=action)
    return locked


def newest(
    *, actor: User, archived: bool = False, pinned: bool | None = None, before: tuple[datetime, str] | None = None, most: int
) -> list[Conversation]:
    """One's own and those one takes part in, the last active first; `pinned` and `archived` as this person has them. `before`:
    only those that come after this moment and id.
    """
    others = Conversation.objects.filter(shared_with(actor), participants__user=actor).annotate(
        mine_pinned=F("participants__pinned"), mine_archived=F("participants__archived")
    )
    found = [
        *_page(Conversation.objects.owned_by(actor), "", archived, pinned, before)[:most],
        *_page(others, "mine_", archived, pinned, before)[:most],
    ]
    for conversation in found:
        if conversation.owner_id != actor.pk:
            conversation.pinned, conversation.archived = conversation.mine_pinned, conversation.mine_archived
    return sorted(found, key=lambda one: (one.active, one.pk), reverse=True)[:most]


def _page(
    some: ConversationQuerySet, place: str, archived: bool, pinned: bool | None, before: tuple[datetime, str] | None
) -> ConversationQuerySet:
    """`place`: what the names of this person's own marks begin with."""
    found = some.present().filter(**{f"{place}archived__isnull": not archived}).order_by("-active", "-pk")
    if pinned is not None:
        found = found.filter(**{f"{place}pinned__isnull": not pinned})
    if before is not None:
        moment, last = before
        found = found.filter(active__lte=moment).exclude(active=moment, pk__gte=last)
    return found


@transaction.atomic
def rename(*, actor: User, conversation_id: str, title: str) -> Conversation:
    title = " ".join(title.split())
    if not title:
        raise errors.InvalidInput("A title needs at least one character.", param="title")
    if len(title) > TITLE_LENGTH:
        raise errors.InvalidInput(f"A title has at most {TITLE_LENGTH} characters.", param="title")
    conversation = lock(actor=actor, conversation_id=conversation_id, action="conversation.manage")
    _retitle(conversation, title, Conversation.TitledBy.USER)
    return conversation


@transaction.atomic
def entitle(*, conversation_id: str, title: str, content: str = "", after: str = "") -> bool:
    """The model's own title and its HTML; changes nothing once somebody has named the conversation, or it is gone, or
    `after`, the Response that it was made of, is.
    """
    unnamed = rows.fetch(Conversation, "id = %s AND deleted IS NULL AND titled_by = ''", conversation_id, lock="FOR UPDATE")
    if after and not sql.rows("SELECT 1 FROM chat_response WHERE id = %s AND conversation_id = %s", after, conversation_id):
        return False
    for conversation in unnamed:
        _retitle(conversation, title[:TITLE_LENGTH], Conversation.TitledBy.MODEL, content)
    return bool(unnamed)


def _retitle(conversation: Conversation, title: str, by: str, content: str = "") -> None:
    conversation.title, conversation.titled_by = title, by
    news.announce(conversation, "title.changed", change={"title": title, "titled_by": by}, content=content)
    entry = "UPDATE chat_searchentry SET text = %s, owner_id = %s WHERE conversation_id = %s AND item_id IS NULL"
    if not sql.run(entry, title, conversation.owner_id, conversation.pk):
        rows.add(SearchEntry(conversation=conversation, text=title, owner_id=conversation.owner_id))


def untitle(conversation: Conversation, *, instead: str = "") -> None:
    """What it was named after is gone, from its title and from those of its snapshots. A name that somebody gave it stays."""
    titled = Conversation.objects.filter(pk=conversation.pk).exclude(titled_by=Conversation.TitledBy.USER)
    for locked in titled.select_for_update().exclude(title=instead):
        _retitle(locked, instead, Conversation.TitledBy.NOBODY)
        conversation.title, conversation.position = locked.title, locked.position  # whatever else happens has the next one
    title = Conversation.objects.filter(pk=conversation.pk).values("title")
    Link.objects.filter(conversation=conversation, head__isnull=False).update(title=Subquery(title))


@transaction.atomic
def toggle(*, actor: User, conversation_id: str, field: str) -> Conversation:
    """Pin or unpin, archive or take back, in this person's own list: `field` is "pinned" or "archived"."""
    conversation = lock(actor=actor, conversation_id=conversation_id)
    mark: Conversation | Participant = conversation
    if conversation.owner_id != actor.pk:
        mark, _ = Participant.objects.get_or_create(conversation=conversation, user=actor)
    setattr(mark, field, None if getattr(mark, field) else timezone.now())
    mark.save(update_fields=[field])
    return as_kept_by(actor, conversation)


def as_kept_by(actor: User, conversation: Conversation) -> Conversation:
    """The same with this person's marks: their own are on the conversation, others' on what they are in it."""
    if conversation.owner_id != actor.pk:
        kept = Participant.objects.filter(conversation=conversation, user=actor).first()
        conversation.pinned, conversation.archived = (kept.pinned, kept.archived) if kept else (None, None)
    return conversation


@transaction.atomic
def choose_model(*, actor: User, conversation_id: str, model: str) -> None:
    conversation = lock(actor=actor, conversation_id=conversation_id, action="conversation.write")
    conversation.model = model
    conversation.save(update_fields=["model"])


@transaction.atomic
def choose_branch(*, actor: User, conversation_id: str, response_id: str) -> Conversation:
    """Show the version that holds this response, with whatever was said last after it."""
    conversation = lock(actor=actor, conversation_id=conversation_id)
    response = Response.objects.filter(pk=response_id, conversation=conversation).first()
    if response is None:
        raise errors.NotFound("This version does not exist any more.")
    show(conversation, actor, newest_leaf(response))
    news.announce(conversation, "branch.chosen", user=actor.pk)
    return conversation


SHOW = """INSERT INTO chat_branch (conversation_id, user_id, head_id) VALUES (%s, %s, %s)
ON CONFLICT (conversation_id, user_id) DO UPDATE SET head_id = excluded.head_id"""


def show(conversation: Conversation, viewer: User, head: Response) -> None:
    """Remember which branch this viewer sees."""
    sql.run(SHOW, conversation.pk, viewer.pk, head.pk)


@transaction.atomic
def follow(*, conversation: Conversation, viewer: User, through: Response) -> None:
    """Somebody looks at the branch that holds this response: if it is another one than theirs, it is theirs from now on,
    so that what they write next stands where they read.
    """
    branch = Branch.objects.filter(conversation=conversation, user=viewer).values_list("head_id", flat=True).first()
    end = branch or conversation.head_id
    if end is None or through.pk not in history.path(str(end))[0]:
        locked = news.lock(conversation.pk)
        if not Response.objects.filter(pk=through.pk, conversation=locked).exists():  # its message was deleted meanwhile
            return
        show(locked, viewer, newest_leaf(through))
        news.announce(locked, "branch.chosen", user=viewer.pk)
        conversation.position = locked.position  # the page is made for it


def titles(actor: User, ids: Collection[str]) -> dict[str, str]:
    """Of those among these that are one's own, and there."""
    return dict(Conversation.objects.owned_by(actor).present().filter(pk__in=set(ids)).values_list("pk", "title"))


DOWN = """WITH RECURSIVE down(id, depth) AS (SELECT id, 1 FROM chat_response WHERE id = %s UNION ALL
SELECT (SELECT r.id FROM chat_item i JOIN chat_response r ON r.input_id = i.id
WHERE i.previous_id = d.id AND i.conversation_id = %s AND r.conversation_id = %s ORDER BY r.created DESC, r.id DESC LIMIT 1),
d.depth + 1 FROM down d WHERE d.id IS NOT NULL) SELECT id FROM down WHERE id IS NOT NULL ORDER BY depth DESC LIMIT 1"""


def newest_leaf(response: Response) -> Response:
    """Follow the newest versions down from here to the end of the branch."""
    where = str(response.conversation_id)
    end = next((pk for (pk,) in sql.rows(DOWN, response.pk, where, where)), response.pk)
    return response if end == response.pk else Response.objects.get(pk=end)


@transaction.atomic
def delete(*, actor: User, conversation_id: str) -> Conversation:
    """Hide it at once, from everybody; the bytes go when the time for undo is over (`purge`)."""
    conversation = lock(actor=actor, conversation_id=conversation_id, action="conversation.manage")
    conversation.deleted = clock.now()
    conversation.save(update_fields=["deleted"])
    exports.withdraw([conversation.pk])
    position = news.announce(conversation, "conversation.deleted")
    running = Response.objects.filter(conversation=conversation, status__in=Response.RUNNING)
    ended = {"status": Response.Status.CANCELLED, "ended": Now(), "position": position, "settled": position}
    running.filter(status=Response.Status.QUEUED, sequence=0).update(**ended)
    running.filter(cancel_requested=None).update(cancel_requested=Now())
    return conversation


@transaction.atomic
def restore(*, actor: User, conversation_id: str) -> Conversation:
    """Take a deletion back, as long as there is time for that: after it the bytes are on their way out."""
    conversation = find(actor=actor, conversation_id=conversation_id, action="conversation.manage", deleted=True)
    if not Conversation.objects.filter(pk=conversation.pk, deleted__gte=_undoable_from()).update(deleted=None):
        raise errors.NotFound("It is too late to have this conversation back.")
    conversation.deleted = None
    return conversation


def undoable(actor: User) -> list[Conversation]:
    """What of theirs this person can have back now, what was deleted last first. One query where nothing is."""
    some = list(Conversation.objects.owned_by(actor).filter(deleted__isnull=False).order_by("-deleted", "-pk"))
    limit = _undoable_from() if some else None
    return [conversation for conversation in some if limit and conversation.deleted and conversation.deleted >= limit]


def purge(now: datetime | None = None) -> int | None:
    """Remove for good a piece of what was deleted longer ago than the time for undo: 1 when the last of a conversation went, 0
    when some of it did, None when nothing is left. In pieces: one transaction for 10,000 messages would make every stream wait.
    """
    limit = _undoable_from(now)
    gone = Conversation.objects.filter(deleted__lt=limit).order_by("deleted", "pk").values_list("pk", flat=True)[:100]
    return next((went for pk in gone if (went := _purge_some(pk, limit)) is not None), None)


@transaction.atomic
def _purge_some(conversation_id: str, limit: datetime) -> int | None:
    """A slice of one that is deleted, still; None where it is not, or somebody else is at it."""
    held = Conversation.objects.select_for_update(skip_locked=True).filter(pk=conversation_id, deleted__lt=limit)
    if not held.values_list("pk", flat=True).first():
        return None
    few = Response.objects.filter(conversation=conversation_id)[: PURGE_SLICE + 1].count() <= PURGE_SLICE
    if purge_slice(conversation_id) and few:
        purge_slice(conversation_id)
    return int(not Conversation.objects.filter(pk=conversation_id).exists())


def _undoable_from(now: datetime | None = None) -> datetime:
    """What was deleted since can be had back; what was deleted before cannot, whether it has gone already or not."""
    return (now or clock.now()) - timedelta(minutes=settings.UNDO_MINUTES)


@transaction.atomic
def purge_slice(conversation_id: str, *, certificate: Certificate | None = None) -> bool:
    """Remove the newest replies of a conversation, or itself when none is left. False when it is not there any more. What goes is
    counted in a certificate: its own, or this.
    """
    counted = certificate or certificates.of_conversation(conversation_id)
    if counted is None:
        return False
    certificates.wait_for_files(counted, conversation_id)
    if certificate is not None or not counted.here:  # as what goes first may take it along
        for item in Removal.objects.filter(conversation=conversation_id).values_list("item", flat=True):
            certificates.wait_for_removed(counted, item, history.below(item))
    copies.pass_on(conversation_id)
    ledger.due(conversation_id, certificate=counted)
    exports.withdraw([conversation_id])
    _withdraw_own(conversation_id)
    gone, whole = _next_to_go(conversation_id)
    _, removed = gone.delete()
    certificates.count(counted, removed, last=whole and certificate is None)
    return bool(removed)


def _withdraw_own(conversation_id: str) -> None:
    """Exports of whoever had it, or wrote in it, before it was deleted."""
    here = Conversation.objects.get(pk=conversation_id)
    wrote = Item.objects.filter(conversation=here)
    exports.withdraw_own(here.deleted or clock.now(), lambda pk: pk == here.owner_id or wrote.filter(author=pk).exists())


def _next_to_go(conversation_id: str) -> tuple[QuerySet[Any], bool]:
    """What one transaction removes, and whether that is the rest."""
    newest = Response.objects.filter(conversation=conversation_id).order_by("-created", "-pk").values_list("pk", flat=True)
    counting.before_they_go(conversation_id)
    if some := list(newest[:PURGE_SLICE]):
        Conversation.objects.filter(pk=conversation_id).update(head=None)
        return Response.objects.filter(pk__in=some), False
    if removed := Removal.objects.filter(conversation=conversation_id).values_list("item", flat=True).first():
        below = history.below(removed)[-PURGE_SLICE:]
        counting.before_these_go(below)
        return (Response.objects.filter(pk__in=below) if below else Item.objects.filter(pk=removed)), False
    return Conversation.objects.filter(pk=conversation_id), True
