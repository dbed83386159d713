"""JSON as model servers write it: lone surrogates, NaN and NUL characters are mended, nesting is bounded."""

import json
from typing import Final

from pydantic import JsonValue
from pydantic_core import from_json

from chat.errors import MalformedStream

DEEPEST: Final = 150  # levels of nesting; serialising fails somewhat above 200


def load(data: str | bytes) -> JsonValue:
    """Raises MalformedStream for what is not JSON. NUL becomes U+FFFD: PostgreSQL stores none."""
    text = data if isinstance(data, str) else data.decode("utf-8", "replace")
    try:
        value: JsonValue = from_json(text, allow_inf_nan=False)
    except ValueError:
        return _load_odd(text)
    if "\\u0000" in text or text.count("[") + text.count("{") > DEEPEST:
        return _mended(value, depth=0)
    return value


def _load_odd(text: str) -> JsonValue:
    try:
        return _mended(json.loads(text, parse_constant=lambda name: None), depth=0)
    except (ValueError, RecursionError) as error:
        raise MalformedStream from error


def _mended(value: JsonValue, *, depth: int) -> JsonValue:
    if depth > DEEPEST:
        raise MalformedStream
    match value:
        case str():
            return value.replace("\0", "\ufffd").encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        case dict():
            return {str(_mended(key, depth=depth + 1)): _mended(entry, depth=depth + 1) for key, entry in value.items()}
        case list():
            return [_mended(entry, depth=depth + 1) for entry in value]
        case float() if value in (float("inf"), float("-inf")):
            return None
        case _:
            return value
