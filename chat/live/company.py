"""Who else has a shared conversation open, and who types in it: told with the look, to each reader what concerns them."""

import json
import time
from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from django.template.loader import render_to_string

from chat.store import pool, presence
from chat.store.presence import Pair, Somebody

if TYPE_CHECKING:
    from chat.live.consumer import Reader

AGAIN: Final = 10.0  # seconds after which it is said again who is here


class Company:
    """Of the readers of this process. It writes when somebody comes or goes, and now and then; it reads with each look."""

    def __init__(self) -> None:
        self.noted: dict[Pair, float] = {}  # who was said to be here, and when

    async def look(self, readers: "Iterable[Reader]") -> None:
        readers = list(readers)
        for reader in readers:
            if reader.company and not reader.shared:  # not any more
                reader.company = None
                reader.note(message(reader.conversation, ()))
        here = [(reader, reader.user.pk) for reader in readers if reader.shared and reader.user is not None]
        pairs = {(reader.conversation, user) for reader, user in here}
        await self._note(pairs)
        if not pairs:
            return
        found = await pool.for_readers(presence.who, {conversation for conversation, _ in pairs})
        for reader, user in here:
            others = tuple(one for one in found.get(reader.conversation, ()) if one.user_id != user)
            if others != reader.company:
                reader.company = others
                reader.note(message(reader.conversation, others))

    async def _note(self, pairs: set[Pair]) -> None:
        now = time.monotonic()
        if gone := [pair for pair in self.noted if pair not in pairs]:
            await pool.for_readers(presence.forget, gone)
            for pair in gone:
                del self.noted[pair]
        if due := [pair for pair in pairs if now - self.noted.get(pair, 0) > AGAIN]:
            await pool.for_readers(presence.note, due)
            self.noted |= dict.fromkeys(due, now)


@lru_cache(maxsize=256)
def message(conversation_id: str, others: tuple[Somebody, ...]) -> str:
    """What shows it, for a page of this conversation."""
    typing = [one.name for one in others if one.typing]
    context = {"id": conversation_id, "here": [one.name for one in others], "typing": typing}
    return json.dumps({"content": render_to_string("events/company.html", context)})
