"""Houses to be broken, and what their processes said where a test fails."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.engines import Postgres, Redis
from tests.faults.house import House, LargeHouse
from tests.scripted import ScriptedServer


@pytest.fixture(autouse=True)
def fresh_providers() -> None:
    """The servers are processes of their own: nothing to forget in this one."""


@pytest.fixture(scope="session")
def model() -> Iterator[ScriptedServer]:
    """The scripted model server of all fault tests. It remembers: find what is yours by its text."""
    server = ScriptedServer().start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    with Postgres() as engine:
        yield engine


@pytest.fixture(scope="session")
def redis() -> Iterator[Redis]:
    with Redis() as engine:
        yield engine


@pytest.fixture(scope="session")
def several(
    tmp_path_factory: pytest.TempPathFactory, model: ScriptedServer, postgres: Postgres, redis: Redis
) -> Iterator[LargeHouse]:
    """Two web processes and two workers behind nginx, with all the time that replies need to finish. Leave them running."""
    house = LargeHouse(
        tmp_path_factory.mktemp("several"),
        model_server=model.base_url,
        database_url=postgres.fresh(),
        redis_url=redis.url,
        web=2,
        workers=2,
        DRAIN_SECONDS="15",
    )
    with house:
        yield house
        for program in house.programs:
            assert not program.complaints()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    report = yield
    if report.failed:
        houses = [value for value in getattr(item, "funcargs", {}).values() if isinstance(value, House)]
        report.sections += [("the processes", house.said()) for house in houses]
    return report
