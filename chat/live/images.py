"""Images that replies name, by the mark that stands beside them: only what stands in a reply, for whoever may read that."""

from collections.abc import Iterator, Mapping

from chat import errors
from chat.live import temporary, transcript
from chat.markdown import images
from chat.models import Conversation, Item, Response
from chat.protocol.types import Json, dump_item
from chat.store.talk import Talk

GONE = "This image is not in that reply."
RUNNING = 20  # replies of one conversation that are being written, in which it is looked for


def address(conversation: Conversation, item_id: str, digest: str) -> str:
    """Where the image leads that a reply in this conversation names; NotFound where there is none such."""
    item = Item.objects.filter(pk=item_id, conversation=conversation, response__isnull=False).first()
    return _named([item.wire] if item else _being_written(conversation, item_id), digest)


def _being_written(conversation: Conversation, item_id: str) -> Iterator[Json]:
    running = Response.objects.filter(conversation=conversation, status=Response.Status.IN_PROGRESS)
    for response in running.order_by("-created")[:RUNNING]:
        for item in transcript.logged(response).output:
            if item.id == item_id:
                yield dump_item(item)


def address_in(talk: Talk, item_id: str, digest: str) -> str:
    """The same in a temporary conversation."""
    replies = (each.reply for each in talk.document.exchanges)
    items = (item for reply in replies for item in (temporary.folded(talk) if reply.running else reply.output))
    return _named((item for item in items if item.get("id") == item_id), digest)


def _named(items: Iterator[Json] | list[Json], digest: str) -> str:
    for item in items:
        for text in _texts(item):
            for found in images.addresses(text):
                if images.digest(found) == digest:
                    return found
    raise errors.NotFound(GONE)


def _texts(item: Json) -> Iterator[str]:
    for name in ("content", "summary"):
        parts = item.get(name)
        if isinstance(parts, str):
            yield parts
        for part in parts if isinstance(parts, list) else ():
            if isinstance(part, Mapping):
                yield str(part.get("text") or part.get("refusal") or "")
