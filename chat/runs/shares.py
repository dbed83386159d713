"""Work that one process does so much of at once: each person has a share, so that nobody takes the places of all others."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from chat import errors
from chat.models import User


class Share:
    """At most `each` for one person, and `all` for everybody (None: as many as there are); who wants more is told so in these
    words (Busy).
    """

    def __init__(self, each: int, mine: str, *, all: int | None = None, ours: str = "") -> None:
        self._each, self._mine, self._all, self._ours = each, mine, all, ours
        self._lock = Lock()
        self._taken: Counter[int] = Counter()

    @contextmanager
    def one(self, actor: User) -> Iterator[None]:
        with self._lock:
            if self._taken[actor.pk] >= self._each:
                raise errors.Busy(self._mine, next="Add this one in a moment.")
            if self._all is not None and self._taken.total() >= self._all:
                raise errors.Busy(self._ours)
            self._taken[actor.pk] += 1
        try:
            yield
        finally:
            with self._lock:
                self._taken -= Counter([actor.pk])  # and none that is zero stays
