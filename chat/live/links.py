"""What the page of a link shows: the title, what was said, and the replies. No other version, thought, tool or name."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from django.template.loader import render_to_string

from chat.live import transcript
from chat.live.views import Entry, PartView
from chat.models import Link
from chat.store import links, log

PART: Final = 50
"""Exchanges on one page."""
SAID: Final = {"input_text", "output_text", "refusal"}


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
    last = max((len(ids) - 1) // PART, 0) + 1
    number = min(number or (last if link.live else 1), last)
    first = (number - 1) * PART
    return Part(
        title=title(link),
        entries=_shown(link, ids[first : first + PART], first=first, upto=position),
        position=position,
        first=first,
        earlier=number - 1 if number > 1 else None,
        later=number + 1 if number < last else None,
    )


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
            return [_one(entry, numbers[entry.response.id], names=link.names) for entry in found]
    return []


def _position(link: Link) -> int:
    link.conversation.refresh_from_db(fields=["position"])
    return link.conversation.position


def _one(entry: Entry, number: int, *, names: bool) -> Shown:
    said = [] if entry.item is None else _parts(entry.item.parts)
    replies = [item for item in entry.response.items if item.type == "message" and item.role == "assistant"]
    return Shown(
        number=number,
        author=entry.item.author_name if names and entry.item is not None else "",
        said=said,
        reply=[one for item in replies for one in _parts(item.parts)],
        running=entry.response.running,
    )


def _parts(parts: Sequence[PartView]) -> list[PartView]:
    """Without the marks that say whose names are somebody's here."""
    return [replace(one, named=frozenset()) for one in parts if one.kind in SAID]


@dataclass(slots=True)
class Watched:
    """What a page of a link has: the exchanges from `first` on, as they were at `position`."""

    first: int
    position: int
    ids: list[str] | None = None
    title: str = ""


def catch_up(link: Link, page: Watched) -> str:
    """The HTML that brings the last page of a live link up to date, "" when nothing changed; `page` is what it has then."""
    ids, position = _as_it_is(link)
    ids = ids[page.first :]
    before, page.position = page.position, position
    known, page.ids = page.ids, ids
    if (known is None and before != position) or (known is not None and ids[: len(known)] != known):
        return _everything(link, page)
    if known is None:
        page.title = title(link)
        return ""
    html = _changes(link, page, known=len(known), after=before)
    if page.title != title(link):
        page.title = title(link)
        html += render_to_string("links/title_changed.html", {"title": page.title})
    return html


def _everything(link: Link, page: Watched) -> str:
    entries = _shown(link, page.ids or [], first=page.first, upto=page.position)
    page.title = title(link)
    context = {"part": {"entries": entries, "position": page.position, "title": page.title}}
    return render_to_string("links/everything.html", context)


def _changes(link: Link, page: Watched, *, known: int, after: int) -> str:
    """Exchanges that have moved since position `after` take their own place; new ones come after the last."""
    ids = page.ids or []
    moved = links.moved(ids[:known], after=after)
    numbers = [page.first + index for index, pk in enumerate(ids[:known]) if pk in moved]
    changed = [entry for n in numbers for entry in _shown(link, [ids[n - page.first]], first=n, upto=page.position)]
    html = render_to_string("links/entries_changed.html", {"entries": changed}) if changed else ""
    if added := _shown(link, ids[known:], first=page.first + known, upto=page.position):
        html += render_to_string("links/entries_added.html", {"entries": added})
    return html


def over() -> str:
    """What takes the place of all that a page shows once its link is withdrawn."""
    return render_to_string("links/over.html")
