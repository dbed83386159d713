"""Brings notifications to the push services of browsers: soon after the commit that made them due. No reply waits for it."""

import asyncio
import json
import logging
import secrets
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Final

from django.conf import settings
from django.db import Error as DatabaseError

from chat import egress, errors
from chat.models import Mention, PushSubscription
from chat.protocol import webpush
from chat.store import pool, push
from chat.store.push import Due, Outcome

logger = logging.getLogger(__name__)
SECONDS: Final = 5.0  # that a push service has to take one
KEPT: Final = 86_400  # seconds that it keeps it for a browser that is away
VALID: Final = 43_200  # seconds that our signature holds


@dataclass(frozen=True, slots=True)
class Parcel:
    """A notification as it goes out."""

    due: Due
    headers: dict[str, str]
    body: bytes


class Pushes:
    """Those that this process sends. All methods are called on its loop."""

    def __init__(self) -> None:
        self.news: asyncio.Event | None = None
        self.underway: dict[asyncio.Task[None], PushSubscription] = {}

    def poke(self) -> None:
        """Something has become due."""
        if self.news is not None:
            self.news.set()

    async def work(self) -> None:
        """Send what is due, as soon as it is or another process has left it, until it is cancelled."""
        self.news = asyncio.Event()
        try:
            while True:
                self.news.clear()
                if not await self._start():
                    with suppress(TimeoutError):
                        async with asyncio.timeout(settings.RUN_SWEEP):
                            await self.news.wait()
        finally:
            for task in (left := list(self.underway)):
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)

    async def _start(self) -> bool:
        """Send what there is room for; whether there was anything."""
        room = push.AT_ONCE - len(self.underway)
        if not room:
            return False
        try:
            parcels = await pool.for_readers(partial(pack, most=room, underway=list(self.underway.values())))
        except DatabaseError as error:
            logger.warning("Notifications wait for the database: %s", type(error).__name__)
            return False
        for parcel in parcels:
            task = asyncio.create_task(deliver(parcel))
            self.underway[task] = parcel.due.subscription
            task.add_done_callback(self._end)
        return bool(parcels)

    def _end(self, task: asyncio.Task[None]) -> None:
        del self.underway[task]
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.warning("What became of a notification is not noted: %s", type(error).__name__)
        self.poke()


pushes = Pushes()


def pack(*, most: int = push.AT_ONCE, underway: Iterable[PushSubscription] = ()) -> list[Parcel]:
    """Claim what is due, and seal each for its browser."""
    due = push.claim(most=most, underway=underway)
    key = push.key() if due else ""
    return [parcel for one in due if (parcel := _packed(one, key)) is not None]


def _packed(due: Due, key: str) -> Parcel | None:
    """None for one that cannot be: it is refused."""
    try:
        return _parcel(due, key)
    except Exception:
        logger.exception("A notification cannot be sealed")
        push.settle(due, Outcome.REFUSED)
        return None


def _parcel(due: Due, key: str) -> Parcel:
    to, expires = due.subscription, int(time.time()) + VALID
    body = webpush.encrypt(
        json.dumps(words(due), ensure_ascii=False).encode(),
        p256dh=to.p256dh,
        auth=to.auth,
        salt=secrets.token_bytes(16),
        key=webpush.new_key(),
    )
    headers = {
        "Authorization": webpush.authorization(
            audience=egress.origin_of(to.endpoint), expires=expires, contact=_contact(), key=key
        ),
        "Content-Encoding": "aes128gcm",
        "Content-Type": "application/octet-stream",
        "TTL": str(KEPT),
    }
    return Parcel(due, headers, body)


def words(due: Due) -> dict[str, str]:
    """What it says: who, and where. Never what."""
    if due.mention is None:
        return {
            "title": "Parley",
            "body": "Notifications work in this browser.",
            "url": "/settings/notifications/",
            "tag": "test",
        }
    return _said(due.mention)


def _said(mention: Mention) -> dict[str, str]:
    author, conversation = mention.item.author, mention.conversation
    return {
        "title": f"{author.shown_name if author else 'Somebody'} mentioned you",
        "body": conversation.title or "Untitled",
        "url": f"{conversation.url}?at={mention.item_id}",
        "tag": conversation.pk,
    }


def _contact() -> str:
    """Whom a push service may turn to."""
    return settings.PARLEY_URL if settings.HTTPS else f"mailto:{settings.DEFAULT_FROM_EMAIL}"


async def deliver(parcel: Parcel) -> None:
    outcome = await _outcome(parcel)
    await pool.for_readers(push.settle, parcel.due, outcome)


async def _outcome(parcel: Parcel) -> Outcome:
    endpoint, whose = parcel.due.subscription.endpoint, parcel.due.subscription.user_id
    try:
        answer = await egress.send("POST", endpoint, headers=parcel.headers, content=parcel.body, seconds=SECONDS, whose=whose)
    except errors.AddressRefused:
        return Outcome.GONE
    except errors.NameUnknown as error:
        logger.info("A notification waits: %s", error.message)
        return Outcome.UNTRIED
    except errors.FarEndFailed as error:
        logger.info("A notification waits: %s", error.message)
        return Outcome.LATER
    except Exception:
        logger.exception("A notification cannot be sent to %s", egress.host_of(endpoint))
        return Outcome.REFUSED
    if 200 <= answer.status < 300:
        return Outcome.SENT
    logger.info("The push service at %s answered %s", egress.host_of(endpoint), answer.status)
    if answer.status in (404, 410):
        return Outcome.GONE
    return Outcome.LATER if answer.status == 429 or answer.status >= 500 else Outcome.REFUSED
