"""Who has read a conversation, when and why: told to its owner, and in the panel to the owner of the server."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from chat.models import LEFT, AccessRow, Conversation, Exported, LogMode, Opening, User

PAGE: Final = 50
MOST: Final = 200  # rows of which a page tells
REASONS: Final = dict(Opening.Reason.choices)
WHAT: Final = {
    "response": "a reply, with what it answers",
    "replay": "a reply, as it came",
    "raw": "a reply, as data",
    "transcript": "the whole conversation",
    "search": "searched for words",
    "found": "seen in a search",
    "export": "taken along in an export",
    "fetched": "fetched an export",
}


@dataclass(frozen=True, slots=True)
class Reading:
    """One reason of one person, and what they looked at by it: `looks` times, the last time at `at`. `held`: so many
    conversations are what an export's row is about.
    """

    number: int
    at: datetime
    reader: str
    reason: str
    note: str
    what: tuple[str, ...]
    conversation: str
    mode: str
    address: str
    words: str
    consent: str
    opening: str
    looks: int = 1
    held: int = 0


def of(conversation: Conversation) -> list[Reading]:
    """Of one conversation; the newest first."""
    exported = Exported.objects.filter(conversation=conversation.pk)
    return _gathered(AccessRow.objects.filter(conversation=conversation.pk), exported)


def latest(conversation: Conversation) -> Reading | None:
    """Asked only where there is one."""
    if conversation.last_reading is None:
        return None
    rows = AccessRow.objects.filter(number=conversation.last_reading).select_related("detail")
    found = _told((row, conversation.pk) for row in rows)
    return found[0] if found else None


def of_owner(actor: User) -> list[Reading]:
    """Of all conversations that were this person's when they were read."""
    return _gathered(AccessRow.objects.filter(owner=actor.pk), Exported.objects.filter(owner=actor.pk))


def page(*, before: int | None) -> tuple[list[Reading], bool]:
    """Of everybody, each look by itself, the newest first: those with lower numbers than `before`; and whether there are more."""
    rows = AccessRow.objects.select_related("detail").order_by("-number")
    found = _told((row, row.conversation) for row in (rows.filter(number__lt=before) if before is not None else rows)[: PAGE + 1])
    return found[:PAGE], len(found) > PAGE


def _gathered(rows: Any, exported: Any) -> list[Reading]:
    """Looks by one reason at one conversation are one line. An export's row is about many conversations, of which these."""
    looks = [(row, row.conversation) for row in rows.select_related("detail").order_by("-number")[:MOST]]
    held = list(exported.order_by("-row", "pk").values_list("row", "conversation")[:MOST])
    of = AccessRow.objects.select_related("detail").in_bulk({number for number, _ in held})
    looks += [(of[number], pk) for number, pk in held if number in of]
    lines: dict[tuple[str, str], Reading] = {}
    for one in _told(sorted(looks, key=lambda look: look[0].number, reverse=True)[:MOST]):
        key = one.opening, one.conversation
        if (line := lines.get(key)) is None:
            lines[key] = one
        else:
            mode = line.mode if one.mode == line.mode else LogMode.FULL.value  # who saw all of it once has seen it
            what = tuple(dict.fromkeys((*line.what, *one.what)))
            lines[key] = replace(line, what=what, mode=mode, looks=line.looks + 1)
    return list(lines.values())


def _told(looks: Iterable[tuple[AccessRow, str]]) -> list[Reading]:
    """Each row with the conversation that it is told of."""
    found = [(row, conversation, json.loads(row.body), _detail(row)) for row, conversation in looks]
    people = {pk for *_, body, _ in found for pk in (body["reader"], body.get("consent")) if pk}
    names = {user.pk: user.shown_name for user in User.objects.filter(pk__in=people)}
    return [
        Reading(
            number=row.number,
            at=datetime.fromisoformat(body["at"]),
            reader=names.get(body["reader"], LEFT),
            reason=str(REASONS.get(body["reason"], body["reason"])),
            note=detail.get("note", ""),
            what=(WHAT.get(body["what"], body["what"]),),
            conversation=conversation,
            mode=body["mode"],
            address=detail.get("from", ""),
            words=detail.get("words", ""),
            consent=names.get(body["consent"], LEFT) if body.get("consent") else "",
            opening=body["opening"],
            held=body.get("held", 0),
        )
        for row, conversation, body, detail in found
    ]


def _detail(row: AccessRow) -> dict[str, str]:
    detail = getattr(row, "detail", None)
    return json.loads(detail.text) if detail else {}
