"""Postgres writes a statement that fails, with its values, into its own log: so also what was said where nothing is stored."""

import asyncio
import secrets
from collections.abc import Iterator

import psycopg
import pytest

from tests.engines import Postgres
from tests.faults.house import House, LargeHouse
from tests.scripted import ScriptedServer


@pytest.fixture
def house(tmp_path_factory: pytest.TempPathFactory, model: ScriptedServer, postgres: Postgres) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("log")
    with LargeHouse(folder, model_server=model.base_url, database_url=postgres.fresh()) as house:
        yield house


async def test_a_statement_that_is_cut_short_leaves_what_was_said_in_no_log(house: House, postgres: Postgres) -> None:
    (person,) = house.people(1)
    word = f"canary{secrets.token_hex(6)}"
    with psycopg.connect(house.environment["DATABASE_URL"]) as connection:  # as a migration, or CREATE INDEX
        connection.execute("LOCK TABLE chat_item IN SHARE MODE")
        sending = asyncio.create_task(person.post("/", text=f"My {word}", client_id=secrets.token_hex(16), store="off"))
        waits = "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'INSERT INTO chat_item%'"
        for _ in range(200):
            if found := house.rows(waits):
                break
            await asyncio.sleep(0.05)
        house.rows("SELECT pg_cancel_backend(%s)", found[0][0])  # a time limit, an operator, a server that is shut down
        answer = await sending
    assert answer.status_code >= 400
    assert word not in house.said()
    assert word not in postgres.log()
