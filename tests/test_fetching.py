"""What is at an address that somebody named is fetched from public places alone, however it is written, wherever it leads on."""

import asyncio
import gzip
import socket
import zlib
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import LazySettings

from chat import errors
from chat.egress import fetching
from chat.egress.fetching import Fetched, fetch
from tests.elsewhere import Elsewhere, elsewhere
from tests.far_end import far_end

FORMS = {
    "loopback": "127.0.0.1",
    "loopback, the last": "127.255.255.254",
    "loopback, short": "127.1",
    "loopback, in three": "127.0.1",
    "loopback, decimal": "2130706433",
    "loopback, octal": "017700000001",
    "loopback, octal with dots": "0177.0.0.01",
    "loopback, hex": "0x7f000001",
    "loopback, hex with dots": "0x7f.0x0.0x0.0x1",
    "loopback, hex and short": "0x7F.1",
    "loopback, IPv6": "[::1]",
    "loopback, IPv6 in full": "[0:0:0:0:0:0:0:1]",
    "loopback, mapped": "[::ffff:127.0.0.1]",
    "loopback, mapped in hex": "[::ffff:7f00:1]",
    "loopback, compatible": "[::127.0.0.1]",
    "loopback, translated": "[::ffff:0:127.0.0.1]",
    "loopback, NAT64": "[64:ff9b::127.0.0.1]",
    "loopback, NAT64 of one's own": "[64:ff9b:1::7f00:1]",
    "loopback, 6to4": "[2002:7f00:1::1]",
    "loopback, Teredo": "[2001:0:7f00:1::1]",
    "any": "0.0.0.0",
    "any, short": "0",
    "any, IPv6": "[::]",
    "private, 10": "10.0.0.1",
    "private, 172.16": "172.16.0.1",
    "private, 192.168": "192.168.0.1",
    "private, decimal": "3232235521",
    "private, NAT64": "[64:ff9b::a00:1]",
    "shared": "100.64.0.1",
    "unique local": "[fd00::1]",
    "site local": "[fec0::1]",
    "link local": "169.254.1.1",
    "link local, IPv6": "[fe80::1]",
    "metadata": "169.254.169.254",
    "metadata, decimal": "2852039166",
    "metadata, octal": "0251.0376.0251.0376",
    "metadata, hex": "0xa9fea9fe",
    "metadata, short": "169.254.43518",
    "metadata, mapped": "[::ffff:169.254.169.254]",
    "metadata, compatible": "[::a9fe:a9fe]",
    "metadata, NAT64": "[64:ff9b::a9fe:a9fe]",
    "metadata, 6to4": "[2002:a9fe:a9fe::1]",
    "metadata, IPv6": "[fd00:ec2::254]",
    "metadata, Azure's": "168.63.129.16",
    "multicast": "224.0.0.1",
    "multicast, IPv6": "[ff02::1]",
    "broadcast": "255.255.255.255",
}
each_form = pytest.mark.parametrize("host", FORMS.values(), ids=FORMS)


@pytest.fixture
def there(settings: LazySettings) -> Iterator[Elsewhere]:
    with elsewhere() as server:
        settings.EGRESS_ALLOW = [server.place]
        yield server


