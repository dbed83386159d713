"""Copies of files at providers: a file goes there once for each server and key, and is named from then on. Rows of the ledger.

A row is written before its file is sent: it is `due` already, under the mark that goes along, so that whatever becomes of the
sending, somebody looks for that and deletes it. Only when the answer has come, and the file is still wanted, it is `kept`. It is
wanted as long as a message in a stored conversation uses it; the row stands in one of these.
"""

import re
from collections.abc import Collection, Mapping
from datetime import datetime
from secrets import token_hex
from typing import Final, NamedTuple

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now

from chat.models import Certificate, Conversation, File, Kept
from chat.store import clock, ledger, rows, sql

TAKEN: Final = ("image/png", "image/jpeg", "application/pdf")  # what every server with such files takes
MARK: Final = "parley-"
UNNAMED: Final = re.compile(rf"{MARK}[0-9a-f]{{32}}")
"""A whole mark: a server may make one a part of what it calls a file."""
LEASE: Final = 600  # seconds for one file to arrive there; then it is looked for
SETTLED: Final = 900  # seconds after which what is not found there did not arrive
SOON: Final = 60  # seconds until one is looked for whose sending broke
SLICE, LOOK = 100, 5_000  # rows that one transaction changes, that one question looks at
BROKEN: Final = "It is not known yet whether it arrived."
FILE: Final = Kept.Kind.FILE
State = Kept.State


class Place(NamedTuple):
    """A server, and a mark of the key."""

    server: str
    account: str


class Coming(NamedTuple):
    """A copy that is about to be sent, under this mark."""

    pk: int
    mark: str
    file: File
    place: Place


FOUND: Final = """SELECT file_id, upstream_id FROM chat_kept WHERE file_id {one_of} AND server = %s AND account = %s
AND state = 'kept' AND expires > {in_seconds}"""


def found(file_ids: Collection[str], place: Place) -> dict[str, str]:
    """What the provider calls those of these files that it keeps, and not only for a moment more."""
    return dict(sql.rows(FOUND, file_ids, place.server[:500], place.account, ledger.MARGIN))


HELD: Final = "SELECT 1 FROM chat_conversation c WHERE c.id = %s AND c.store AND c.deleted IS NULL"
BEGIN: Final = """INSERT INTO chat_kept (kind, server, account, upstream_id, owner_id, conversation_id, file_id, team,
state, attempts, next_try, error, created, expires)
SELECT 'file', %s, %s, %s, c.owner_id, c.id, %s, c.team_id, 'due', 0, {in_seconds}, '', {now}, {in_seconds}
FROM chat_conversation c WHERE c.id = %s ON CONFLICT DO NOTHING RETURNING id"""


@transaction.atomic
def begin(file_ids: Collection[str], place: Place, conversation_id: str) -> list[Coming]:
    """Those of these that are to be sent, and by nobody else. None where the conversation is not stored (any more)."""
    if not sql.rows(HELD, conversation_id, lock="FOR KEY SHARE OF c"):
        return []
    over = Q(state=State.KEPT, expires__lte=ledger.later(ledger.MARGIN)) | Q(state=State.DUE, next_try__lte=Now())
    there = Kept.objects.filter(over, file__in=file_ids, server=place.server[:500], account=place.account)
    there.update(state=State.DUE, next_try=Now(), file=None)
    coming = []
    for file in rows.fetch(File, "id {one_of} AND state = 'here' ORDER BY id", file_ids):
        mark = f"{MARK}{token_hex(16)}"
        of = (place.server[:500], place.account, mark, file.pk, LEASE, ledger.DAYS * 86_400, conversation_id)
        if file.type in TAKEN:
            coming += [Coming(pk, mark, file, place) for (pk,) in sql.rows(BEGIN, *of)]
    return coming


WANTED: Final = """EXISTS (SELECT 1 FROM chat_fileuse u JOIN chat_item i ON i.id = u.item_id
LEFT JOIN chat_conversation c ON c.id = i.conversation_id WHERE u.file_id = {file} AND (i.conversation_id IS NULL OR c.store))"""
"""A message that is out of its conversation has been deleted, and may be had back."""
ARRIVED: Final = f"""UPDATE chat_kept
SET upstream_id = %s, state = 'kept', attempts = 0, error = '', next_try = {{now}}, expires = {{in_seconds}}
WHERE id = %s AND upstream_id = %s AND state = 'due' AND {WANTED.replace("{file}", "chat_kept.file_id")}"""  # noqa: S608 - all of it is ours


