"""Where temporary conversations live: bytes by their ids, in memory alone, that go by themselves. What they say is `talks`'s.

On SQLite that is the memory of the one process. Where there are several it is a Redis (`temporary_redis`), if it keeps nothing on
disk; otherwise there are none, and people are told why.
"""

from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from threading import RLock
from time import monotonic
from typing import Final, NamedTuple, Protocol

from django.conf import settings
from django.db import transaction

from chat import errors
from chat.store import temporary_files
from chat.store.temporary_files import Shelf

MOST: Final = 5  # of one person
EACH: Final = 4_000_000  # bytes of one, with all that is kept of a reply while it is being written
TIDIED: Final = 1.0  # seconds
ALL: Final = 64_000_000  # bytes of all, above which nothing more is said in any


class Away(Exception):
    """Where they live does not answer."""


class Taken(Exception):
    """There is one with this id."""


class TooMany(Exception):
    """This person has as many as one may have."""


@dataclass(frozen=True, slots=True)
class Kept:
    """One as it was at `position`: a document, and the events of the run under way, as JSON."""

    owner: int
    document: bytes
    log: tuple[bytes, ...]
    position: int


class Seen(NamedTuple):
    """How far one has got, and which run is under way in it ("" for none)."""

    position: int
    run: str


class Home(Protocol):
    """Called in any thread. Every method but `why_not` may raise Away. One that has gone is like one that never was."""

    @property
    def files(self) -> Shelf:
        """What goes with them."""
        ...

    def why_not(self) -> str:
        """Why there are none here, in words for people; "" where there are."""
        ...

    def make(self, talk_id: str, *, owner: int, document: bytes, run: str, files: Collection[str] = ()) -> None:
        """A new one, at position 1, with these of the files that wait for this person's new one: all of it, or nothing. Raises
        Taken, or TooMany.
        """
        ...

    def read(self, talk_id: str) -> Kept | None: ...

    def write(self, talk_id: str, document: bytes, *, at: int, count: int, run: str = "") -> bool:
        """Another document, if it still is `at` this position: `count` further, with this run under way and its log empty."""
        ...

    def append(self, talk_id: str, run: str, events: Sequence[bytes], *, first: int) -> int | None:
        """Events of the run under way, before which it has had `first`; the position of the last. Those that are there already
        (an answer was lost) are not there twice. None where it is gone, or that run is not under way, or too much would have
        come together.
        """
        ...

    def look(self, talk_ids: Collection[str]) -> dict[str, Seen]:
        """Those that are there; somebody has a page of each open."""
        ...

    def of(self, owner: int) -> list[str]: ...

    def size(self) -> int:
        """Bytes of all."""
        ...

    def drop(self, talk_id: str) -> None: ...

    def tidy(self) -> None:
        """Let go of those whose time is over, also where nobody asks for any. Quick; call it every second or so."""
        ...


@dataclass(slots=True)
class _Entry:
    owner: int
    document: bytes
    run: str
    said: float  # when something was said or written last, and when a page was open last
    seen: float
    position: int = 1
    log: list[bytes] = field(default_factory=list)

    @property
    def size(self) -> int:
        return len(self.document) + sum(map(len, self.log))


