"""The only client for addresses that users or models name: https, to public addresses, nowhere else. `fetching` takes http too.

A name is resolved here, what it means is judged, and the connection goes to what was judged: a name that means something else a
moment later leads nowhere. No redirect is followed, no proxy of the environment asked, no cookie kept. `EGRESS_ALLOW` names the
exceptions.
"""

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import Final

import aiohttp
import httpx
from aiohappyeyeballs import AddrInfoType
from aiohttp.abc import AbstractResolver, ResolveResult
from django.conf import settings
from httpx_aiohttp import AiohttpTransport

from chat import errors
from chat.egress import lookups

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

LONGEST: Final = 2_000  # bytes of an address: Postgres' indexes take up to 2,704
SECONDS: Final = 5.0
MOST: Final = 65_536  # bytes of an answer

# Python's `is_global` lets addresses pass that lead inside (NAT64, 6to4, Teredo, forms that hold an IPv4 address). Of IPv6 only
# what is given out as global unicast is left, without what is special in it; of IPv4 all but these (IANA's special addresses).
SPECIAL_4: Final = [
    *map(ipaddress.IPv4Network, ("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12")),
    *map(ipaddress.IPv4Network, ("192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24")),
    *map(ipaddress.IPv4Network, ("192.168.0.0/16", "192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24")),
    *map(ipaddress.IPv4Network, ("224.0.0.0/4", "240.0.0.0/4")),
    ipaddress.IPv4Network("168.63.129.16/32"),  # Azure's own, which answers its virtual machines
]
GLOBAL_6: Final = ipaddress.IPv6Network("2000::/3")
SPECIAL_6: Final = [
    ipaddress.IPv6Network(each) for each in ("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20")
]


def is_public(address: Address) -> bool:
    """Whether anybody's packets to it leave for the internet, to one host."""
    if isinstance(address, ipaddress.IPv4Address):
        return not any(address in special for special in SPECIAL_4)
    return address in GLOBAL_6 and not any(address in special for special in SPECIAL_6)


@dataclass(frozen=True, slots=True)
class Allowed:
    """The exceptions: what `EGRESS_ALLOW` lists."""

    places: frozenset[tuple[str, int]]
    ranges: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]

    def holds(self, host: str, port: int, address: Address) -> bool:
        names = {host.rstrip(".").lower(), str(address)}
        return any((name, port) in self.places for name in names) or any(
            address in some for some in self.ranges if some.version == address.version
        )


@cache
def _allowed(listed: tuple[str, ...]) -> Allowed:
    ranges, places = [], set()
    for each in listed:
        with suppress(ValueError):
            ranges.append(ipaddress.ip_network(each))
            continue
        host, _, port = each.rpartition(":")
        places.add((host.strip("[]").lower(), int(port)))
    return Allowed(frozenset(places), tuple(ranges))


def _passes(host: str, port: int, address: Address) -> bool:
    return is_public(address) or _allowed(tuple(settings.EGRESS_ALLOW)).holds(host, port, address)


def parsed(url: str, *, plain: bool = False) -> httpx.URL:
    """An address to which we may go, as far as it tells by itself; AddressRefused for others. Its name is not resolved yet.
    `plain`: http will do.
    """
    if not url.isascii():
        raise errors.AddressRefused(
            "This address has other letters than a to z.", next="Write them with %, as browsers do when it is copied."
        )
    try:
        found = httpx.URL(url)
        host, port = found.host, found.port or {"https": 443, "http": 80}[found.scheme]
    except (httpx.InvalidURL, KeyError, ValueError, TypeError):
        what = "This is no address of the web." if plain else "This is no https address."
        raise errors.AddressRefused(what, next="It must begin with https://.") from None
    if len(url) > LONGEST or not host or not 0 < port < 65536 or found.userinfo or not url.isprintable() or "\\" in url:
        raise errors.AddressRefused
    literal = _literal(host)
    if literal is not None and not _passes(host, port, literal):
        raise errors.AddressRefused
    if (
        found.scheme == "http"
        and not plain
        and host.rstrip(".") != "localhost"
        and not (literal is not None and literal.is_loopback)
    ):
        raise errors.AddressRefused("Parley goes only to https addresses.", next="It must begin with https://.")
    return found


def _literal(host: str) -> Address | None:
    """The address that a host is written as. What only looks like one (127.1, 2130706433) is refused: others read it as one."""
    if ":" not in host and not host.replace(".", "").isdigit():
        return None
    try:
        found = ipaddress.ip_address(host)
    except ValueError:
        raise errors.AddressRefused from None
    if "%" in host:  # a scope: which of the server's own networks
        raise errors.AddressRefused
    return found


async def resolved(host: str, port: int, *, family: int = socket.AF_UNSPEC, whose: int | None = None) -> list[tuple[int, str]]:
    """The addresses of a name to which we may go, each with its family; AddressRefused where it has only others. `whose`: the
    person (id) who named it. NameUnknown also for the caller who waits no longer.
    """
    try:
        infos = await lookups.infos(host, port, family=family, whose=whose)
    except (OSError, UnicodeError) as error:
        known = not isinstance(error, socket.gaierror) or error.errno != socket.EAI_AGAIN
        raise (errors.NameMissing if known else errors.NameUnknown)(f"{host} cannot be found.") from None
    found = [(int(info[0]), str(info[4][0])) for info in infos]
    passing = [(family, text) for family, text in found if "%" not in text and _passes(host, port, ipaddress.ip_address(text))]
    if not passing:
        raise errors.AddressRefused
    return passing


