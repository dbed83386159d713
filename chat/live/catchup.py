"""What a reader missed: from the log, by its cursor. Replacements, so that it heals whatever the page had got."""

from dataclasses import dataclass

from django.conf import settings
from django.template.loader import render_to_string
from pydantic import JsonValue

from chat.live import keeping, transcript
from chat.live.views import Entry
from chat.models import Conversation, User
from chat.protocol.types import Json
from chat.store import log, sharing, sql

MOST_NEWS = 50


@dataclass(frozen=True, slots=True)
class CaughtUp:
    """`content` brings a page at the old cursor to `position`. `gone`: the conversation is not there (any more). `shared`: others
    may have it open too.
    """

    position: int
    content: str
    gone: bool = False
    shared: bool = False


def catch_up(conversation_id: str, viewer: User, after: int) -> CaughtUp:
    """Everything after position `after`, as this viewer sees it."""
    for _ in range(transcript.TRIES - 1):
        try:
            return _catch_up(conversation_id, viewer, after)
        except log.Passed:
            continue
    return _catch_up(conversation_id, viewer, after)


# In two halves, so that each finds its index.
MOVED = """SELECT id, position FROM chat_response
WHERE conversation_id = %s AND status IN ('queued', 'in_progress') AND position > %s
UNION ALL SELECT id, settled FROM chat_response WHERE conversation_id = %s AND settled > %s ORDER BY 2"""


def _catch_up(conversation_id: str, viewer: User, after: int) -> CaughtUp:
    conversation = Conversation.objects.readable_by(viewer).present().filter(pk=conversation_id).first()
    if conversation is None:
        return CaughtUp(after, "", gone=True)
    upto = conversation.position  # read once: all that follows is the page of that moment
    news = log.news(conversation_id, after=after, upto=upto)
    if after > upto or len(news) > MOST_NEWS or any(_changes_branch(event, conversation, viewer) for event in news):
        return _everything(conversation, viewer)
    added = [event for event in news if event["type"] == "parley:entry.added"]
    moved = [pk for pk, _ in sql.rows(MOVED, *(conversation_id, after) * 2)]
    grown = [pk for pk in moved if pk not in _entries(news)]
    if grown:  # those that the page has not got are no replacements; read after `moved`
        fresh = _entries(log.news(conversation_id, after=upto))
        grown = [pk for pk in grown if pk not in fresh]
    html = _grown(grown, upto=upto)
    html += _added(added, upto=upto)
    if any(event["type"] == "parley:people.changed" for event in news):
        html += render_to_string("events/people_changed.html", people_context(conversation))
    if any(event["type"] == "parley:store.changed" for event in news):
        html += render_to_string("events/store_changed.html", {"conversation": conversation, **keeping.facts(conversation.model)})
    if any(event["type"] == "parley:title.changed" for event in news):
        html += transcript.title_fragment(conversation.pk, conversation.title)
    return CaughtUp(upto, html, shared=conversation.shared)


def _entries(news: list[Json]) -> set[str]:
    return {str(event["response"]) for event in news if event["type"] == "parley:entry.added"}


def _changes_branch(event: Json, conversation: Conversation, viewer: User) -> bool:
    """A version that one chooses concerns oneself; a new one whoever was where it was made, or has chosen none."""
    mine = event.get("user") == viewer.pk
    match event["type"]:
        case "parley:branch.chosen":
            return mine
        case "parley:branch.changed":
            return mine or conversation.shared
        case _:
            return False


def _everything(conversation: Conversation, viewer: User) -> CaughtUp:
    page = transcript.page(conversation, viewer, most=settings.ENTRIES_PER_PAGE)
    items = render_to_string("events/items.html", items_context(conversation, page))
    html = items + transcript.title_fragment(conversation.pk, conversation.title)
    return CaughtUp(page.position, html, shared=conversation.shared)


def items_context(conversation: Conversation, page: transcript.Page) -> dict[str, object]:
    """What conversations/items.html needs."""
    earlier = f"{conversation.url}items/?before={page.earlier}" if page.earlier else None
    later = conversation.url if page.more else None
    return {"entries": page.entries, "earlier_url": earlier, "later_url": later, "position": page.position}


def people_context(conversation: Conversation) -> dict[str, object]:
    """What conversations/people.html needs: who is in it, where others are."""
    return {"conversation": conversation, "people": sharing.people(conversation) if conversation.shared else []}


def _grown(ids: list[str], *, upto: int) -> str:
    return "".join(
        render_to_string("events/response.html", {"response": entry.response}) for entry in transcript.some(ids, upto=upto)
    )


def _added(added: list[Json], *, upto: int) -> str:
    """New entries, those that follow each other together: a partial finds its place before any of them is put in."""
    follows = {str(event["response"]): event.get("previous") for event in added}
    chains: list[tuple[JsonValue, list[Entry]]] = []
    for entry in transcript.some(list(follows), upto=upto):
        previous = follows[entry.response.id]
        if chains and chains[-1][1][-1].response.id == previous:
            chains[-1][1].append(entry)
        else:
            chains.append((previous, [entry]))
    return "".join(
        render_to_string("events/entries_added.html", {"entries": entries, "previous": previous}) for previous, entries in chains
    )
