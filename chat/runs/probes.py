"""Making the probe that the panel asked for: in the background, with how far it is."""

import logging
from collections.abc import Callable, Mapping
from typing import Final, TypeVar

from django.db import Error as DatabaseError

from chat import providers
from chat.models import Probe
from chat.providers import probing
from chat.providers.probing import Made
from chat.runs import capabilities
from chat.runs.due import Due
from chat.runs.forgetting import PLACES
from chat.store import pool, probed, probes
from chat.store.copies import Place

logger = logging.getLogger(__name__)
KINDS: Final[Mapping[str, str]] = {place: kind for kind, place in PLACES.items()}
T = TypeVar("T")
BROKEN: Final = "Something went wrong on this server while it was made. Its log says what."


class Ledger(probing.Ledger):
    """What one probe makes, written down. That something has ended may be written later, by whoever does what is due."""

    def __init__(self) -> None:
        provider = providers.current()
        self.place = Place(provider.server, provider.account)
        self._rows: dict[Made, int] = {}

    async def begin(self, made: Made) -> None:
        self._rows[made] = await pool.for_readers(probed.begin, KINDS[made.place], self.place, made.name)

    async def named(self, mark: Made, made: Made) -> None:
        self._rows[made] = self._rows.pop(mark)
        await pool.for_readers(probed.named, self._rows[made], made.name)

    async def refused(self, made: Made) -> None:
        await _tried(probed.refused, self._rows.pop(made))

    async def gone(self, made: Made) -> None:
        if (row := self._rows.pop(made, None)) is not None:
            await _tried(probed.gone, row)

    async def leave(self) -> None:
        if self._rows:
            await _tried(probed.leave, list(self._rows.values()))


async def _tried(write: Callable[[T], None], what: T) -> None:
    try:
        await pool.for_readers(write, what)
    except DatabaseError as error:
        logger.warning("What became of something that a probe made could not be written: %s", type(error).__name__)


async def ask(*, model: str = "", told: probing.Told = probing.nobody) -> tuple[str, probing.Found]:
    """The model, and what was found; what is made for it stands in the ledger."""
    return await providers.probe(model=model, told=told, ledger=Ledger())


async def _make(probe: Probe) -> None:
    async def told(done: int, total: int) -> None:
        await pool.for_readers(probes.note, probe, done=done, total=total)

    model, found = await ask(told=told)
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
