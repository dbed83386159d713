"""What a person's message says, as a wire item: its text, the files that came with it, and what is made of these words."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from django.conf import settings
from pydantic import JsonValue

from chat import errors, markdown
from chat.models import Item
from chat.protocol.types import Json

TITLED_BY: Final = 2_000  # characters of a first message from which its conversation gets a title


@dataclass(frozen=True, slots=True)
class TextFile:
    """A text that came with a message as a file."""

    name: str
    text: str


def user_message(text: str, files: Sequence[TextFile] = (), others: Sequence[Json] = ()) -> Json:
    """The wire item. A text file is a part of its own that keeps its name; the request says the name in words. `others`: parts as
    they are. Of a message that consists of files alone there is no text.
    """
    parts: list[JsonValue] = [{"type": "input_text", "text": text}] if text else []
    parts += [{"type": "input_text", "text": file.text, "filename": file.name} for file in files]
    return {"type": "message", "role": "user", "content": [*parts, *others]}


def file_parts(item: Item) -> list[Json]:
    """All that came with a message as files, as it stands in it."""
    return [part for part in _parts(item.wire) if part.get("filename")]


def files_of(item: Item) -> list[TextFile]:
    """The texts among them."""
    texts = [part for part in file_parts(item) if part.get("type") == "input_text"]
    return [TextFile(str(part["filename"]), str(part.get("text") or "")) for part in texts]


def checked(text: str, *, alone: bool = True) -> str:
    """The text as it will be kept; InvalidInput when it is empty and comes `alone`, TooLarge above the bound. NUL cannot be
    stored everywhere.
    """
    text = text.replace("\r\n", "\n").replace("\x00", "\ufffd").strip("\n")
    text = text.encode("utf-8", "replace").decode("utf-8")
    if not text.strip() and not alone:
        return ""
    if not text.strip():
        raise errors.InvalidInput("There is nothing to send yet.", next="Write a message first.", param="text")
    if (size := len(text.encode())) > settings.MESSAGE_BYTES:
        most = settings.MESSAGE_BYTES // 1000
        raise errors.TooLarge(
            f"This message has {size // 1000} KB; {most} KB is the most.", next="Shorten it, or send it in parts."
        )
    return text


def first_title(text: str, message: Json) -> str:
    """What a conversation is called until the model has found something better: how its first message begins, or what came with
    it. To be asked before a transaction: it reads.
    """
    text = text.lstrip()[:TITLED_BY] or ", ".join(names(message))[:TITLED_BY]
    title = " ".join(markdown.plain(text).split()) or " ".join(text.split())
    return title if len(title) <= 60 else title[:59].rsplit(" ", 1)[0] + "…"


def names(message: Json) -> list[str]:
    """What the files are called that came with it."""
    return [str(part["filename"]) for part in _parts(message) if part.get("filename")]


def words(message: Json) -> str:
    """What search finds of a message: its text and those of its files, with their names."""
    return "\n".join(f"{part.get('filename', '')} {part.get('text', '')}".strip() for part in _parts(message))


def _parts(message: Json) -> list[Json]:
    content = message.get("content")
    return [part for part in content if isinstance(part, dict)] if isinstance(content, list) else []
