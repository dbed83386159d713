"""Who is named in a message, and whether they have seen it: a username after an @, of somebody who may read the conversation."""

import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator
from itertools import islice
from typing import Any, Final

from django.db.models import Q, QuerySet
from django.db.models.functions import Lower
from django.utils import timezone

from chat import markdown
from chat.models import Conversation, Item, Mention, User
from chat.policy import reads, who_may_read, within_reach
from chat.store import push, sight, sql
from chat.store.sight import Pair as Pair
from chat.store.sight import Standing as Standing

MOST: Final = 20  # people who are told of one message
MOST_OFFERED: Final = 200
LOOKED_AT: Final = 20_000  # characters of a message in which names are looked for
AT_ONCE: Final = 5_000  # people, or pairs, that one question to the database names
WORDS: Final = 200  # so many words with an @
MOST_WAITING: Final = 100  # mentions of one person in one conversation; older ones count as seen once they look
# Not inside a word, an address (me@example.org) or a link (https://example.org/@name).
NAME: Final = re.compile(r"(?<![\w@.+/-])@([\w.@+-]{1,150})")


THERE: Final = Q(item__conversation__isnull=False)
"""Not in a message that was deleted, and can be had back."""


def names(text: str) -> list[str]:
    """What may be usernames in it, in lower case, the first that is said first. Nothing in code is one. A full stop at the end
    may belong to the sentence, or to the name. To be asked before a transaction: it may take long where somebody wants it to.
    """
    if "@" not in text:
        return []
    said = NAME.findall(unicodedata.normalize("NFKC", markdown.spoken(text[:LOOKED_AT])))[:WORDS]
    return list(dict.fromkeys(name for word in said for name in (word.lower(), word.lower().rstrip(".@+-")) if name))


def pieces(text: str, named: Collection[str]) -> list[tuple[str, bool]]:
    """The text, cut where it names one of these (lower case), and which pieces do."""
    found, end = [], 0
    for match in NAME.finditer(text) if named else ():
        word = match[1].lower()
        name = word if word in named else word.rstrip(".@+-")
        if name in named and not unicodedata.combining(text[match.end() : match.end() + 1] or " "):
            found += [(text[end : match.start()], False), (text[match.start() : match.start() + 1 + len(name)], True)]
            end = match.start() + 1 + len(name)
        if len(found) >= 2 * WORDS:
            break
    return [piece for piece in [*found, (text[end:], False)] if piece[0]]


def note(conversation: Conversation, item: Item, called: list[str], *, instead_of: Item | None = None) -> bool:
    """Tell those who are called so in a message that has just been written, and may read it; who was named in any other
    wording of the message `instead_of` which it stands knows already. Whether a browser is to be told.
    """
    if not conversation.shared or not called:
        return False
    readers = who_may_read(conversation).exclude(pk=item.author_id or 0).annotate(low=Lower("username"))
    named = sorted(readers.filter(low__in=called), key=lambda user: called.index(user.low))[:MOST]
    known: set[int] = set()
    if instead_of is not None:
        wordings = Mention.objects.filter(THERE, conversation=conversation, item__previous=instead_of.previous_id, user__in=named)
        known = set(wordings.values_list("user_id", flat=True))
    now = timezone.now()
    made = Mention.objects.bulk_create(
        Mention(item=item, conversation=conversation, user=user, seen=now if user.pk in known else None) for user in named
    )
    return push.tell(mention for mention in made if mention.seen is None)


def offered(conversation: Conversation, actor: User) -> list[User]:
    """Whom this person may name in it, by username; nobody where nobody else is."""
    if not conversation.shared:
        return []
    return list(who_may_read(conversation).exclude(pk=actor.pk).order_by("username")[:MOST_OFFERED])


UNSEEN = """SELECT DISTINCT m.user_id, m.conversation_id
FROM chat_mention m JOIN chat_conversation c ON c.id = m.conversation_id JOIN chat_item i ON i.id = m.item_id
WHERE m.seen IS NULL AND c.deleted IS NULL AND i.conversation_id IS NOT NULL AND m.user_id {one_of}"""
EVER = "SELECT DISTINCT user_id FROM chat_mention WHERE user_id {one_of}"


