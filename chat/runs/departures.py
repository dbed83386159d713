"""Removing what somebody had who has left: one whose turn breaks rests for a while, so that the others go on."""

import logging
from time import monotonic
from typing import Final

from chat.store import departures

logger = logging.getLogger(__name__)
REST: Final = 60.0  # seconds


class Clearing:
    """What this process removes, and until when those rest that it could not go on with."""

    def __init__(self) -> None:
        self._resting: dict[int, float] = {}

    def step(self) -> bool:
        """Remove a piece; False when nothing is to be done now."""
        now = monotonic()
        try:
            return departures.step(without=[pk for pk, until in self._resting.items() if until > now])
        except departures.Stuck as stuck:
            if stuck.pk not in self._resting:  # said once
                logger.exception("What somebody had who has left cannot be removed; it is tried again every %s s", REST)
            self._resting[stuck.pk] = now + REST
            return True
