"""Where temporary conversations live: in memory or in a Redis, the same in both, bounded, gone in time."""

from collections.abc import Iterator
from typing import Any

import pytest
import redis as client

from chat.store import temporary
from chat.store.temporary import Home, Memory, TooMany
from chat.store.temporary_redis import KEEPS, NO_ANSWER, UNSEEN, InRedis
from tests import engines
from tests.temporary.conftest import Clock

ONE, TWO = "temp_" + "1" * 32, "temp_" + "2" * 32


@pytest.fixture(scope="module")
def own_redis() -> Iterator[engines.Redis]:
    with engines.Redis() as engine:
        yield engine


@pytest.fixture
def server(own_redis: engines.Redis) -> Iterator[Any]:
    with client.Redis.from_url(own_redis.url) as connection:
        yield connection
        connection.config_set("appendonly", "no")
        connection.config_set("save", "")
        connection.flushall()


@pytest.fixture(params=["memory", "redis"])
def home(request: pytest.FixtureRequest, clock: Clock) -> Home:
    if request.param == "memory":
        return Memory(clock)
    request.getfixturevalue("server")
    return InRedis(request.getfixturevalue("own_redis").url)


def made(home: Home, *ids: str, owner: int = 1) -> None:
    for pk in ids:
        home.make(pk, owner=owner, document=b"{}", run="run")


def test_what_is_appended_is_there_until_another_document_takes_its_place(home: Home) -> None:
    made(home, ONE)
    assert home.append(ONE, "run", [b"1", b"2"], first=0) == 3
    kept = home.read(ONE)
    assert kept is not None
    assert (kept.owner, kept.document, kept.log, kept.position) == (1, b"{}", (b"1", b"2"), 3)
    assert home.look([ONE, TWO]) == {ONE: (3, "run")}
    assert not home.write(ONE, b"late", at=2, count=1)
    assert home.write(ONE, b"next", at=3, count=2)
    assert home.append(ONE, "run", [b"3"], first=2) is None  # no run is under way
    kept = home.read(ONE)
    assert kept is not None
    assert (kept.document, kept.log, kept.position) == (b"next", (), 5)
    home.drop(ONE)
    assert (home.read(ONE), home.of(1), home.size()) == (None, [], 0)
    assert not home.write(ONE, b"after", at=5, count=1)


def test_there_is_an_end_to_what_one_person_and_one_conversation_takes(home: Home) -> None:
    ids = [f"temp_{number:032}" for number in range(temporary.MOST)]
    made(home, *ids)
    with pytest.raises(TooMany):
        made(home, ONE)
    made(home, ONE, owner=2)
    assert (sorted(home.of(1)), home.of(2)) == (ids, [ONE])
    assert home.append(ids[0], "run", [b"x" * (temporary.EACH - 10)], first=0) == 2
    assert home.append(ids[0], "run", [b"x" * 9], first=1) is None
    assert home.size() == temporary.EACH - 10 + 2 * (temporary.MOST + 1)
    home.drop(ids[0])
    made(home, TWO)


def test_one_goes_when_no_page_is_open_or_nothing_is_said(clock: Clock, settings: Any) -> None:
    settings.TEMPORARY_CLOSED_MINUTES, settings.TEMPORARY_SILENCE_MINUTES = 10, 60
    home = Memory(clock)
    made(home, ONE, TWO)
    for _ in range(7):
        clock.pass_(minutes=8.5)
        home.look([ONE])
    assert home.of(1) == [ONE]  # 59.5 minutes of silence, and a page open; the other one's was closed
    assert home.append(ONE, "run", [b"1"], first=0) == 2
    clock.pass_(minutes=9.9)
    assert home.read(ONE) is not None
    clock.pass_(minutes=0.1)
    assert home.read(ONE) is None
    made(home, TWO)
    for _ in range(60):
        home.look([TWO])
        clock.pass_(minutes=1)
    assert home.look([TWO]) == {}
    home.tidy()
    assert home._entries == {}  # also where nobody asks for it


def test_in_redis_too_everything_of_one_has_its_end(own_redis: engines.Redis, server: Any, settings: Any) -> None:
    settings.TEMPORARY_CLOSED_MINUTES, settings.TEMPORARY_SILENCE_MINUTES = 10, 60
    home = InRedis(own_redis.url)
    made(home, ONE)
    home.append(ONE, "run", [b"1"], first=0)
    keys = server.keys("*")
    assert len(keys) == 4
    assert all(server.pttl(key) > 0 for key in keys)
    assert max(server.pttl(key) for key in keys if ONE.encode() in key) <= 600_000
    settings.TEMPORARY_SILENCE_MINUTES = 1
    home.look([ONE])
    assert server.pttl(f"parley:temporary:{ONE}") <= 60_000
    settings.TEMPORARY_CLOSED_MINUTES = 0
    home.look([ONE])
    assert not [key for key in server.keys("*") if ONE.encode() in key]
    assert (home.of(1), home.size()) == ([], 0)


@pytest.mark.parametrize(("name", "value"), [("appendonly", "yes"), ("save", "900 1")])
def test_a_redis_that_keeps_anything_on_disk_has_none(own_redis: engines.Redis, server: Any, name: str, value: str) -> None:
    home = InRedis(own_redis.url)
    made(home, ONE)
    server.config_set(name, value)
    assert home.why_not() == ""  # as it was a moment ago
    home._until = 0
    assert home.why_not() == KEEPS
    assert not server.keys("parley:temporary:*")
    with pytest.raises(temporary.Away):
        home.read(ONE)


def test_a_redis_that_does_not_tell_or_does_not_answer_has_none(own_redis: engines.Redis, server: Any) -> None:
    server.acl_setuser("guest", enabled=True, passwords=["+secret"], keys=["*"], channels=["*"], commands=["+@all", "-config"])
    guest = own_redis.url.replace(f":{own_redis.password}", "guest:secret")
    assert InRedis(guest).why_not() == UNSEEN
    assert InRedis(f"redis://127.0.0.1:{engines.free_port()}/0").why_not() == NO_ANSWER


def test_several_processes_without_a_redis_have_none() -> None:
    assert "Redis" in temporary.Nowhere().why_not()
