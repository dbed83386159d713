"""Exports and deletions are made here as the process makes them, but in this thread."""

import io
import json
from collections.abc import Iterator
from typing import Any
from zipfile import ZipFile

import pytest
from django.test import Client

from chat.models import Export, Response, Team, User
from chat.runs.exports import Making
from chat.store import departures, exports, invitations, messages, responses, teams
from chat.store.log import Batch
from chat.store.messages import Begun, TextFile
from chat.store.responses import Ending
from tests import cast


@pytest.fixture
def people(db: None) -> cast.Cast:
    return cast.assemble()


def steps(export: Export) -> Iterator[None]:
    """The steps of one export, each as the process takes it."""
    making = Making(export)
    while making.step():
        yield


def work() -> None:
    """Make every export that is due."""
    while (export := exports.take()) is not None:
        for _ in steps(export):
            pass


def clear() -> None:
    """Remove everything that is to go."""
    while exports.purge() is not None or departures.step():
        pass


def fetched(client: Client) -> bytes:
    """Ask for an export on the page, have it made, download it."""
    client.post("/settings/data/exports/")
    work()
    return download(client)


def download(client: Client) -> bytes:
    answer: Any = client.get(address(client))
    assert answer.status_code == 200
    data = b"".join(answer.streaming_content)
    assert len(data) == int(answer["Content-Length"])
    return data


def address(client: Client) -> str:
    """Where the page says that it is to be had."""
    export = client.get("/settings/data/").context["export"]
    assert export.state == "ready", (export.state, export.error)
    return f"/settings/data/exports/{export.pk}/"


def opened(data: bytes) -> dict[str, str]:
    """The files of the zip."""
    with ZipFile(io.BytesIO(data)) as found:
        assert found.testzip() is None
        return {name: found.read(name).decode() for name in found.namelist()}


def ending(files: dict[str, str], end: str) -> list[str]:
    return [text for name, text in files.items() if name.endswith(end)]


def conversations_of(files: dict[str, str]) -> list[dict[str, Any]]:
    return [json.loads(text) for name, text in files.items() if name.startswith("conversations/") and name.endswith(".json")]


def answer(begun: Begun, text: str) -> Response:
    """The reply, ended as a run ends it."""
    taken = responses.take(begun.response.pk)
    assert taken is not None
    wire = {"type": "message", "role": "assistant", "id": f"msg_{taken.pk[5:]}", "status": "completed"}
    content: Any = [{"type": "output_text", "text": text, "annotations": []}]
    usage: Any = {"input_tokens": 3, "output_tokens": 5}
    batch = Batch(taken.pk, taken.epoch, taken.conversation_id, 0, [b'{"type": "response.completed"}'])
    assert responses.end(batch, Ending("completed", [{**wire, "content": content}], usage=usage)) is not None
    return taken


def talk(actor: User, text: str, reply: str = "", into: str | None = None, files: tuple[TextFile, ...] = ()) -> Begun:
    begun = messages.send(actor=actor, conversation_id=into, text=text, files=files)
    if reply:
        answer(begun, reply)
    return begun


def team_of(owner: User, *others: User, name: str = "Physics") -> Team:
    team = teams.create(actor=owner, name=name)
    for other in others:
        made, _ = invitations.make(actor=owner, team=team, days=7, uses=1)
        teams.join(user=other, invitation=made)
    return team