STILL: Final = f"""UPDATE chat_kept SET next_try = {{in_seconds}}, created = {{now}}
WHERE id = %s AND upstream_id = %s AND state = 'due' AND attempts = 0
AND EXISTS (SELECT 1 FROM chat_file f WHERE f.id = chat_kept.file_id AND f.state = 'here')
AND EXISTS (SELECT 1 FROM chat_conversation c WHERE c.id = chat_kept.conversation_id AND c.store AND c.deleted IS NULL)
AND {WANTED.replace("{file}", "chat_kept.file_id")}"""  # noqa: S608 - all of it is ours


def still(coming: Coming) -> bool:
    """Whether it is wanted now that its turn has come; its time begins anew."""
    return bool(sql.run(STILL, LEASE, coming.pk, coming.mark))


@transaction.atomic
def arrive(coming: Coming, *, upstream_id: str, seconds: int, fit: bool = True) -> bool:
    """It is there, for so long. False where it is not wanted any more, or not `fit` to be used: it is due then."""
    name = ledger.written(upstream_id)
    if fit and sql.run(ARRIVED, name, seconds, coming.pk, coming.mark):
        return True
    known = {"upstream_id": name, "state": State.DUE, "next_try": Now(), "file": None}
    if not Kept.objects.filter(pk=coming.pk, upstream_id=coming.mark).update(**known):  # it had been given up
        where = {"server": coming.place.server[:500], "account": coming.place.account}
        Kept.objects.create(kind=FILE, created=Now(), expires=ledger.later(ledger.DAYS * 86_400), **where, **known)
    return False


TWICE: Final = """SELECT id FROM chat_kept WHERE kind = 'file' AND state = 'kept'
AND upstream_id = %s AND server = %s AND account = %s"""


def alone(upstream_id: str, place: Place) -> bool:
    """Whether no other copy is called so. Where several are, nobody knows which of them is there (a server may begin to count
    anew, or find that two are the same): one must not be shown for the other, nor go with it. None of them is used any more.
    """
    standing = [pk for (pk,) in sql.rows(TWICE, upstream_id, place.server[:500], place.account)]
    if len(standing) > 1:
        ledger.make_due(Kept.objects.filter(pk__in=standing))
    return len(standing) < 2


def refused(coming: Coming) -> None:
    """The provider has not taken it: nothing is there."""
    Kept.objects.filter(pk=coming.pk, upstream_id=coming.mark).delete()


def broken(coming: Coming) -> None:
    """Nobody knows whether it arrived: it is looked for."""
    sent = Kept.objects.filter(pk=coming.pk, upstream_id=coming.mark)
    sent.update(next_try=ledger.later(SOON), error=BROKEN, file=None)


def is_unnamed(kept: Kept) -> bool:
    """Whether nobody knows what the provider calls it, or whether it is there."""
    return kept.kind == FILE and UNNAMED.fullmatch(kept.upstream_id) is not None


def named(claim: Kept, upstream_id: str) -> None:
    """It was found there under its mark."""
    Kept.objects.filter(pk=claim.pk, upstream_id=claim.upstream_id).update(upstream_id=ledger.written(upstream_id))


def missing(claim: Kept) -> None:
    """It was not found there under its mark: after a while that means that it never arrived."""
    if (clock.now() - claim.created).total_seconds() < SETTLED:
        ledger.retry(claim, BROKEN)
    else:
        Kept.objects.filter(pk=claim.pk, upstream_id=claim.upstream_id).delete()


def lose(upstream_ids: Collection[str], place: Place) -> None:
    """The provider says that it has none of these any more, or does not take them: they are used no longer, and looked for."""
    where = {"server": place.server[:500], "account": place.account}
    ledger.make_due(Kept.objects.filter(file__isnull=False, upstream_id__in=upstream_ids, **where))


def due_of(file_ids: Collection[str], *, certificate: Certificate | None = None) -> None:
    """These files go. Inside the transaction in which that is settled."""
    if not file_ids:
        return
    kept = Kept.objects.filter(file__in=file_ids)
    if certificate is not None:
        kept.filter(certificate=None).update(certificate=certificate)
    ledger.make_due(kept)


