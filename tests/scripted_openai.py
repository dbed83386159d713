"""Model servers that keep what they are asked, as OpenAI's does, and poorer ones: for the probe, and for what obeys it.

`OpenAILike(lacks={"store"})` refuses or leaves out what is named there (the names of `CAPABILITIES`), each as servers are known
to do it: `store` with a 400 (OpenRouter), `sequence` by leaving numbers out (llama.cpp), `get` by forgetting (vLLM), `forgets`
by keeping what is not to be kept … `broken` names what it answers with 503, `slow` what it never answers. What it keeps is in
`shelf.kept` and `held`.
"""

import asyncio
import re
from collections.abc import Collection
from typing import Any
from urllib.parse import unquote
from uuid import uuid4

from tests import scripted_wire as wire
from tests.scripted import MODEL, Recorded, ScriptedServer
from tests.scripted_files import unknown
from tests.scripted_pace import paced, spoiled
from tests.scripted_script import Script, last_user_text


class Thoughtful(wire.Responses):
    """One that gives its reasoning, encrypted, where that was asked for."""

    def item(self, item: dict[str, Any], words: list[str], kind: str) -> Any:
        secret = {"encrypted_content": "gAAAA-scripted"} if kind == "reasoning_text" else {}
        return super().item({**item, **secret}, words, kind)


def thoughtful(script: Script, body: dict[str, Any], *, id_: str) -> Thoughtful:
    speech = Thoughtful(script, body)
    speech.id = id_
    return speech


