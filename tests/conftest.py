"""Fixtures that every test may use."""

import asyncio
from collections.abc import Iterator

import pytest
from asgiref.sync import sync_to_async
from django.db import connection, connections
from django.test import Client
from pytest_django import DjangoDbBlocker

from chat.models import User
from chat.store import pool
from tests import engines
from tests.cast import Cast, assemble
from tests.scripted import ScriptedServer


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Postgres drops no database to which threads still hold connections: the house's own, and the one of async views. On SQLite
    tests whose transactions are real empty all tables afterwards, by DELETE, also of the record, where a trigger refuses that.
    """
    with django_db_blocker.unblock():
        if connection.vendor == "sqlite":
            connection.cursor().execute("DROP TRIGGER IF EXISTS chat_adminact_unremoved")
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
