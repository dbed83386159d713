"""The log's lists: replies and conversations, newest first, as filters ask, within the actor's reach."""

import re
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from django.core import signing

from chat import errors
from chat.models import Conversation, Response, Team, User
from chat.policy import can, conversations_logged_for, people_seen_by, responses_logged_for, teams_managed_by
from chat.store import costs, keyset, sql
from chat.store.keyset import Condition, Cursor, Question

CUT: Final = ("failed", "incomplete", "cancelled")
ERROR: Final = "error"
STATUSES: Final = (*Response.Status.choices, (ERROR, "any error"))


@dataclass(frozen=True, slots=True)
class Filters:
    """What a list is narrowed by; "" and None: not by that. `user` and `team` are found within the actor's reach. At least so
    long until the first words (`first`) and until the end (`total`), in milliseconds; so many tokens, read and written; so much
    that it cost. `counted`: as the overview counts it. `scope`: the teams that are
    looked through, where others than the actor's present ones.
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
    first: int | None = None
    total: int | None = None
    tokens: int | None = None
    cost: Decimal | None = None
    counted: str = ""
    scope: tuple[str, ...] | None = None


def key(text: str) -> str:
    """An id as ours are; NotFound for anything else, which breaks the question to the database."""
    if not re.fullmatch(r"[a-z]{2,12}_[0-9a-f]{32}", text):
        raise errors.NotFound
    return text


def person(actor: User, username: str) -> User:
    """Somebody whom this person sees in the panel, or of whom something stands in their log; NotFound for all others."""
    found = people_seen_by(actor).filter(username__iexact=username).first() or _left(actor, username)
    if found is None:
        raise errors.NotFound("Nobody here has that username.", param="user")
    return found


def _left(actor: User, username: str) -> User | None:
    """Who has left a team leaves there what they asked."""
    one = User.objects.filter(username__iexact=username).first()
    logged = responses_logged_for(actor).filter(author=one), conversations_logged_for(actor).filter(owner=one)
    return one if one is not None and any(some.exists() for some in logged) else None


def team(actor: User, team_id: str) -> Team:
    team_id = key(team_id)
    found = Team.objects.filter(pk=team_id).first() if can(actor, "server.manage", None) else None
    found = found or teams_managed_by(actor).filter(pk=team_id).first()
    if found is None:
        raise errors.NotFound("There is no such team here.", param="team")
    return found


def model(actor: User, name: str) -> str:
    """Without the blanks around what was typed, unless that is how a model server calls one."""
    bare = name.strip()
    return name if bare != name and responses_logged_for(actor).filter(model=name).exists() else bare


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


def _scope(actor: User, filters: Filters) -> tuple[str, ...] | None:
    """The teams that are looked through, each found by an index; None: all."""
    if filters.team is not None:
        return (filters.team.pk,)
    if filters.scope is not None:
        return filters.scope or ("",)
    if can(actor, "server.manage", None):
        return None
    return tuple(teams_managed_by(actor).order_by("pk").values_list("pk", flat=True)) or ("",)


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
        *_at_least(filters),
        (filters.counted, Condition(f"counted AND {ANSWERED}" if filters.model else "counted")),
    ]
    columns = f"{RESPONSE}, usage" if filters.cost is not None or filters.counted else RESPONSE
    return question("chat_response", columns, actor, filters, asked, later)


def _at_least(filters: Filters) -> list[tuple[bool, Condition]]:
    text, values = costs.book().at_least(filters.cost, _models(filters)) if filters.cost is not None else ("", [])
    return [
        (filters.first is not None, Condition(f"{AFTER[sql.VENDOR].format('first_token')} >= %s", (filters.first or 0,))),
        (filters.total is not None, Condition(f"{AFTER[sql.VENDOR].format('ended')} >= %s", (filters.total or 0,))),
        (filters.tokens is not None, Condition(TOKENS, (filters.tokens or 0,))),
        (filters.cost is not None, Condition(text, tuple(values))),
    ]


def _models(filters: Filters) -> list[str] | None:
    """Those that may be among the replies; None for more than a query names."""
    if filters.model:
        return [filters.model]
    found = [name for (name,) in sql.rows(MODELS)]
    return found if len(found) <= NAMED else None


NAMED: Final = 200
MODELS: Final = """WITH RECURSIVE known (model) AS (SELECT MIN(model) FROM chat_response UNION ALL
SELECT (SELECT MIN(model) FROM chat_response WHERE model > known.model) FROM known WHERE known.model IS NOT NULL)
SELECT model FROM known WHERE model IS NOT NULL LIMIT 201"""  # one more
"""Each by a look into the index of models, however many replies there are."""
AFTER: Final = {
    "sqlite": "ROUND((JULIANDAY({0}) - JULIANDAY(created)) * 86400000)",
    "postgresql": "ROUND(EXTRACT(EPOCH FROM ({0} - created)) * 1000)",
}
TOKENS: Final = "CAST(COALESCE(input_tokens, 0) AS BIGINT) + COALESCE(output_tokens, 0) >= %s"
ANSWERED: Final = (
    f"error_code <> '{errors.ModelNotFound.code}' AND (status <> 'cancelled' OR first_token IS NOT NULL OR usage IS NOT NULL)"
)
"""Only such count as their model's: see `counting.Fact`."""
RESPONSE: Final = (
    "id, created, author_id, team_id, conversation_id, model, status, store, tools, error_code, "
    "counted, first_token, ended, input_tokens, output_tokens"
)
ERRORS: Final = Condition("status IN ('failed', 'incomplete')")
CONVERSATION: Final = "id, created, owner_id, team_id, deleted, store"
INDEXED: Final = 4  # so many of those that are tried later have an index of their own


def conversations(actor: User, filters: Filters) -> Question:
    asked = [(filters.user, Condition("owner_id = %s", (filters.user.pk if filters.user else 0,)))]
    later = [(True, Condition("deleted IS NULL")), (filters.stored == "no", Condition("NOT store"))]
    later.append((filters.stored == "yes", Condition("store")))
    return question("chat_conversation", CONVERSATION, actor, filters, asked, later)


def question(
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
    ways: tuple[str, ...] = ()
    if scope and first:
        tried.append(Condition(f"team_id IN ({', '.join(['%s'] * len(scope))})", scope))
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
    return list(rows.defer("instructions", "error_message")), found


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
