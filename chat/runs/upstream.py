"""A turn in the provider's background whose run has been stopped here is stopped there. What it leaves there is in the ledger,
and deleted by way of that (`runs.forgetting`).
"""

import asyncio
import logging

from chat import errors, providers
from chat.models import Turn

logger = logging.getLogger(__name__)
PAUSES = (0.0, 1.0, 5.0)  # seconds before each try


async def stop(turn: Turn) -> None:
    """What cannot be had now ends there by itself."""
    if not turn.background or not turn.upstream_id:
        return
    for pause in PAUSES:
        await asyncio.sleep(pause)
        try:
            await providers.current().cancel(turn.upstream_id)
        except errors.UpstreamError as error:
            logger.info("%s cannot be stopped at the provider yet: %s", turn.pk, error.code)
        else:
            return
