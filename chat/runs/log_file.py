"""What an export of the log holds: its lines, in pieces that are read from the database when their turn comes.

That takes a while: before each piece it is asked anew whether whoever asked for it may still have it.
"""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from chat import errors
from chat.models import LEFT, Conversation, Export, Opening, Response, User
from chat.policy import conversations_logged_for, responses_logged_for
from chat.runs.archive import Piece
from chat.store import costs, exported, history, log_exports, logged, own
from chat.store.access import Allowed
from chat.store.cells import Cell, row
from chat.store.exported import Record
from chat.store.log_exports import Wanted

PART: Final = 100  # rows of a table that are read at once
AT_ONCE: Final = 50  # replies with their texts; fewer where these have more than `own.BYTES`
BOM: Final = "\ufeff"  # by it spreadsheets know UTF-8
REPLIES: Final = (
    *("time", "user", "name", "team", "conversation", "response", "model", "status", "error", "stored"),
    *("first_words_seconds", "total_seconds", "input_tokens", "output_tokens", "cost", "tools"),
)
CONVERSATIONS: Final = ("begun", "owner", "name", "team", "conversation", "last_active", "stored")
UNREAD: Final = "Its text may not be read here, or its owner has deleted it."


def of(export: Export) -> Iterator[Piece]:
    """Of one that is made in the background."""
    asked = log_exports.wanted(export.asked)
    record = None
    if asked.texts:
        if export.opening_id is None:
            raise errors.NotFound(log_exports.NOT_YOURS)
        record = _record(asked, export.opening_id, export.pk, export.asked.get("from", ""))
        record.export = export
    return pieces(export.owner_id, asked, record)


def at_once(actor: User, asked: Wanted, opening: Opening | None, *, about: str, address: str) -> Iterator[bytes]:
    """Of one that is sent as it is read. One that ends early says so, for its beginning has been sent."""
    record = _record(asked, opening.pk, about, address) if opening is not None else None
    try:
        for piece in pieces(actor.pk, asked, record):
            if piece.text:  # an empty one would be taken for the end
                yield piece.text.encode(errors="backslashreplace")
    except errors.ParleyError as error:
        said = f"This export ends here: {error.message}"
        line = row([said]) if record is None else _line({"object": "error", "message": said})
        yield line.encode()


def _record(asked: Wanted, opening: str, about: str, address: str) -> Record:
    return Record(opening, about, asked.narrowed(), words=asked.typed(), address=address)


def pieces(actor_id: int, asked: Wanted, record: Record | None) -> Iterator[Piece]:
    """Raises NotFound and Refused where this person may have no more."""
    if record is not None:
        yield from _texts(actor_id, asked, record)
        return
    yield Piece(BOM + row(REPLIES if asked.of == "responses" else CONVERSATIONS))
    table = _replies if asked.of == "responses" else _conversations
    for ids in log_exports.slices(actor_id, asked):
        book = costs.book()
        for start in range(0, len(ids), PART):
            actor = log_exports.still(actor_id, asked)
            lines = table(actor, ids[start : start + PART], book)
            yield Piece("".join(lines), len(lines))


def _replies(actor: User, ids: list[str], book: costs.Book) -> list[str]:
    found = responses_logged_for(actor).filter(pk__in=ids).select_related("author", "team").order_by("-created", "-pk")
    return [row(_reply(one, book)) for one in found.defer("instructions", "error_message")]


def _reply(one: Response, book: costs.Book) -> list[Cell]:
    name, shown = (one.author.get_username(), one.author.shown_name) if one.author else ("", LEFT)
    waits = [round((end - one.created).total_seconds(), 3) if end else None for end in (one.first_token, one.ended)]
    return [
        *(_time(one.created), name, shown, _team(one), one.conversation_id or "", one.pk, one.model, one.status),
        *(logged.code(one) or logged.reason(one), "yes" if one.store else "no", *waits),
        *(one.input_tokens, one.output_tokens, book.of(one), one.tools.strip()),
    ]


def _conversations(actor: User, ids: list[str], book: costs.Book) -> list[str]:
    found = conversations_logged_for(actor).filter(pk__in=ids).select_related("owner", "team").order_by("-created", "-pk")
    return [row(_conversation(one)) for one in found.defer("title")]


def _conversation(one: Conversation) -> list[Cell]:
    who = (one.owner.get_username(), one.owner.shown_name)
    return [_time(one.created), *who, _team(one), one.pk, _time(one.active), "yes" if one.store else "no"]


def _team(one: Response | Conversation) -> str:
    return "alone" if one.team and one.team.personal_of_id else one.team.name if one.team else ""


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _texts(actor_id: int, asked: Wanted, record: Record) -> Iterator[Piece]:
    """A line for each reply. Nothing is read before it is on record."""
    for ids in log_exports.replies(actor_id, asked):
        exported.note(record, reader=log_exports.still(actor_id, asked), replies=ids)
        yield Piece("")  # a step of its own
        for page in own.parted(ids, history.SIZES, at_once=AT_ONCE):
            actor = log_exports.still(actor_id, asked)
            lines = _lines(actor, page, record)
            yield Piece("".join(lines), len(lines))


def _lines(actor: User, page: list[str], record: Record) -> list[str]:
    found = responses_logged_for(actor).filter(pk__in=page).select_related("author", "team")
    there = {one.pk: one for one in found.defer("instructions", "error_message")}
    conversations = {one.conversation_id for one in there.values() if one.conversation_id}
    allowed = exported.allowed(record, reader=actor, conversations=conversations)
    texts = logged.exported(allowed, page)
    return [_line(_told(there[pk], texts.get(pk), allowed)) for pk in page if pk in there]


def _told(one: Response, text: history.Exchange | None, allowed: Mapping[str, Allowed]) -> dict[str, Any]:
    """In the shape of the Responses API; what that does not know stands under `parley`."""
    about: dict[str, Any] = {
        "user": one.author.get_username() if one.author else None,
        "team": _team(one) or None,
        "first_token_at": _time(one.first_token) if one.first_token else None,
        "text": "none",
    }
    if text is None:
        about["closed"] = logged.closed(one) or UNREAD
        data = logged.without_text(one)
    else:
        about["text"] = "redacted" if allowed[str(one.conversation_id)].redacted else "full"
        data = logged.as_data(text)
    place = {"id": one.conversation_id} if one.conversation_id else None
    return {**data, "conversation": place, "parley": about}


def _line(data: Mapping[str, Any]) -> str:
    return json.dumps(data, ensure_ascii=False) + "\n"
