"""What was streamed and what the server says at the end, brought together.

The server's last word counts, but words already shown are not taken back: where the final text is empty or only a beginning
of what came (some servers cut it), what came stays.
"""

import json
from typing import Final

from chat.protocol.items import FunctionCall, Item, Message, OutputText, Part, Reasoning, UnknownItem
from chat.protocol.kinds import KINDS, parts_of, text_of

# Items whose status has no word for "incomplete".
FAIL_ONLY: Final = frozenset({"web_search_call", "image_generation_call"})


def settle(shown: str, final: str) -> str:
    """The text that stands."""
    return shown if shown.startswith(final) else final


def missing(shown: str, final: str) -> str:
    """What is still to be sent, so that `shown` becomes the text that stands; "" when it cannot become that by appending."""
    return final[len(shown) :] if final.startswith(shown) else ""


def merge_part(ours: Part, theirs: Part) -> Part:
    kind = KINDS.get(ours.type)
    if type(ours) is not type(theirs) or ours.type != theirs.type:
        return ours
    if kind is None:
        return theirs
    part = theirs.model_copy(update={kind.field: settle(text_of(ours), text_of(theirs))})
    if isinstance(ours, OutputText) and isinstance(part, OutputText):
        part.annotations = part.annotations or ours.annotations
    return part


def merge_parts(ours: list[Part], theirs: list[Part]) -> list[Part]:
    both = [merge_part(mine, other) for mine, other in zip(ours, theirs, strict=False)]
    return [*both, *ours[len(both) :], *map(_complete, theirs[len(both) :])]


def merge(ours: Item, theirs: Item | None, *, status: str) -> Item:
    """Our item, finished: our id (and call_id), their other fields, the texts that stand."""
    if theirs is None or type(theirs) is not type(ours):
        return _with_status(ours, status)
    kept: dict[str, object] = {"id": ours.id}
    match ours, theirs:
        case Message(), Message():
            kept["content"] = merge_parts(parts_of(ours, "content"), parts_of(theirs, "content"))
            kept["role"] = "assistant"
        case Reasoning(), Reasoning():
            kept["summary"] = merge_parts(ours.summary, theirs.summary)
            content = merge_parts(parts_of(ours, "content"), parts_of(theirs, "content"))
            kept |= {"content": content} if content else {}
        case FunctionCall(), FunctionCall():
            kept |= {"call_id": ours.call_id, "name": ours.name or theirs.name}
            kept["arguments"] = merge_arguments(ours.arguments, theirs.arguments)
        case UnknownItem(), UnknownItem():
            kept["type"] = ours.type
    return _with_status(theirs.model_copy(update=kept), status)


def merge_arguments(shown: str, final: str) -> str:
    """As `settle`, for JSON: whichever is whole, theirs first."""
    whole = next((text for text in (final, shown) if is_json(text)), None)
    return whole if whole is not None else settle(shown, final)


def is_whole(arguments: str) -> bool:
    return not arguments.strip() or is_json(arguments)


def is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _complete(part: Part) -> Part:
    kind = KINDS.get(part.type)
    return part if kind is None else merge_part(kind.blank(), part)


def _with_status(item: Item, status: str) -> Item:
    if isinstance(item, UnknownItem):
        if item.status is None and status == "completed":
            return item  # it has no status; a server may refuse one when the item is sent back
        status = "failed" if status == "incomplete" and item.type in FAIL_ONLY else status
    update: dict[str, object] = {"status": status}
    if isinstance(item, FunctionCall) and status == "completed" and not item.arguments.strip():
        update["arguments"] = "{}"
    return item.model_copy(update=update)