def names(monkeypatch: pytest.MonkeyPatch, *answers: str) -> list[str]:
    """The resolver at the far end: what `pictures.example.org` means, one look-up after the other. Those that were made."""
    real, asked = socket.getaddrinfo, list[str]()

    def far(host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
        if host != "pictures.example.org":
            return real(host, port, *args, **kwargs)
        asked.append(host)
        return real(answers[min(len(asked), len(answers)) - 1].strip("[]"), port, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", far)
    return asked


@each_form
async def test_no_form_of_an_inner_address_is_gone_to(host: str) -> None:
    for scheme in ("http", "https"):
        with pytest.raises(errors.AddressRefused):
            await fetch(f"{scheme}://{host}/a.png", whose=1)


@each_form
async def test_nor_by_a_name_that_means_it(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = names(monkeypatch, host)
    with pytest.raises(errors.AddressRefused):
        await fetch("http://pictures.example.org/a.png", whose=1)
    assert len(asked) == 1


@each_form
async def test_nor_by_a_redirect(host: str, there: Elsewhere) -> None:
    url = there.gives("/a.png", status=302, Location=f"http://{host}/latest/meta-data/")
    with pytest.raises(errors.AddressRefused):
        await fetch(url, whose=1)
    assert len(there.asked) == 1


def test_they_are_at_least_those_that_were_promised() -> None:
    assert len(set(FORMS.values())) >= 37


async def test_a_name_is_looked_up_once_and_what_was_judged_is_connected_to(
    there: Elsewhere, settings: LazySettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.EGRESS_ALLOW = [f"pictures.example.org:{there.port}"]
    there.gives("/a.png", b"here")
    asked = names(monkeypatch, "127.0.0.1", "169.254.169.254")
    assert (await fetch(f"http://pictures.example.org:{there.port}/a.png", whose=1)).content == b"here"
    assert len(asked) == 1


async def test_a_name_that_means_something_else_at_the_next_hop_is_judged_anew(
    there: Elsewhere, monkeypatch: pytest.MonkeyPatch
) -> None:
    there.gives("/a.png", status=302, Location=f"http://pictures.example.org:{there.port}/b.png")
    asked = names(monkeypatch, "10.0.0.1")
    with pytest.raises(errors.AddressRefused, match="cannot be found, or leads to where"):
        await fetch(f"http://{there.place}/a.png", whose=1)
    assert len(asked) == 1


async def test_a_name_that_there_is_not_is_refused_in_the_same_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody learns which names mean something inside."""

    async def said() -> str:
        with pytest.raises(errors.AddressRefused) as refused:
            await fetch("http://pictures.example.org/a.png", whose=1)
        return f"{refused.value.message} {refused.value.next}"

    names(monkeypatch, "10.0.0.1")
    inside = await said()

    def nothing(*args: Any, **kwargs: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "no such name")

    monkeypatch.setattr(socket, "getaddrinfo", nothing)
    assert await said() == inside


async def test_five_redirects_are_followed_and_no_more_and_nothing_is_taken_along(there: Elsewhere) -> None:
    for number in range(6):
        there.gives(f"/{number}", status=(301, 302, 303, 307, 308, 302)[number], Location=f"/{number + 1}?x#y", Set_Cookie="a=b")
    there.gives("/6", b"there")
    found = await fetch(f"http://{there.place}/1", whose=1)
    assert (found.content, found.name, found.host) == (b"there", "6", "127.0.0.1")
    with pytest.raises(errors.FarEndFailed, match="on and on"):
        await fetch(f"http://{there.place}/0", whose=1)
    brought = {name.lower() for _, headers in there.asked for name in headers}
    assert brought == {"host", "accept", "accept-encoding", "user-agent"}


@pytest.mark.parametrize(
    "location",
    ["ftp://1.1.1.1/a", "file:///etc/passwd", "http://user:secret@1.1.1.1/a", "http://1.1.1.1:25/", "//[::1", "data:,x"],
)
async def test_a_redirect_to_what_is_no_address_of_the_web_is_refused(there: Elsewhere, location: str) -> None:
    with pytest.raises(errors.AddressRefused):
        await fetch(there.gives("/a", status=302, Location=location), whose=1)


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("ftp://1.1.1.1/a.png", "This is no address of the web."),
        ("cat.png", "This is no address of the web."),
        ("https://1.1.1.1/ä.png", "This address has other letters than a to z."),
        ("http://10.0.0.1/a.png", "That address is none that anybody could open, so this server does not go there."),
        ("http://user:secret@1.1.1.1/a.png", "That address is none that anybody could open, so this server does not go there."),
        ("http://1.1.1.1:22/a.png", "That address has a port that is none of the web's."),
    ],
)
async def test_a_refusal_is_a_sentence(url: str, sentence: str) -> None:
    with pytest.raises(errors.AddressRefused) as refused:
        await fetch(url, whose=1)
    assert refused.value.message == sentence
    assert "EGRESS" not in refused.value.next


@pytest.mark.parametrize(("status", "sentence"), [(404, "nothing at that"), (403, "to everybody"), (500, "answered 500")])
async def test_what_is_not_given_is_said(there: Elsewhere, status: int, sentence: str) -> None:
    with pytest.raises(errors.FarEndFailed, match=sentence):
        await fetch(there.gives("/a.png", b"no", status=status), whose=1)


async def test_more_than_ten_megabytes_are_not_read(there: Elsewhere) -> None:
    with pytest.raises(errors.AnswerTooLarge):
        await fetch(there.gives("/a.png", b"x" * (fetching.MOST + 1)), whose=1)


async def test_what_is_packed_is_unpacked_to_as_much_and_no_more(there: Elsewhere) -> None:
    small = await fetch(there.gives("/a.png", gzip.compress(b"image"), Content_Encoding="gzip"), whose=1)
    assert small.unpacked() == b"image"
    bomb = zlib.compress(b"\0" * 50 * fetching.MOST)
    big = await fetch(there.gives("/b.png", bomb, Content_Encoding="deflate"), whose=1)
    with pytest.raises(errors.AnswerTooLarge):
        big.unpacked()
    for packing, content in (("br", b"x"), ("gzip", b"broken"), ("gzip, gzip", b"x")):
        with pytest.raises(errors.FarEndFailed):
            Fetched("a.example", "a.png", packing, content).unpacked()


async def test_all_of_it_has_one_deadline_also_over_redirects(settings: LazySettings) -> None:
    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> None:
        await asyncio.sleep(0.15)
        writer.write(b"HTTP/1.1 302 Found\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()

    async with far_end(slow) as (port, asked):
        settings.EGRESS_ALLOW = [f"127.0.0.1:{port}"]
        with pytest.raises(errors.FarEndFailed, match="in time"):
            await fetch(f"http://127.0.0.1:{port}/", whose=1, seconds=0.35)
    assert len(asked) < 4
