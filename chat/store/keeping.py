"""A temporary conversation that its owner wants to keep: from then on an ordinary one, with all that was said."""

from collections.abc import Mapping
from contextlib import suppress
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

NOTHING: Final[Mapping[str, Held | None]] = MappingProxyType({})


def keep(*, actor: User, talk_id: str, store: bool | None = None, held: Mapping[str, Held | None] = NOTHING) -> Conversation:
    """As the rule is that holds for this person, or as they choose where it leaves that to them. Its replies were stored nowhere:
    in a conversation in which replies are, they go along with the next question. Refused while a reply is being written. `held`:
    what has been put in for each of its files, by their ids; None for one that has gone: the message says that it was there.
    """
    talk = talks.find(actor=actor, talk_id=talk_id)
    if (found := kept(actor=actor, talk=talk)) is not None:  # in another tab, a moment ago
        return found
    heed(talk)
    sealed = talks.seal(talk)
    try:
        conversation = _written(actor, sealed, store, held)
    except BaseException as error:
        if isinstance(error, IntegrityError) and (found := kept(actor=actor, talk=talk)) is not None:  # in another tab, meanwhile
            return found
        talks.unseal(sealed)
        raise
    with suppress(errors.Conflict, errors.NotFound):  # what cannot be reached goes by itself
        talks.end(actor=actor, talk_id=talk_id)
    return conversation


def heed(talk: Talk) -> None:
    """Refused while a reply is being written: before its files lie on a disk, too."""
    if talk.last.reply.running:
        raise errors.Conflict("A reply is being written.", next="Wait for its end, or stop it, and keep it then.")


def kept(*, actor: User, talk: Talk) -> Conversation | None:
    """What it has become already."""
    first = talk.document.exchanges[0].id
    return Conversation.objects.owned_by(actor).filter(items=first).first()


def _written(actor: User, talk: Talk, store: bool | None, held: Mapping[str, Held | None]) -> Conversation:
    first = talk.document.exchanges[0]
    title = wording.first_title(message_text(first.wire), first.wire)
    with transaction.atomic():
        conversation = messages.make(actor, title, talk.document.model, None, store)
        previous: Response | None = None
        for position, exchange in enumerate(talk.document.exchanges, 1):
            named = {pk: held.get(pk) for pk in attached.ids_of(exchange.wire)}
            if not named.keys() <= held.keys():
                raise errors.Conflict("Something was said in this conversation just now.", next="Look at it, and keep it then.")
            there = {pk: one for pk, one in named.items() if one is not None}
            uses = attached.wanted(actor, [*there.values()])
            parts = attached.parts(uses, [*there.values()])
            wire = _with_files(exchange.wire, dict(zip(there, parts, strict=True)))
            previous = _add(conversation, actor, exchange.model_copy(update={"wire": wire}), previous, position)
            attached.claim(Item(pk=exchange.id, wire=wire), uses)
        place = {"position": len(talk.document.exchanges), "head": previous}
        Conversation.objects.filter(pk=conversation.pk).update(**place)
    return conversation


def _with_files(wire: Json, files: Mapping[str, Json]) -> Json:
    """The message with what was put in, in place of what is in memory alone, by its id there."""
    content = wire.get("content")
    parts = content if isinstance(content, list) else []
    return {**wire, "content": [files.get(str(part.get("file_id")), part) if isinstance(part, dict) else part for part in parts]}


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