class Memory:
    """That of this process."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock, self._lock, self._tidied = clock, RLock(), 0.0
        self._entries: dict[str, _Entry] = {}
        self.files = temporary_files.InMemory(self._lock, clock, lambda talk_id: self._get(talk_id) is not None)

    def why_not(self) -> str:
        return ""

    def make(self, talk_id: str, *, owner: int, document: bytes, run: str, files: Collection[str] = ()) -> None:
        with self._lock:
            if talk_id in self._living():
                raise Taken
            if sum(entry.owner == owner for entry in self._living().values()) >= MOST:
                raise TooMany
            now = self._clock()
            self._entries[talk_id] = _Entry(owner, document, run, said=now, seen=now)
            self.files.move(files, owner=owner, to=talk_id)

    def read(self, talk_id: str) -> Kept | None:
        with self._lock:
            entry = self._get(talk_id)
            return Kept(entry.owner, entry.document, tuple(entry.log), entry.position) if entry else None

    def write(self, talk_id: str, document: bytes, *, at: int, count: int, run: str = "") -> bool:
        with self._lock:
            entry = self._get(talk_id)
            if entry is None or entry.position != at:
                return False
            entry.document, entry.run, entry.log = document, run, []
            entry.position += count
            entry.said = self._clock()
            return True

    def append(self, talk_id: str, run: str, events: Sequence[bytes], *, first: int) -> int | None:
        with self._lock:
            entry = self._get(talk_id)
            if entry is None or entry.run != run or entry.size + sum(map(len, events)) > EACH:
                return None
            entry.log += events
            entry.position += len(events)
            entry.said = self._clock()
            return entry.position

    def look(self, talk_ids: Collection[str]) -> dict[str, Seen]:
        with self._lock:
            found = {pk: entry for pk in talk_ids if (entry := self._get(pk)) is not None}
            for entry in found.values():
                entry.seen = self._clock()
            return {pk: Seen(entry.position, entry.run) for pk, entry in found.items()}

    def of(self, owner: int) -> list[str]:
        with self._lock:
            return [pk for pk, entry in self._living().items() if entry.owner == owner]

    def size(self) -> int:
        with self._lock:
            return sum(entry.size for entry in self._living().values())

    def drop(self, talk_id: str) -> None:
        with self._lock:
            self._entries.pop(talk_id, None)
            self.files.forget(talk_id)

    def tidy(self) -> None:
        with self._lock:
            if self._clock() - self._tidied >= TIDIED:
                self._tidied = self._clock()
                self._living()
                self.files.tidy()

    def _get(self, talk_id: str) -> _Entry | None:
        """The lock is held."""
        entry = self._entries.get(talk_id)
        return None if entry is None or self._is_over(entry) else entry

    def _living(self) -> dict[str, _Entry]:
        """Those that are there, once the others have been let go. The lock is held."""
        for pk in [pk for pk, entry in self._entries.items() if self._is_over(entry)]:
            del self._entries[pk]
            self.files.forget(pk)
        return self._entries

    def _is_over(self, entry: _Entry) -> bool:
        closed, silent = (self._clock() - 60 * minutes for minutes in lifetimes())
        return entry.seen <= closed or entry.said <= silent


def lifetimes() -> tuple[int, int]:
    """Minutes after which one goes: its last page closed, nothing said or written."""
    return settings.TEMPORARY_CLOSED_MINUTES, settings.TEMPORARY_SILENCE_MINUTES


class Nowhere:
    """Several processes, and no Redis between them."""

    files = temporary_files.Nowhere()

    def why_not(self) -> str:
        return "They need a Redis that keeps nothing on disk, and this server has none."

    def make(self, talk_id: str, *, owner: int, document: bytes, run: str, files: Collection[str] = ()) -> None:
        raise Away

    def read(self, talk_id: str) -> Kept | None:
        return None

    def write(self, talk_id: str, document: bytes, *, at: int, count: int, run: str = "") -> bool:
        return False

    def append(self, talk_id: str, run: str, events: Sequence[bytes], *, first: int) -> int | None:
        return None

    def look(self, talk_ids: Collection[str]) -> dict[str, Seen]:
        return {}

    def of(self, owner: int) -> list[str]:
        return []

    def size(self) -> int:
        return 0

    def drop(self, talk_id: str) -> None:
        return

    def tidy(self) -> None:
        return


_home: Home | None = None


def home() -> Home:
    """This installation's, made once."""
    global _home
    if _home is None:
        if settings.ON_SQLITE:
            _home = Memory()
        elif settings.REDIS_URL:
            from chat.store.temporary_redis import InRedis

            _home = InRedis(settings.REDIS_URL)
        else:
            _home = Nowhere()
    return _home


def move(to: Home | None) -> None:
    """Have them live there from now on, None for where the settings say: for tests."""
    global _home
    _home = to


def drop_all(user_id: int) -> None:
    """Of somebody who is shut out or has left: once that is committed. Where it cannot be done they go by themselves, unread."""
    transaction.on_commit(lambda: _drop_all(user_id))


def _drop_all(user_id: int) -> None:
    with suppress(Away):
        home().files.forget(temporary_files.new(user_id))
        for talk_id in home().of(user_id):
            home().drop(talk_id)


def away() -> errors.Conflict:
    return errors.Conflict("Temporary conversations cannot be reached at the moment.", next="Try again in a moment.")
