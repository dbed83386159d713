"""Where this server goes for its people: to public addresses by https, to what it judged, and nowhere else."""

import asyncio
import ipaddress
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings

from chat import egress, errors
from chat.egress import lookups
from tests.far_end import far_end, says

INSIDE = """
0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 100.64.0.1 100.127.255.254 127.0.0.1 127.8.9.10 169.254.0.1 169.254.169.254 172.16.0.1
172.31.255.255 192.0.0.8 192.0.0.170 192.0.2.1 192.88.99.1 192.168.0.1 192.168.255.255 198.18.0.1 198.19.255.255 198.51.100.7
203.0.113.7 168.63.129.16 224.0.0.1 239.255.255.250 240.0.0.1 255.255.255.255
:: ::1 ::7f00:1 ::a9fe:a9fe ::ffff:127.0.0.1 ::ffff:169.254.169.254 ::ffff:0:a9fe:a9fe 64:ff9b::169.254.169.254 64:ff9b::a00:1
64:ff9b:1::a9fe:a9fe 100::1 2001::1 2001:0:53aa:64c::1 2001:2::1 2001:10::1 2001:20::1 2001:db8::1 2002:a9fe:a9fe::1
2002:7f00:1::1 3fff::1 5f00::1 fc00::1 fd00:ec2::254 fe80::1 febf::1 fec0::1 ff02::1 ff0e::1 4000::1
"""
PUBLIC = ["1.1.1.1", "9.9.9.9", "93.184.216.34", "172.32.0.1", "100.128.0.1", "198.20.0.1", "2606:4700::1111", "2a00:1450::1"]
SPELLED = """
https://127.1/ https://2130706433/ https://017700000001/ https://0177.0.0.1/ https://0x7f000001/ https://0x7f.0.0.1/ https://127.0.1/
https://1.1.1.1/ä https://1.1.1.1/一 https://bücher.example/
https://localhost/ https://LOCALHOST/ https://127.0.0.1./ https://[::1]/ https://[::ffff:7f00:1]/
https://[::ffff:127.0.0.1]/ https://[0:0:0:0:0:0:0:1]/ https://①②⑦.⓪.⓪.①/ https://127。0。0。1/ https://[fe80::1%25lo]/ https://[2606:4700::1111%25lo]/
https://user:password@1.1.1.1/ https://1.1.1.1\\@127.0.0.1/ https://127.0.0.1%2f@1.1.1.1/ http://1.1.1.1/ http://example.org/
ftp://1.1.1.1/ file:///etc/passwd gopher://1.1.1.1/ data:,x //1.1.1.1/ 1.1.1.1 https:// https:///x https://[::1 https://1.1.1.1:99999/
"""


@pytest.mark.parametrize("address", INSIDE.split())
async def test_no_address_that_leads_inside_is_public(address: str) -> None:
    assert not egress.is_public(ipaddress.ip_address(address))
    with pytest.raises(errors.AddressRefused):
        await egress.check(f"https://[{address}]/" if ":" in address else f"https://{address}/")


@pytest.mark.parametrize("address", PUBLIC)
async def test_others_are(address: str) -> None:
    await egress.check(f"https://[{address}]:8443/x" if ":" in address else f"https://{address}/x")


@pytest.mark.parametrize("url", SPELLED.split())
async def test_no_spelling_leads_there(url: str) -> None:
    with pytest.raises(errors.AddressRefused):
        await egress.send("GET", url)


async def test_a_name_with_a_dot_at_its_end_is_the_same_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", Names("127.0.0.1", name="push.example.org."))
    with pytest.raises(errors.AddressRefused):
        await egress.send("GET", "https://push.example.org./")


OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nSet-Cookie: a=b\r\n\r\nhi"


async def test_loopback_is_reached_where_it_is_allowed_only(settings: LazySettings) -> None:
    async with far_end(says(OK)) as (port, asked):
        url = f"http://127.0.0.1:{port}/x?y=z"
        with pytest.raises(errors.AddressRefused):
            await egress.send("POST", url, content=b"words")
        assert asked == []
        for allowed in (f"127.0.0.1:{port}", "127.0.0.0/8"):
            settings.EGRESS_ALLOW = [allowed]
            answer = await egress.send("POST", url, content=b"words", headers={"TTL": "60"})
            assert (answer.status, answer.content) == (200, b"hi")
        settings.EGRESS_ALLOW = [f"127.0.0.1:{port + 1}", "10.0.0.0/8"]
        with pytest.raises(errors.AddressRefused):
            await egress.send("POST", url)
    assert len(asked) == 2
    assert asked[0].startswith(b"POST /x?y=z HTTP/1.1\r\n")
    assert b"ttl: 60\r\n" in asked[0].lower()
    assert asked[0].endswith(b"words")
    assert b"cookie" not in asked[1].lower(), "what one answer sets, the next request does not bring"


