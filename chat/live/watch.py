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
from chat.store import pool, sql

if TYPE_CHECKING:
    from chat.live.consumer import Reader

logger = logging.getLogger(__name__)
EVERY = 0.7  # seconds; what is seen in two looks without having been heard of was missed: 1.4 s, of the 2 that are promised
SIGNED_OUT, RESTART = 4401, 4012


class Readers:
    """The sockets of this process."""

    def __init__(self) -> None:
        self.all: set[Reader] = set()
        self.of_user: Counter[int] = Counter()
        self.seen: dict[str, int] = {}
        self.closing: set[asyncio.Task[None]] = set()
        self.company = Company()

    def add(self, reader: "Reader") -> None:
        if reader not in self.all and reader.user is not None:
            self.all.add(reader)
            self.of_user[reader.user.pk] += 1

    def discard(self, reader: "Reader") -> None:
        if reader in self.all and reader.user is not None:
            self.all.discard(reader)
            self.of_user[reader.user.pk] -= 1
            if not self.of_user[reader.user.pk]:
                del self.of_user[reader.user.pk]

    def count(self, user_id: int) -> int:
        return self.of_user[user_id]

    async def watch(self) -> None:
        while True:
            await asyncio.sleep(EVERY)
            try:
                await (self.look() if self.all else pool.watch())
                await self.company.look(self.all)
            except DatabaseError as error:
                logger.warning("The look found no database: %s", type(error).__name__)

    async def look(self) -> None:
        """One look. A position already seen a look ago, and still not reached by a reader, was missed: send it to the log."""
        looked_at = [(reader, reader.user) for reader in self.all if reader.user is not None]  # who comes meanwhile is not judged
        conversations, people = {reader.conversation for reader, _ in looked_at}, {user.pk for _, user in looked_at}
        positions, epochs = await pool.for_readers(_facts, conversations, people)
        before, self.seen = self.seen, positions
        for reader, user in looked_at:
            if user.pk not in epochs:
                self._close(reader, SIGNED_OUT)
            elif epochs[user.pk] != user.auth_epoch:
                self._close(reader, RESTART)  # the page comes back and is asked again who it is
            elif before.get(reader.conversation, 0) > reader.cursor:
                reader.hear(Ring(reader.conversation, 0, before[reader.conversation]))

    def _close(self, reader: "Reader", code: int) -> None:
        """Not awaited: one that has stopped reading takes no code either, and would keep the look from all others."""
        task = asyncio.create_task(reader.close(code))
        self.closing.add(task)
        task.add_done_callback(self.closing.discard)


def _facts(conversations: set[str], people: set[int]) -> tuple[dict[str, int], dict[int, int]]:
    positions = sql.rows("SELECT id, position FROM chat_conversation WHERE id {one_of}", conversations)
    epochs = sql.rows("SELECT id, auth_epoch FROM chat_user WHERE is_active AND NOT suspended AND id {one_of}", people)
    return dict(positions), dict(epochs)


readers = Readers()
