"""Chat Completions chunks to Responses events: a pure state machine.

What servers do, all seen: chunks without choices or without a delta, tool calls in pieces by index with the id in the first only,
arguments as text, as an object or empty, thoughts under three names or inside the text, usage in a chunk of its own after the
finish, one whole `message` instead of deltas. A stream that ends without `finish_reason` was cut, `[DONE]` or not.
"""

import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from pydantic import JsonValue

from chat import errors
from chat.protocol import events
from chat.protocol.events import Event
from chat.protocol.failures import from_stream
from chat.protocol.types import Json, Response, error_body, parse_item, parse_part
from chat.providers.thinking import ThinkSplitter

CUT: Final = {
    "length": "max_output_tokens",
    "max_tokens": "max_output_tokens",
    "content_filter": "content_filter",
    "safety": "content_filter",
}
MOST_CALLS: Final = 128
Kind = Literal["output_text", "refusal", "reasoning_text"]


@dataclass(slots=True)
class _Open:
    """The text part that is growing."""

    kind: Kind
    index: int
    text: str = ""

    @property
    def item_id(self) -> str:
        return f"{'rs' if self.kind == 'reasoning_text' else 'msg'}_{self.index}"


@dataclass(slots=True)
class _Call:
    index: int | None = None  # None until its name is known
    id: str = ""
    given: str = ""  # the id that the server gave, when it did
    name: str = ""
    arguments: str = ""


class Translation:
    """`feed` each chunk, then `end` when the body is over. `thoughts_in` is the field that thoughts came in, "" so far."""

    def __init__(self) -> None:
        self.thoughts_in = ""
        self._head: Json = {}
        self._usage: Json = {}
        self._finish = ""
        self._count = 0
        self._open: _Open | None = None
        self._calls: list[_Call] = []
        self._by_index: dict[int, _Call] = {}
        self._think = ThinkSplitter()

    def feed(self, chunk: Json) -> list[Event]:
        """Raises UpstreamError when the chunk is an error."""
        self._refuse_error(chunk)
        return list(self._chunk(chunk))

    def end(self) -> list[Event]:
        """The terminal event, when the model said that it had finished; else only what was held back."""
        return list(self._end())

    def _refuse_error(self, chunk: Json) -> None:
        choice = _choice(chunk)
        found = chunk.get("error") or choice.get("error") or (chunk.get("object") == "error" and chunk)
        if found:
            body = error_body({"error": found})
            raise from_stream(body.code, body.message)
        if choice.get("finish_reason") in ("error", "insufficient_system_resource"):
            raise errors.UpstreamBroken("The model server broke the reply off.", next="Try again in a moment.")

    def _chunk(self, chunk: Json) -> Iterator[Event]:
        if not self._head:
            self._head = {name: chunk[name] for name in ("id", "model") if isinstance(chunk.get(name), str)} or {"id": ""}
            yield events.ResponseCreated(response=self._response("in_progress"))
        usage = chunk.get("usage") or (chunk["x_groq"].get("usage") if isinstance(chunk.get("x_groq"), dict) else None)  # type: ignore[union-attr]
        if isinstance(usage, dict):
            self._usage = usage
        choice = _choice(chunk)
        delta = choice.get("delta") or choice.get("message")
        if isinstance(delta, dict):
            yield from self._delta(delta)
        if isinstance(reason := choice.get("finish_reason"), str) and reason:
            self._finish = reason

    def _delta(self, delta: Json) -> Iterator[Event]:
        yield from self._grow("reasoning_text", self._thoughts(delta))
        for kind, text in _contents(delta.get("content")):
            if kind == "reasoning" or self.thoughts_in:
                yield from self._grow("reasoning_text" if kind == "reasoning" else "output_text", text)
                continue
            for part, piece in self._think.feed(text):
                yield from self._grow("reasoning_text" if part == "reasoning" else "output_text", piece)
        yield from self._grow("refusal", _text(delta.get("refusal")))
        for position, call in enumerate(_calls(delta)):
            yield from self._call(call, position)

    def _thoughts(self, delta: Json) -> str:
        for name in ("reasoning_content", "reasoning"):
            if text := _text(delta.get(name)):
                self.thoughts_in = name
                return text
        details = delta.get("reasoning_details")
        found = (
            [_text(entry.get("text")) or _text(entry.get("summary")) for entry in details if isinstance(entry, dict)]
            if isinstance(details, list)
            else []
        )
        return "".join(found)

    def _grow(self, kind: Kind, text: str) -> Iterator[Event]:
        if not text:
            return
        if self._open is None or self._open.kind != kind:
            yield from self._close()
            yield from self._begin(kind)
        assert self._open is not None
        self._open.text += text
        at: Json = {"item_id": self._open.item_id, "output_index": self._open.index, "content_index": 0, "delta": text}
        yield events.parse({"type": f"response.{kind}.delta", **at})

    def _begin(self, kind: Kind) -> Iterator[Event]:
        part = self._open = _Open(kind, self._count)
        self._count += 1
        yield events.OutputItemAdded(output_index=part.index, item=parse_item(_text_item(part, "in_progress", content=False)))
        yield events.ContentPartAdded(
            item_id=part.item_id, output_index=part.index, content_index=0, part=parse_part(_part(part, ""))
        )

    def _close(self, status: str = "completed") -> Iterator[Event]:
        part, self._open = self._open, None
        if part is None:
            return
        at: Json = {"item_id": part.item_id, "output_index": part.index, "content_index": 0}
        name = "refusal" if part.kind == "refusal" else "text"
        yield events.parse({"type": f"response.{part.kind}.done", **at, name: part.text})
        yield events.ContentPartDone(
            item_id=part.item_id, output_index=part.index, content_index=0, part=parse_part(_part(part, part.text))
        )
        yield events.OutputItemDone(output_index=part.index, item=parse_item(_text_item(part, status, content=True)))

    def _call(self, delta: Json, position: int) -> Iterator[Event]:
        call = self._find(delta, position)
        function = _function(delta)
        call.name = call.name or _text(function.get("name"))
        arguments = _arguments(function.get("arguments"))
        call.arguments += arguments
        if call.index is None and call.name:
            yield from self._close()
            call.index, self._count = self._count, self._count + 1
            yield events.OutputItemAdded(output_index=call.index, item=parse_item(_call_item(call, "in_progress")))
            arguments = call.arguments
        if call.index is not None and arguments:
            yield events.ArgumentsDelta(item_id=f"fc_{call.index}", output_index=call.index, delta=arguments)

    def _find(self, delta: Json, position: int) -> _Call:
        """By index; a new id at an index that is taken is a new call (some servers number them all 0)."""
        index, call_id = delta.get("index"), _text(delta.get("id"))
        key = index if isinstance(index, int) else position
        call = self._by_index.get(key)
        named = _text(_function(delta).get("name"))
        if call is None or (named and call_id and call.given and call_id != call.given):
            if len(self._calls) >= MOST_CALLS:
                raise errors.MalformedStream("The model asked for too many tool calls at once.")
            taken = {other.id for other in self._calls}
            fresh = call_id if call_id and call_id not in taken else f"call_{secrets.token_hex(12)}"
            call = self._by_index[key] = _Call(id=fresh, given=call_id)
            self._calls.append(call)
        return call

    def _end(self) -> Iterator[Event]:
        for part, piece in self._think.end():
            yield from self._grow("reasoning_text" if part == "reasoning" else "output_text", piece)
        if not self._finish:
            return
        reason = CUT.get(self._finish)
        status = "incomplete" if reason else "completed"
        yield from self._close(status)
        for call in self._calls:
            yield from self._close_call(call, status)
        end = events.ResponseIncomplete if reason else events.ResponseCompleted
        yield end(response=self._response(status, reason))

    def _close_call(self, call: _Call, status: str) -> Iterator[Event]:
        if call.index is None:
            return
        call.arguments = call.arguments if call.arguments.strip() or status == "incomplete" else "{}"
        yield events.ArgumentsDone(item_id=f"fc_{call.index}", output_index=call.index, arguments=call.arguments)
        yield events.OutputItemDone(output_index=call.index, item=parse_item(_call_item(call, status)))

    def _response(self, status: str, reason: str | None = None) -> Response:
        wire: Json = {**self._head, "object": "response", "status": status}
        if reason:
            wire["incomplete_details"] = {"reason": reason}
        if self._usage:
            wire["usage"] = _usage(self._usage)
        return Response.model_validate(wire)


