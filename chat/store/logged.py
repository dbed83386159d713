"""The texts of the log. Each function takes what `access.read` has returned: no text without a row that says who read it."""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from chat.models import Conversation, Item, Response
from chat.protocol.types import Json
from chat.store import conversations, history, log, redaction, responses
from chat.store.access import Allowed
from chat.store.history import Exchange
from chat.store.log import Timed

CODE: Final = re.compile(r"[A-Za-z0-9_.-]*")
PART: Final = 50
"""Exchanges on one page of a transcript."""


def closed(response: Response) -> str:
    """Why there is no text of this reply in the log, in words; "" where there is one."""
    if not response.store:
        return "This reply was not stored: there is nothing of it here but what you see."
    if response.running:
        return "This reply is still being written. Its text is here once it has ended."
    if response.created < timezone.now() - timedelta(days=settings.RESPONSE_RETENTION_DAYS):
        days = settings.RESPONSE_RETENTION_DAYS
        return f"The log keeps texts for {days} days, and this reply is older. It is in its owner’s own history alone."
    if response.conversation_id is None:
        return "The message that this reply answers was deleted."
    return ""


def code(response: Response) -> str:
    """What the model server called its error; what is no name of one may be somebody's words."""
    return response.error_code if CODE.fullmatch(response.error_code) else "other"


def reason(response: Response) -> str:
    """Why it is not whole. A word that is none of ours may be somebody's."""
    return response.incomplete_reason if response.incomplete_reason in ("", *responses.REASONS) else "other"


def exchanges(allowed: Allowed, conversation: Conversation, ids: list[str]) -> list[Exchange]:
    """Those of this conversation, in this order. Of a reply that is closed only its row is there, and no item."""
    found = [one for one in history.exchanges(ids) if one.response.conversation_id == conversation.pk]
    return [_open(allowed, one) if not closed(one.response) else _emptied(one) for one in found]


def _emptied(exchange: Exchange) -> Exchange:
    return replace(exchange, item=Item(pk=exchange.item.pk, wire={}, hidden=True), output=[], named=frozenset())


def _open(allowed: Allowed, exchange: Exchange) -> Exchange:
    if allowed.redacted:
        for item in (exchange.item, *exchange.output):
            item.wire = redaction.wire(item.wire)
        for name in ("instructions", "error_code", "error_message", "incomplete_reason"):
            setattr(exchange.response, name, redaction.mask(getattr(exchange.response, name)))
        exchange.response.usage = redaction.masked(exchange.response.usage)
    return exchange


def title(allowed: Allowed, conversation: Conversation) -> str:
    """It was made of what was said: "" where some of that was not stored, or may not be, or is older than what the log keeps."""
    gone = Q(store=False) | Q(created__lt=timezone.now() - timedelta(days=settings.RESPONSE_RETENTION_DAYS))
    if not conversation.store or conversation.responses.filter(gone).exists():
        return ""
    return redaction.mask(conversation.title) if allowed.redacted else conversation.title


def exported(allowed: Mapping[str, Allowed], ids: list[str]) -> dict[str, Exchange]:
    """Of several conversations, each as far as it is allowed, by the ids of the Responses: those that are open, and no other."""
    found = ((one, allowed.get(str(one.response.conversation_id))) for one in history.alone(ids))
    return {one.response.pk: _open(may, one) for one, may in found if may is not None and not closed(one.response)}


def without_text(response: Response) -> Json:
    """The same of one that is closed: what the list shows of it."""
    spent = {"input_tokens": response.input_tokens, "output_tokens": response.output_tokens}
    bare = Response(
        **{name: getattr(response, name) for name in ("pk", "created", "ended", "status", "model", "store")},
        error_code=code(response),
        usage=None if response.output_tokens is None else spent,
        incomplete_reason=reason(response),
    )
    return {**as_data(Exchange(bare, Item(wire={}))), "input": []}


def as_data(exchange: Exchange) -> Json:
    """One that is open as the Responses API has it, with its input and instructions."""
    response = exchange.response
    error: Any = {"code": response.error_code, "message": response.error_message} if response.error_code else None
    return {
        "id": response.pk,
        "object": "response",
        "created_at": int(response.created.timestamp()),
        "completed_at": int(response.ended.timestamp()) if response.ended else None,
        "status": response.status,
        "model": response.model,
        "store": response.store,
        "instructions": response.instructions or None,
        "input": [exchange.item.wire],
        "output": [item.wire for item in exchange.output],
        "usage": response.usage,
        "error": error,
        "incomplete_details": {"reason": response.incomplete_reason} if response.incomplete_reason else None,
    }


def replayed(allowed: Allowed, response: Response) -> list[tuple[str, list[tuple[float, str]]]]:
    """The words of a reply, stream by stream in the order in which each began: when each piece came, and what it was. A piece is
    masked as a part of its whole stream, for what is hidden may stand across several.
    """
    if closed(response):
        return []
    _, events = log.recorded(response.pk)
    streams: dict[tuple[str, ...], list[tuple[float, str]]] = {}
    for one in events:
        if (key := _stream(one)) is not None:
            streams.setdefault(key, []).append((one.seconds, str(one.event["delta"])))
    return [(key[0], _masked(allowed, pieces)) for key, pieces in streams.items()]


def _stream(one: Timed) -> tuple[str, ...] | None:
    type_, delta = str(one.event.get("type") or ""), one.event.get("delta")
    if not type_.endswith(".delta") or not isinstance(delta, str):
        return None
    where = ("item_id", "content_index", "summary_index", "output_index")
    return type_, *(str(one.event.get(name, "")) for name in where)


def _masked(allowed: Allowed, pieces: list[tuple[float, str]]) -> list[tuple[float, str]]:
    if not allowed.redacted:
        return pieces
    texts = redaction.pieces([text for _, text in pieces])
    return [(at, text) for (at, _), text in zip(pieces, texts, strict=True)]


def holds(conversation: Conversation, response_id: str) -> bool:
    return bool(response_id.isprintable()) and conversation.responses.filter(pk=response_id[:60]).exists()


def branch(allowed: Allowed, conversation: Conversation, *, at: str, exactly: bool) -> tuple[list[str], str | None]:
    """A page of the branch through `at`, or that ends there `exactly`; without one, of that which is shown first. And the id of
    the Response above it.
    """
    end = (
        conversation.responses.filter(pk=at).first()
        if at
        else conversation.head or conversation.responses.order_by("-created", "-pk").first()
    )
    if end is None:
        return [], None
    return history.path(end.pk if exactly else conversations.newest_leaf(end).pk, most=PART)
