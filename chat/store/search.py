"""Full-text search over the messages and titles that one may read: SQLite's FTS5 here, PostgreSQL's own there."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from operator import and_
from typing import NamedTuple

from django.db import connection
from django.db.models import Q

from chat.models import Conversation, Item, SearchEntry, User
from chat.store import fts5, rows

START, END = "\x02", "\x03"
MOST = 50
# Scripts written without spaces: a word index sees their sentences as one word, so they are searched as plain substrings.
UNSPACED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]|[\U00020000-\U0003ffff]")


class Piece(NamedTuple):
    hit: bool
    text: str


@dataclass(frozen=True, slots=True)
class Hit:
    """One place found. `snippet` has START and END around the words; `item_id` is None for a title."""

    conversation_id: str
    title: str
    item_id: str | None
    snippet: str
    active: datetime

    @property
    def pieces(self) -> list[Piece]:
        """The snippet, cut at the words that were found."""
        parts = re.split(f"{START}(.*?){END}", self.snippet, flags=re.DOTALL)
        return [Piece(index % 2 == 1, part) for index, part in enumerate(parts) if part]


def index(item: Item, text: str, *, owner_id: int) -> None:
    """Make a new item findable; empty text is not."""
    if text.strip() and item.conversation_id:
        text = text.replace("\x00", "")
        rows.add(SearchEntry(item=item, conversation_id=item.conversation_id, owner_id=owner_id, text=text))


def words(query: str) -> list[str]:
    """What to look for: at most twelve words, without the engines' own operators."""
    return re.findall(r"\w+", query[:300], flags=re.UNICODE)[:12]


def find(*, actor: User, query: str) -> list[Hit]:
    """Places in the conversations that this person may read that hold all words, each as a prefix; the last active conversation
    first.
    """
    found = words(query)
    if not found:
        return []
    if UNSPACED.search(query):
        return _substring(actor, [query.strip()[:300]])
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite" and fts5.lacking(cursor):
            return _substring(actor, found)
        query, parameters = _postgres(found) if connection.vendor == "postgresql" else _sqlite(found)
        shared = json.dumps(list(_shared(actor)))
        cursor.execute(query, {**parameters, "owner": actor.pk, "shared": shared, "most": MOST})
        return [Hit(*row) for row in _rows(cursor.fetchall())]


def _shared(actor: User) -> list[str]:
    """Ids of others' conversations that this person may read."""
    return list(Conversation.objects.readable_by(actor).exclude(owner=actor).values_list("pk", flat=True))


def _rows(rows: Sequence[Sequence[object]]) -> list[tuple[str, str, str | None, str, datetime]]:
    def moment(value: object) -> datetime:
        return value if isinstance(value, datetime) else datetime.fromisoformat(f"{value}+00:00")

    return [(str(a), str(b), str(c) if c else None, str(d), moment(e)) for a, b, c, d, e in rows]


SELECT = """
SELECT c.id, c.title, e.item_id, {snippet}, c.active
FROM {source} JOIN chat_conversation c ON c.id = e.conversation_id LEFT JOIN chat_item i ON i.id = e.item_id
WHERE (c.owner_id = %(owner)s OR c.id IN (SELECT value FROM {shared})) AND c.deleted IS NULL
AND (e.item_id IS NULL OR i.conversation_id IS NOT NULL) AND {match}
ORDER BY c.active DESC, e.id DESC LIMIT %(most)s
"""


def _sqlite(found: list[str]) -> tuple[str, dict[str, str | int]]:
    snippet = "snippet(chat_search, 0, char(2), char(3), '…', 24)"
    source = "chat_search JOIN chat_searchentry e ON e.id = chat_search.rowid"
    return SELECT.format(snippet=snippet, source=source, shared="json_each(%(shared)s)", match="chat_search MATCH %(query)s"), {
        "query": " ".join(f'"{word}"*' for word in found)
    }


def _postgres(found: list[str]) -> tuple[str, dict[str, str | int]]:
    query = "to_tsquery('chat_words', %(query)s)"
    options = "'StartSel=\x02, StopSel=\x03, MaxWords=24, MinWords=8, MaxFragments=1'"
    snippet = f"ts_headline('chat_words', e.text, {query}, {options})"
    shared = "json_array_elements_text(%(shared)s::json) AS shared(value)"
    match = f"to_tsvector('chat_words', left(e.text, 200000)) @@ {query}"
    return SELECT.format(snippet=snippet, source="chat_searchentry e", shared=shared, match=match), {
        "query": " & ".join(f"'{word}':*" for word in found)
    }


def _substring(actor: User, found: list[str]) -> list[Hit]:
    within = Q(conversation__owner=actor) | Q(conversation__in=_shared(actor))
    within = reduce(and_, (Q(text__icontains=each) for each in found), within)
    entries = SearchEntry.objects.filter(within, conversation__deleted__isnull=True)
    entries = entries.exclude(item__isnull=False, item__conversation=None)
    rows = entries.select_related("conversation").order_by("-conversation__active", "-pk")[:MOST]
    return [
        Hit(row.conversation_id, row.conversation.title, row.item_id, _around(row.text, found[0]), row.conversation.active)
        for row in rows
    ]


def _around(text: str, query: str) -> str:
    at = max(text.lower().find(query.lower()), 0)
    before, hit, after = text[max(at - 40, 0) : at], text[at : at + len(query)], text[at + len(query) : at + 120]
    return ("…" if at > 40 else "") + before + START + hit + END + after
