"""Which mentions are on the branch of a conversation that whom they name sees."""

from functools import lru_cache
from typing import Final

from chat.models import Branch, Conversation, Mention, Response
from chat.store import history

MOST_WORDINGS: Final = 20  # the newest others of a message
Pair = tuple[int, str]
"""A person and a conversation."""


def pair(mention: Mention) -> Pair:
    return mention.user_id, mention.conversation_id


def shown(some: list[Mention]) -> set[int]:
    """The ids of those of them that are: in this wording, or in another that names the same person."""
    if not some:
        return set()
    ends = _ends({pair(mention) for mention in some})
    found = {mention.pk for mention in some if _holds(ends[pair(mention)], mention.item_id)}
    away = [mention for mention in some if mention.pk not in found]
    return found | {mention.pk for mention in away if any(_holds(ends[pair(mention)], item) for item in _wordings(mention))}


def _ends(pairs: set[Pair]) -> dict[Pair, str | None]:
    """Where the branch ends that each of them sees."""
    people, conversations = {user for user, _ in pairs}, {conversation for _, conversation in pairs}
    main = dict(Conversation.objects.filter(pk__in=conversations).values_list("pk", "head_id"))
    own = Branch.objects.filter(user__in=people, conversation__in=conversations)
    chosen = {(user, where): head for user, where, head in own.values_list("user_id", "conversation_id", "head_id")}
    return {each: chosen.get(each, main.get(each[1])) for each in pairs}


def _wordings(mention: Mention) -> list[str]:
    others = Mention.objects.filter(user=mention.user_id, conversation=mention.conversation_id)
    same = others.filter(item__previous=mention.item.previous_id).exclude(pk=mention.pk)
    return list(same.order_by("-pk").values_list("item_id", flat=True)[:MOST_WORDINGS])


@lru_cache(maxsize=4096)
def _holds(end: str | None, item: str) -> bool:
    """Whether the branch that ends so holds this message; that never changes."""
    if end is None:
        return False
    asked = set(Response.objects.filter(input=item).values_list("pk", flat=True))
    return not asked.isdisjoint(history.path(end)[0])
