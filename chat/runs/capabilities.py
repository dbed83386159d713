"""What the newest probe says that the model server can: obeyed by every run, looked up at most every few seconds in a process.

Where the server turns out not to take what its probe had found, the probe is put right, so that the next run does not try.
"""

import logging
from collections.abc import Mapping
from datetime import datetime
from time import monotonic
from typing import Final, NamedTuple
from weakref import WeakKeyDictionary

from django.db import Error as DatabaseError
from django.utils import timezone

from chat.decoding import kinds
from chat.models import File
from chat.providers import Provider
from chat.store import pool, probes

logger = logging.getLogger(__name__)
FRESH: Final = 10.0  # seconds
OF_SERVER: Final = {"background": "background", "store": "store", "previous_response_id": "chain"}
"""What was sent, and the capability that a server has not got which refuses it, whichever model it is."""
OF_MODEL: Final = {"include": "reasoning"}
"""The same, where it depends on the model."""

_seeing: WeakKeyDictionary[Provider, dict[str, tuple[float, "Sight"]]] = WeakKeyDictionary()
_blind: WeakKeyDictionary[Provider, dict[str, datetime]] = WeakKeyDictionary()
_known: WeakKeyDictionary[Provider, tuple[float, Mapping[str, bool]]] = WeakKeyDictionary()


class Sight(NamedTuple):
    """Whether a model sees images, None where nobody knows; `since`: when it was `probed`, or has said so itself."""

    can: bool | None = None
    since: datetime | None = None
    probed: bool = False


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
            await contradicted(provider, name, model=model if sent in OF_MODEL else None)


async def contradicted(provider: Provider, name: str, *, model: str | None = None) -> None:
    """Its probe says that it can; it has turned out that it cannot."""
    try:
        changed = await pool.for_readers(probes.contradict, server=provider.server, name=name, model=model)
    except DatabaseError:  # the reply goes on without it all the same, and the next one learns it too
        return
    forget()
    if changed:
        logger.warning("The model server refused “%s”, which its probe had found: it is not asked for that again.", name)


async def sees(provider: Provider, model: str) -> bool:
    """Whether images go to this model: not where its newest probe says that it cannot, or where it has said so itself."""
    until, found = _seeing.setdefault(provider, {}).get(model, (0.0, Sight()))
    if monotonic() >= until:
        found = await pool.for_readers(sight, provider, model)
        _seeing[provider][model] = (monotonic() + FRESH, found)
    return found.can is not False


def sight(provider: Provider, model: str) -> Sight:
    """The same with a date, looked up."""
    if not provider.sees:
        return Sight(can=False)
    probed = probes.of_model(provider.server, model, "image") if provider.server else None
    said = _blind.get(provider, {}).get(model)
    if said is not None and (probed is None or probed[1] < said):
        return Sight(False, said)
    return Sight(*probed, probed=True) if probed is not None else Sight()


def found(provider: Provider) -> Mapping[str, bool]:
    """As `of`, looked up."""
    return probes.capabilities(provider.server) if provider.server else {}


def reads(can: Mapping[str, bool], kind: str, type_: str) -> bool:
    """Whether such a file goes to a server that can do this as its text: a document, but a PDF where it takes these."""
    return kind == File.Kind.DOCUMENT and not (type_ == kinds.PDF and can.get("input_file"))


def cannot_see(provider: Provider, model: str) -> None:
    """It has refused an image because it sees none: this process remembers that until a newer probe says otherwise."""
    _blind.setdefault(provider, {})[model] = timezone.now()
    _seeing.pop(provider, None)


def forget() -> None:
    """There is a newer probe: all is looked up anew."""
    _known.clear()
    _seeing.clear()
