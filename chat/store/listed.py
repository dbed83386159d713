"""The log's lists: replies and conversations, newest first, as filters ask, within the actor's reach."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.core import signing

from chat import errors
from chat.models import Conversation, Response, Team, User
from chat.policy import can, conversations_logged_for, people_seen_by, responses_logged_for, teams_managed_by
from chat.store import keyset
from chat.store.keyset import Condition, Cursor, Question

CUT: Final = ("failed", "incomplete", "cancelled")
ERROR: Final = "error"
STATUSES: Final = (*Response.Status.choices, (ERROR, "any error"))


@dataclass(frozen=True, slots=True)
class Filters:
    """What a list is narrowed by; "" and None: not by that. `user` and `team` are found within the actor's reach. `scope`: the
    teams that are looked through, where others than the actor's present ones.
    """

    user: User | None = None
    team: Team | None = None
    conversation: str = ""
    model: str = ""
    status: str = ""
    stored: str = ""
    tool: str = ""
    since: datetime | None = None
    until: datetime | None = None
    scope: tuple[str, ...] | None = None


def key(text: str) -> str:
    """An id as ours are; NotFound for anything else, which breaks the question to the database."""
    if not re.fullmatch(r"[a-z]{2,12}_[0-9a-f]{32}", text):
        raise errors.NotFound
    return text


def person(actor: User, username: str) -> User:
    """Somebody whom this person sees in the panel; NotFound for all others."""
    found = people_seen_by(actor).filter(username__iexact=username).first()
    if found is None:
        raise errors.NotFound("Nobody here has that username.", param="user")
    return found


def team(actor: User, team_id: str) -> Team:
    team_id = key(team_id)
    found = Team.objects.filter(pk=team_id).first() if can(actor, "server.manage", None) else None
    found = found or teams_managed_by(actor).filter(pk=team_id).first()
    if found is None:
        raise errors.NotFound("There is no such team here.", param="team")
    return found


def response(actor: User, response_id: str) -> Response:
    """One of the log, for the page about it; NotFound for a stranger."""
    found = responses_logged_for(actor).select_related("author", "team", "conversation__owner", "conversation__team")
    one = found.filter(pk=key(response_id)).first()
    if one is None:
        raise errors.NotFound
    return one


def conversation(actor: User, conversation_id: str) -> Conversation:
    one = conversations_logged_for(actor).select_related("owner", "team").filter(pk=key(conversation_id)).first()
    if one is None:
        raise errors.NotFound
    return one


def _scope(actor: User, filters: Filters) -> tuple[Condition, ...] | None:
    """The teams that are looked through, each found by an index; None: all."""
    if filters.team is not None:
        return (Condition("team_id = %s", (filters.team.pk,)),)
    if filters.scope is not None:
        return tuple(Condition("team_id = %s", (pk,)) for pk in filters.scope) or (Condition("team_id = %s", ("",)),)
    if can(actor, "server.manage", None):
        return None
    mine = teams_managed_by(actor).order_by("pk").values_list("pk", flat=True)
    return tuple(Condition("team_id = %s", (pk,)) for pk in mine) or (Condition("team_id = %s", ("",)),)


def responses(actor: User, filters: Filters) -> Question:
    """The first of these that is asked for is found by its index; the others are tried."""
    asked = [
        (filters.conversation, Condition("conversation_id = %s", (filters.conversation,))),
        (filters.user, Condition("author_id = %s", (filters.user.pk if filters.user else 0,))),
    ]
    later = [
        (filters.tool, Condition("NOT tools = '' AND tools LIKE %s ESCAPE '!'", (_holding(filters.tool),))),
        (filters.status in (*CUT, ERROR), Condition("status IN ('failed', 'incomplete', 'cancelled')")),
        (filters.stored == "no", Condition("NOT store")),
        (filters.model, Condition("model = %s", (filters.model,))),
        (filters.status, Condition("status = %s", (filters.status,)) if filters.status != ERROR else ERRORS),
        (filters.stored == "yes", Condition("store")),
    ]
    return _question("chat_response", RESPONSE, actor, filters, asked, later)


RESPONSE: Final = "id, created, author_id, team_id, conversation_id, model, status, store, tools, error_code"
ERRORS: Final = Condition("status IN ('failed', 'incomplete')")
CONVERSATION: Final = "id, created, owner_id, team_id, deleted, store"
INDEXED: Final = 4  # so many of those that are tried later have an index of their own


def conversations(actor: User, filters: Filters) -> Question:
    asked = [(filters.user, Condition("owner_id = %s", (filters.user.pk if filters.user else 0,)))]
    later = [(True, Condition("deleted IS NULL")), (filters.stored == "no", Condition("NOT store"))]
    later.append((filters.stored == "yes", Condition("store")))
    return _question("chat_conversation", CONVERSATION, actor, filters, asked, later)


def _question(
    table: str,
    columns: str,
    actor: User,
    filters: Filters,
    asked: list[tuple[Any, Condition]],
    later: list[tuple[Any, Condition]],
) -> Question:
    first = next((condition for wanted, condition in asked if wanted), None)
    rest = [condition for wanted, condition in asked if wanted and condition is not first]
    tried = [condition for wanted, condition in later if wanted]
    scope = _scope(actor, filters)
    by: tuple[Condition, ...] = (first,) if first else ()
    ways: tuple[Condition, ...] = ()
    if scope and first:
        places = tuple(str(one.values[0]) for one in scope)
        tried.append(Condition(f"team_id IN ({', '.join(['%s'] * len(places))})", places))
    elif scope:
        ways = scope
    elif not first and table == "chat_response":
        indexed = [condition for wanted, condition in later[:INDEXED] if wanted][:1]
        by, tried = tuple(indexed), [one for one in tried if one not in indexed]
    return Question(table, columns, by, ways, (*rest, *tried), filters.since, filters.until)


def _holding(tool: str) -> str:
    for odd in "!%_":
        tool = tool.replace(odd, f"!{odd}")
    return f"% {tool} %"


def page_of_responses(question: Question, cursor: Cursor | None) -> tuple[list[Response], keyset.Page]:
    found = keyset.page(question, cursor)
    rows = Response.objects.filter(pk__in=found.ids).select_related("author", "team").order_by("-created", "-pk")
    return list(rows.defer("instructions", "error_message", "usage")), found


def page_of_conversations(question: Question, cursor: Cursor | None) -> tuple[list[Conversation], keyset.Page]:
    found = keyset.page(question, cursor)
    rows = Conversation.objects.filter(pk__in=found.ids).select_related("owner", "team").order_by("-created", "-pk")
    return list(rows.defer("title")), found


def written(actor: User, cursor: Cursor | None) -> str:
    """A cursor as it stands in an address, for this person alone; "" for none."""
    return signing.Signer(salt=f"log.{actor.pk}").sign("~".join(cursor)) if cursor else ""


def cursor(actor: User, text: str) -> Cursor | None:
    """Back again. InvalidInput for one that was not made here."""
    if not text:
        return None
    try:
        created, pk = signing.Signer(salt=f"log.{actor.pk}").unsign(text).split("~")
    except (signing.BadSignature, ValueError):
        raise errors.InvalidInput("This address is not one of ours.", next="Go back to the start of the list.") from None
    return created, pk
