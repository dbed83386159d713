"""Building the request of a turn from the history of its branch."""

from collections.abc import Iterable

from pydantic import JsonValue

from chat.protocol.types import Json, Request

SAID = {"input_text", "input_image", "input_file"}
ROLES = {"user", "assistant", "developer", "system"}


def build(history: Iterable[Json], *, model: str, instructions: str) -> Request:
    """The request for a streamed reply: the whole history as input items.

    `store` is false: without the ledger of what is kept at the provider (a later issue), nothing may be kept there.
    """
    request = Request(model=model, input=list(replayable(history)), stream=True, store=False)
    if instructions.strip():
        request.instructions = instructions
    return request


def replayable(history: Iterable[Json]) -> Iterable[Json]:
    """The items that any server takes back, as it takes them back.

    Messages only, without ids and states: ids name things that a provider which stored nothing does not know, and a
    reasoning item
    without its encrypted content is an error there. A reply that was stopped before its first word is left out.
    """
    for item in history:
        content = item.get("content")
        if item.get("type") != "message" or item.get("role") not in ROLES or not isinstance(content, list):
            continue
        parts: list[JsonValue] = [part for part in map(_part, content) if part is not None]
        if parts:
            yield {"type": "message", "role": item["role"], "content": parts}


def _part(part: JsonValue) -> Json | None:
    match part:
        case {"type": "output_text", "text": str(text)} if text:
            return {"type": "output_text", "text": text, "annotations": []}
        case {"type": "refusal", "refusal": str(text)} if text:
            return {"type": "refusal", "refusal": text}
    if isinstance(part, dict) and part.get("type") in SAID:
        if name := part.get("filename"):  # a text file: every server reads it, told in words
            return {"type": "input_text", "text": f"The file {name}:\n\n{part.get('text', '')}"}
        return part
    return None
