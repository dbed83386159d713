"""The tests' own PostgreSQL and Redis: they break as the real ones do, and they never outlive the run."""

import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis

from tests import engines
from tests.engines import binaries

ROOT = Path(__file__).resolve().parent.parent
WITHIN = 20.0  # seconds


@pytest.fixture(scope="module")
def database() -> Iterator[engines.Postgres]:
    with engines.Postgres(max_connections="20") as engine:
        yield engine


@pytest.fixture
def doorbell() -> Iterator[engines.Redis]:
    with engines.Redis() as engine:
        yield engine


def launched(*arguments: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "tests.engines", *arguments]
    return subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def first_line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline()


def test_a_commit_survives_a_crash_and_its_open_connections_do_not(database: engines.Postgres) -> None:
    url = database.fresh()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE kept (word text)")
        connection.execute("INSERT INTO kept VALUES ('here')")
        database.restart(mode="immediate")
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")
    assert database.run("SELECT word FROM kept", database=url.rsplit("/", 1)[1]) == [("here",)]


def test_a_killed_server_starts_again_at_its_address(database: engines.Postgres) -> None:
    address = database.address()
    assert database.process is not None
    database.process.kill()
    database.process.wait(WITHIN)
    database.start()
    assert database.address() == address
    assert database.run("SELECT 1") == [(1,)]


def test_options_reach_the_server(database: engines.Postgres) -> None:
    assert database.run("SHOW max_connections") == [("20",)]
    assert database.run("SHOW fsync") == [("off",)]


def test_a_fresh_database_may_copy_another(database: engines.Postgres) -> None:
    database.url("pattern")
    database.run("CREATE TABLE copied (word text)", database="pattern")
    copy, empty = (url.rsplit("/", 1)[1] for url in (database.fresh(like="pattern"), database.fresh()))
    assert [database.run("SELECT to_regclass('copied') IS NULL", database=name) for name in (copy, empty)] == [
        [(False,)],
        [(True,)],
    ]


def test_what_was_made_in_a_given_server_is_gone_afterwards(database: engines.Postgres) -> None:
    with engines.GivenPostgres(database.url("given")) as given:
        name = given.fresh().rsplit("/", 1)[1]
        assert database.run("SELECT 1 FROM pg_database WHERE datname = %s", name)
        with psycopg.connect(given.url(name)):
            pass
    assert not database.run("SELECT 1 FROM pg_database WHERE datname = %s", name)
    assert database.run("SELECT 1 FROM pg_database WHERE datname = 'given'")


def test_redis_forgets_with_a_flush_and_with_a_restart(doorbell: engines.Redis) -> None:
    with redis.Redis.from_url(doorbell.url) as client:
        for forget in (doorbell.flush, doorbell.restart):
            client.set("word", "here")
            forget()
            assert client.get("word") is None


def test_a_paused_redis_answers_when_it_is_resumed(doorbell: engines.Redis) -> None:
    with redis.Redis.from_url(doorbell.url, socket_timeout=0.2) as client:
        client.ping()
        doorbell.pause()
        with pytest.raises(redis.TimeoutError):
            client.ping()
    doorbell.resume()
    with redis.Redis.from_url(doorbell.url, socket_timeout=WITHIN) as client:
        assert client.ping()


def test_a_stopped_redis_refuses_until_it_is_started(doorbell: engines.Redis) -> None:
    doorbell.stop()
    with redis.Redis.from_url(doorbell.url) as client:
        with pytest.raises(redis.ConnectionError):
            client.ping()
        doorbell.start()
        assert client.ping()


def test_nothing_is_left_on_disk(doorbell: engines.Redis) -> None:
    assert doorbell.folder.exists()
    doorbell.close()
    assert not doorbell.folder.exists()


def test_the_launcher_hands_both_addresses_over_and_the_status_back() -> None:
    with launched("postgres", "redis", "--", "sh", "-c", "echo $DATABASE_URL $REDIS_URL; exit 3") as launcher:
        assert re.match(r"postgres://\S+/parley redis://\S+/0$", first_line(launcher))
        assert launcher.wait(WITHIN) == 3


def test_an_interrupted_launcher_lets_the_command_end_in_peace() -> None:
    script = "trap 'echo tidy; exit 5' TERM; echo up; while :; do read -r _ || exit 9; done"
    with launched("redis", "--", "sh", "-c", script) as launcher:
        assert first_line(launcher) == "up\n"
        launcher.send_signal(signal.SIGTERM)
        assert launcher.stdin is not None
        launcher.stdin.write("\n")
        launcher.stdin.flush()
        assert first_line(launcher) == "tidy\n"
        assert launcher.wait(WITHIN) == 5


@pytest.mark.parametrize("name", ["postgres", "redis"])
def test_engines_end_when_their_owner_is_killed(name: str) -> None:
    script = "import sys, tests.engines as e\nwith e.%s() as x: print(x.folder, x.port, flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", script % name.capitalize()]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as owner:
        folder, port = first_line(owner).split()
        owner.kill()
        owner.wait(WITHIN)
    deadline = time.monotonic() + WITHIN
    while Path(folder).exists() and time.monotonic() < deadline:
        time.sleep(0.05)  # its end is nobody's child, and makes no noise
    assert not Path(folder).exists()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", int(port)), timeout=2)


def test_what_is_not_installed_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binaries, "PLACES", "")
    with pytest.raises(engines.Missing, match="deploy/setup test"):
        engines.Redis()
