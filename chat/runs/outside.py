"""Images of other hosts, for whoever asked for one that a reply names: fetched by this server, made anew as an upload is, and
kept in memory for a moment, until the page that shows it has it. Nothing of them is on a disk.
"""

import io
import time
from collections import OrderedDict
from threading import Lock
from typing import Final, NamedTuple

from chat.files import Taken
from chat.markdown.images import host_of
from chat.models import User
from chat.runs import addresses, uploads

KEPT: Final = 120.0  # seconds
MOST: Final = 40_000_000  # bytes of all in this process, and so of twice the largest at least
Key = tuple[int, str]  # the person who asked, and in which reply for what


class Shown(NamedTuple):
    image: Taken
    host: str


class _Held:
    """What was fetched last, each for the person who asked."""

    def __init__(self, most: int) -> None:
        self._most, self._lock = most, Lock()
        self._images: OrderedDict[Key, tuple[float, Shown]] = OrderedDict()

    def get(self, key: Key) -> Shown | None:
        with self._lock:
            self._forget()
            return self._images[key][1] if key in self._images else None

    def put(self, key: Key, shown: Shown) -> None:
        with self._lock:
            self._images.pop(key, None)
            self._images[key] = (time.monotonic(), shown)
            self._forget()

    def _forget(self) -> None:
        now, size = time.monotonic(), sum(len(shown.image.data) for _, shown in self._images.values())
        while self._images:
            then, oldest = next(iter(self._images.values()))
            if size <= self._most and now - then < KEPT:
                return
            self._images.popitem(last=False)
            size -= len(oldest.image.data)


_held: Final = _Held(MOST)


def held(*, actor: User, what: str) -> Shown | None:
    """It, where this person was shown it a moment ago. Whether they may read the reply is asked before."""
    return _held.get((actor.pk, what))


def look(*, actor: User, address: str, what: str) -> Shown:
    """The image at this address, as it may be shown. It takes up to a minute; refused with a sentence, as `addresses.bring` and
    `files.take_in` do. `what` names it while it is held.
    """
    data, name = addresses.bring(actor=actor, url=address, images_only=True)
    shown = Shown(uploads.looked_at(actor=actor, source=io.BytesIO(data), name=name), host_of(address))
    _held.put((actor.pk, what), shown)
    return shown