class OpenAILike(ScriptedServer):
    def __init__(
        self, *, lacks: Collection[str] = (), broken: Collection[str] = (), slow: Collection[str] = (), **more: Any
    ) -> None:
        super().__init__(**more)
        self.lacks, self.broken, self.slow = set(lacks), set(broken), set(slow)
        self.bodies: dict[str, dict[str, Any]] = {}
        self.held: set[str] = set()

    async def _answer(self, request: Recorded, writer: asyncio.StreamWriter) -> None:
        about, path = asked_about(request), request.path.partition("?")[0]
        if self.key and request.headers.get("authorization") != f"Bearer {self.key}":
            return await wire.send_error(writer, 401, message="Incorrect API key provided.", code="invalid_api_key")
        if about & self.broken:
            self.requests.append(request)
            return await wire.send_error(writer, 503, message="Overloaded.")
        if about & self.slow:
            self.requests.append(request)
            await asyncio.sleep(3600)
        if about & self.lacks == {"files"}:
            self.requests.append(request)
            return await wire.send_error(writer, 404, message="Unknown address.")
        if "responses" not in self.lacks and path.startswith(("/v1/conversations", "/v1/responses")):
            self.requests.append(request)
            return await self._speak(request, path, about & self.lacks, writer)
        if path.startswith("/v1/responses"):
            self.requests.append(request)
            return await wire.send(writer, 404, b"404 page not found", "text/plain")
        return await super()._answer(request, writer)

    async def _speak(self, request: Recorded, path: str, lacks: set[str], writer: asyncio.StreamWriter) -> None:
        if path.startswith("/v1/conversations"):
            return await self._hold(request, path, lacks, writer)
        if path == "/v1/responses":
            return await self._create(request.body, lacks, writer)
        name, _, verb = path.removeprefix("/v1/responses/").partition("/")
        if lacks & {"get", "delete", "cancel", "input_items", "reattach"}:
            return await wire.send_error(writer, 404, message="There is no such page.")
        if verb == "input_items" and name in self.bodies:
            return await wire.send_json(writer, {"object": "list", "data": self.bodies[name]["input"]})
        return await self.shelf.answer(request, writer)

    async def _hold(self, request: Recorded, path: str, lacks: set[str], writer: asyncio.StreamWriter) -> None:
        name = unquote(path.removeprefix("/v1/conversations").strip("/"))
        if lacks or (name and name not in self.held):
            return await wire.send_error(writer, 404, message="Unknown address.")
        if name:
            self.held.remove(name)
            return await wire.send_json(writer, {"id": name, "object": "conversation.deleted", "deleted": True})
        self.held.add(name := f"conv_{uuid4().hex}")
        return await wire.send_json(writer, {"id": name, "object": "conversation", "created_at": 1, "metadata": {}})

    async def _create(self, body: dict[str, Any], lacks: set[str], writer: asyncio.StreamWriter) -> None:
        if (why := self._refusal(body, lacks)) is not None:
            return await wire.send_error(writer, 400, **why)
        script = self._script(body, lacks)
        if (body.get("store", True) or "forgets" in self.lacks) and "get" not in self.lacks:
            kept = self.shelf.begin(script, body)
            kept.speech = thoughtful(script, body, id_=kept.speech.id)
            kept.speech.extra = {"background": bool(body.get("background")), "store": True}
            self.bodies[kept.speech.id] = body
            return await wire.send_stream(writer, spoiled(Script({}), kept.follow(-1)))
        speech = thoughtful(script, body, id_=f"resp_{uuid4().hex}")
        return await wire.send_stream(writer, spoiled(script, paced(script, speech.stream())))

    def _refusal(self, body: dict[str, Any], lacks: set[str]) -> dict[str, str] | None:
        if body["model"] not in self.models and "errors" not in self.lacks:
            return {"message": f"The requested model '{body['model']}' does not exist.", "code": "model_not_found"}
        param = next((name for name in PARAMS if name in lacks), None)
        if param is not None:
            return {
                "message": f"Unsupported parameter: '{PARAMS[param]}' is not supported by this server.",
                "param": PARAMS[param],
            }
        if (why := unknown(body, self.cabinet)) is not None:
            return why
        before = body.get("previous_response_id")
        if before is not None and self.shelf.find(before) is None:
            return {"message": f"Previous response with id '{before}' not found.", "code": "previous_response_not_found"}
        return None

    def _script(self, body: dict[str, Any], lacks: set[str]) -> Script:
        dialect = {"dialect": "llama"} if "sequence" in self.lacks else {}
        usage = {"usage": "no"} if "usage" in self.lacks else {}
        if found := Script.of(body).options:
            return Script(found)
        return Script({"rate": "0", **dialect, **usage, **({"say": "Hello."} if lacks else self._says(body))})

    def _says(self, body: dict[str, Any]) -> dict[str, str]:
        text = last_user_text(body["input"])
        if body.get("max_output_tokens") == 16:
            return {"say": "One, two, three,", "finish": "length"}
        if text.startswith("Count"):
            return {"tokens": "60", "rate": "600"}
        if body.get("tools"):
            return {"tool": "get_weather", "args": '{"city": "Paris"}'}
        if body.get("text"):
            return {"say": '{"city": "Paris", "millions": 2}'}
        if body.get("instructions"):
            return {"say": "BANANA"}
        if "reasoning.encrypted_content" in body.get("include", ()):
            return {"say": "4", "reasoning": "3"}
        earlier = self.bodies.get(str(body.get("previous_response_id")), {"input": ""})
        if remembered := re.search(r"\d{5}", str(earlier["input"])):
            return {"say": remembered[0]}
        if "in this file" in text:
            return {"say": "PELICAN"}
        return {"say": "Red." if "picture" in text else "Hello."}


PARAMS = {
    "store": "store",
    "unstored": "store",
    "chain": "previous_response_id",
    "background": "background",
    "tool_choice": "tool_choice",
    "strict": "text.format",
    "reasoning": "include",
    "max_output_tokens": "max_output_tokens",
}


def asked_about(request: Recorded) -> set[str]:
    """The capabilities that this request needs."""
    path, _, query = request.path.partition("?")
    kind, _, verb = path.removeprefix("/v1/").partition("/")
    if kind != "responses":
        return {kind.partition("?")[0]}
    if path != "/v1/responses":
        what = {"GET": "reattach" if "stream=true" in query else "get", "DELETE": "delete"}
        return {verb.partition("/")[2] or what.get(request.method, "")}
    body = request.body or {}
    text = str(body.get("input"))
    found = {
        "store": body.get("store") is True,
        "unstored": body.get("store") is False,
        "chain": "previous_response_id" in body,
        "background": bool(body.get("background")),
        "tools": "tools" in body and "tool_choice" not in body,
        "tool_choice": "tool_choice" in body,
        "strict": "text" in body,
        "image": "input_image" in text,
        "input_file": "input_file" in text,
        "reasoning": "include" in body,
        "instructions": "instructions" in body,
        "max_output_tokens": "max_output_tokens" in body,
        "errors": body.get("model") not in (MODEL,),
        "responses": True,
    }
    return {name for name, is_so in found.items() if is_so}