ELSEWHERE: Final = """SELECT k.id, MIN(c.id) FROM chat_kept k JOIN chat_fileuse u ON u.file_id = k.file_id
JOIN chat_item i ON i.id = u.item_id JOIN chat_conversation c ON c.id = i.conversation_id
WHERE k.conversation_id = %s AND k.state = 'kept' AND c.id <> %s AND c.store AND c.deleted IS NULL GROUP BY k.id"""


TAKE: Final = """UPDATE chat_kept SET conversation_id = %s WHERE kind = 'file' AND state = 'kept' AND conversation_id <> %s
AND file_id IN (SELECT u.file_id FROM chat_fileuse u JOIN chat_item i ON i.id = u.item_id WHERE i.conversation_id = %s)
AND NOT EXISTS (SELECT 1 FROM chat_fileuse v JOIN chat_item j ON j.id = v.item_id
JOIN chat_conversation d ON d.id = j.conversation_id
WHERE v.file_id = chat_kept.file_id AND d.id = chat_kept.conversation_id AND d.store AND d.deleted IS NULL)"""


def pass_on(conversation_id: str) -> None:
    """It goes: copies that another conversation uses too stand in that from now on; those that stand where nothing uses them any
    more are its own.
    """
    sql.run(TAKE, conversation_id, conversation_id, conversation_id)
    _move(dict(sql.rows(ELSEWHERE, conversation_id, conversation_id)))


def _move(found: Mapping[int, str]) -> None:
    """Each of these rows stands in that conversation from now on."""
    heirs = Conversation.objects.in_bulk(list(set(found.values()))) if found else {}
    for pk, heir_id in found.items():
        if (heir := heirs.get(heir_id)) is not None:
            standing = Kept.objects.filter(pk=pk, state=State.KEPT)  # one that goes is in a certificate
            standing.update(conversation=heir, owner=heir.owner_id, team=heir.team_id, certificate=None)


STANDING: Final = "SELECT id, file_id FROM chat_kept WHERE kind = 'file' AND state = 'kept' AND id > %s ORDER BY id LIMIT %s"
SOME: Final = f"({STANDING}) AS k"
UNWANTED: Final = f"SELECT k.id FROM {SOME} WHERE NOT {WANTED.replace('{file}', 'k.file_id')} ORDER BY k.id LIMIT %s"  # noqa: S608
LAST: Final = f"SELECT MAX(k.id) FROM {SOME}"  # noqa: S608 - all of it is ours


STRANDED: Final = f"""SELECT k.id, MIN(c.id) FROM {SOME} JOIN chat_kept h ON h.id = k.id
JOIN chat_fileuse u ON u.file_id = k.file_id JOIN chat_item i ON i.id = u.item_id
JOIN chat_conversation c ON c.id = i.conversation_id WHERE c.store AND c.deleted IS NULL
AND NOT EXISTS (SELECT 1 FROM chat_fileuse v JOIN chat_item j ON j.id = v.item_id
JOIN chat_conversation d ON d.id = j.conversation_id WHERE v.file_id = k.file_id AND d.id = h.conversation_id AND d.store)
GROUP BY k.id ORDER BY k.id LIMIT %s"""  # noqa: S608 - all of it is ours
_looked: tuple[datetime | None, int] = (None, 0)
"""How far the purge of that moment has looked in this process."""


def purge(now: datetime | None = None) -> int | None:
    """Have a piece of those go that no message in a stored conversation uses: how many; None when nothing is left. Those that are
    used elsewhere than where they stand, stand there from then on.
    """
    global _looked
    after: int | None = _looked[1] if now is not None and _looked[0] == now else 0
    while after is not None:
        some = [pk for (pk,) in sql.rows(UNWANTED, after, LOOK, SLICE)]
        went = ledger.make_due(Kept.objects.filter(pk__in=some)) if some else 0
        stranded = dict(sql.rows(STRANDED, after, LOOK, SLICE))
        with transaction.atomic():
            _move(stranded)
        cut = [one[-1] for one in (some, list(stranded)) if len(one) == SLICE]  # there may be more of these
        if cut:
            after = min(cut)
        else:
            ((after,),) = sql.rows(LAST, after, LOOK)
        _looked = (now, after or 0)
        if went:
            return went
    return None
