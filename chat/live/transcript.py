"""What a page shows of a conversation: a part of a branch, as views."""

from dataclasses import dataclass
from datetime import datetime

from django.template.loader import render_to_string

from chat.live.views import Entry, ErrorView, Files, ItemView, ResponseView, Versions, item_view, part_views
from chat.models import LEFT, Conversation, Item, Response, User
from chat.protocol import events as wire
from chat.protocol.snapshot import Snapshot, apply
from chat.protocol.types import dump_item
from chat.store import conversations, history, log, messages
from chat.store.talk import Reply

SENTENCES = {
    "max_output_tokens": (
        "The reply was cut: it reached the longest length the model may write.",
        "Continue it, or ask for less at once.",
    ),
    "content_filter": (
        "The reply was stopped by the model server's content filter.",
        "Say it differently, or choose another model.",
    ),
    "interrupted": ("The reply was cut off before its end.", "Continue it, or regenerate it."),
}
TRIES = 5  # each but the last met a reply that ended in these milliseconds
CUT = ("The reply was cut before its end.", "Continue it, or regenerate it.")


@dataclass(frozen=True, slots=True)
class Page:
    """Entries of a branch. `position` is the cursor that goes with them; `earlier` the first of them, where there are some above;
    `more`: it does not reach the branch's end.
    """

    entries: list[Entry]
    position: int
    earlier: str | None
    more: bool = False


def page(conversation: Conversation, viewer: User, *, before: str | None = None, at: Response | None = None, most: int) -> Page:
    """The part of this viewer's branch that ends at its end, or above `before`; or, through `at`, the branch that holds it.

    `conversation` is afterwards as it was at the page's position.
    """
    for _ in range(TRIES - 1):
        try:
            return _page(conversation, viewer, before=before, at=at, most=most)
        except log.Passed:
            conversation.refresh_from_db()  # its title too: the cursor says that the page has it
    return _page(conversation, viewer, before=before, at=at, most=most)


def _page(conversation: Conversation, viewer: User, *, before: str | None, at: Response | None, most: int) -> Page:
    position = conversation.position  # as it was read: the page is of that moment
    if at is not None:
        return _around(at, position, most=most)
    end = messages.head(conversation, viewer)
    if before is not None:
        first = Response.objects.filter(pk=before, conversation=conversation).select_related("input__previous").first()
        end = first.input.previous if first and first.input else None
    if end is None:
        return Page([], position, None)
    ids, earlier = history.path(end.pk, most=most)
    return Page(_shown(ids, position), position, ids[0] if earlier else None)


def _around(at: Response, position: int, *, most: int) -> Page:
    """A few entries above the one looked for, and what follows; where much follows, the page ends there and says so."""
    ids, _ = history.path(conversations.newest_leaf(at).pk)
    start = max(ids.index(at.pk) - 4, 0)
    shown = ids[start : start + most]
    return Page(_shown(shown, position), position, shown[0] if start else None, more=start + most < len(ids))


def _shown(ids: list[str], position: int) -> list[Entry]:
    return [entry(exchange, upto=position) for exchange in history.exchanges(ids)]


def some(response_ids: list[str], *, upto: int | None = None) -> list[Entry]:
    """The entries of these Responses, in this order, as they were at position `upto`; raises Passed when one has ended since."""
    return [entry(exchange, upto=upto) for exchange in history.exchanges(response_ids)]


def entry(exchange: history.Exchange, *, upto: int | None = None) -> Entry:
    """The view of an exchange; a running reply as far as the log had it at position `upto`. Raises Passed when it has ended
    since: what is shown and the cursor that goes with it are of one moment, or words come twice.
    """
    response, item = exchange.response, exchange.item
    if upto is not None and not response.running and response.position > upto:
        raise log.Passed
    continued = response.continues_id is not None
    view = ResponseView(
        id=response.pk,
        conversation_id=str(response.conversation_id),
        status=response.status,
        model=response.model,
        items=_output(exchange, upto),
        created=response.created,
        usage=response.usage,
        error=error_view(response),
        seconds=seconds(response.created, response.ended),
        first_token_seconds=seconds(response.created, response.first_token),
        versions=_versions(response, exchange.response_versions, response.pk, {pk: pk for pk in exchange.response_versions}),
        is_continuation=continued,
        is_followed=exchange.followed,
    )
    return Entry(None if item.hidden else _said(exchange, item), view)


def _said(exchange: history.Exchange, item: Item) -> ItemView:
    files = Files(exchange.files, within=str(item.conversation_id))
    return ItemView(
        id=item.pk,
        type=item.type,
        role=item.role,
        status="",
        wire=item.wire,
        author_name=item.author.shown_name if item.author else LEFT,
        created=item.created,
        versions=_versions(exchange.response, exchange.item_versions, item.pk, exchange.leads_to),
        edit_url=f"/c/{item.conversation_id}/items/{item.pk}/edit/",
        delete_url=f"/c/{item.conversation_id}/items/{item.pk}/delete/",
        parts=part_views(item.wire.get("content"), item.pk, named=exchange.named, files=files),
    )


def _versions(response: Response, ids: list[str], own: str, leads_to: dict[str, str]) -> Versions | None:
    if len(ids) < 2 or own not in ids:
        return None

    def url(index: int) -> str:
        target = leads_to.get(ids[index], "") if 0 <= index < len(ids) else ""
        return f"/c/{response.conversation_id}/version/?response={target}" if target else ""

    at = ids.index(own)
    return Versions(at + 1, len(ids), url(at - 1), url(at + 1))


def _output(exchange: history.Exchange, upto: int | None) -> list[ItemView]:
    response = exchange.response
    if not response.running:
        return [item_view(item.wire, id=item.pk, status=response.status) for item in exchange.output]
    items = [dump_item(item) for item in logged(response, upto).output] if response.begun else []
    return [item_view(item, id=str(item.get("id")), status=response.status) for item in items]


def logged(response: Response, upto: int | None = None) -> Snapshot:
    """A running Response as far as it is committed (at position `upto`): the fold of its log."""
    snapshot = Snapshot.start(response_id=response.pk, model=response.model, created_at=int(response.created.timestamp()))
    for event in log.read(response.pk, upto=upto):
        snapshot = apply(snapshot, wire.parse(event))
    return snapshot


def seconds(start: datetime, end: datetime | None) -> float | None:
    return round((end - start).total_seconds(), 1) if end else None


def error_view(response: Response | Reply) -> ErrorView | None:
    """How it ended, where that was no good end."""
    if response.status == Response.Status.FAILED:
        what, stop, then = (response.error_message or "The reply failed.").partition(". ")
        return ErrorView(f"{what}." if stop else what, then)
    if response.status == Response.Status.INCOMPLETE:
        return ErrorView(*SENTENCES.get(response.incomplete_reason, CUT))
    return None


def final_fragment(response_id: str) -> str:
    """A Response as it stands, whole, to take the place of whatever a reader has of it; "" when it is gone, or deleted."""
    there = [one for one in history.exchanges([response_id]) if one.response.conversation_id is not None]
    return "".join(render_to_string("events/response.html", {"response": entry(one).response}) for one in there)


def title_fragment(conversation_id: str, title: str) -> str:
    """A conversation's title, wherever a page shows it."""
    return render_to_string("events/title_changed.html", {"id": conversation_id, "title": title})
