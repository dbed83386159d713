"""What an export of the log holds of texts, on record: a row of the chain for some hundreds of replies, which says whose
conversations they are of. Each owner finds theirs (`readings`), and a hundred thousand conversations are cheap.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from chat import errors
from chat.models import Export, Exported, LogMode, Opening, Team, User
from chat.store import access, chain, exports, sql
from chat.store.access import Allowed, Place


@dataclass(slots=True)
class Record:
    """What is said of one export in each of its rows: `about`, its id; `narrowed`, by what, as ids and words of ours; `words`,
    what was typed for that; `address`, where the reader is. `first`: its first row, once there is one. `export`: made in the
    background, by this process. `modes`: what its rows say is shown of each team; less may be, later on, and never more.
    """

    opening: str
    about: str
    narrowed: Mapping[str, Any]
    words: str = ""
    address: str = ""
    first: int | None = None
    export: Export | None = None
    modes: dict[str, str] = field(default_factory=dict)


def place(opening: Opening) -> Place:
    return opening.conversation or opening.team


def still(reader: User, opening_id: str) -> Opening:
    """The reason, if it is good now. NotFound where the place is none of their business any more; Refused once it is over."""
    found = (
        Opening.objects.select_related("conversation__team", "team").filter(pk=opening_id, reader=reader, exports=True).first()
    )
    if found is None:
        raise errors.NotFound
    access.reach(reader, place(found))
    alone = settings.ACCESS_CONSENT and found.decided_by_id is None  # a process that began later may want consent
    if alone or found.state != Opening.State.GRANTED or found.expires <= timezone.now():
        raise errors.Refused("The time for which this was open is over.", next="Say again why you want to read it.")
    team = found.conversation.team if found.conversation else found.team
    if access.mode(team) == LogMode.METADATA:
        raise errors.Refused("Nobody reads texts here.", next="The owners have settled that the log shows metadata only.")
    return found


HELD: Final = """SELECT DISTINCT c.id, c.owner_id, c.team_id FROM chat_response r
JOIN chat_conversation c ON c.id = r.conversation_id
WHERE r.id {one_of} AND r.store AND r.status NOT IN ('queued', 'in_progress') AND r.created >= %s AND c.deleted IS NULL
AND (%s = '' OR c.team_id = %s) AND (%s = '' OR c.id = %s)
AND NOT EXISTS (SELECT 1 FROM chat_exported e WHERE e.conversation = c.id AND e.first = %s) ORDER BY c.id"""


@transaction.atomic
def note(record: Record, *, reader: User, replies: Sequence[str]) -> None:
    """The texts of these replies are about to be handed out: whose conversations they are of stands in the chain first. One that
    was on record for this export is not so twice. Raises exports.Gone for one that is not this process's any more.
    """
    opening = still(reader, record.opening)
    team, conversation = (opening.team_id or ""), (opening.conversation_id or "")
    since = timezone.now() - timedelta(days=settings.RESPONSE_RETENTION_DAYS)
    there = (team, team, conversation, conversation, record.first or 0)
    found = sql.rows(HELD, list(replies), since, *there)
    shown = _modes(record, {team for _, _, team in found})
    for mode in (LogMode.FULL, LogMode.REDACTED):
        held = [(str(pk), int(owner)) for pk, owner, team in found if shown.get(team) == mode]
        if held:
            _append(record, opening, reader, len(replies), held, mode)
    if record.first is None:
        _append(record, opening, reader, len(replies), [], access.mode(opening.team))


def _modes(record: Record, team_ids: set[str]) -> dict[str, str]:
    teams = list(Team.objects.filter(pk__in=team_ids))
    for team, mode in zip(teams, access.modes(teams), strict=True):
        record.modes[team.pk] = access.strictest(mode, record.modes.get(team.pk, mode))
    return {team.pk: record.modes[team.pk] for team in teams}


def _append(record: Record, opening: Opening, reader: User, replies: int, held: list[tuple[str, int]], mode: str) -> None:
    facts: dict[str, str | int | None] = {
        "reader": reader.pk,
        "what": "export",
        "about": record.about,
        "mode": mode,
        "team": opening.team_id or "",
    }
    facts |= {"narrowed": json.dumps(record.narrowed, sort_keys=True), "replies": replies}
    facts |= {"held": len(held), "list": chain.hash_of(held), "conversation": "", "owner": None, **access.why(opening)}
    said = {"note": opening.note, "from": record.address[:60], "words": record.words[:300]}
    (row,) = chain.ACCESS.append(by=reader, entries=[(facts, said)])
    if record.first is None:
        record.first = row.number
        if record.export is not None and not exports.mine(record.export).update(first=row.number):
            raise exports.Gone
    made = [Exported(row=row.number, first=record.first, conversation=pk, owner=owner) for pk, owner in held]
    Exported.objects.bulk_create(made)
    ids = [pk for pk, _ in held]
    sql.rows("SELECT id FROM chat_conversation WHERE id {one_of} ORDER BY id", ids, lock="FOR NO KEY UPDATE")
    sql.run("UPDATE chat_conversation SET last_reading = %s WHERE id {one_of}", row.number, ids)


KNOWN: Final = """SELECT c.id, c.team_id FROM chat_conversation c JOIN chat_exported e ON e.conversation = c.id
WHERE c.id {one_of} AND e.first = %s AND c.deleted IS NULL"""


def allowed(record: Record, *, reader: User, conversations: Collection[str]) -> dict[str, Allowed]:
    """What of these may be read now: those that are on record for this export, and are there. Asked before each page of texts."""
    still(reader, record.opening)
    there = dict(sql.rows(KNOWN, list(conversations), record.first or 0))
    modes = _modes(record, set(there.values()))
    shown = ((pk, modes.get(team, LogMode.METADATA)) for pk, team in there.items())
    return {pk: Allowed(mode == LogMode.REDACTED, record.opening) for pk, mode in shown if mode != LogMode.METADATA}
