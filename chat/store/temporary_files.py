"""Files of temporary conversations, where these live: bytes by place, file and piece, in memory alone, gone with their place.

A place is a conversation, or a new one in which somebody has said nothing yet: that lasts as long as silence does.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Final, Protocol

from django.conf import settings

CHUNK: Final = 524_288  # bytes that are handed on at once
OVERHEAD: Final = 2_000  # bytes that a file counts beside its own: so many small ones are not many
NEW: Final = "new:"


class Full(Exception):
    """There is no room; `mine`: because of what this person has put in already."""

    def __init__(self, *, mine: bool) -> None:
        super().__init__()
        self.mine = mine


@dataclass(frozen=True, slots=True)
class Held:
    """A file. `facts`: what is known of it, as JSON; `pieces`: its bytes, and what was made of them, by name."""

    owner: int
    facts: bytes
    pieces: Mapping[str, bytes]

    @property
    def size(self) -> int:
        return OVERHEAD + len(self.facts) + sum(map(len, self.pieces.values()))


class Shelf(Protocol):
    """Called in any thread. Every method may raise Away. What has gone is like what never was."""

    def put(self, place: str, file_id: str, file: Held) -> bool:
        """False where that conversation has gone. Raises Full."""
        ...

    def facts(self, place: str) -> dict[str, bytes]:
        """Of all files of a place."""
        ...

    def piece(self, place: str, file_id: str, name: str) -> Iterator[bytes]:
        """In chunks; none where it is not there."""
        ...

    def drop(self, place: str, file_id: str) -> None: ...

    def forget(self, place: str) -> None:
        """All of a place."""
        ...


def new(owner: int) -> str:
    """The place of what somebody adds to a conversation that has not begun."""
    return f"{NEW}{owner}"


def limits() -> tuple[int, int]:
    """Bytes that the files of one person may take, and those of all: a quarter, but room for one at least."""
    everything = settings.TEMPORARY_FILES_MB * 1_000_000
    return max(everything // 4, min(everything, settings.BODY_BYTES)), everything


def chunks(data: bytes) -> Iterator[bytes]:
    for at in range(0, len(data), CHUNK):
        yield data[at : at + CHUNK]


class InMemory:
    """In that of this process. `alive`: whether this conversation is there; the lock is the home's."""

    def __init__(self, lock: AbstractContextManager[bool], clock: Callable[[], float], alive: Callable[[str], bool]) -> None:
        self._lock, self._clock, self._alive = lock, clock, alive
        self._places: dict[str, dict[str, Held]] = {}
        self._until: dict[str, float] = {}  # of new ones

    def put(self, place: str, file_id: str, file: Held) -> bool:
        with self._lock:
            self.tidy()
            if not place.startswith(NEW) and not self._alive(place):
                return False
            held = [each for files in self._places.values() for each in files.values()]
            mine, everything = (most - file.size for most in limits())
            if sum(each.size for each in held if each.owner == file.owner) > mine:
                raise Full(mine=True)
            if sum(each.size for each in held) > everything:
                raise Full(mine=False)
            self._places.setdefault(place, {})[file_id] = file
            if place.startswith(NEW):
                self._until[place] = self._clock() + 60 * settings.TEMPORARY_SILENCE_MINUTES
            return True

    def facts(self, place: str) -> dict[str, bytes]:
        with self._lock:
            self.tidy()
            return {pk: file.facts for pk, file in self._places.get(place, {}).items()}

    def piece(self, place: str, file_id: str, name: str) -> Iterator[bytes]:
        with self._lock:
            self.tidy()
            file = self._places.get(place, {}).get(file_id)
        return chunks(file.pieces.get(name, b"") if file else b"")

    def move(self, file_ids: Collection[str], *, owner: int, to: str) -> None:
        """From this person's new conversation into one that has just been made."""
        with self._lock:
            origin = self._places.get(new(owner), {})
            self._places.setdefault(to, {}).update({pk: origin.pop(pk) for pk in file_ids if pk in origin})

    def drop(self, place: str, file_id: str) -> None:
        with self._lock:
            self._places.get(place, {}).pop(file_id, None)

    def forget(self, place: str) -> None:
        with self._lock:
            self._places.pop(place, None)
            self._until.pop(place, None)

    def tidy(self) -> None:
        """Let go of those whose place is over."""
        with self._lock:
            for place in [place for place, until in self._until.items() if until <= self._clock()]:
                self.forget(place)
            for place in [pk for pk in self._places if not pk.startswith(NEW) and not self._alive(pk)]:
                self.forget(place)


class Nowhere:
    """Where there are no temporary conversations."""

    def put(self, place: str, file_id: str, file: Held) -> bool:
        return False

    def facts(self, place: str) -> dict[str, bytes]:
        return {}

    def piece(self, place: str, file_id: str, name: str) -> Iterator[bytes]:
        return iter(())

    def drop(self, place: str, file_id: str) -> None:
        return

    def forget(self, place: str) -> None:
        return
