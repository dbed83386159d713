"""Searching the texts of the log: stored replies and what they answer, in a team or everywhere. What is redacted is not found."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from unicodedata import normalize

from django.conf import settings
from django.utils import timezone

from chat.models import Conversation, LogMode, Team
from chat.store import access, redaction, search, sql
from chat.store.access import Allowed

MOST: Final = 50
LOOK: Final = 20_000  # places that hold the words, the newest first, that one search looks through
FEW: Final = 500
AROUND: Final = 100  # characters


@dataclass(frozen=True, slots=True)
class Place:
    """A piece of a stored reply, or of what it answers. `pieces`: the text around the words, and which pieces are those."""

    response: str
    conversation: Conversation
    created: datetime
    pieces: list[search.Piece]


FOUND: Final = """SELECT r.id, c.id, e.id, e.text, r.created FROM ({matches}) AS m
JOIN chat_searchentry e ON e.id = m.id JOIN chat_item i ON i.id = e.item_id
JOIN chat_conversation c ON c.id = e.conversation_id
JOIN chat_response r ON r.id = COALESCE(i.response_id,
    (SELECT x.id FROM chat_response x WHERE x.input_id = i.id AND x.store AND x.created >= {since}
     ORDER BY x.created DESC LIMIT 1))
WHERE r.store AND r.conversation_id = c.id AND r.status NOT IN ('queued', 'in_progress') AND r.created >= {since}
AND c.deleted IS NULL AND NOT EXISTS (SELECT 1 FROM chat_team t WHERE t.id = c.team_id AND t.log_mode = 'metadata')
AND ({team} = '' OR c.team_id = {team}) ORDER BY e.id DESC LIMIT {most}"""
ON_SQLITE: Final = "SELECT rowid AS id FROM chat_search WHERE chat_search MATCH %s ORDER BY rowid DESC LIMIT {look}"
HOLDING: Final = """SELECT id FROM chat_searchentry
WHERE to_tsvector('chat_words', left(text, 200000)) @@ to_tsquery('chat_words', %s)"""
# By its index, all of them: Postgres would rather walk the table from its end, and make words of every text on the way.
INDEXED: Final = f"WITH hits AS MATERIALIZED ({HOLDING}) SELECT id FROM hits LIMIT {{look}}"  # noqa: S608 - all of it is ours
WALKED: Final = f"{HOLDING} ORDER BY id DESC LIMIT {{look}}"


def _matches(query: str) -> tuple[list[str], bool]:
    """How to find the newest places, one way after the other until there are enough; and whether there are others, which are not
    looked through. All that are looked through are sorted.
    """
    few = (ON_SQLITE if sql.VENDOR == "sqlite" else INDEXED).format(look=LOOK + 1)
    ((count,),) = sql.rows(f"SELECT COUNT(*) FROM ({few}) AS few", query)  # noqa: S608 - all of it is ours
    if sql.VENDOR == "sqlite":
        return [ON_SQLITE.format(look=look) for look in (FEW, LOOK)], count > LOOK
    return [INDEXED.format(look=LOOK) if count <= LOOK else WALKED.format(look=FEW)], count > LOOK


def find(allowed: Allowed, *, team: Team | None, query: str) -> tuple[list[Place], bool]:
    """The newest places that hold all words, each as a prefix; and whether there may be others that were not looked through."""
    words = search.words(query)
    if not words:
        return [], False
    together = {
        "sqlite": " ".join(f'"{word}"*' for word in words),
        "postgresql": " & ".join(f"'{word}':*" for word in words),
    }
    since = timezone.now() - timedelta(days=settings.RESPONSE_RETENTION_DAYS)
    rows: list[Any] = []
    ways, over = _matches(together[sql.VENDOR])
    for matches in ways:
        if len(rows) < MOST:
            text = FOUND.format(matches=matches, since="%s", team="%s", most=MOST)
            scope = team.pk if team else ""
            rows = sql.rows(text, together[sql.VENDOR], sql.stamp(since), sql.stamp(since), scope, scope)
    there = list(Conversation.objects.select_related("owner", "team").filter(pk__in={row[1] for row in rows}))
    shown = {one.pk: (one, mode) for one, mode in zip(there, access.modes(one.team for one in there), strict=True)}
    places = [place for row in rows if row[1] in shown and (place := _place(row, *shown[row[1]], words)) is not None]
    return places, (over if len(rows) < MOST else len(places) < MOST)  # what is hidden takes the places of others


def _place(row: Any, conversation: Conversation, mode: str, words: list[str]) -> Place | None:
    response_id, _, _, text, created = row
    if mode == LogMode.METADATA:
        return None
    text = redaction.mask(text) if mode == LogMode.REDACTED else text
    hits = _hits(words, text)
    if mode == LogMode.REDACTED and None in hits:
        return None  # it was found by what is hidden
    last = max((hit for hit in hits if hit), default=(0, 0))
    return Place(response_id, conversation, sql.moment(created), _around(text, *last))


def _hits(words: list[str], text: str) -> list[tuple[int, int] | None]:
    """Where each word stands, also with other accents: the index knows none."""
    plain = [re.search(re.escape(word), text, re.IGNORECASE) for word in words]
    if None not in plain or text.isascii():
        return [hit.span() if hit else None for hit in plain]
    bare, places = _bare(text), list[int]()
    found: list[tuple[int, int] | None] = []
    for word, hit in zip(words, plain, strict=True):
        sought = _bare(word)
        at = bare.find(sought) if sought and not hit else -1
        if at >= 0 and not places:
            places = [*(place for place, letter in enumerate(text) for _ in _bare(letter)), len(text)]
        end = at + len(sought)
        other = (places[at], max(places[end], places[end - 1] + 1)) if at >= 0 else None
        found.append(hit.span() if hit else other)
    return found


def _bare(text: str) -> str:
    """Without accents, and none of the letters large."""
    return ACCENTS.sub("", normalize("NFKD", text.translate(LETTERS)).casefold())


ACCENTS: Final = re.compile("[\u0300-\u036f]+")
LETTERS: Final = str.maketrans(
    {"æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE", "ø": "o", "Ø": "O", "đ": "d", "Đ": "D", "ł": "l", "Ł": "L"}
)
"""Those that Postgres' index takes apart, and Unicode does not."""


def _around(text: str, start: int, end: int) -> list[search.Piece]:
    before, after = text[max(start - AROUND, 0) : start], text[end : end + AROUND]
    pieces = [search.Piece(False, ("…" if start > AROUND else "") + before), search.Piece(True, text[start:end])]
    return [*pieces, search.Piece(False, after + ("…" if len(text) > end + AROUND else ""))]
