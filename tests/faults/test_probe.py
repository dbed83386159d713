"""A process that is killed in the middle of a probe leaves nothing at the model server that nobody knows of."""

from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic, sleep

import pytest

from tests.engines import Postgres, Redis
from tests.faults.house import House, LargeHouse
from tests.providers.test_probe import server
from tests.scripted_openai import OpenAILike

ASKED = """INSERT INTO chat_probe (server, model, found, state, done, total, error, epoch, attempts, created)
VALUES (%s, '', '{}', 'queued', 0, 0, '', 0, 0, '2026-01-01 00:00:00+00:00') RETURNING id"""
DONE = "UPDATE chat_probe SET state = 'failed' RETURNING id"
LATER = "UPDATE chat_kept SET next_try = '2026-01-01 00:00:00+00:00' WHERE state = 'due' RETURNING id"


@pytest.fixture
def openai() -> Iterator[OpenAILike]:
    with server() as there:
        yield there


@pytest.fixture(params=["sqlite", "postgres"])
def house(request: pytest.FixtureRequest, tmp_path: Path, openai: OpenAILike) -> Iterator[House]:
    if request.param == "sqlite":
        with House(tmp_path, model_server=openai.base_url) as one:
            yield one
        return
    postgres, redis = (request.getfixturevalue(name) for name in ("postgres", "redis"))
    assert isinstance(postgres, Postgres)
    assert isinstance(redis, Redis)
    engines = {"database_url": postgres.fresh(), "redis_url": redis.url}
    with LargeHouse(tmp_path, model_server=openai.base_url, web=1, workers=1, **engines) as several:
        yield several


def wait(condition: Callable[[], bool], *, seconds: float = 30) -> None:
    deadline = monotonic() + seconds
    while not condition():
        assert monotonic() < deadline
        sleep(0.05)


def states(house: House) -> list[tuple[str, str]]:
    return [(kind, state) for kind, state in house.rows("SELECT kind, state FROM chat_kept ORDER BY id")]


def test_what_a_killed_probe_made_is_deleted_by_the_next_process(house: House, openai: OpenAILike) -> None:
    openai.cabinet.refusals["DELETE"] = ["hang"]
    house.rows(ASKED, openai.base_url)
    wait(lambda: not openai.cabinet.refusals["DELETE"])
    program = house.programs[-1]
    program.kill()
    assert openai.cabinet.kept
    assert openai.shelf.kept
    known = {name for (name,) in house.rows("SELECT upstream_id FROM chat_kept WHERE state = 'due'")}
    assert known >= {*openai.cabinet.kept, *openai.shelf.kept}
    house.rows(DONE)
    house.rows(LATER)
    program.start()
    house.wait_for(program)
    wait(lambda: {state for _, state in states(house)} == {"gone"})
    assert {kind for kind, _ in states(house)} >= {"response", "file"}
    assert (openai.shelf.kept, openai.cabinet.kept, openai.held) == ({}, {}, set())
