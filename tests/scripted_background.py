"""Background mode of the scripted model server: replies that go on when nobody listens.

A script's accidents (eof, reset, drop, hang, malformed) befall the connection that asked, not the reply; `fail` is the reply's.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from itertools import pairwise
from typing import Any, Protocol
from urllib.parse import parse_qs, unquote, urlsplit
from uuid import uuid4

from tests import scripted_wire as wire
from tests.scripted_pace import Piece, paced, spoiled
from tests.scripted_script import Script

MOST = 20_000


class Asked(Protocol):
    method: str
    path: str


class Kept:
    """One reply. The place of a piece in `pieces` is its sequence number."""

    def __init__(self, script: Script, body: dict[str, Any], *, background: bool = True) -> None:
        self.script = script
        self.speech = wire.Responses(script, body)
        self.speech.id = f"resp_{uuid4().hex}"
        self.speech.extra = {"background": background, "store": True}
        self.status = "in_progress" if background else "completed"
        self.until = time.monotonic() + float(script.get("keep", "600"))
        self.pieces: list[Piece] = []
        self.news = asyncio.Event()
        self.task: asyncio.Task[None] | None = None

    async def generate(self) -> None:
        said = 0
        async for is_word, piece in paced(self.script, self.speech.stream()):
            if is_word and said == self.script.after("fail"):
                self.fail()
                return
            said += is_word
            self.add((is_word, piece))
        self.end(self.speech.ending()[0])

    def fail(self) -> None:
        error = {"code": self.script.get("code", "server_error"), "message": self.script.get("message", "The engine stumbled.")}
        self.speech.extra["error"] = error
        self.add((False, self.speech.event("response.failed", response=self.speech.response("failed"))))
        self.end("failed")

    def cancel(self) -> None:
        if self.status == "in_progress":
            if self.task:
                self.task.cancel()
            self.end("cancelled")

    def end(self, status: str) -> None:
        self.status = status
        self.tell()

    def add(self, piece: Piece) -> None:
        self.pieces.append(piece)
        self.tell()

    def tell(self) -> None:
        self.news.set()
        self.news = asyncio.Event()

    def whole(self) -> dict[str, Any]:
        return self.speech.response(self.status)

    async def follow(self, after: int) -> AsyncIterator[Piece]:
        """Every piece with a number above `after`, those to come included."""
        at = after + 1
        while True:
            while at < len(self.pieces):
                yield self.pieces[at]
                at += 1
            if self.status != "in_progress":
                return
            await self.news.wait()


class Shelf:
    """All that are kept, each for its time. `tasks` holds their generation."""

    def __init__(self, tasks: set[asyncio.Task[None]]) -> None:
        self.kept: dict[str, Kept] = {}
        self.refusals: list[int] = []  # how the next requests to delete are answered: with these errors
        self.tasks = tasks

    def begin(self, script: Script, body: dict[str, Any]) -> Kept:
        self.kept = {name: kept for name, kept in self.kept.items() if kept.until > time.monotonic()}
        kept = Kept(script, body)
        self.kept[kept.speech.id] = kept
        kept.task = asyncio.ensure_future(kept.generate())
        self.tasks.add(kept.task)
        kept.task.add_done_callback(self.tasks.discard)
        return kept

    def keep(self, script: Script, body: dict[str, Any]) -> wire.Responses:
        """What is asked for with store: true; of very many the last."""
        if len(self.kept) >= MOST:
            del self.kept[next(iter(self.kept))]
        kept = Kept(script, body, background=False)
        self.kept[kept.speech.id] = kept
        return kept.speech

    def find(self, name: str) -> Kept | None:
        kept = self.kept.get(name)
        return kept if kept and kept.until > time.monotonic() else None

    async def create(self, script: Script, body: dict[str, Any], writer: asyncio.StreamWriter) -> None:
        kept = self.begin(script, body)
        if not body.get("stream"):
            return await wire.send_json(writer, kept.whole())
        of_connection = Script({name: value for name, value in script.options.items() if name != "fail"})
        return await wire.send_stream(writer, spoiled(of_connection, kept.follow(-1)))

    async def answer(self, request: Asked, writer: asyncio.StreamWriter) -> None:
        """GET (whole or as a stream), POST …/cancel, DELETE."""
        parts = urlsplit(request.path)
        name, _, verb = parts.path.removeprefix("/v1/responses/").partition("/")
        kept = self.find(unquote(name))
        match request.method, verb:
            case "DELETE", "" if self.refusals:
                await wire.send_error(writer, self.refusals.pop(0), message="Not now.")
            case "GET", "" if kept and kept.script.get("resume") != "404":
                await self._give(kept, parse_qs(parts.query), writer)
            case "POST", "cancel" if kept:
                kept.cancel()
                await wire.send_json(writer, kept.whole())
            case "DELETE", "" if kept:
                kept.cancel()
                del self.kept[kept.speech.id]
                await wire.send_json(writer, {"id": kept.speech.id, "object": "response.deleted", "deleted": True})
            case _:
                await wire.send_error(writer, 404, message=f"Response with id '{unquote(name)}' not found.")

    async def _give(self, kept: Kept, query: dict[str, list[str]], writer: asyncio.StreamWriter) -> None:
        how = kept.script.get("resume")
        if query.get("stream") != ["true"]:
            return await wire.send_json(writer, kept.whole())
        if how == "poll":
            return await wire.send_error(writer, 400, message="This response cannot be streamed.", param="stream")
        after = -1 if how == "replay" else int(query.get("starting_after", ["-1"])[0])
        return await wire.send_stream(writer, spoiled(Script({}), kept.follow(after)))


def refusal(script: Script, body: dict[str, Any], shelf: Shelf) -> dict[str, str] | None:
    """Why this cannot be made, as the error says it; None when it can."""
    previous = body.get("previous_response_id")
    if previous and shelf.find(previous) is None:
        message = f"Previous response with id '{previous}' not found."
        return {"message": message, "param": "previous_response_id", "code": "previous_response_not_found"}
    for item, follower in pairwise([*(body.get("input") or []), {}] if isinstance(body.get("input"), list) else []):
        if item.get("type") == "reasoning" and not follower.get("id"):
            what = "provided without its required following item."
            return {"message": f"Item '{item.get('id')}' of type 'reasoning' was {what}", "param": "input"}
    match script.get("background"):
        case "refused" if body.get("background"):
            return {"message": "Background mode is not supported.", "param": "background"}
        case "store" if body.get("store"):
            return {"message": "This server does not support `store=True`.", "param": "store"}
    if body.get("background") and body.get("store") is False:
        return {"message": "background can only be used when `store` is true", "param": "background"}
    return None
