"""A title for a conversation, found by the model in the background: never waited for, never an error, never kept at
the provider.
"""

import logging
import re

from django.db import Error as DatabaseError

from chat import errors, providers
from chat.models import Conversation, Response
from chat.protocol.events import OutputTextDelta
from chat.protocol.types import Request
from chat.store import conversations, pool, responses

logger = logging.getLogger(__name__)
ASK = (
    "Write a title for this conversation: two to six words in its language, no quotation marks, no full stop. "
    "Answer with the title alone."
)
EXCERPT = 1500
LONGEST = 60


async def find(response_id: str) -> None:
    """Ask for a title after the first finished reply of a conversation that nobody has named."""
    try:
        wanted = await pool.for_readers(_excerpt, response_id)
        if wanted is None:
            return
        conversation_id, model, excerpt = wanted
        request = Request(model=model, stream=True, store=False, max_output_tokens=400, instructions=ASK)
        request.input = [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": excerpt}]}]
        title = clean(await _text(request))
        if title:
            await pool.for_runs(conversations.entitle, conversation_id=conversation_id, title=title)
    except (errors.ParleyError, DatabaseError) as error:
        logger.info("No title for %s: %s", response_id, type(error).__name__)


def _excerpt(response_id: str) -> tuple[str, str, str] | None:
    response = Response.objects.select_related("conversation", "input").prefetch_related("output").filter(pk=response_id).first()
    if (
        response is None
        or response.conversation is None
        or response.input is None
        or response.status != Response.Status.COMPLETED
    ):
        return None
    if response.conversation.titled_by != Conversation.TitledBy.NOBODY or response.input.previous_id is not None:
        return None
    question = responses.message_text(response.input.wire)
    answer = "\n".join(responses.message_text(item.wire) for item in response.output.all())
    return response.conversation.pk, response.model, f"User: {question[:EXCERPT]}\n\nReply: {answer[:EXCERPT]}\n\nThe title:"


async def _text(request: Request) -> str:
    stream = providers.current().stream(request)
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
        r"^[\s#>*_\-–—\"'“”„«»`]*(?:(?:the\s+|conversation\s+)?title(?:\s+is)?\s*:\s*)?[\s*_\"'“”„«»`]*",
        "",
        line,
        flags=re.IGNORECASE,
    )
    line = re.sub(r"[\s*_\"'“”„«»`.:;]+$", "", line)
    return line if 0 < len(line) <= LONGEST else ""
