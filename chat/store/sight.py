"""Which mentions are on the branch of a conversation that whom they name sees. Each function asks a few questions, however many
mentions there are, and reads a branch once.
"""

from collections.abc import Collection
from typing import Final

from chat.models import Branch, Conversation, Mention
from chat.store import history, sql

MOST_WORDINGS: Final = 5_000  # the newest of all the messages that are asked about
Pair = tuple[int, str]
"""A person and a conversation."""
Standing = dict[Pair, tuple[str, int, int]]
"""Where the branch ends that this person sees there, the newest mention that they have not seen, and how many there are."""


def pair(mention: Mention) -> Pair:
    return mention.user_id, mention.conversation_id


def shown(some: list[Mention]) -> set[int]:
    """The ids of those of them that are: in this wording, or in another that names the same person."""
    if not some:
        return set()
    wordings = _wordings(some)
    items: dict[Pair, set[str]] = {}
    for mention in some:
        wordings[mention.pk].add(mention.item_id)
        items.setdefault(pair(mention), set()).update(wordings[mention.pk])
    there = on_branch(items)
    return {mention.pk for mention in some if not wordings[mention.pk].isdisjoint(there[pair(mention)])}


ANSWERS = "SELECT id, input_id FROM chat_response WHERE input_id {one_of}"


def on_branch(items: dict[Pair, set[str]]) -> dict[Pair, set[str]]:
    """Which of these messages are on the branch that each of these people sees."""
    answers: dict[str, set[str]] = {}
    for response, item in sql.rows(ANSWERS, set[str]().union(*items.values())):
        answers.setdefault(item, set()).add(response)
    found: dict[Pair, set[str]] = {each: set() for each in items}
    whose: dict[str, list[Pair]] = {}
    for each, end in _ends(items).items():
        if end is not None:
            whose.setdefault(end, []).append(each)
    for end, viewers in whose.items():
        path = set(history.path(end)[0])
        for each in viewers:
            found[each] = {item for item in items[each] if not path.isdisjoint(answers.get(item, ()))}
    return found


def _ends(pairs: Collection[Pair]) -> dict[Pair, str | None]:
    """Where the branch ends that each of them sees."""
    people, conversations = {user for user, _ in pairs}, {conversation for _, conversation in pairs}
    main = dict(Conversation.objects.filter(pk__in=conversations).values_list("pk", "head_id"))
    own = Branch.objects.filter(user__in=people, conversation__in=conversations)
    chosen = {(user, where): head for user, where, head in own.values_list("user_id", "conversation_id", "head_id")}
    return {each: chosen.get(each, main.get(each[1])) for each in pairs}


WORDINGS = """SELECT m.user_id, m.conversation_id, i.previous_id, m.item_id
FROM chat_mention m JOIN chat_item i ON i.id = m.item_id
WHERE m.user_id {one_of} AND m.conversation_id {one_of} AND (i.previous_id {one_of} OR i.previous_id IS NULL)
ORDER BY m.id DESC LIMIT %s"""


def _wordings(some: list[Mention]) -> dict[int, set[str]]:
    """Of each of them, the wordings of its message that name the same person."""
    people, conversations = {mention.user_id for mention in some}, {mention.conversation_id for mention in some}
    after = {mention.item.previous_id for mention in some if mention.item.previous_id}
    found: dict[tuple[int, str, str | None], set[str]] = {}
    for user, conversation, previous, item in sql.rows(WORDINGS, people, conversations, after, MOST_WORDINGS):
        found.setdefault((user, conversation, previous), set()).add(item)
    return {mention.pk: set(found.get((*pair(mention), mention.item.previous_id), ())) for mention in some}


STANDING = """SELECT m.user_id, m.conversation_id, COALESCE(b.head_id, c.head_id), MAX(m.id), COUNT(*)
FROM chat_mention m JOIN chat_conversation c ON c.id = m.conversation_id
LEFT JOIN chat_branch b ON b.conversation_id = m.conversation_id AND b.user_id = m.user_id
WHERE m.seen IS NULL AND m.user_id {one_of} AND m.conversation_id {one_of}
GROUP BY m.user_id, m.conversation_id, b.head_id, c.head_id"""


def standing(pairs: Collection[Pair]) -> Standing:
    """How it stands with those of them where something is not seen yet: as long as that stays, no more of it is shown. (What has
    come to a branch came with another end of it; what was committed late counts.)
    """
    found = sql.rows(STANDING, {user for user, _ in pairs}, {conversation for _, conversation in pairs})
    return {(user, where): (end or "", newest, count) for user, where, end, newest, count in found if (user, where) in pairs}
