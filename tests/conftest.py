"""Fixtures that every test may use."""

import asyncio
from collections.abc import Iterator

import pytest
from asgiref.sync import sync_to_async
from django.db import connections
from django.test import Client

from chat.models import User
from chat.store import pool
from tests import engines
from tests.cast import Cast, assemble
from tests.scripted import ScriptedServer


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None) -> Iterator[None]:
    """Postgres drops no database to which threads still hold connections: the house's own, and the one of async views."""
    yield
    pool.disconnect()
    asyncio.run(sync_to_async(connections.close_all)())


@pytest.fixture(scope="session")
def postgres() -> Iterator[engines.Postgres | engines.GivenPostgres]:
    """A PostgreSQL for what runs in processes of its own. Who wants to break it makes another: `engines.Postgres()`."""
    with engines.postgres() as engine:
        yield engine


@pytest.fixture(scope="session")
def redis() -> Iterator[engines.Redis | engines.GivenRedis]:
    """A Redis, to be left whole in the same way."""
    with engines.redis() as engine:
        yield engine


@pytest.fixture
def cast(db: None) -> Cast:
    """The owner, a team-mate, and the stranger."""
    return assemble()


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def owner(cast: Cast) -> Client:
    return signed_in(cast.owner)


@pytest.fixture
def stranger(cast: Cast) -> Client:
    return signed_in(cast.stranger)


@pytest.fixture(autouse=True)
def fresh_providers() -> Iterator[None]:
    """No test inherits what another one's model server had taught."""
    from chat import providers

    providers.reset()
    yield
    providers.reset()


@pytest.fixture(scope="session")
def scripted_server() -> Iterator[ScriptedServer]:
    server = ScriptedServer()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def scripted(scripted_server: ScriptedServer) -> ScriptedServer:
    """The scripted model server, without memory of other tests."""
    scripted_server.clear()
    return scripted_server
