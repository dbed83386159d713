"""Making the probe that the panel asked for: in the background, with how far it is."""

import asyncio
import logging
from contextlib import suppress
from typing import Final

from django.db import Error as DatabaseError

from chat import providers
from chat.errors import ParleyError
from chat.models import Probe
from chat.runs import capabilities
from chat.store import pool, probes

logger = logging.getLogger(__name__)
BROKEN: Final = "Something went wrong on this server while it was made. Its log says what."


async def make_next(*, alone: bool) -> bool:
    """Make the probe that is due; False when none is. `alone` as for `probes.take`."""
    try:
        probe = await pool.for_readers(probes.take, alone=alone)
    except DatabaseError:  # the sweep says so
        return False
    if probe is None:
        return False
    try:
        await _make(probe)
    except probes.Gone:
        pass
    except asyncio.CancelledError:
        with suppress(DatabaseError):
            await pool.for_readers(probes.give_back, probe)
        raise
    except DatabaseError as error:
        logger.warning("A probe lost the database, and is made anew: %s", type(error).__name__)
    except ParleyError as error:
        await pool.for_readers(probes.fail, probe, f"{error.message} {error.next}")
    except Exception:
        logger.exception("The probe cannot be made")
        await pool.for_readers(probes.fail, probe, BROKEN)
    return True


async def _make(probe: Probe) -> None:
    async def told(done: int, total: int) -> None:
        await pool.for_readers(probes.note, probe, done=done, total=total)

    model, found = await providers.probe(told=told)
    await pool.for_readers(probes.finish, probe, server=providers.server(), model=model, found=found)
    capabilities.forget()
