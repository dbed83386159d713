"""Building the request of a turn from the history of its branch."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pydantic import JsonValue

from chat.protocol.inserts import NOTHING, Insert
from chat.protocol.types import Json, Request
from chat.store.history import Past

SAID = {"input_text", "input_image", "input_file"}
ROLES = {"user", "assistant", "developer", "system"}
ENCRYPTED: Final = "reasoning.encrypted_content"
IMAGE: Final = ("type", "image_url", "file_id", "detail")  # what a provider takes of one
OURS: Final = "file_"  # what our ids of files begin with


@dataclass(frozen=True, slots=True)
class Plan:
    """How a turn is asked for. `store`: the provider keeps it. `previous`: what it calls the Response that it is to go on from,
    so that only what is new is sent. `reasoning`: it takes back what a model thought, encrypted.
    """

    store: bool = False
    background: bool = False
    previous: str = ""
    reasoning: bool = False


def build(
    items: Sequence[Past], plan: Plan, *, model: str, instructions: str, inserts: Mapping[str, Insert] = NOTHING
) -> Request:
    """The request for a streamed reply. Instructions go with each: a provider does not carry them on from the one before.
    Files are in their places already (`attachments`), with marks where `inserts` go in.
    """
    request = Request(model=model, input=list(replayable(items, reasoning=plan.reasoning)), stream=True, store=plan.store)
    if instructions.strip():
        request.instructions = instructions
    if plan.background and plan.store:
        request.background = True
    if plan.previous:
        request.previous_response_id = plan.previous
    if plan.reasoning:
        request.include = [ENCRYPTED]
    request.inserts = dict(inserts)
    return request


def replayable(items: Sequence[Past], *, reasoning: bool = False) -> Iterable[Json]:
    """The items that a server takes back, as it takes them back: messages, and where it takes `reasoning`, what was thought right
    before one of them.

    A thought goes back with its encrypted content and with the message that followed it, both under the ids that the provider
    gave them: one without the other is an error there. Any other message goes without an id, which names something that a
    provider which stored nothing does not know. A reply that was stopped before its first word is left out.
    """
    for index, item in enumerate(items):
        follower = items[index + 1] if index + 1 < len(items) else None
        if reasoning and follower is not None and _pairs(item, follower):
            yield _thought(item)
        elif (message := _message(item.wire)) is not None:
            if reasoning and index and _pairs(items[index - 1], item):
                phase = {"phase": item.wire["phase"]} if isinstance(item.wire.get("phase"), str) else {}
                message = {**message, "id": item.upstream_id, "status": "completed", **phase}
            yield message


def _pairs(thought: Past, follower: Past) -> bool:
    """Whether these two go back as they came."""
    if thought.wire.get("type") != "reasoning" or not thought.wire.get("encrypted_content"):
        return False
    return bool(thought.upstream_id and follower.upstream_id and _message(follower.wire))


def _thought(item: Past) -> Json:
    summary = item.wire.get("summary")
    return {
        "type": "reasoning",
        "id": item.upstream_id,
        "summary": summary if isinstance(summary, list) else [],
        "encrypted_content": item.wire["encrypted_content"],
    }


def _message(item: Json) -> Json | None:
    content = item.get("content")
    if item.get("type") != "message" or item.get("role") not in ROLES or not isinstance(content, list):
        return None
    said = [part for part in content if item["role"] != "assistant" or not _is_file(part)]
    parts: list[JsonValue] = [part for part in map(_part, said) if part is not None]
    return {"type": "message", "role": item["role"], "content": parts} if parts else None


def _is_file(part: JsonValue) -> bool:
    """A reply that names an image or a file names what its server chose: nobody is sent there, and none of ours is meant."""
    return isinstance(part, dict) and part.get("type") in ("input_image", "input_file")


def _part(part: JsonValue) -> Json | None:
    match part:
        case {"type": "output_text", "text": str(text)} if text:
            return {"type": "output_text", "text": text, "annotations": []}
        case {"type": "refusal", "refusal": str(text)} if text:
            return {"type": "refusal", "refusal": text}
    if isinstance(part, dict) and part.get("type") in SAID:
        return _said(part)
    return None


def _said(part: Json) -> Json:
    """What came with a message. Our ids of files mean nothing to a provider."""
    name = part.get("filename")
    if part["type"] == "input_text" and name:  # a text file: every server reads it, told in words
        return {"type": "input_text", "text": f"The file {name}:\n\n{part.get('text', '')}"}
    if str(part.get("file_id") or "").startswith(OURS):
        kind = "image" if part["type"] == "input_image" else "file"
        return {"type": "input_text", "text": f"(The {kind} “{name}” came with this message; you cannot see it here.)"}
    known = IMAGE if part["type"] == "input_image" else tuple(part)
    return {field: part[field] for field in known if field in part}
