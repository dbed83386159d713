"""The look, once a second: how far each conversation with a reader here has got, and whether its readers still may read.

It makes a lost, doubled or late ring harmless, and ends the sockets of people who are suspended, removed or signed out.
"""

import asyncio
import logging
from collections import Counter
from typing import TYPE_CHECKING

from django.db import Error as DatabaseError

from chat.doorbell import Ring
from chat.live.company import Company
from chat.live.mentions import Mentioned
from chat.live.temporary import Temporaries
from chat.models import Link
from chat.store import pool, sql

if TYPE_CHECKING:
    from chat.live.consumer import Reader

logger = logging.getLogger(__name__)
EVERY = 0.7  # seconds; what is seen in two looks without having been heard of was missed: 1.4 s, of the 2 that are promised
SIGNED_OUT, RESTART, GONE = 4401, 4012, 4404


class Readers:
    """The sockets of this process."""

    def __init__(self) -> None:
        self.all: set[Reader] = set()
        self.counted: dict[Reader, tuple[int | str, ...]] = {}
        self.of: Counter[int | str] = Counter()
        self.seen: dict[str, int] = {}
        self.closing: set[asyncio.Task[None]] = set()
        self.company = Company()
        self.mentions = Mentioned()
        self.temporary = Temporaries()

    def add(self, reader: "Reader", *whose: int | str) -> None:
        """`whose` it is among the others: a person's, or a link's and a visitor's. There is a limit to those (`count`)."""
        if reader not in self.all:
            self.all.add(reader)
            self.counted[reader] = whose
            self.of.update(whose)

    def discard(self, reader: "Reader") -> None:
        if reader in self.all:
            self.all.discard(reader)
            self.of -= Counter(self.counted.pop(reader))

    def count(self, whose: int | str) -> int:
        return self.of[whose]

    async def watch(self) -> None:
        while True:
            await asyncio.sleep(EVERY)
            try:
                await (self.look() if self.all else pool.watch())
                await self.mentions.look(self.all)
                await self.company.look(self.all)
                await self.temporary.look(self.all, self._close)
            except DatabaseError as error:
                logger.warning("The look found no database: %s", type(error).__name__)
                await self.temporary.stay(self.all)

    async def look(self) -> None:
        """One look. A position already seen a look ago, and still not reached by a reader, was missed: send it to the log."""
        looked_at = list(self.all)  # who comes meanwhile is not judged
        conversations = {reader.conversation for reader in looked_at}
        people = {reader.user.pk for reader in looked_at if reader.user is not None}
        positions, epochs, links = await pool.for_readers(
            _facts, conversations, people, {one.link for one in looked_at if one.link}
        )
        before, self.seen = self.seen, positions
        for reader in looked_at:
            if reader.user is not None and reader.user.pk not in epochs:
                self._close(reader, SIGNED_OUT)
            elif reader.user is not None and epochs[reader.user.pk] != reader.user.auth_epoch:
                self._close(reader, RESTART)  # the page comes back and is asked again who it is
            elif reader.link and reader.link not in links:
                self._close(reader, GONE)
            elif before.get(reader.conversation, 0) > reader.cursor:
                reader.hear(Ring(reader.conversation, 0, before[reader.conversation]))

    def _close(self, reader: "Reader", code: int) -> None:
        """Not awaited: one that has stopped reading takes no code either, and would keep the look from all others."""
        task = asyncio.create_task(reader.close(code))
        self.closing.add(task)
        task.add_done_callback(self.closing.discard)


def _facts(conversations: set[str], people: set[int], links: set[str]) -> tuple[dict[str, int], dict[int, int], set[str]]:
    positions = sql.rows("SELECT id, position FROM chat_conversation WHERE id {one_of}", conversations)
    epochs = sql.rows("SELECT id, auth_epoch FROM chat_user WHERE is_active AND NOT suspended AND id {one_of}", people)
    standing = set(Link.objects.standing().filter(pk__in=links).values_list("pk", flat=True)) if links else set()
    return dict(positions), dict(epochs), standing


readers = Readers()
