"""The models that a server offers."""

import re
from typing import Final

from chat.protocol.types import Json

MOST_MODELS: Final = 1000
LONGEST_NAME: Final = 200
# What stands in the same list and cannot hold a conversation.
OTHER: Final = re.compile(
    r"embed|whisper|\btts|dall-e|moderation|gpt-image|transcribe|realtime|-audio|sora|davinci|babbage|rerank", re.I
)


def model_names(wire: Json) -> list[str]:
    """The names in an answer of /models, in the server's order, without those that are no language models."""
    data = wire.get("data") or wire.get("models")
    entries = data if isinstance(data, list) else []
    names = [
        name for entry in entries if isinstance(entry, dict) and isinstance(name := entry.get("id") or entry.get("name"), str)
    ]
    names = [name for name in dict.fromkeys(names) if 0 < len(name) <= LONGEST_NAME and name.isprintable()]
    return ([name for name in names if not OTHER.search(name)] or names)[:MOST_MODELS]
