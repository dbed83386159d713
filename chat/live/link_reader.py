"""The socket of a link's page: for whoever may open it, signed in or not. It tells what is new, and that it is over."""

import asyncio
import json
from time import monotonic
from typing import Any, Final

from django.conf import settings
from django.db import Error as DatabaseError

from chat import errors
from chat.doorbell import Note, Ring, hub
from chat.live import links as shown
from chat.live.consumer import GONE, RESTART, TOO_MANY, Reader, number
from chat.live.person import session_key
from chat.live.watch import readers
from chat.models import Link
from chat.store import links, pool
from chat.store.links import KEYS
from chat.store.sessions import Looking

PACE: Final = 1.0  # seconds between two looks at a live link that grows
REST: Final = 5  # times that the last look took, if that is longer: nobody's page may cost others their replies
LOOKS: Final = 100  # of all pages of one link in a second


class LinkReader(Reader):
    """`/ws/s/<id>/?after=<position>&first=<number>`; a page that does not grow has no `first`."""

    async def connect(self) -> None:
        self.begin()
        self.link = self.scope["url_route"]["kwargs"]["link_id"]
        query = self.scope["query_string"]
        self.grows = b"first=" in query
        self.page = shown.Watched(first=number(query, "first"), position=self.cursor)
        self.next_look = 0.0
        found = await self._open()
        await self.accept()
        if not isinstance(found, Link):
            await self.close(found)
        elif readers.count(self.link) >= settings.SOCKETS_PER_LINK or readers.count(self._from()) >= settings.SOCKETS_PER_VISITOR:
            await self.close(TOO_MANY)
        else:
            self._begin_to_watch(found)

    async def _open(self) -> Link | int:
        """The link, or the code that says why not."""
        try:
            self.key = await pool.for_readers(_key, session_key(self.scope.get("headers", [])), self.link)
            return await pool.for_readers(self._find)
        except errors.NotFound:
            return GONE
        except DatabaseError:
            return RESTART

    def _begin_to_watch(self, link: Link) -> None:
        readers.add(self, self.link, self._from())
        if link.live and self.grows:
            self.conversation = link.conversation_id
            hub.subscribe(self.conversation, self)
            self.forwarding = asyncio.create_task(self._forward_or_restart(self._join))

    def _from(self) -> str:
        """This link's pages in one place: an address takes no more than its share of them."""
        host, _ = self.scope.get("client") or ("", 0)
        return f"{self.link} {host}"

    def hear(self, ring: Ring) -> None:
        self._put(Ring(ring.conversation, ring.first, ring.last))

    async def close(self, code: int | None = None, reason: str | None = None) -> None:
        """Once it shows nothing any more, the page shows nothing either."""
        if code == GONE and not self.closing:
            await self.send(text_data=json.dumps({"content": shown.over()}))
        await super().close(code, reason)

    async def _tell(self, ring: Ring | Note) -> bool:
        """The doorbell only says that something came: what the link shows of it is looked up."""
        if isinstance(ring, Note) or ring.last <= self.cursor:
            return True
        await asyncio.sleep(max(self.next_look - monotonic(), 0))
        return await self._catch_up()

    async def _catch_up(self) -> bool:
        began = monotonic()
        try:
            content = await pool.for_readers(self._changes)
        except DatabaseError:  # the next look begins with what the page has for certain
            self.page = shown.Watched(first=self.page.first, position=self.cursor)
            return True
        except errors.NotFound:
            await self.close(GONE)
            return False
        ended = monotonic()
        self.next_look = ended + max(PACE, REST * (ended - began), readers.count(self.link) / LOOKS)
        if content:
            await self.send(text_data=json.dumps({"position": self.page.position, "content": content}))
        self.cursor = self.page.position
        return True

    def _find(self) -> Link:
        found = links.find(actor=self.user, link_id=self.link)
        if not links.opens(found, self.key):
            raise errors.NotFound
        return found

    def _changes(self) -> str:
        return shown.catch_up(self._find(), self.page)


def _key(session: str, link_id: str) -> str:
    """What this browser has to show that it knows the password; "" for nothing."""
    kept: dict[str, Any] = Looking(session).get(KEYS, {}) if session else {}
    return str(kept.get(link_id, ""))
