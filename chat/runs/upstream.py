"""What is left at the provider of a turn in the background, when its run has ended here."""

import asyncio
import logging

from chat import errors, providers
from chat.models import Turn

logger = logging.getLogger(__name__)
PAUSES = (0.0, 1.0, 5.0)  # seconds before each try


async def leave(turn: Turn, *, stopped: bool) -> None:
    """Stop it, where it was stopped here, and delete it: until there is a ledger of what is kept there, nothing stays longer
    than it must. What cannot be had now expires there by itself.
    """
    if not turn.background or not turn.upstream_id:
        return
    provider = providers.current()
    for pause in PAUSES:
        await asyncio.sleep(pause)
        try:
            if stopped:
                await provider.cancel(turn.upstream_id)
                stopped = False
            if await provider.forget(turn.upstream_id):
                return
        except errors.UpstreamError as error:
            logger.info("%s cannot be deleted at the provider yet: %s", turn.pk, error.code)
    logger.warning("What the provider keeps of %s could not be deleted there; it expires by itself.", turn.pk)
