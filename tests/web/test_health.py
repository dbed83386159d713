"""/livez touches nothing; /readyz knows the database and whether the process is about to stop."""

from typing import Any

import pytest

from chat.runs.process import process
from chat.web.health import Health


async def nothing(scope: Any, receive: Any, send: Any) -> None:
    raise AssertionError("Django was asked")


async def ask(health: Health, path: str) -> tuple[int, bytes]:
    told: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        told.append(message)

    await health({"type": "http", "path": path}, nothing, send)
    return told[0]["status"], told[1]["body"]


async def test_a_living_process_says_so_without_a_database() -> None:
    assert await ask(Health(nothing), "/livez") == (200, b"alive\n")


async def test_a_process_with_its_database_is_ready(transactional_db: None) -> None:
    health = Health(nothing)
    assert await ask(health, "/readyz") == (200, b"ready\n")
    assert await ask(health, "/readyz") == (200, b"ready\n")


async def test_a_process_that_is_about_to_stop_is_not_ready_but_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "draining", True)
    health = Health(nothing)
    assert await ask(health, "/readyz") == (503, b"about to stop\n")
    assert (await ask(health, "/livez"))[0] == 200
