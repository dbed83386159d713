"""What the newest probe says that the model server can: obeyed by every run, looked up at most every few seconds in a process.

Where the server turns out not to take what its probe had found, the probe is put right, so that the next run does not try.
"""

import logging
from collections.abc import Mapping
from time import monotonic
from typing import Final
from weakref import WeakKeyDictionary

from django.db import Error as DatabaseError

from chat.providers import Provider
from chat.store import pool, probes

logger = logging.getLogger(__name__)
FRESH: Final = 10.0  # seconds
OF_SERVER: Final = {"background": "background", "store": "store", "previous_response_id": "chain"}
"""What was sent, and the capability that a server has not got which refuses it, whichever model it is."""
OF_MODEL: Final = {"include": "reasoning"}
"""The same, where it depends on the model."""

_known: WeakKeyDictionary[Provider, tuple[float, Mapping[str, bool]]] = WeakKeyDictionary()


async def of(provider: Provider) -> Mapping[str, bool]:
    """As `probes.capabilities` of its server."""
    until, found = _known.get(provider, (0.0, {}))
    if monotonic() >= until:
        found = await pool.for_readers(probes.capabilities, provider.server)
        _known[provider] = (monotonic() + FRESH, found)
    return found


async def heed(provider: Provider) -> None:
    """Put right what its probe said of what it has refused since. Costs nothing where it has refused nothing."""
    while provider.refusals:
        sent, model = provider.refusals.pop()
        name = OF_SERVER.get(sent) or OF_MODEL.get(sent)
        if name is not None:
            await _contradicted(provider, name, model=model if sent in OF_MODEL else None)


async def _contradicted(provider: Provider, name: str, *, model: str | None) -> None:
    try:
        changed = await pool.for_readers(probes.contradict, server=provider.server, name=name, model=model)
    except DatabaseError:  # the reply goes on without it all the same, and the next one learns it too
        return
    forget()
    if changed:
        logger.warning("The model server refused “%s”, which its probe had found: it is not asked for that again.", name)


def forget() -> None:
    """There is a newer probe: all is looked up anew."""
    _known.clear()
