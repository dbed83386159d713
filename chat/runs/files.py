"""Files that nothing uses any more: their bytes go, then their rows. What a provider has of one is the ledger's."""

import logging
from datetime import datetime

from chat import errors
from chat.files import storage
from chat.models import File
from chat.runs import uploads
from chat.store import orphans

logger = logging.getLogger(__name__)


def purge(now: datetime) -> int | None:
    """A piece of them: how many went; None when nothing is left, or could be taken away now."""
    if orphans.purge(now) is not None:
        return 0
    if claimed := orphans.claim(now):
        return sum(map(_remove, claimed))
    try:
        storage.tidy()
    except errors.FilesAway as error:
        logger.warning("What was begun to be written could not be looked at: %s", type(error.__cause__).__name__)
    return None


def _remove(file: File) -> bool:
    """Whether all of its bytes are gone; if not, another try comes."""
    try:
        for place in uploads.places(file):
            storage.delete(place)
    except errors.FilesAway as error:
        logger.warning("A file could not be removed, and stays a little: %s", type(error).__name__)
        return False
    orphans.gone(file)
    return True
