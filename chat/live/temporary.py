"""What pages and sockets show of temporary conversations, and the look at those that are open."""

import asyncio
import json
import logging
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from django.db import Error as DatabaseError
from django.template.loader import render_to_string

from chat import errors
from chat.doorbell import Ring, hub
from chat.live import transcript
from chat.live.catchup import CaughtUp
from chat.live.views import Entry, Files, ItemView, ResponseView, item_view, part_views
from chat.models import User
from chat.models.ids import new_id
from chat.protocol import events as wire
from chat.protocol.normalize import Cut, Normalizer
from chat.protocol.types import Json, dump_item
from chat.store import pool, talk_files, talk_rows, talks, wake
from chat.store.responses import Ending
from chat.store.talk import RUNNING, Exchange, Talk, opened
from chat.store.temporary import Away, home

if TYPE_CHECKING:
    from chat.live.consumer import Reader

logger = logging.getLogger(__name__)
GONE: Final = 4404
UNBEGUN: Final = 30  # looks in which a run may have no row: as long as SQLite waits for another that writes


def context(talk: Talk, viewer: User) -> dict[str, object]:
    """What conversations/items.html needs."""
    files = _files(talk)
    return {"entries": [_entry(talk, each, viewer, files) for each in talk.document.exchanges], "position": talk.position}


def _files(talk: Talk) -> Files:
    """Those that came with what was said, and are still there, as far as that can be told."""
    known = talk.document.files
    if known:
        with suppress(errors.Conflict):
            there = talk_files.there(talk.id)
            known = {pk: file for pk, file in known.items() if pk in there}
    return Files({pk: file.row() for pk, file in known.items()}, base=f"/t/{talk.id}/files/")


def _entry(talk: Talk, exchange: Exchange, viewer: User, files: Files) -> Entry:
    return Entry(None if exchange.hidden else _said(exchange, viewer, files), _response(talk, exchange))


def _response(talk: Talk, exchange: Exchange) -> ResponseView:
    reply, last = exchange.reply, exchange is talk.last
    output = folded(talk) if reply.running else reply.output
    return ResponseView(
        id=reply.id,
        conversation_id=talk.id,
        status=reply.status,
        model=reply.model,
        items=[item_view(each, id=str(each.get("id")), status=reply.status, passing=True) for each in output],
        created=reply.created,
        usage=reply.usage,
        error=transcript.error_view(reply),
        seconds=transcript.seconds(reply.created, reply.ended),
        first_token_seconds=transcript.seconds(reply.created, reply.first_token),
        is_continuation=exchange.hidden,
        is_followed=not last,
    )


def _said(exchange: Exchange, viewer: User, files: Files) -> ItemView:
    view = ItemView(id=exchange.id, type="message", role="user", status="", wire=exchange.wire, passing=True)
    view.author_name, view.created = viewer.shown_name, exchange.created
    view.parts = part_views(exchange.wire.get("content"), exchange.id, passing=True, files=files)
    return view


def folded(talk: Talk) -> list[Json]:
    """The output of the reply that is being written, as far as it has come."""
    return [dump_item(item) for item in _replayed(talk).snapshot.output]


def _replayed(talk: Talk) -> Normalizer:
    reply = talk.last.reply
    created = int(reply.created.timestamp())
    normalizer = Normalizer(response_id=reply.id, model=reply.model, new_id=new_id, created_at=created, store=False)
    normalizer.replay([wire.parse(json.loads(event)) for event in talk.log])
    return normalizer


def catch_up(talk_id: str, viewer: User, after: int) -> CaughtUp:
    """What brings a page at position `after` to where it is: all of it anew, or nothing where it is there. May raise Away."""
    try:
        talk = talks.find(actor=viewer, talk_id=talk_id)
    except errors.NotFound:
        return CaughtUp(after, "", gone=True)
    except errors.Conflict:
        raise Away from None
    if talk.position == after:
        return CaughtUp(after, "")
    return CaughtUp(talk.position, render_to_string("events/items.html", context(talk, viewer)))


def added(talk: Talk, viewer: User) -> str:
    """What adds the last exchange to a page that ends with the one before."""
    previous = talk.document.exchanges[-2].reply.id if len(talk.document.exchanges) > 1 else None
    return render_to_string(
        "events/entries_added.html", {"entries": [_entry(talk, talk.last, viewer, _files(talk))], "previous": previous}
    )


def finished(talk: Talk) -> str:
    """The last reply as it stands, whole."""
    return render_to_string("events/response.html", {"response": _response(talk, talk.last)})


def over() -> str:
    """What a page shows once there is nothing any more."""
    return json.dumps({"content": render_to_string("temporary/over.html")})


class Temporaries:
    """The look at those that somebody reads here: they stay as long as it comes, and the others are let go in time. One that has
    gone closes its pages; a ring that was missed is made good; a reply whose process died is cut.
    """

    def __init__(self) -> None:
        self.before: dict[str, int] = {}  # positions, a look ago
        self.doubted: dict[str, int] = {}  # runs that nobody is executing, and in how many looks they were found so

    async def look(self, readers: "Iterable[Reader]", close: "Callable[[Reader, int], None]") -> None:
        home().tidy()
        looked_at = [reader for reader in readers if reader.temporary]
        if not looked_at:
            return
        try:
            seen = await pool.for_readers(home().look, {reader.conversation for reader in looked_at})
        except Away:
            return
        for reader in looked_at:
            if reader.conversation not in seen:
                close(reader, GONE)
            elif (position := self.before.get(reader.conversation, 0)) > reader.cursor:
                reader.hear(Ring(reader.conversation, 0, position))
        self.before = {pk: one.position for pk, one in seen.items()}
        await self._mend({one.run: pk for pk, one in seen.items() if one.run})

    async def stay(self, readers: "Iterable[Reader]") -> None:
        """Instead, while the database is away: there is nothing to be told, and those that have a page open stay all the same."""
        home().tidy()
        with suppress(Away, DatabaseError):
            await pool.for_readers(home().look, {reader.conversation for reader in readers if reader.temporary})

    async def _mend(self, runs: dict[str, str]) -> None:
        """One that has no row has not begun, maybe because the database is busy: it has more time."""
        found = await pool.for_readers(talk_rows.statuses, list(runs))
        self.doubted = {run: self.doubted.get(run, 0) + 1 for run in runs if found.get(run) != RUNNING}
        dead = [run for run, looks in self.doubted.items() if looks > (1 if run in found else UNBEGUN)]
        await asyncio.gather(*(pool.for_readers(_cut, runs[run], run) for run in dead))


def _cut(talk_id: str, run: str) -> None:
    """End a reply that nobody is writing any more, with what there is of it."""
    try:
        kept = home().read(talk_id)
        talk = opened(talk_id, kept) if kept is not None else None
        if talk is None or talk.last.reply.id != run:
            return
        normalizer = _replayed(talk)
        normalizer.finish(Cut("interrupted"))
        items = [dump_item(item) for item in normalizer.snapshot.output]
        ending = Ending(status="incomplete", items=items, incomplete_reason="interrupted")
        if (cut := talks.ended(talk_id, run, ending, count=1)) is not None:
            wake.on_loop(hub.ring, Ring(talk_id, cut.position, cut.position))
    except Away:
        return
    except Exception as error:  # one that cannot be cut must not end the look of all, which would log what it says
        logger.error("A temporary reply cannot be cut: %s", type(error).__name__)  # noqa: TRY400
