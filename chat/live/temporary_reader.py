"""The socket of a temporary conversation's page: what it reads from is memory, and nothing of it is logged."""

import contextlib
import logging
import sys

from chat.live import temporary
from chat.live.catchup import CaughtUp
from chat.live.consumer import GONE, Reader
from chat.models import User

logger = logging.getLogger(__name__)


class TemporaryReader(Reader):
    """`/ws/t/<id>/?after=<position>`, for its owner."""

    temporary = True

    def missed(self, user: User) -> CaughtUp:
        return temporary.catch_up(self.conversation, user, self.cursor)

    def complain(self) -> None:
        """An exception may quote what was said: its kind says enough."""
        logger.error("A socket of a temporary conversation broke: %s", type(sys.exc_info()[1]).__name__)

    async def close(self, code: int | None = None, reason: str | None = None) -> None:
        """Once it has gone, the page shows nothing of it either."""
        if code == GONE and not self.closing:
            with contextlib.suppress(OSError, RuntimeError):
                await self.send(text_data=temporary.over())
        await super().close(code, reason)
