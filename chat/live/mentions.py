"""In how many conversations one is named and has not looked since: told with the look, to whoever it has changed for."""

import json
from collections.abc import Collection, Iterable
from functools import lru_cache
from typing import TYPE_CHECKING

from django.template.loader import render_to_string

from chat.store import mentions, pool

if TYPE_CHECKING:
    from chat.live.consumer import Reader

Facts = dict[int, frozenset[str]]


class Mentioned:
    """Of the readers of this process. A page that is open is looked at: one in the background has no socket."""

    def __init__(self) -> None:
        self.waiting: Facts = {}  # as it stands in the tables
        self.shown: Facts = {}  # what of it each may read, and is told
        self.standing: mentions.Standing = {}  # of those who look at one in which something waits on another branch

    async def look(self, readers: "Iterable[Reader]") -> None:
        """A person who is new here is told also that there is nothing, for their page may know it otherwise: unless they were
        never named at all.
        """
        here = [(reader, reader.user) for reader in readers if reader.user is not None and not reader.link]
        people = {user.pk for _, user in here}
        fresh = {user.pk for reader, user in here if reader.mentioned is None}
        looking = {(user.pk, reader.conversation) for reader, user in here}
        waiting, standing = await pool.for_readers(_facts, people, fresh, looking, self.standing) if people else ({}, {})
        asked = [pk for pk in people if pk in fresh or waiting.get(pk) != self.waiting.get(pk)]
        shown = dict.fromkeys(asked, frozenset[str]())
        if any(waiting.get(pk) for pk in shown):
            shown |= await pool.for_readers(_within_sight, waiting, [pk for pk in shown if waiting.get(pk)])
        self.waiting, self.standing = waiting, standing  # not before all is known: what the database did not say is asked again
        self.shown = {pk: shown.get(pk, self.shown.get(pk, frozenset())) for pk in people}
        for reader, user in here:
            self._tell(reader, self.shown[user.pk], known=user.pk in waiting)

    def _tell(self, reader: "Reader", now: frozenset[str], *, known: bool) -> None:
        if reader.mentioned != now:
            if known or reader.mentioned is not None:
                reader.note(message(now))
            reader.mentioned = now


def _facts(
    people: Collection[int], fresh: Collection[int], looking: Collection[mentions.Pair], before: mentions.Standing
) -> tuple[Facts, mentions.Standing]:
    """What waits for each of them, without what they look at: that is seen now; and how it stands with what they look at."""
    found = mentions.waiting(people, fresh)
    seen = {(user, conversation) for user, conversation in looking if conversation in found.get(user, ())}
    left, standing = mentions.still_seen(seen, before) if seen else (set[mentions.Pair](), {})
    seen -= left
    facts = {user: conversations - {where for who, where in seen if who == user} for user, conversations in found.items()}
    return facts, standing


def _within_sight(waiting: Facts, people: Collection[int]) -> Facts:
    """What of it each of these may read."""
    return {user: found & waiting[user] for user, found in mentions.unseen_by(people).items()}


@lru_cache(maxsize=256)
def message(conversations: frozenset[str]) -> str:
    """What shows it, on any page of somebody."""
    context = {"mentioned": sorted(conversations), "count": len(conversations)}
    return json.dumps({"content": render_to_string("events/mentions.html", context)})
