"""Deletes at the provider what is due, a few at a time, until a look there finds nothing, however often it takes."""

import asyncio
import logging
from collections.abc import Mapping
from typing import Final, Literal

from django.conf import settings
from django.db import Error as DatabaseError

from chat import errors, providers
from chat.models import LONGEST_NAME, Kept
from chat.protocol.failures import answer_of
from chat.providers import Provider
from chat.providers.background import GONE
from chat.providers.base import Left, Place
from chat.runs import capabilities
from chat.store import certificates, copies, ledger, pool

logger = logging.getLogger(__name__)
AT_ONCE: Final = 4  # that one process deletes at a time
SKEW: Final = 3600  # seconds by which the provider's clock may be behind
TIDY: Final = 20  # looks between two for what has expired
SURE: Final = 4  # looks at a file, after which a server that never heard of it is believed
THERE: Final = "It is still there after it was deleted."
PLACES: Final[Mapping[str, Place]] = {
    Kept.Kind.RESPONSE: "responses",
    Kept.Kind.FILE: "files",
    Kept.Kind.CONVERSATION: "conversations",
}
"""What is in the ledger → where a server keeps such things."""


async def work() -> None:
    """As long as the process executes."""
    looks = 0
    while True:
        try:
            more = await step()
            if looks % TIDY == 0:
                provider = providers.current()
                await pool.for_readers(ledger.tidy, provider.server, provider.account)
                more = await pool.for_readers(certificates.finish) or more
        except DatabaseError as error:
            logger.warning("What is due at the provider waits for the database: %s", type(error).__name__)
            more = False
        looks += 1
        if not more:
            await asyncio.sleep(settings.RUN_SWEEP)


async def step() -> bool:
    """Delete some. Whether there may be more that can be deleted now."""
    provider = providers.current()
    claims = await pool.for_readers(ledger.claim, provider.server, most=AT_ONCE)
    done = await asyncio.gather(*(_forget(provider, claim) for claim in claims))
    return len(claims) == AT_ONCE and all(done)


async def _forget(provider: Provider, claim: Kept) -> bool:
    """Whether it is settled."""
    if len(claim.upstream_id) == LONGEST_NAME:  # it may have been cut, and what is called so would be found nowhere
        await pool.for_readers(ledger.remains, claim, ledger.TOO_LONG)
        return True
    try:
        is_file = claim.kind == Kept.Kind.FILE
        left = await (_forget_file(provider, claim) if is_file else provider.forget(claim.upstream_id, PLACES[claim.kind]))
    except errors.UpstreamError as error:
        await pool.for_readers(ledger.retry, claim, error.message)
        return False
    if left == "there":
        await pool.for_readers(ledger.retry, claim, THERE)
    elif left == "unsure":
        await pool.for_readers(copies.missing, claim)
    elif left == "untold" and is_file and claim.attempts < SURE:  # a moment's 404 of what stands before it
        await pool.for_readers(ledger.retry, claim, ledger.UNTOLD)
        return False
    elif left == "untold" and (copies.is_unnamed(claim) or not await _tells(provider, claim.kind)):
        await pool.for_readers(ledger.remains, claim, ledger.UNTOLD)
    elif left != "deleted" and claim.account != provider.account:
        await pool.for_readers(ledger.remains, claim, ledger.ANOTHER_KEY)  # to another key, what is there may seem not to be
    else:
        await pool.for_readers(ledger.gone, claim)
    return left != "there"


async def _tells(provider: Provider, kind: str) -> bool:
    """Whether the newest probe found that it says whether one is there."""
    return (await capabilities.of(provider)).get(ledger.TELLS[kind], False)


async def _forget_file(provider: Provider, claim: Kept) -> Left | Literal["unsure"]:
    """One whose sending was never answered for is looked for first, by its mark; "unsure" where it is not found, "untold" where
    there is no list (any more).
    """
    if provider.files is None:
        return "untold"
    name = claim.upstream_id
    if copies.is_unnamed(claim):
        if claim.account != provider.account:
            return "absent"  # to this key
        try:
            name = await provider.files.seek(name, since=claim.created.timestamp() - SKEW)
        except errors.UpstreamError as error:
            if (answer := answer_of(error)) is None or answer.status not in GONE:
                raise
            return "untold"
        if not name:
            return "unsure"
        await pool.for_readers(copies.named, claim, name)
        claim.upstream_id = name
    return await provider.files.forget(name)