def _choice(chunk: Json) -> Json:
    choices = chunk.get("choices")
    first = (
        next((choice for choice in choices if isinstance(choice, dict) and not choice.get("index")), None)
        if isinstance(choices, list)
        else None
    )
    return first or {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _contents(content: object) -> Iterator[tuple[Literal["reasoning", "text"], str]]:
    """Content is text, or (Mistral) a list of text and thinking parts."""
    if isinstance(content, str):
        yield "text", content
    for part in content if isinstance(content, list) else []:
        if isinstance(part, dict) and part.get("type") == "thinking":
            thoughts = part.get("thinking")
            yield "reasoning", _text(thoughts) or "".join(text for _, text in _contents(thoughts))
        elif isinstance(part, dict):
            yield "text", _text(part.get("text"))


def _calls(delta: Json) -> list[Json]:
    calls = delta.get("tool_calls")
    if isinstance(calls, list):
        return [call for call in calls if isinstance(call, dict)]
    old = delta.get("function_call")
    return [{"index": 0, "function": old}] if isinstance(old, dict) else []


def _function(call: Json) -> Json:
    function = call.get("function")
    return function if isinstance(function, dict) else {}


def _arguments(value: JsonValue) -> str:
    return value if isinstance(value, str) else ("" if value is None else json.dumps(value, ensure_ascii=False))


def _part(part: _Open, text: str) -> Json:
    if part.kind == "refusal":
        return {"type": "refusal", "refusal": text}
    return {"type": part.kind, "text": text, **({"annotations": []} if part.kind == "output_text" else {})}


def _text_item(part: _Open, status: str, *, content: bool) -> Json:
    parts: list[JsonValue] = [_part(part, part.text)] if content else []
    if part.kind == "reasoning_text":
        return {"type": "reasoning", "id": part.item_id, "status": status, "summary": [], "content": parts}
    return {"type": "message", "id": part.item_id, "role": "assistant", "status": status, "content": parts}


def _call_item(call: _Call, status: str) -> Json:
    arguments = call.arguments if status != "in_progress" else ""
    wire: Json = {"type": "function_call", "id": f"fc_{call.index}", "call_id": call.id, "name": call.name}
    return {**wire, "arguments": arguments, "status": status}


def _usage(usage: Json) -> Json:
    """Their names to ours; `Usage` itself reads prompt_tokens and completion_tokens."""
    read, written = usage.get("prompt_tokens_details"), usage.get("completion_tokens_details")
    cached = read.get("cached_tokens") if isinstance(read, dict) else usage.get("prompt_cache_hit_tokens")
    thought = written.get("reasoning_tokens") if isinstance(written, dict) else None
    counts: Json = {name: usage[name] for name in ("prompt_tokens", "completion_tokens", "total_tokens") if name in usage}
    return {**counts, "input_tokens_details": {"cached_tokens": cached}, "output_tokens_details": {"reasoning_tokens": thought}}
