"""A reader with no tolerance: the rules of the OpenAI SDK's stream helper and of Open Responses, as assertions."""

from typing import Any

from chat.protocol import events as ev
from chat.protocol.types import Json

ENDS = {"response.completed", "response.incomplete", "response.failed", "parley:response.cancelled"}
REQUIRED = ("id", "object", "created_at", "model", "output", "parallel_tool_calls", "tool_choice", "tools", "status")
PREFIX = {"message": "msg_", "reasoning": "rs_", "function_call": "fc_"}
PARTS = {
    "output_text": ("content", "text", "response.output_text"),
    "refusal": ("content", "refusal", "response.refusal"),
    "reasoning_text": ("content", "text", "response.reasoning_text"),
    "summary_text": ("summary", "text", "response.reasoning_summary_text"),
}
PART_FIELDS = {
    "output_text": {"text": str, "annotations": list},
    "refusal": {"refusal": str},
    "reasoning_text": {"text": str},
    "summary_text": {"text": str},
}


class Strict:
    """Feed it every event as wire JSON; it fails at the first that a strict reader would refuse."""

    def __init__(self, *, first_sequence: int = 0) -> None:
        self.next = first_sequence
        self.items: list[Json] = []
        self.done: set[int] = set()
        self.open_parts: dict[tuple[int, str, int], str] = {}  # to the text so far
        self.said: set[tuple[int, str, int]] = set()
        self.arguments: dict[int, str] = {}
        self.response_id = ""
        self.seen: list[str] = []

    def read(self, events: list[ev.Event]) -> "Strict":
        for event in events:
            self.event(ev.dump(event))
        return self

    def event(self, wire: Any) -> None:
        kind = wire["type"]
        assert not self.seen or self.seen[-1] not in ENDS, f"{kind} after the end"
        assert wire["sequence_number"] == self.next
        self.next += 1
        if kind in ENDS | {"response.created", "response.queued", "response.in_progress"}:
            self.lifecycle(kind, wire["response"])
        else:
            assert "response.in_progress" in self.seen, f"{kind} before response.in_progress"
            self.inner(kind, wire)
        self.seen.append(kind)

    def lifecycle(self, kind: str, response: Any) -> None:
        assert (kind == "response.created") == (not self.seen), "response.created comes first, and once"
        assert all(key in response for key in REQUIRED)
        assert isinstance(response["created_at"], int)
        assert isinstance(response["tools"], list)
        assert response["id"] == (self.response_id or response["id"])
        self.response_id = response["id"]
        assert kind not in self.seen
        if kind in ENDS:
            self.end(kind, response)
        else:
            assert response["output"] == []
            assert response["status"] in ("in_progress", "queued")

    def end(self, kind: str, response: Any) -> None:
        assert response["status"] == kind.rpartition(".")[2]
        assert self.done == set(range(len(self.items))), "an item was added and never done"
        assert not self.open_parts
        assert [self.identity(item) for item in response["output"]] == [self.identity(item) for item in self.items]
        assert (response["error"] is not None) == (response["status"] == "failed")
        assert (response["incomplete_details"] is not None) == (response["status"] == "incomplete")
        broken = [item for item in response["output"] if item["type"] == "function_call" and item["status"] != "completed"]
        assert not (broken and response["status"] == "completed")

    def inner(self, kind: str, wire: Any) -> None:
        if kind == "response.output_item.added":
            self.added(wire)
            return
        if "output_index" not in wire:
            assert kind not in ev.EVENTS
            return
        index = wire["output_index"]
        assert index < len(self.items), f"{kind} before its item was added"
        assert index not in self.done, f"{kind} after its item was done"
        assert wire.get("item_id", self.items[index]["id"]) == self.items[index]["id"]
        if kind == "response.output_item.done":
            self.item_done(index, wire["item"])
        elif kind.startswith("response.function_call_arguments."):
            self.function_call(kind, wire)
        elif kind in ev.EVENTS and ("content_index" in wire or "summary_index" in wire):
            group = "content" if "content_index" in wire else "summary"
            self.part(kind, wire, (index, group, wire[f"{group}_index"]))

    def added(self, wire: Any) -> None:
        item = wire["item"]
        assert wire["output_index"] == len(self.items), "output_index counts from 0 and is never repeated"
        assert item["id"].startswith(PREFIX.get(item["type"], ""))
        assert item["id"] not in [other["id"] for other in self.items]
        if item["type"] in PREFIX:
            assert item["status"] == "in_progress"
            assert not item.get("content")
            assert not item.get("summary")
            assert not item.get("arguments")
        self.items.append(item)

    def item_done(self, index: int, item: Any) -> None:
        assert self.identity(item) == self.identity(self.items[index])
        assert not [key for key in self.open_parts if key[0] == index], "a part was added and never done"
        assert item["type"] not in PREFIX or item["status"] in ("completed", "incomplete", "failed")
        if item["type"] == "function_call" and item["status"] == "completed":
            assert self.arguments[index] == item["arguments"], "no function_call_arguments.done, or another"
        self.done.add(index)

    def function_call(self, kind: str, wire: Any) -> None:
        assert self.items[wire["output_index"]]["type"] == "function_call"
        if kind.endswith("done"):
            self.arguments[wire["output_index"]] = wire["arguments"]

    def part(self, kind: str, wire: Any, key: tuple[int, str, int]) -> None:
        if kind.endswith("_part.added"):
            assert key not in self.open_parts
            before = [other for other in {*self.open_parts, *self.said} if other[:2] == key[:2]]
            assert len(before) == key[2], "part indexes count from 0"
            self.fields(wire["part"])
            self.open_parts[key] = ""
            self.said.add(key)
            return
        assert key in self.open_parts, f"{kind} before its part was added, or after it was done"
        if kind.endswith("_part.done"):
            self.fields(wire["part"])
            name = PARTS.get(wire["part"]["type"])
            assert name is None or wire["part"][name[1]] == self.open_parts[key]
            del self.open_parts[key]
        elif kind.endswith(".delta"):
            assert isinstance(wire["delta"], str)
            assert kind != "response.output_text.delta" or isinstance(wire["logprobs"], list)
            self.open_parts[key] += wire["delta"]
        elif kind.endswith(".done"):
            self.open_parts[key] = wire["refusal"] if "refusal" in wire else wire["text"]

    def fields(self, part: Any) -> None:
        for name, type_ in PART_FIELDS.get(part["type"], {}).items():
            assert isinstance(part[name], type_)

    def identity(self, item: Any) -> tuple[Any, ...]:
        return item["type"], item["id"], item.get("call_id") if item["type"] == "function_call" else None
