"""Replies that a model server keeps though it was told not to, as its newest probe found: in the ledger as soon as they have a
name, and deleted there once they have ended.
"""

import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing

from django.db import Error as DatabaseError

from chat.models import Kept
from chat.protocol.events import Event, Lifecycle
from chat.protocol.types import Request
from chat.providers import Provider
from chat.runs import capabilities
from chat.store import pool, probed, probes
from chat.store.copies import Place

logger = logging.getLogger(__name__)


async def stream(provider: Provider, request: Request, conversation_id: str | None = None) -> AsyncGenerator[Event, None]:
    """As `provider.stream`, which it is wherever the server does as it is told."""
    try:
        can = await capabilities.of(provider) if provider.server and not request.store else {}
    except DatabaseError:
        can = {}
    return _noted(provider, request, conversation_id) if probes.keeps_all(can) else provider.stream(request)


async def _noted(provider: Provider, request: Request, conversation_id: str | None) -> AsyncGenerator[Event, None]:
    rows: list[int] | None = None
    try:
        async with aclosing(provider.stream(request)) as found:
            async for event in found:
                if rows is None and isinstance(event, Lifecycle) and event.response.id:
                    rows = await _begin(provider, event.response.id, conversation_id)
                yield event
    finally:
        if rows:
            await pool.for_readers(probed.leave, rows)


async def _begin(provider: Provider, upstream_id: str, conversation_id: str | None) -> list[int]:
    place = Place(provider.server, provider.account)
    try:
        return [await pool.for_readers(probed.begin, Kept.Kind.RESPONSE, place, upstream_id, conversation_id)]
    except DatabaseError as error:
        logger.warning("A reply that the model server keeps unasked could not be noted: %s", type(error).__name__)
        return []
