"""A temporary conversation that its owner wants to keep: from then on an ordinary one, with all that was said."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from django.db import IntegrityError, transaction

from chat import errors
from chat.models import Conversation, Item, Response, User
from chat.protocol.types import Json
from chat.store import attached, messages, responses, rows, search, talks, wording
from chat.store.attached import Held
from chat.store.responses import Ending, message_text
from chat.store.talk import Exchange, Reply, Talk

NOTHING: Final[Mapping[str, Sequence[Held]]] = MappingProxyType({})


def keep(*, actor: User, talk_id: str, store: bool | None = None, held: Mapping[str, Sequence[Held]] = NOTHING) -> Conversation:
    """As the rule is that holds for this person, or as they choose where it leaves that to them. Its replies were stored nowhere:
    in a conversation in which replies are, they go along with the next question. Refused while a reply is being written. `held`:
    what has been put in for the files of each message, in their order.
    """
    talk = talks.find(actor=actor, talk_id=talk_id)
    if (found := _kept(actor, talk)) is not None:  # in another tab, a moment ago
        return found
    if talk.last.reply.running:
        raise errors.Conflict("A reply is being written.", next="Wait for its end, or stop it, and keep it then.")
    sealed = talks.seal(talk)
    try:
        conversation = _written(actor, sealed, store, held)
    except BaseException as error:
        if isinstance(error, IntegrityError) and (found := _kept(actor, talk)) is not None:  # in another tab, meanwhile
            return found
        talks.seal(sealed, kept=False)
        raise
    talks.end(actor=actor, talk_id=talk_id)
    return conversation


def _kept(actor: User, talk: Talk) -> Conversation | None:
    first = talk.document.exchanges[0].id
    return Conversation.objects.owned_by(actor).filter(items=first).first()


def _written(actor: User, talk: Talk, store: bool | None, held: Mapping[str, Sequence[Held]]) -> Conversation:
    first = talk.document.exchanges[0]
    title = wording.first_title(message_text(first.wire), first.wire)
    with transaction.atomic():
        conversation = messages.make(actor, title, talk.document.model, None, store)
        previous: Response | None = None
        for position, exchange in enumerate(talk.document.exchanges, 1):
            uses = attached.wanted(actor, held.get(exchange.id, ()))
            wire = _with_files(exchange.wire, attached.parts(uses, held.get(exchange.id, ())))
            previous = _add(conversation, actor, exchange.model_copy(update={"wire": wire}), previous, position)
            attached.claim(Item(pk=exchange.id, wire=wire), uses)
        place = {"position": len(talk.document.exchanges), "head": previous}
        Conversation.objects.filter(pk=conversation.pk).update(**place)
    return conversation


def _with_files(wire: Json, files: list[Json]) -> Json:
    """The message with what was put in, in place of what is in memory alone."""
    content, left = wire.get("content"), list(files)
    if len(attached.ids_of(wire)) != len(left):
        raise errors.Conflict("Something was said in this conversation just now.", next="Look at it, and keep it then.")
    parts = content if isinstance(content, list) else []
    return {**wire, "content": [left.pop(0) if isinstance(part, dict) and part.get("file_id") else part for part in parts]}


def _add(conversation: Conversation, actor: User, exchange: Exchange, previous: Response | None, position: int) -> Response:
    """An exchange. The row of its run is there, as it is of every temporary one; now it says more."""
    item = Item(id=exchange.id, conversation=conversation, previous=previous, author=actor, status="completed")
    item.role, item.wire, item.hidden = str(exchange.wire.get("role")), _storable(exchange.wire), exchange.hidden
    rows.add(item)
    if not exchange.hidden:
        search.index(item, wording.words(item.wire), owner_id=actor.pk)
    place: dict[str, Any] = {
        "conversation": conversation,
        "input": item,
        "position": position,
        "settled": position,
        "lease_until": None,
    }
    place["continues"] = previous if exchange.hidden else None
    place |= {"author": actor, "team": conversation.team, "store": False}
    response, _ = Response.objects.update_or_create(pk=exchange.reply.id, defaults={**_facts(exchange.reply), **place})
    for moment, row in ((exchange.created, item), (exchange.reply.created, response)):
        type(row).objects.filter(pk=row.pk).update(created=moment)
    _add_output(conversation, actor, response, exchange)
    return response


def _facts(reply: Reply) -> dict[str, Any]:
    texts = {"status": reply.status, "model": reply.model[:200], "usage": reply.usage, "error_message": reply.error_message}
    texts |= {"error_code": reply.error_code[:60], "incomplete_reason": reply.incomplete_reason[:60]}
    return {**_storable(texts), **responses.counts(reply.usage), "first_token": reply.first_token, "ended": reply.ended}


def _add_output(conversation: Conversation, actor: User, response: Response, exchange: Exchange) -> None:
    output: list[Json] = [_storable(wire) for wire in exchange.reply.output]
    words = responses.words(Ending(status=exchange.reply.status, items=output))
    for index, wire in enumerate(output):
        item = Item(id=str(wire["id"]), conversation=conversation, response=response, output_index=index, wire=wire)
        item.type, item.status = str(wire.get("type") or "unknown")[:60], str(wire.get("status") or "")[:20]
        item.role = str(wire.get("role") or ("assistant" if item.type == "message" else ""))[:20]
        rows.add(item)
        search.index(item, words[index], owner_id=actor.pk)


def _storable(value: Any) -> Any:
    """The same without NUL, which memory takes and no database: its complaint would quote what was said."""
    if isinstance(value, dict):
        return {_storable(key): _storable(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_storable(each) for each in value]
    return value.replace("\x00", "\ufffd") if isinstance(value, str) else value