def waiting(people: Collection[int], more: Collection[int] = ()) -> dict[int, frozenset[str]]:
    """Conversations in which each of these is named and has not looked since, also such as they may not read any more. Of `more`
    everybody is in it who was ever named.
    """
    found: dict[int, set[str]] = {user: set() for (user,) in sql.rows(EVER, more)} if more else {}
    for user, conversation in sql.rows(UNSEEN, people):
        found.setdefault(user, set()).add(conversation)
    return {user: frozenset(conversations) for user, conversations in found.items()}


def within_sight(user: User, conversations: Iterable[str]) -> frozenset[str]:
    """Those of them that this person may read."""
    some = list(conversations)
    return frozenset(_readable(user).filter(pk__in=some).values_list("pk", flat=True)) if some else frozenset()


def unseen_by(people: Collection[int]) -> dict[int, frozenset[str]]:
    """For each of these who has any, conversations that they may read, in which they are named and have not looked since."""
    found: dict[int, set[str]] = {}
    for some in _batches(people):
        pairs = Mention.objects.filter(reads(), THERE, seen=None, user__in=some).values_list("user_id", "conversation_id")
        for user, conversation in pairs.distinct():
            found.setdefault(user, set()).add(conversation)
    return {user: frozenset(conversations) for user, conversations in found.items()}


def unseen(user: User) -> frozenset[str]:
    """Conversations in which this person is named and has not looked since."""
    return within_sight(user, waiting([user.pk]).get(user.pk, ()))


def seen(pairs: Iterable[Pair]) -> set[Pair]:
    """These people look at these conversations: they have seen what names them on the branch that they see, in this wording or
    another. In which of them something else still waits, on another branch.
    """
    left: set[Pair] = set()
    for some in _batches(pairs):
        found = _unseen(some).values()
        theirs = [mention for each in found for mention in each[:MOST_WAITING]]
        shown = sight.shown(theirs)
        left |= {sight.pair(mention) for mention in theirs if mention.pk not in shown}
        older = {mention.pk for each in found for mention in each[MOST_WAITING:]}
        for those in _batches(shown | older):
            Mention.objects.filter(pk__in=those, seen=None).update(seen=timezone.now())
    return left


def _unseen(pairs: Collection[Pair]) -> dict[Pair, list[Mention]]:
    """What each of them has not seen there, the newest first."""
    people, conversations = {user for user, _ in pairs}, {conversation for _, conversation in pairs}
    unseen = Mention.objects.filter(THERE, seen=None, user__in=people, conversation__in=conversations).select_related("item")
    found: dict[Pair, list[Mention]] = {}
    for mention in unseen.only("user", "conversation", "item__previous").order_by("-pk"):
        if sight.pair(mention) in pairs:
            found.setdefault(sight.pair(mention), []).append(mention)
    return found


def still_seen(pairs: Collection[Pair], before: Standing) -> tuple[set[Pair], Standing]:
    """The same as `seen` for those who look all the time, and how it stands with them now; `before`: how it stood the last time.
    Where nothing has changed nothing more is asked.
    """
    now = sight.standing(pairs)
    same = {pair for pair in pairs if pair in now and now[pair] == before.get(pair)}
    return same | seen(pair for pair in pairs if pair not in same), now


def _batches(all_: Iterable[Any]) -> Iterator[set[Any]]:
    """As many at a time as one question can name."""
    left = iter(all_)
    while some := set(islice(left, AT_ONCE)):
        yield some


def newest(actor: User, *, most: int) -> list[list[Mention]]:
    """Where this person was named, in what they may read, the last first: at most so many mentions. Those in several wordings of
    a message are together; the first of them is on the branch that this person sees, if one is.
    """
    found = Mention.objects.filter(THERE, user=actor, conversation__in=_readable(actor))
    messages: dict[tuple[str, str | None, int | None], list[Mention]] = {}
    for mention in found.select_related("item__author", "conversation").order_by("-created", "-pk")[:most]:
        key = (mention.conversation_id, mention.item.previous_id, mention.item.author_id)
        messages.setdefault(key, []).append(mention)
    several = [mention for wordings in messages.values() if len(wordings) > 1 for mention in wordings]
    items: dict[Pair, set[str]] = {}
    for mention in several:
        items.setdefault(sight.pair(mention), set()).add(mention.item_id)
    shown = set[str]().union(*sight.on_branch(items).values()) if items else set[str]()
    return [sorted(wordings, key=lambda mention: mention.item_id not in shown) for wordings in messages.values()]


def _readable(user: User) -> QuerySet[Conversation]:
    return within_reach(user, "conversation.read").present()
