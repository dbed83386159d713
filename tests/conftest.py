"""Fixtures that every test may use."""

from collections.abc import Iterator

import pytest
from django.test import Client

from chat.models import User
from tests.cast import Cast, assemble
from tests.scripted import ScriptedServer


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
