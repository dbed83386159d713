"""Removing what has expired: the one list of it, gone through by every process that executes runs, and by `manage.py purge`.

A kind's function takes the moment by the database's clock and removes a piece, in a transaction of its own: so many went with it
(0 where that was a part of one), None when nothing is left. So one that is killed between two pieces leaves nothing half done,
and several at once take each other's work off.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Final, NamedTuple

from django.db import Error as DatabaseError

from chat.models import Departure
from chat.runs import files
from chat.runs.departures import Clearing
from chat.store import (
    access,
    certificates,
    clock,
    conversations,
    copies,
    counting,
    exports,
    invitations,
    ledger,
    links,
    log,
    pool,
    presence,
    probes,
    purges,
    removals,
    sessions,
    sign_ins,
    traces,
)

logger = logging.getLogger(__name__)
PAUSE: Final = 0.02  # seconds, at least, between two pieces
Remove = Callable[[datetime], int | None]


class Kind(NamedTuple):
    """`soon`: people are told that it goes at once, so it is looked for every few seconds."""

    words: str
    remove: Remove
    soon: bool = False


def _probes(now: datetime) -> int | None:
    return probes.purge() or None


def _traces(now: datetime) -> int | None:
    """What removed rows leave in SQLite's files, last of all."""
    return 0 if traces.step() else None


FILES, COPIES, EXPORTS = "files", "copies", "exports"
KINDS: Final[dict[str, Kind]] = {
    EXPORTS: Kind("exports", exports.purge, soon=True),
    "sessions": Kind("sign-ins that ran out", sessions.purge, soon=True),
    "conversations": Kind("deleted conversations", conversations.purge),
    "messages": Kind("deleted messages", removals.purge),
    FILES: Kind("files that nothing uses", files.purge),
    COPIES: Kind("copies of files at model servers that no stored conversation uses", copies.purge),
    "links": Kind("links", links.purge),
    "log": Kind("logged replies", log.purge),
    "temporary": Kind("rows of temporary replies", purges.temporary),
    "ledger": Kind("entries of the ledger", ledger.purge),
    "certificates": Kind("certificates", certificates.purge),
    "openings": Kind("reasons to read", access.purge),
    "invitations": Kind("invitations", invitations.purge),
    "browsers": Kind("browsers that were signed in", sign_ins.purge),
    "active": Kind("marks of who was active on a day", counting.purge),
    "presence": Kind("marks of who was where", presence.purge),
    "cache": Kind("counts of tries", purges.cache),
    "probes": Kind("old probes", _probes),
}
"""What expires; accounts that were deleted go beside it (`Purging.accounts`)."""
ACCOUNTS: Final = "accounts"
WORDS: Final = {**{name: kind.words for name, kind in KINDS.items()}, ACCOUNTS: "deleted accounts"}


class Purging:
    """What one process removes. `counts`: since it was last put on record."""

    def __init__(self) -> None:
        self._clearing = Clearing()
        self.counts: Counter[str] = Counter()

    def kinds(self, *, whole: bool = True) -> dict[str, Remove]:
        found = {name: kind.remove for name, kind in KINDS.items() if whole or kind.soon}
        last = (FILES, COPIES, EXPORTS)  # what nothing uses, and what is withdrawn, after all else has gone
        unused = {name: found.pop(name) for name in last if name in found}
        return {**found, ACCOUNTS: self._accounts, **unused, "traces": _traces}

    def _accounts(self, now: datetime) -> int | None:
        """A piece of what somebody had who has left."""
        before = Departure.objects.count()
        if not before or not self._clearing.step():
            return None
        return max(0, before - Departure.objects.count())

    def piece(self, name: str, remove: Remove, now: datetime) -> bool:
        """Remove one; False when nothing is left."""
        went = remove(now)
        if went is not None and name != "traces":
            traces.leave()
        self.counts[name] += went or 0
        return went is not None

    def pieces(self) -> Iterator[str]:
        """Everything that has expired by now, piece by piece: the kind of each, after it went. On record once all is gone."""
        started = clock.now()
        for name, remove in self.kinds().items():
            while self.piece(name, remove, started):
                yield name
        self.record(started)

    def record(self, started: datetime) -> None:
        purges.record(started=started, counts=+self.counts)
        self.counts.clear()

    async def go(self, *, whole: bool) -> None:
        """The same beside the runs, half of the time; what one kind meets holds up no other. Not `whole`: only what goes soon."""
        try:
            started, fine = await pool.for_readers(clock.now), True
            for name, remove in self.kinds(whole=whole).items():
                fine = await self._all_of(name, remove, started) and fine
            if whole and fine:
                await pool.for_readers(self.record, started)
        except DatabaseError as error:
            logger.warning("What has expired could not be looked for: %s", type(error).__name__)

    async def _all_of(self, name: str, remove: Remove, started: datetime) -> bool:
        more, now = True, asyncio.get_running_loop().time
        try:
            while more:
                began = now()
                more = await pool.for_readers(self.piece, name, remove, started)
                await asyncio.sleep(max(PAUSE, now() - began))
        except DatabaseError as error:
            logger.warning("What is to go could not be removed (%s), and stays a little: %s", name, type(error).__name__)
            return False
        return True