async def check(url: str, *, whose: int | None = None) -> None:
    """Whether this is an address to which we may go now: AddressRefused, or FarEndFailed where its name cannot be found."""
    found = parsed(url)
    if _literal(found.host) is None:
        try:
            async with asyncio.timeout(SECONDS):
                await resolved(found.host, found.port or 443, whose=whose)
        except TimeoutError:
            raise errors.NameUnknown(f"{found.host} cannot be found.") from None


class _Resolver(AbstractResolver):
    """Asked anew for every connection. `judged`: the addresses that passed, to which alone a connection is made. `waits`: whether
    a name is not found yet, also where nobody waits for it any more.
    """

    def __init__(self, whose: int | None = None) -> None:
        self.judged: set[Address] = set()
        self.whose, self.waits = whose, False

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC) -> list[ResolveResult]:
        self.waits = True
        passing = await resolved(host, port, family=family, whose=self.whose)
        self.waits = False
        self.judged |= {ipaddress.ip_address(address) for _, address in passing}
        flags = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
        return [ResolveResult(hostname=host, host=text, port=port, family=found, proto=0, flags=flags) for found, text in passing]

    def socket(self, info: AddrInfoType) -> socket.socket:
        """For a connection, the last door: what has not been judged is not gone to, whoever read the address how."""
        if ipaddress.ip_address(info[4][0]) not in self.judged:
            raise errors.AddressRefused
        return socket.socket(family=info[0], type=info[1], proto=info[2])

    async def close(self) -> None:
        pass


class Transport(httpx.AsyncBaseTransport):
    """httpx's way out for such addresses, also for long answers. It belongs to one event loop, and is to be closed."""

    def __init__(self, *, trust: ssl.SSLContext | None = None, whose: int | None = None, plain: bool = False) -> None:
        self._trust, self._resolver, self._plain = trust or _trust(), _Resolver(whose), plain
        self._inner = AiohttpTransport(client=self._session, verify=False, trust_env=False)  # noqa: S501 - the session verifies

    def _session(self) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(
            ssl=self._trust, resolver=self._resolver, socket_factory=self._resolver.socket, use_dns_cache=False
        )
        return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar(), trust_env=False)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        literal = _literal(parsed(str(request.url), plain=self._plain).host)
        if literal is not None:
            self._resolver.judged.add(literal)
        return await self._inner.handle_async_request(request)

    @property
    def looks_up(self) -> bool:
        """Whether it waits for a name, or waited for one when it was given up."""
        return self._resolver.waits

    async def aclose(self) -> None:
        await self._inner.aclose()


@cache
def _trust() -> ssl.SSLContext:
    return httpx.create_ssl_context()


@dataclass(frozen=True, slots=True)
class Answer:
    """A redirect is one too: whoever wants to follow it asks again."""

    status: int
    headers: httpx.Headers
    content: bytes


async def send(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    content: bytes = b"",
    seconds: float = SECONDS,
    most: int = MOST,
    trust: ssl.SSLContext | None = None,
    whose: int | None = None,
    plain: bool = False,
) -> Answer:
    """One request, answered within so many seconds with so many bytes at most; AddressRefused, or FarEndFailed. `whose`: the
    person (id) who named the address. `plain`: http will do.
    """
    asked = {"User-Agent": "Parley", **(headers or {}), "Accept-Encoding": "identity"}  # what is packed could be of any size
    request = httpx.Request(method, parsed(url, plain=plain), headers=asked, content=content)
    try:
        async with asyncio.timeout(seconds), Transport(trust=trust, whose=whose, plain=plain) as transport:
            response = await transport.handle_async_request(request)
            try:
                return Answer(response.status_code, response.headers, await _bounded(response, most))
            finally:
                await response.aclose()
    except TimeoutError:
        if transport.looks_up:
            raise errors.NameUnknown(f"{host_of(url)} cannot be found.") from None
        raise errors.FarEndFailed(f"{host_of(url)} did not answer in time.") from None
    except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, aiohttp.ClientError, OSError, ValueError) as error:
        raise errors.FarEndFailed(f"{host_of(url)} cannot be reached.") from error


async def _bounded(response: httpx.Response, most: int) -> bytes:
    parts, size = [], 0
    async for part in response.aiter_raw():
        parts.append(part)
        size += len(part)
        if size > most:
            raise errors.AnswerTooLarge
    return b"".join(parts)


def host_of(url: str) -> str:
    """For people: where an address leads."""
    try:
        return httpx.URL(url).host
    except (httpx.InvalidURL, TypeError, ValueError):
        return ""


def origin_of(url: str) -> str:
    found = httpx.URL(url)
    return f"{found.scheme}://{found.netloc.decode()}"
