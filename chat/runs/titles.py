"""A title for a conversation, found by the model in the background: never waited for, never an error, never kept at
the provider.
"""

import json
import logging
import re
from typing import NamedTuple

from django.db import Error as DatabaseError

from chat import errors, providers
from chat.live import transcript
from chat.protocol.events import OutputTextDelta
from chat.protocol.types import Request
from chat.runs import unasked
from chat.store import conversations, pool, responses, sql, wording

logger = logging.getLogger(__name__)
ASK = (
    "Write a title for this conversation: two to six words in its language, no quotation marks, no full stop. "
    "Answer with the title alone."
)
EXCERPT = 1500
LONGEST = 60


class Untitled(NamedTuple):
    """A conversation that nobody has named, and the beginning of it."""

    conversation_id: str
    response_id: str
    model: str
    excerpt: str


async def find(untitled: Untitled) -> None:
    """Ask for a title."""
    try:
        request = Request(model=untitled.model, stream=True, store=False, max_output_tokens=400, instructions=ASK)
        request.input = [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": untitled.excerpt}]}]
        title = clean(await _text(request, untitled.conversation_id))
        if title:
            found = {"title": title, "content": transcript.title_fragment(untitled.conversation_id, title)}
            of = {"conversation_id": untitled.conversation_id, "after": untitled.response_id}
            await pool.for_runs(conversations.entitle, **of, **found)
    except (errors.ParleyError, DatabaseError) as error:
        logger.info("No title for %s: %s", untitled.conversation_id, type(error).__name__)


UNNAMED = """SELECT r.conversation_id, r.model, i.wire
FROM chat_response r JOIN chat_conversation c ON c.id = r.conversation_id JOIN chat_item i ON i.id = r.input_id
WHERE r.id = %s AND r.status = 'completed' AND c.titled_by = '' AND i.previous_id IS NULL"""
OUTPUT = "SELECT wire FROM chat_item WHERE response_id = %s ORDER BY output_index"


def untitled(response_id: str) -> Untitled | None:
    """The conversation, if this is its first reply and it is complete."""
    found = sql.rows(UNNAMED, response_id)
    if not found:
        return None
    ((conversation_id, model, said),) = found
    output = [json.loads(wire) for (wire,) in sql.rows(OUTPUT, response_id)]
    message = json.loads(said)
    question = responses.message_text(message) or ", ".join(wording.names(message))  # never what is in them
    answer = "\n".join(map(responses.message_text, output))
    return Untitled(conversation_id, response_id, model, f"User: {question[:EXCERPT]}\n\nReply: {answer[:EXCERPT]}\n\nThe title:")


async def _text(request: Request, conversation_id: str) -> str:
    stream = await unasked.stream(providers.current(), request, conversation_id)
    text = ""
    try:
        async for event in stream:
            if isinstance(event, OutputTextDelta):
                text += event.delta
            if len(text) > 2000:
                break
    finally:
        await stream.aclose()
    return text


def clean(text: str) -> str:
    """The title in a model's answer: its first line without decoration; "" when it is no title."""
    line = next((line for line in re.sub(r"<think>.*?</think>", "", text, flags=re.DOTALL).splitlines() if line.strip()), "")
    line = re.sub(
        r"^[\s#>*_\-–—\"'“”„«»`]*(?:(?:the\s+|conversation\s+)?title(?:\s+is)?\s*(?::|(?=[\"'“„«`*]))\s*)?[\s*_\"'“”„«»`]*",
        "",
        line,
        flags=re.IGNORECASE,
    )
    line = re.sub(r"[\s*_\"'“”„«»`.:;]+$", "", line)
    return line if 0 < len(line) <= LONGEST else ""