async def test_a_status_line_that_is_none_is_a_failure_over_there(settings: LazySettings) -> None:
    async def odd(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> None:
        writer.write(b"HTTP/1.1 201 \xff\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()

    async with far_end(odd) as (port, _):
        settings.EGRESS_ALLOW = [f"127.0.0.1:{port}"]
        with pytest.raises(errors.FarEndFailed):
            await egress.send("POST", f"http://127.0.0.1:{port}/")


def test_where_an_address_leads_is_said_of_any() -> None:
    assert egress.host_of("https://a\n/") == ""
    assert egress.host_of("https://a]/")


async def test_names_that_somebody_chose_hold_up_no_other_lookup(monkeypatch: pytest.MonkeyPatch) -> None:
    gate, real = threading.Event(), socket.getaddrinfo

    def slow(host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
        if host == "slow.example.org":
            gate.wait(20)
            raise socket.gaierror
        return real(host, port, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    asking = [asyncio.create_task(egress.check("https://slow.example.org/")) for _ in range(100)]
    await asyncio.sleep(0)
    try:
        async with asyncio.timeout(2):
            await asyncio.get_running_loop().getaddrinfo("127.0.0.1", 80)
    finally:
        gate.set()
        await asyncio.gather(*asking, return_exceptions=True)


@pytest.fixture
def slow_names(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The resolver at the far end: slow names take longer than anybody waits, all others mean an address inside. Which slow ones
    it has been asked for.
    """
    gate, asked = threading.Event(), list[str]()

    def far(host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
        if "slow." not in host:
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]
        asked.append(host)
        gate.wait(20)
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", far)
    yield asked
    gate.set()


async def push_to(host: str, whose: int) -> str:
    """In half a second; what became of it."""
    try:
        await egress.send("POST", f"https://{host}/", seconds=0.5, whose=whose)
    except errors.ParleyError as error:
        return type(error).__name__
    return "sent"


async def test_who_names_slow_ones_holds_up_nobody_else(slow_names: list[str]) -> None:
    """A lookup counts until its thread ends, though nobody waits for it."""
    one = [push_to(f"slow.example{number}.org", 1) for number in range(40)]
    zone = [push_to(f"b{number}.slow.example.net", number) for number in range(10, 50)]
    assert set(await asyncio.gather(*one, *zone)) == {"NameUnknown"}
    assert await push_to("another.slow.example.com", 1) == "NameUnknown"
    assert len(slow_names) == 2 * lookups.EACH
    assert await push_to("push.example.com", 2) == "AddressRefused"  # found, and judged


async def test_who_is_slow_himself_waits_for_his_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    gate = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: gate.wait(20) and [])
    asking = [asyncio.create_task(egress.resolved(f"a{number}.example.org", 443, whose=number)) for number in range(6)]
    await asyncio.sleep(0)
    gate.set()
    async with asyncio.timeout(10):
        found = await asyncio.gather(*asking, return_exceptions=True)
    assert {type(each) for each in found} == {errors.AddressRefused}


async def test_a_name_of_which_nobody_could_tell_is_not_called_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*args: Any, **kwargs: Any) -> Any:
        raise socket.gaierror(socket.EAI_AGAIN, "temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", away)
    assert await push_to("push.example.org", 1) == "NameUnknown"


class Names:
    """The resolver at the far end: what a name means the first time, the second …; the last answer stays."""

    def __init__(self, *answers: str, name: str = "push.example.org") -> None:
        self.name, self.answers, self.real, self.asked = name, list(answers), socket.getaddrinfo, 0

    def __call__(self, host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
        if host != self.name:
            return self.real(host, port, *args, **kwargs)
        self.asked += 1
        return self.real(self.answers[min(self.asked, len(self.answers)) - 1], port, *args, **kwargs)


async def test_a_name_that_means_something_else_a_moment_later_leads_nowhere(
    settings: LazySettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with far_end(says(OK)) as (port, asked):
        monkeypatch.setattr(socket, "getaddrinfo", Names("93.184.216.34", "127.0.0.1"))
        url = f"https://push.example.org:{port}/"
        await egress.check(url)
        with pytest.raises(errors.AddressRefused):
            await egress.send("POST", url)
    assert asked == []


def test_what_was_not_judged_is_not_connected_to_whoever_read_the_address_how() -> None:
    with pytest.raises(errors.AddressRefused):
        egress._Resolver().socket((socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", 443)))


async def test_of_a_name_with_several_addresses_only_the_public_ones_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    real = socket.getaddrinfo

    def both(host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
        if host != "push.example.org":
            return real(host, port, *args, **kwargs)
        return [info for each in ("127.0.0.1", "93.184.216.34", "64:ff9b::7f00:1") for info in real(each, port, *args, **kwargs)]

    monkeypatch.setattr(socket, "getaddrinfo", both)
    assert [address for _, address in await egress.resolved("push.example.org", 443)] == ["93.184.216.34"]


async def test_a_name_that_does_not_exist_is_said_to_be_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(*args: Any, **kwargs: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "no such name")

    monkeypatch.setattr(socket, "getaddrinfo", nothing)
    with pytest.raises(errors.FarEndFailed, match=r"push\.example\.org cannot be found"):
        await egress.check("https://push.example.org/")


async def test_a_redirect_is_an_answer_and_nothing_is_taken_along(settings: LazySettings) -> None:
    async with far_end(says(OK)) as (inside, asked_inside):
        moved = f"HTTP/1.1 307 Moved\r\nLocation: http://127.0.0.1:{inside}/\r\nContent-Length: 0\r\n\r\n"
        async with far_end(says(moved)) as (port, _):
            settings.EGRESS_ALLOW = [f"127.0.0.1:{port}"]
            answer = await egress.send("POST", f"http://127.0.0.1:{port}/", headers={"Authorization": "vapid t=x"}, content=b"w")
    assert answer.status == 307
    assert asked_inside == []


async def test_an_answer_without_end_is_cut(settings: LazySettings) -> None:
    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n")
        while True:
            writer.write(b"x" * 10_000)
            await writer.drain()

    async with far_end(endless) as (port, asked):
        settings.EGRESS_ALLOW = [f"127.0.0.1:{port}"]
        with pytest.raises(errors.FarEndFailed, match="too large"):
            await egress.send("GET", f"http://127.0.0.1:{port}/", most=20_000)
    assert b"accept-encoding: identity" in asked[0].lower()


@pytest.mark.parametrize("begins", ["", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"])
async def test_one_that_does_not_come_is_not_waited_for(settings: LazySettings, begins: str) -> None:
    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> None:
        writer.write(begins.encode())
        await reader.read()

    async with far_end(slow) as (port, _):
        settings.EGRESS_ALLOW = [f"127.0.0.1:{port}"]
        with pytest.raises(errors.FarEndFailed, match="in time"):
            await egress.send("GET", f"http://127.0.0.1:{port}/", seconds=0.2)


async def test_where_nobody_listens_is_said(settings: LazySettings) -> None:
    settings.EGRESS_ALLOW = ["127.0.0.1:9"]
    with pytest.raises(errors.FarEndFailed, match="cannot be reached"):
        await egress.send("GET", "http://127.0.0.1:9/")


async def test_no_proxy_of_the_environment_is_asked(settings: LazySettings, monkeypatch: pytest.MonkeyPatch) -> None:
    async with far_end(says(OK)) as (proxy, asked), far_end(says(OK)) as (port, _):
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy}")
        settings.EGRESS_ALLOW = [f"127.0.0.1:{port}"]
        await egress.send("GET", f"http://127.0.0.1:{port}/")
    assert asked == []


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("tls")
    key, cert = folder / "key.pem", folder / "cert.pem"
    made = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    named = ["-subj", "/CN=push.example.org", "-addext", "subjectAltName=DNS:push.example.org"]
    subprocess.run([*made, "-keyout", key, "-out", cert, *named], check=True, capture_output=True)
    return key, cert


async def test_the_certificate_is_the_names_though_the_address_was_judged(
    settings: LazySettings, monkeypatch: pytest.MonkeyPatch, certificate: tuple[Path, Path]
) -> None:
    key, cert = certificate
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(cert, key)
    trust = ssl.create_default_context(cafile=str(cert))
    named: list[str | None] = []
    tls.sni_callback = lambda _, name, __: named.append(name)
    async with far_end(says(OK), tls=tls) as (port, asked):
        settings.EGRESS_ALLOW = [f"push.example.org:{port}", f"127.0.0.1:{port}"]
        monkeypatch.setattr(socket, "getaddrinfo", Names("127.0.0.1"))
        assert (await egress.send("GET", f"https://push.example.org:{port}/", trust=trust)).status == 200
        with pytest.raises(errors.FarEndFailed):
            await egress.send("GET", f"https://127.0.0.1:{port}/", trust=trust)
        with pytest.raises(errors.FarEndFailed):
            await egress.send("GET", f"https://push.example.org:{port}/")
    assert named[0] == "push.example.org"
    assert len(asked) == 1
