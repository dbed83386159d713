"""Everything of one's own, to be taken along: page by page, so that neither 10,000 messages nor large ones are held at once."""

from collections.abc import Iterator, Sequence
from typing import Final

from django.db.models import Q, QuerySet

from chat.models import Conversation, File, FileUse, Item, Response, User
from chat.policy import within_reach
from chat.store import history, messages, rows, sql

AT_ONCE: Final = 25  # messages
BYTES: Final = 500_000  # of a page, unless one message alone has more


def conversation_ids(actor: User) -> list[str]:
    """One's own conversations, the oldest first, without those that are deleted."""
    return list(_conversations(actor).order_by("created", "pk").values_list("pk", flat=True))


def conversation(actor: User, conversation_id: str) -> Conversation | None:
    """None where it has been deleted meanwhile."""
    return _conversations(actor).select_related("team", "project").filter(pk=conversation_id).first()


def still(actor: User, conversation_id: str) -> bool:
    """Whether it is one's own. To be asked after what is in it was read, and before that goes anywhere."""
    return _conversations(actor).filter(pk=conversation_id).exists()


def _conversations(actor: User) -> QuerySet[Conversation]:
    return within_reach(actor, "conversation.manage").present()


def count(actor: User) -> int:
    """How many messages and replies the pages hold."""
    mine = _conversations(actor).values("pk")
    said = Item.objects.filter(conversation__in=mine, response=None).count()
    return said + Response.objects.filter(conversation__in=mine).count() + _elsewhere(actor).count()


def said(conversation: Conversation) -> Iterator[list[Item]]:
    """What people said in it, all versions, the oldest first."""
    return _pages(Item.objects.filter(conversation=conversation, response=None))


def with_files(conversation: Conversation) -> Iterator[list[Item]]:
    """Those of them that came with files."""
    query = """SELECT id FROM chat_item WHERE conversation_id = %s AND response_id IS NULL
    AND CAST(wire AS TEXT) LIKE %s ORDER BY created, id"""
    ids = [pk for (pk,) in sql.rows(query, conversation.pk, '%"filename"%')]
    return (_items(page) for page in parted(ids, ITEM_SIZES))


def answered(conversation: Conversation) -> Iterator[list[tuple[Response, list[Item]]]]:
    """The replies in it, all versions, the oldest first, each with what the model put out."""
    ids = list(Response.objects.filter(conversation=conversation).order_by("created", "pk").values_list("pk", flat=True))
    for page in parted(ids, history.SIZES):
        found = {response.pk: response for response in rows.fetch(Response, "id {one_of}", page)}
        output: dict[str, list[Item]] = {pk: [] for pk in page}
        for item in rows.fetch(Item, "response_id {one_of} ORDER BY output_index", page):
            output[str(item.response_id)].append(item)
        yield [(found[pk], output[pk]) for pk in page if pk in found]


def shown(conversation: Conversation, viewer: User) -> Iterator[list[history.Exchange]]:
    """The branch that this person sees, from its start."""
    end = messages.head(conversation, viewer)
    ids = history.path(end.pk)[0] if end is not None else []
    return (history.alone(page) for page in parted(ids, history.SIZES))


def elsewhere(actor: User) -> Iterator[list[Item]]:
    """What this person has written in others' conversations, and nothing else of those."""
    return _pages(_elsewhere(actor))


def _elsewhere(actor: User) -> QuerySet[Item]:
    there = Item.objects.filter(author=actor, response=None, hidden=False, conversation__deleted=None)
    there = there.filter(conversation__isnull=False)
    return there.exclude(conversation__owner=actor)


def files_beside(actor: User) -> Iterator[File]:
    """One's own files that go with no message of the conversations that one owns, nor with what one has written elsewhere."""
    mine = FileUse.objects.filter(Q(item__conversation__in=_conversations(actor).values("pk")) | Q(item__author=actor))
    ids = list(
        File.objects.owned_by(actor)
        .here()
        .exclude(pk__in=mine.values("file"))
        .order_by("created", "pk")
        .values_list("pk", flat=True)
    )
    for start in range(0, len(ids), AT_ONCE):
        yield from File.objects.owned_by(actor).here().filter(pk__in=ids[start : start + AT_ONCE]).order_by("created", "pk")


def _pages(items: QuerySet[Item]) -> Iterator[list[Item]]:
    ids = list(items.order_by("created", "pk").values_list("pk", flat=True))
    return (_items(page) for page in parted(ids, ITEM_SIZES))


def _items(page: Sequence[str]) -> list[Item]:
    return rows.fetch(Item, "id {one_of} ORDER BY created, id", page)


ITEM_SIZES = "SELECT id, LENGTH(CAST(wire AS TEXT)) FROM chat_item WHERE id {one_of}"


def parted(ids: list[str], sizes_of: str, *, at_once: int = AT_ONCE) -> Iterator[list[str]]:
    """The ids in pages; a page ends before its rows are more than `BYTES`. Asked in lists of `at_once`, so that the database does
    not weigh all of them at once either.
    """
    for start in range(0, len(ids), at_once):
        some = ids[start : start + at_once]
        sizes = {pk: int(size) for pk, size in sql.rows(sizes_of, some)}
        page: list[str] = []
        weight = 0
        for pk in some:
            size = sizes.get(pk, 0)
            if page and weight + size > BYTES:
                yield page
                page, weight = [], 0
            page.append(pk)
            weight += size
        yield page
