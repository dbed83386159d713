"""Certificates of deletion: what of a conversation or a person was removed, here and at providers, with times and proofs, signed.

Counted while it goes; written when nothing is left anywhere. They hold ids, counts and times, and nothing that anybody said.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from django.conf import settings
from django.core.signing import BadSignature, Signer
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from chat import errors
from chat.models import Certificate, Conversation, File, FileUse, Kept, User
from chat.store import server, sql

SALT: Final = "chat.certificate"
LISTED: Final = 5_000  # objects that one names; more are counted
DAYS: Final = 365  # for which one is kept
SLICE: Final = 20
PROOFS: Final = {
    Kept.State.GONE: "DELETE, then GET answered 404",
    Kept.State.EXPIRED: "its time there was over",
}
Kind = Certificate.Kind


def of_conversation(conversation_id: str) -> Certificate | None:
    """The one that counts what of it goes; None when it is not there any more. Inside the transaction that removes."""
    owner = Conversation.objects.filter(pk=conversation_id).values_list("owner", flat=True).first()
    if owner is None:
        return None
    return Certificate.objects.get_or_create(kind=Kind.CONVERSATION, subject=conversation_id, defaults={"owner_id": owner})[0]


def of_person(person: User) -> Certificate:
    """The one that counts what of theirs goes."""
    return Certificate.objects.get_or_create(kind=Kind.PERSON, subject=str(person.pk))[0]


OTHERS: Final = "(certificate_id IS NULL OR certificate_id <> %s) ORDER BY id"
FILES: Final = f"""SELECT id FROM chat_file WHERE id IN (SELECT u.file_id FROM chat_fileuse u JOIN chat_item i ON i.id = u.item_id
WHERE i.conversation_id = %s) AND {OTHERS}"""  # noqa: S608 - all of it is ours
REMOVED: Final = f"""SELECT id FROM chat_file WHERE id IN (SELECT file_id FROM chat_fileuse WHERE item_id = %s OR item_id IN
(SELECT input_id FROM chat_response WHERE id {{one_of}})) AND {OTHERS}"""  # noqa: S608


def wait_for_files(certificate: Certificate, conversation_id: str) -> None:
    """Those of this conversation, of which it may be the last that uses them. Before what is kept of it elsewhere is locked."""
    _wait(certificate, sql.rows(FILES, conversation_id, certificate.pk, lock="FOR NO KEY UPDATE"))


def wait_for_removed(certificate: Certificate, item_id: str, response_ids: list[str]) -> None:
    """Those of a message that was removed before, and of what is below it."""
    _wait(certificate, sql.rows(REMOVED, item_id, response_ids or [""], certificate.pk, lock="FOR NO KEY UPDATE"))


def _wait(certificate: Certificate, found: Sequence[Sequence[Any]]) -> None:
    if found:
        File.objects.filter(pk__in=[pk for (pk,) in found]).update(certificate=certificate)


def count(certificate: Certificate, removed: Mapping[str, int], *, last: bool = False) -> None:
    """So many rows of these tables went; `last`: nothing of it is left here."""
    locked = Certificate.objects.select_for_update().get(pk=certificate.pk)
    here = dict(locked.here)
    for name, number in removed.items():
        if number:
            here[name.removeprefix("chat.")] = here.get(name.removeprefix("chat."), 0) + number
    removed_at = timezone.now() if last else locked.removed
    Certificate.objects.filter(pk=certificate.pk).update(here=here, removed=removed_at)


def finish() -> bool:
    """Write those of which nothing is left anywhere. Whether there may be more."""
    left = Kept.objects.filter(certificate=OuterRef("pk"), state__in=Kept.OPEN)
    used = Q(state=File.State.HERE) & Exists(FileUse.objects.filter(file=OuterRef("pk")))
    here = File.objects.filter(certificate=OuterRef("pk")).exclude(used)  # their bytes
    found = Certificate.objects.filter(~Exists(left), ~Exists(here), done=None, removed__isnull=False).order_by("removed")
    ids = list(found.values_list("pk", flat=True)[:SLICE])
    for pk in ids:
        _finish(pk)
    return len(ids) == SLICE


def purge(now: datetime) -> int | None:
    """Remove some of those that have been kept long enough. How many; None when nothing is left to remove."""
    over = Certificate.objects.filter(done__lt=now - timedelta(days=DAYS))
    some = list(over.values_list("pk", flat=True)[:SLICE])
    return over.filter(pk__in=some).delete()[0] if some else None


@transaction.atomic
def _finish(pk: str) -> None:
    locked = Certificate.objects.select_for_update(skip_locked=True).filter(pk=pk, done=None).first()
    if locked is not None:
        locked.done = timezone.now()
        locked.text = _text(_body(locked))
        locked.save(update_fields=["done", "text"])


def _body(certificate: Certificate) -> dict[str, Any]:
    kept = Kept.objects.filter(certificate=certificate).order_by("pk")
    return {
        "certificate": certificate.pk,
        "of": certificate.kind,
        "id": certificate.subject,
        "by": settings.PARLEY_URL,
        "began": _moment(certificate.began),
        "removed_here": _moment(certificate.removed),
        "removed_everywhere": _moment(certificate.done),
        "rows_here": dict(sorted(certificate.here.items())),
        "objects_elsewhere": kept.count(),
        "elsewhere": [_object(row) for row in kept[:LISTED]],
    }


def _object(row: Kept) -> dict[str, str]:
    where = {"kind": row.kind, "server": row.server, "id": row.upstream_id, "kept": _moment(row.created)}
    return {**where, "state": row.state, "ended": _moment(row.ended), "proof": PROOFS[Kept.State(row.state)]}


def _moment(moment: datetime | None) -> str:
    return moment.astimezone().isoformat(timespec="seconds") if moment else ""


def _written(body: Mapping[str, Any]) -> str:
    return json.dumps(body, indent=1, ensure_ascii=False)


def _text(body: Mapping[str, Any]) -> str:
    """With its signature as the last field."""
    return _written({**body, "signature": _signer().signature(_written(body))})


def _signer() -> Signer:
    return Signer(salt=SALT)


def verify(text: str) -> bool:
    """Whether this server wrote it so, byte for byte; also with a key that has been replaced (SECRET_KEY_FALLBACKS)."""
    try:
        body = json.loads(text)
        signature = body.pop("signature")
        _signer().unsign(f"{_written(body)}:{signature}")
        return bool(_written({**body, "signature": signature}) == text)
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError, BadSignature):
        return False


def seen_by(actor: User) -> QuerySet[Certificate]:
    """Those of one's own conversations; for the owner of the server, those of people, too."""
    theirs = Q(kind=Kind.CONVERSATION, owner=actor)
    if server.owned_by(actor):
        theirs |= Q(kind=Kind.PERSON)
    return Certificate.objects.filter(theirs)


def newest(actor: User, kind: str, *, most: int) -> list[Certificate]:
    """The last ones, also such as are not written yet."""
    return list(seen_by(actor).filter(kind=kind, removed__isnull=False).order_by("-began", "-pk")[:most])


def find(*, actor: User, certificate_id: str) -> Certificate:
    """One that is written; NotFound otherwise."""
    found = seen_by(actor).filter(pk=certificate_id, done__isnull=False).first()
    if found is None:
        raise errors.NotFound("This certificate does not exist, or not all is gone yet.")
    return found
