"""What the scripted model server writes: HTTP, errors in every dialect, Responses and Chat Completions streams."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from tests.scripted_script import Script

ERROR_OPTIONS = ("body", "code", "param", "message", "retry_after", "retry_after_ms")
MALFORMED = {
    "json": b'data: {"type": "response.output_text.delta", "delta": "half\n\n',
    "list": b"data: [1, 2, 3]\n\n",
    "binary": b"data: \xff\xfe\x00\xc3\x28\n\n",
    "huge": b"data: " + b"x" * (9 * 1024 * 1024) + b"\n\n",
    "page": b"<!DOCTYPE html><html><body>Bad gateway</body></html>\n\n",
}


async def send(writer: asyncio.StreamWriter, status: int, body: bytes, kind: str, headers: dict[str, str] | None = None) -> None:
    lines = {"Content-Type": kind, "Content-Length": str(len(body)), "X-Request-Id": "req_scripted", **(headers or {})}
    head = f"HTTP/1.1 {status} Scripted\r\n" + "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    writer.write(head.encode() + b"\r\n" + body)
    await writer.drain()


async def send_json(writer: asyncio.StreamWriter, value: Any) -> None:
    await send(writer, 200, json.dumps(value).encode(), "application/json")


async def begin_stream(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n")
    await writer.drain()


async def send_chunk(writer: asyncio.StreamWriter, data: bytes) -> None:
    writer.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
    await writer.drain()


async def send_stream(writer: asyncio.StreamWriter, pieces: AsyncIterator[bytes]) -> None:
    await begin_stream(writer)
    async for piece in pieces:
        await send_chunk(writer, piece)
    await end_stream(writer)


async def end_stream(writer: asyncio.StreamWriter) -> None:
    writer.write(b"0\r\n\r\n")
    await writer.drain()


async def send_error(writer: asyncio.StreamWriter, status: int, *, body: str = "openai", **said: str) -> None:
    message, code, param = said.get("message", "The script said so."), said.get("code"), said.get("param")
    headers = {name.replace("_", "-"): said[name] for name in ("retry_after", "retry_after_ms") if name in said}
    shapes: dict[str, Any] = {
        "openai": {"error": {"message": message, "type": "scripted_error", "param": param, "code": code}},
        "code": {"error": {"message": message, "type": code, "code": status}},
        "string": {"error": message},
        "detail": {"detail": message},
        "list": {"detail": [{"loc": ["body", param], "msg": message, "type": "extra_forbidden"}]},
        "flat": {"object": "error", "message": message, "type": "BadRequestError", "param": param, "code": status},
    }
    if body in shapes:
        return await send(writer, status, json.dumps(shapes[body]).encode(), "application/json", headers)
    page = (
        b"" if body == "empty" else f"<html><head><title>{status}</title></head><body><h1>{message}</h1></body></html>".encode()
    )
    return await send(writer, status, page, "text/html", headers)


def error_event(code: str, message: str) -> bytes:
    """Both dialects take this one: an object with `error`."""
    return sse({"error": {"message": message, "code": code}})


def sse(value: Any) -> bytes:
    name = f"event: {value['type']}\n" if isinstance(value, dict) and "type" in value else ""
    return f"{name}data: {value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}\n\n".encode()


class Speech(Protocol):
    def whole(self) -> Any: ...
    def stream(self) -> Iterator[tuple[bool, bytes]]: ...


class Responses:
    """A Responses stream as OpenAI writes it, or as llama.cpp does."""

    def __init__(self, script: "Script", body: dict[str, Any]) -> None:
        self.script, self.model, self.number = script, body.get("model", ""), -1
        self.output: list[dict[str, Any]] = []
        self.id, self.extra = "resp_scripted", dict[str, Any]()
        if "store" in body:
            self.extra["store"] = False
        self.encrypts = "reasoning.encrypted_content" in (body.get("include") or ())

    def whole(self) -> Any:
        list(self.stream())
        return self.response(self.ending()[0])

    def ending(self) -> tuple[str, str | None]:
        reason = {"length": "max_output_tokens", "content_filter": "content_filter"}.get(self.script.get("finish"))
        return ("incomplete", reason) if reason else ("completed", None)

    def response(self, status: str) -> dict[str, Any]:
        reason = self.ending()[1] if status == "incomplete" else None
        tokens = len(self.script.words())
        usage = {"input_tokens": 9, "output_tokens": tokens, "total_tokens": 9 + tokens}
        return {
            "id": self.id,
            "object": "response",
            "created_at": 1,
            "model": self.model,
            "status": status,
            "output": self.output,
            "incomplete_details": {"reason": reason} if reason else None,
            "error": None,
            "usage": usage if status != "in_progress" and self.script.get("usage") != "no" else None,
            **self.extra,
        }

    def event(self, kind: str, **fields: Any) -> bytes:
        self.number += 1
        if self.script.get("dialect") == "llama":
            fields = {
                name: value for name, value in fields.items() if name not in ("output_index", "content_index", "summary_index")
            }
            return sse({"type": kind, **fields})
        return sse({"type": kind, "sequence_number": self.number, **fields})

    def stream(self) -> Iterator[tuple[bool, bytes]]:
        yield False, self.event("response.created", response=self.response("in_progress"))
        yield False, self.event("response.in_progress", response=self.response("in_progress"))
        if thoughts := self.script.thoughts():
            thought = {"type": "reasoning", "id": "rs_0", "summary": []}
            sealed = {"encrypted_content": f"sealed:{len(thoughts)}"} if self.encrypts else {}
            yield from self.item({**thought, **sealed}, thoughts, "reasoning_text")
        if refusal := self.script.get("refusal"):
            yield from self.item({"type": "message", "id": "msg_0", "role": "assistant"}, [refusal], "refusal")
        elif name := self.script.get("tool"):
            yield from self.call(name)
        else:
            yield from self.item({"type": "message", "id": "msg_0", "role": "assistant"}, self.script.words(), "output_text")
        status, _ = self.ending()
        yield False, self.event(f"response.{status}", response=self.response(status))
        if self.script.get("done") != "no":
            yield False, sse("[DONE]")

    def item(self, item: dict[str, Any], words: list[str], kind: str) -> Iterator[tuple[bool, bytes]]:
        field = "refusal" if kind == "refusal" else "text"
        extra = {"annotations": []} if kind == "output_text" else {}
        at = {"item_id": item["id"], "output_index": len(self.output), "content_index": 0}
        opened = {**item, "status": "in_progress", "content": []}
        yield False, self.event("response.output_item.added", output_index=len(self.output), item=opened)
        yield False, self.event("response.content_part.added", **at, part={"type": kind, field: "", **extra})
        for word in words:
            yield kind != "reasoning_text", self.event(f"response.{kind}.delta", **at, delta=word)
        text = "".join(words)
        part = {"type": kind, field: text, **extra}
        done = {**item, "status": self.ending()[0], "content": [part]}
        yield False, self.event(f"response.{kind}.done", **at, **{field: text})
        yield False, self.event("response.content_part.done", **at, part=part)
        yield False, self.event("response.output_item.done", output_index=len(self.output), item=done)
        self.output.append(done)

    def call(self, name: str) -> Iterator[tuple[bool, bytes]]:
        arguments, index = self.script.get("args", "{}"), len(self.output)
        item = {
            "type": "function_call",
            "id": "fc_0",
            "call_id": "call_0",
            "name": name,
            "arguments": "",
            "status": "in_progress",
        }
        yield False, self.event("response.output_item.added", output_index=index, item=item)
        for start in range(0, len(arguments), 4):
            delta = arguments[start : start + 4]
            yield True, self.event("response.function_call_arguments.delta", item_id="fc_0", output_index=index, delta=delta)
        done = {**item, "arguments": arguments, "status": "completed"}
        yield False, self.event("response.function_call_arguments.done", item_id="fc_0", output_index=index, arguments=arguments)
        yield False, self.event("response.output_item.done", output_index=index, item=done)
        self.output.append(done)


class Chat:
    """Chat Completions."""

    def __init__(self, script: "Script", body: dict[str, Any]) -> None:
        self.script, self.model = script, body.get("model", "")

    def base(self, kind: str) -> dict[str, Any]:
        return {"id": "chatcmpl-scripted", "object": kind, "created": 1, "model": self.model}

    def usage(self) -> dict[str, Any]:
        tokens = len(self.script.words())
        return {"prompt_tokens": 9, "completion_tokens": tokens, "total_tokens": 9 + tokens}

    def finish(self) -> str:
        return self.script.get("finish") or ("tool_calls" if self.script.get("tool") else "stop")

    def whole(self) -> Any:
        message: dict[str, Any] = {"role": "assistant", "content": "".join(self.script.words())}
        if name := self.script.get("tool"):
            function = {"name": name, "arguments": self.script.get("args", "{}")}
            message = {
                "role": "assistant",
                "content": None,
                "tool_calls": [{"id": "call_0", "type": "function", "function": function}],
            }
        choice = {"index": 0, "message": message, "finish_reason": self.finish()}
        return {**self.base("chat.completion"), "choices": [choice], "usage": self.usage()}

    def chunk(self, delta: dict[str, Any] | None, finish: str | None = None) -> bytes:
        choice = {"index": 0, "finish_reason": finish, **({"delta": delta} if delta is not None else {})}
        return sse({**self.base("chat.completion.chunk"), "choices": [choice]})

    def stream(self) -> Iterator[tuple[bool, bytes]]:
        yield False, self.chunk({"role": "assistant", "content": ""})
        yield from self.thinking()
        if refusal := self.script.get("refusal"):
            yield True, self.chunk({"refusal": refusal})
        elif name := self.script.get("tool"):
            yield from self.call(name)
        else:
            yield from ((True, self.chunk({"content": word})) for word in self.script.words())
        yield False, self.chunk({}, self.finish())
        if self.script.get("usage") != "no":
            yield False, sse({**self.base("chat.completion.chunk"), "choices": [], "usage": self.usage()})
        if self.script.get("done") != "no":
            yield False, sse("[DONE]")

    def thinking(self) -> Iterator[tuple[bool, bytes]]:
        thoughts, name = self.script.thoughts(), self.script.get("think", "reasoning_content")
        if thoughts and name == "tag":
            yield from ((False, self.chunk({"content": piece})) for piece in ("<thi", "nk>", *thoughts, "</th", "ink>\n\n"))
        elif name == "details":
            yield from (
                (False, self.chunk({"reasoning_details": [{"type": "reasoning.text", "text": thought}]})) for thought in thoughts
            )
        else:
            yield from ((False, self.chunk({name: thought})) for thought in thoughts)

    def call(self, name: str) -> Iterator[tuple[bool, bytes]]:
        arguments = self.script.get("args", "{}")
        first = {"index": 0, "id": "call_0", "type": "function", "function": {"name": name, "arguments": ""}}
        yield True, self.chunk({"tool_calls": [first]})
        for start in range(0, len(arguments), 4):
            yield True, self.chunk({"tool_calls": [{"index": 0, "function": {"arguments": arguments[start : start + 4]}}]})


SPEECHES: dict[str, Callable[["Script", dict[str, Any]], Speech]] = {"responses": Responses, "chat": Chat}
