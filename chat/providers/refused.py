"""What a server cannot take: parameters that it refused once are left out from then on."""

import re
from dataclasses import dataclass, field
from typing import Final

from pydantic import JsonValue

from chat.errors import UpstreamError, UpstreamRejected
from chat.protocol.failures import Answer, answer_of
from chat.protocol.types import Json

BACKGROUND: Final = "background"
KEEPING: Final = "store=true"
CHAINING: Final = "previous_response_id"
CLOSEST: Final = "original"
"""How closely an image is looked at: a word that not every server knows."""
# Leaving these out changes comfort, not meaning. Never here: model, input, instructions, tools, text, previous_response_id.
SPARE: Final = (
    *(
        "include",
        "prompt_cache_key",
        "prompt_cache_retention",
        "safety_identifier",
        "truncation",
        "reasoning",
        "parallel_tool_calls",
    ),
    *("metadata", "service_tier", "store", "temperature", "top_p", "stream_options", "reasoning_effort", "max_tokens"),
)
UNKNOWN: Final = re.compile(
    r"unknown|unrecogni[sz]ed|unexpected|extra (inputs|fields)|extra_forbidden|not permitted|no such", re.I
)
UNSUPPORTED: Final = re.compile(
    r"(not|n't|never|only) (yet )?(be )?support|unsupported|not (allowed|available|implemented|compatible)|must be|should be",
    re.I,
)
DETAIL: Final = re.compile(rf"\bdetail\b|\b{CLOSEST}\b|\blow\b.*\bhigh\b|\bhigh\b.*\blow\b", re.I | re.S)
FORGOTTEN: Final = re.compile(r"not[ _]found|not exist|expired", re.I)


@dataclass
class Refused:
    """What one server refused so far, model by model."""

    names: dict[str, set[str]] = field(default_factory=dict)

    def without(self, body: Json) -> Json:
        refused = self.names.get(str(body.get("model")), set())
        if BACKGROUND in refused:
            body = in_foreground(body)
        if KEEPING in refused and body.get("store"):
            body = {**body, "store": False}
        if CLOSEST in refused:
            body = {**body, "input": less_closely(body.get("input"))}
        kept = {name: value for name, value in body.items() if name not in refused}
        if "max_tokens" in refused and "max_tokens" in body:
            kept["max_completion_tokens"] = body["max_tokens"]  # what newer servers call it
        return kept

    def learn(self, error: UpstreamError, body: Json) -> str:
        """Remember the parameter of `body` that `error` is about, and say it; "" when it is about something else."""
        answer = answer_of(error)
        if not isinstance(error, UpstreamRejected) or answer is None or answer.status not in (400, 422):
            return ""
        if (DETAIL.search(answer.words) or (answer.param or "").endswith("detail")) and _looks_closest(body):
            self.names.setdefault(str(body.get("model")), set()).add(CLOSEST)
            return CLOSEST
        name: str | None = next((name for name in (BACKGROUND, *SPARE) if name in body and _is_about(answer, name, body)), None)
        if name is None:
            return ""
        if name == "store" and body["store"] and not UNKNOWN.search(answer.words):
            self.names.setdefault(str(body.get("model")), set()).add(KEEPING)
            return name  # it knows the word: what is not to be kept is asked for so from now on, too
        self.names.setdefault(str(body.get("model")), set()).add(name)
        return name

    def keeping(self, model: str) -> bool:
        """Whether it keeps nothing."""
        return not {KEEPING, "store"}.isdisjoint(self.names.get(model, ()))

    def chaining(self, model: str) -> bool:
        """Whether it goes on from no Response of its own."""
        return CHAINING in self.names.get(model, ())

    def learn_chaining(self, error: UpstreamError, body: Json) -> bool:
        """Remember a server that has no `previous_response_id`, and say so; one that has forgotten that Response has it. Left out
        it would mean something else, so the request has failed.
        """
        answer = answer_of(error)
        if body.get(CHAINING) and isinstance(error, UpstreamRejected) and answer is not None and answer.status in (400, 422):
            lacks = UNKNOWN.search(answer.words) or UNSUPPORTED.search(answer.words)
            if lacks and not FORGOTTEN.search(answer.words) and _is_about(answer, CHAINING, body):
                self.names.setdefault(str(body.get("model")), set()).add(CHAINING)
                return True
        return False


def less_closely(items: JsonValue) -> JsonValue:
    """These items, their images as closely as any server knows."""
    return [_less_closely(item) for item in items] if isinstance(items, list) else items


def _less_closely(item: JsonValue) -> JsonValue:
    if not isinstance(item, dict) or not isinstance(content := item.get("content"), list):
        return item
    parts = [{**part, "detail": "high"} if isinstance(part, dict) and _is_closest(part) else part for part in content]
    return {**item, "content": [*parts]}


def _is_closest(part: JsonValue) -> bool:
    return isinstance(part, dict) and part.get("type") == "input_image" and part.get("detail") == CLOSEST


def _looks_closest(body: Json) -> bool:
    return (items := body.get("input")) != less_closely(items)


def in_foreground(body: Json) -> Json:
    """Asked for in the ordinary way."""
    return {name: value for name, value in body.items() if name != BACKGROUND}


def _is_about(answer: Answer, name: str, body: Json) -> bool:
    unknown, unsupported = UNKNOWN.search(answer.words), UNSUPPORTED.search(answer.words)
    param = re.split(r"[.\[]", answer.param or "")[0]
    if name == BACKGROUND:  # it goes with `store`: a server that refuses the one may name the other
        if param and param in body:
            return param in (BACKGROUND, "store")
        return _names(answer, BACKGROUND) or (bool(unknown or unsupported) and _names(answer, "store"))
    if name == "store" and body["store"] is False and not unknown:
        return False  # a server that insists on keeping must not get what nobody may keep
    if param and param in body:
        return param == name and bool(unknown or unsupported or name not in ("temperature", "top_p", "max_tokens"))
    return bool(unknown or unsupported) and _names(answer, name)


def _names(answer: Answer, name: str) -> bool:
    return re.search(rf"(?<![\w-]){name}(?![\w-])", answer.message) is not None
