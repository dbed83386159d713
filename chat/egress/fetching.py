"""Fetching what an address leads to: over redirects, each judged as the first, in one time and one size, as nobody in particular.

Where it cannot be had a sentence says why. It is the same for a name that leads inside and for one that there is not: nobody
learns which names mean something inside.
"""

import asyncio
import zlib
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote

import httpx

from chat import egress, errors

SECONDS: Final = 15.0  # all of it: names, redirects, bytes
MOST: Final = 10 * 1024 * 1024  # bytes, as they come and unpacked
REDIRECTS: Final = 5
INSTEAD: Final = "Save it and attach the file instead."
_MOVED: Final = (301, 302, 303, 307, 308)
_WANTED: Final = {"Accept": "image/*,*/*;q=0.5"}
_PACKED: Final = {"gzip": 31, "x-gzip": 31, "deflate": 15}  # zlib's words for them


@dataclass(frozen=True, slots=True)
class Fetched:
    """What was there: `host` it came from in the end, and what its address calls it. Who takes the bytes unpacks them, which
    computes: no event loop does.
    """

    host: str
    name: str
    packing: str
    content: bytes = field(repr=False)

    def unpacked(self) -> bytes:
        if self.packing in ("", "identity"):
            return self.content
        if self.packing not in _PACKED:
            raise errors.FarEndFailed(f"{self.host} packs it in a way that is not known here.", next=INSTEAD)
        try:
            data = zlib.decompressobj(_PACKED[self.packing]).decompress(self.content, MOST + 1)
        except zlib.error:
            raise errors.FarEndFailed(f"What {self.host} sends is broken.", next=INSTEAD) from None
        if len(data) > MOST:
            raise errors.AnswerTooLarge
        return data


async def fetch(url: str, *, whose: int, seconds: float = SECONDS) -> Fetched:
    """What is at an address that this person (id) named; AddressRefused, or FarEndFailed."""
    until = asyncio.get_running_loop().time() + seconds
    hop = "That address"
    for _ in range(1 + REDIRECTS):
        found = _judged(url, hop)
        answer = await _asked(found, hop, whose=whose, seconds=until - asyncio.get_running_loop().time())
        if answer.status not in _MOVED or "location" not in answer.headers:
            return _there(found, answer)
        url, hop = _next(found, answer.headers["location"]), "That address leads on to one that"
    raise errors.FarEndFailed("That address leads on and on.", next=INSTEAD)


def _judged(url: str, hop: str) -> httpx.URL:
    try:
        found = egress.parsed(url, plain=True)
    except errors.AddressRefused as error:
        if error.message != errors.AddressRefused.message:
            raise
        refused = f"{hop} is none that anybody could open, so this server does not go there."
        raise errors.AddressRefused(refused, next=INSTEAD) from None
    if found.port is not None and found.port < 1024 and found.port not in (80, 443):
        raise errors.AddressRefused(f"{hop} has a port that is none of the web's.", next=INSTEAD)
    return found


async def _asked(url: httpx.URL, hop: str, *, whose: int, seconds: float) -> egress.Answer:
    try:
        return await egress.send("GET", str(url), headers=_WANTED, seconds=seconds, most=MOST, whose=whose, plain=True)
    except errors.AnswerTooLarge:
        raise
    except (errors.AddressRefused, errors.NameMissing):
        sentence = f"{url.host} cannot be found, or leads to where this server does not go."
        raise errors.AddressRefused(sentence, next=INSTEAD) from None
    except errors.FarEndFailed as error:
        raise errors.FarEndFailed(error.message, next=f"Try again in a moment. {INSTEAD}") from error


def _next(base: httpx.URL, location: str) -> str:
    """Where it leads, without what is for browsers alone."""
    try:
        return str(base.join(location).copy_with(fragment=None))
    except (httpx.InvalidURL, ValueError):
        raise errors.AddressRefused("That address leads on to one that cannot be read.", next=INSTEAD) from None


def _there(url: httpx.URL, answer: egress.Answer) -> Fetched:
    match answer.status:
        case 200:
            packing = answer.headers.get("content-encoding", "").strip().lower()
            return Fetched(url.host, unquote(url.path.rpartition("/")[2]), packing, answer.content)
        case 404 | 410:
            raise errors.FarEndFailed(f"There is nothing at that address of {url.host}.", next="Check that it is right.")
        case 401 | 403 | 451:
            raise errors.FarEndFailed(f"{url.host} does not give that to everybody.", next=INSTEAD)
    raise errors.FarEndFailed(f"{url.host} did not give it: it answered {answer.status}.", next=INSTEAD)
