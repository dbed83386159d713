"""What the page of a link shows: the title, what was said, and the replies. No other version, thought, tool or name."""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from threading import Lock
from typing import Final

from django.template.loader import render_to_string

from chat.live import transcript
from chat.live.views import Entry, PartView
from chat.models import Link
from chat.store import history, links, log

PART: Final = 50
"""Exchanges on one page."""
BYTES: Final = 500_000
"""Of what is said in them: whoever asks is a visitor."""
SAID: Final = {"input_text", "input_image", "input_file", "output_text", "refusal"}


@dataclass(frozen=True, slots=True)
class Shown:
    """One exchange. `number`: its place in the branch, from 0. `author` is "" where the link shows no names."""

    number: int
    author: str
    said: list[PartView]
    reply: list[PartView]
    running: bool


@dataclass(frozen=True, slots=True)
class Part:
    """A page of a branch: exchanges from `first` on, as they were at `position`; the last page grows."""

    title: str
    entries: list[Shown]
    position: int
    first: int
    earlier: int | None
    later: int | None


def part(link: Link, number: int | None = None) -> Part:
    """The page with this number, from 1; without one, the first of a snapshot, and the last of a live link."""
    ids, position = _as_it_is(link)
    starts = _starts(ids)
    last = len(starts)
    number = min(number or (last if link.live else 1), last)
    first = starts[number - 1]
    return Part(
        title=title(link),
        entries=_shown(link, ids[first : starts[number] if number < last else len(ids)], first=first, upto=position),
        position=position,
        first=first,
        earlier=number - 1 if number > 1 else None,
        later=number + 1 if number < last else None,
    )


def _starts(ids: Sequence[str]) -> list[int]:
    """Where each page of this branch begins."""
    return _parted(ids[-1]) if ids else [0]


@lru_cache(maxsize=500)
def _parted(end: str) -> list[int]:
    """After `PART` exchanges, or before one with which the page would have more than `BYTES`. The end itself may still grow: only
    what is above it counts, and that stays.
    """
    ids, _ = history.path(end)
    starts, held = [0], 0
    for index, size in enumerate([*history.sizes(ids[:-1]), 0]):
        if index > starts[-1] and (index - starts[-1] == PART or held + size > BYTES):
            starts.append(index)
            held = 0
        held += size
    return starts


def title(link: Link) -> str:
    return link.conversation.title if link.live else link.title


def _as_it_is(link: Link) -> tuple[list[str], int]:
    """The branch and the conversation's position; the position first, so that what comes between is sent again."""
    link.conversation.refresh_from_db(fields=["position", "head", "title"])
    return links.branch(link), link.conversation.position


def _shown(link: Link, ids: Sequence[str], *, first: int, upto: int) -> list[Shown]:
    """These exchanges of the branch, the first of which has that number."""
    numbers = {pk: first + index for index, pk in enumerate(ids)}
    for _ in range(transcript.TRIES):
        try:
            found = transcript.some(list(ids), upto=upto)
        except log.Passed:  # one has ended since: it is shown as it is, and sent again when the position is looked at
            upto = max(upto, _position(link))
        else:
            return [_one(entry, numbers[entry.response.id], link) for entry in found]
    return []


def _position(link: Link) -> int:
    link.conversation.refresh_from_db(fields=["position"])
    return link.conversation.position


def _one(entry: Entry, number: int, link: Link) -> Shown:
    said = [] if entry.item is None else _parts(entry.item.parts, f"{link.url}files/")
    replies = [item for item in entry.response.items if item.type == "message" and item.role == "assistant"]
    return Shown(
        number=number,
        author=entry.item.author_name if link.names and entry.item is not None else "",
        said=said,
        reply=[one for item in replies for one in _parts(item.parts, "")],
        running=entry.response.running,
    )


def _parts(parts: Sequence[PartView], files: str) -> list[PartView]:
    """Without the marks that say whose names are somebody's here; with files where visitors find them."""
    there = [one for one in parts if one.kind in SAID]
    return [replace(one, named=frozenset(), file=one.file and replace(one.file, base=files)) for one in there]


@dataclass(slots=True)
class Watched:
    """What a page of a link has: the exchanges from `first` on, as they were at `position`."""

    first: int
    position: int
    ids: list[str] | None = None
    title: str = ""


def catch_up(link: Link, page: Watched) -> str:
    """The HTML that brings the last page of a live link up to date, "" when nothing changed; `page` is what it has then. What
    several pages ask for at the same moment is made once.
    """
    ids, position = _as_it_is(link)
    known, before = page.ids, page.position
    if (known is None and before != position) or (known is not None and ids[page.first :][: len(known)] != known):
        page.first = _start(page.first, _starts(ids))
        html = once.made(
            (link.pk, position, *ids[page.first :]), lambda: _everything(link, ids[page.first :], page.first, position)
        )
    elif known is None:
        page.title, html = title(link), ""
    else:
        html = once.made(
            (link.pk, page.first, len(known), before, position, page.title, *ids[page.first :]),
            lambda: _changes(link, page, ids[page.first :], position),
        )
    page.ids, page.position, page.title = ids[page.first :], position, title(link)
    return html


def _start(first: int, starts: list[int]) -> int:
    """Where a page that is made anew begins: where it did, unless that is not in the branch any more, or too far up: whoever
    asks is a visitor.
    """
    return first if starts[-2:][0] <= first <= starts[-1] else starts[-1]


def _everything(link: Link, ids: Sequence[str], first: int, position: int) -> str:
    entries = _shown(link, ids, first=first, upto=position)
    return render_to_string("links/everything.html", {"part": {"entries": entries, "position": position, "title": title(link)}})


def _changes(link: Link, page: Watched, ids: Sequence[str], position: int) -> str:
    """Exchanges that have moved since the page's position take their own place; new ones come after the last."""
    known = len(page.ids or ())
    moved = links.moved(list(ids[:known]), after=page.position)
    numbers = [page.first + index for index, pk in enumerate(ids[:known]) if pk in moved]
    changed = [entry for n in numbers for entry in _shown(link, [ids[n - page.first]], first=n, upto=position)]
    html = render_to_string("links/entries_changed.html", {"entries": changed}) if changed else ""
    if added := _shown(link, ids[known:], first=page.first + known, upto=position):
        html += render_to_string("links/entries_added.html", {"entries": added})
    if page.title != title(link):
        html += render_to_string("links/title_changed.html", {"title": title(link)})
    return html


class Once:
    """The last that was made, so that it is made once for whoever wants the same; they wait for each other."""

    def __init__(self, most: int) -> None:
        self._most, self._lock = most, Lock()
        self._made: OrderedDict[Hashable, str] = OrderedDict()
        self._making: dict[Hashable, Lock] = {}

    def made(self, key: Hashable, make: Callable[[], str]) -> str:
        with self._lock:
            if key in self._made:
                return self._made[key]
            mine = self._making.setdefault(key, Lock())
        with mine:
            with self._lock:
                if key in self._made:
                    return self._made[key]
            try:
                html = make()
            finally:
                with self._lock:
                    self._making.pop(key, None)
            with self._lock:
                self._made[key] = html
                while len(self._made) > self._most:
                    self._made.popitem(last=False)
        return html


once = Once(most=20)


def over() -> str:
    """What takes the place of all that a page shows once its link is withdrawn."""
    return render_to_string("links/over.html")
