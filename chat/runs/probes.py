"""Making the probe that the panel asked for: in the background, with how far it is."""

from typing import Final

from chat import providers
from chat.models import Probe
from chat.runs import capabilities
from chat.runs.due import Due
from chat.store import pool, probes

BROKEN: Final = "Something went wrong on this server while it was made. Its log says what."


async def _make(probe: Probe) -> None:
    async def told(done: int, total: int) -> None:
        await pool.for_readers(probes.note, probe, done=done, total=total)

    model, found = await providers.probe(told=told)
    await pool.for_readers(probes.finish, probe, server=providers.server(), model=model, found=found)
    capabilities.forget()


make_next: Final = Due(
    "A probe",
    lambda alone: probes.take(alone=alone),
    _make,
    probes.give_back,
    probes.fail,
    gone=probes.Gone,
    broken=BROKEN,
).make_next
"""Make the probe that is due."""
