"""Servers that restart, stay away or answer oddly when a reply is taken up again."""

from typing import Any

import httpx
import pytest

from chat import errors
from chat.protocol import events
from chat.providers.background import Patience
from tests.providers.asking import every, far


class Restarting:
    """A server that is away for some requests, then has the reply."""

    def __init__(self, away: int) -> None:
        self.away, self.asked = away, 0

    def __call__(self, sent: httpx.Request) -> httpx.Response:
        self.asked += 1
        if self.asked <= self.away:
            raise httpx.ConnectError("refused")
        return httpx.Response(200, json={"object": "response", "status": "completed", "output": []})


async def test_a_server_that_restarts_meanwhile_is_waited_for() -> None:
    (end,) = await every(far(Restarting(8)).resume("resp_1", 5))
    assert isinstance(end, events.ResponseCompleted)


async def test_a_server_that_stays_away_is_unreachable_in_the_end() -> None:
    server = Restarting(1000)
    with pytest.raises(errors.Unreachable):
        await every(far(server).resume("resp_1", 5))
    assert server.asked < 40


@pytest.mark.parametrize(
    ("whole", "kind"),
    [
        ({"status": "in_progress", "background": False}, errors.ResponseGone),
        ({"hello": "world"}, errors.ResponseGone),
        ({"status": "in_progress"}, errors.Slow),
    ],
)
async def test_what_nobody_goes_on_with_is_not_waited_for_without_end(
    whole: dict[str, Any], kind: type[errors.UpstreamError]
) -> None:
    def answer(sent: httpx.Request) -> httpx.Response:
        return httpx.Response(400 if "stream" in sent.url.params else 200, json=whole)

    with pytest.raises(kind):
        await every(far(answer, patience=Patience(pause=0.02, quiet=0.2)).resume("resp_1", 5))


@pytest.mark.parametrize(
    "body", [b'data: {"type": "resp\n\n', b"data: [1]\n\n", b'data: {"error": {"message": "x"}}\n\n', b"<html>"]
)
async def test_a_replay_that_cannot_be_read_is_no_end(body: bytes) -> None:
    looks = 0

    def answer(sent: httpx.Request) -> httpx.Response:
        nonlocal looks
        if "stream" in sent.url.params:
            return httpx.Response(200, content=body, headers={"Content-Type": "text/event-stream"})
        looks += 1
        status = "in_progress" if looks < 3 else "completed"
        return httpx.Response(200, json={"object": "response", "status": status, "output": []})

    (end,) = await every(far(answer).resume("resp_1", 5))
    assert isinstance(end, events.ResponseCompleted)


@pytest.mark.parametrize("status", ["incomplete", "cancelled", "odd", "failed"])
async def test_only_what_says_so_is_completed(status: str) -> None:
    def answer(sent: httpx.Request) -> httpx.Response:
        return httpx.Response(400) if "stream" in sent.url.params else httpx.Response(200, json={"status": status})

    (end,) = await every(far(answer).resume("resp_1", 5))
    assert isinstance(end, events.ResponseFailed if status == "failed" else events.ResponseIncomplete)
