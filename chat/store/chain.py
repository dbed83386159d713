"""The access log as a chain: each row holds SHA-256 over the hash of the row before and its own canonical JSON. Rows are appended
under one lock, so that they make one chain however many processes write, and are never changed.
"""

import hashlib
import json
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from django.utils import timezone

from chat.models import AccessDetail, AccessHead, AccessRow, Exported, User

Facts = dict[str, str | int | None]


@dataclass(frozen=True, slots=True)
class Verdict:
    """How many rows there are, the number of the first that is not as it was written (None: all are), and why."""

    count: int
    broken: int | None = None
    why: str = ""
    head: str = ""


def append(*, reader: User, entries: Sequence[tuple[Facts, dict[str, str]]]) -> list[AccessRow]:
    """Add rows in the present transaction. Of each, the facts hold ids and words of ours; what the reader said, and where they
    were, are details, which go when their account goes: the row holds their hash.
    """
    AccessHead.objects.bulk_create([AccessHead()], ignore_conflicts=True)
    head = AccessHead.objects.select_for_update().get(pk=1)
    rows, details, at = [], [], timezone.now().isoformat(timespec="milliseconds")
    for facts, said in entries:
        salt, text = secrets.token_hex(32), canonical(said)
        head.number += 1
        body = canonical({"number": head.number, "at": at, "reader": reader.pk, **facts, "details": sha256(salt, text)})
        head.hash = sha256(head.hash, body)
        rows.append(AccessRow(number=head.number, body=body, hash=head.hash, **_columns(body)))
        details.append(AccessDetail(row=rows[-1], reader=reader, salt=salt, text=text))
    AccessRow.objects.bulk_create(rows)
    AccessDetail.objects.bulk_create(details)
    AccessHead.objects.filter(pk=1).update(number=head.number, hash=head.hash)
    return rows


def canonical(facts: dict[str, Any]) -> str:
    return json.dumps(facts, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def sha256(before: str, text: str) -> str:
    return hashlib.sha256(f"{before}\n{text}".encode("utf-8", "surrogatepass")).hexdigest()


def _columns(body: str) -> dict[str, Any]:
    facts = json.loads(body)
    return {"reader": facts["reader"], "owner": facts.get("owner"), "conversation": facts.get("conversation") or ""}


def verify() -> Verdict:
    """Walk the chain from its start. Rows that somebody took away at its end are missed too: the head says how many there are. It
    locks nothing, and what is appended meanwhile is the next one's.
    """
    head = AccessHead.objects.filter(pk=1).first() or AccessHead()
    count, before = 0, ""
    for row in AccessRow.objects.filter(number__lte=head.number).order_by("number").iterator():
        count += 1
        if why := _broken(row, count, before):
            return Verdict(count - 1, count, why)
        before = row.hash
    if count < head.number:
        return Verdict(count, count + 1, f"it is missing: there were {head.number} rows")
    if before != head.hash:
        return Verdict(count, count, "the end of the chain is another one")
    if AccessRow.objects.filter(number__gt=head.number).exists() and _unmoved(head):
        return Verdict(count, count + 1, "there were no more rows than those before it")
    return _lists(count) or _details(count, before)


def _unmoved(head: AccessHead) -> bool:
    return not AccessHead.objects.filter(pk=1, number__gt=head.number).exists()


def _broken(row: AccessRow, number: int, before: str) -> str:
    """What is wrong with this row, which is to be number `number`."""
    if row.number != number:
        return f"it is missing: row {row.number} follows"
    try:
        told = _columns(row.body)
        said = json.loads(row.body)["number"]
    except (ValueError, KeyError, TypeError):
        return "it cannot be read"
    if row.hash != sha256(before, row.body) or said != number:
        return "it was changed, or one before it was put in or taken out"
    if told != {"reader": row.reader, "owner": row.owner, "conversation": row.conversation}:
        return "what it is found by was changed"
    return ""


def hash_of(held: Iterable[tuple[str, int]]) -> str:
    """Of the conversations that an export held, and whose they were."""
    text = sha256("", "")
    for conversation, owner in held:
        text = sha256(text, f"{conversation} {owner}")
    return text


def _lists(count: int) -> Verdict | None:
    """What exports held is what the chain says."""
    found = Exported.objects.filter(row__lte=count).order_by("row", "pk").values_list("row", "conversation", "owner").iterator()
    held = {number: hash_of((pk, owner) for _, pk, owner in rows) for number, rows in groupby(found, key=lambda one: one[0])}
    for row in AccessRow.objects.filter(body__contains='"list":', number__lte=count).order_by("number").iterator():
        if json.loads(row.body).get("list", hash_of([])) != held.pop(row.number, hash_of([])):
            return Verdict(count, row.number, "what the export held was changed")
    return Verdict(count, min(held), "what an export held was put in") if held else None


def _details(count: int, head: str) -> Verdict:
    """Those that are there are those that were written."""
    for detail in AccessDetail.objects.filter(row__lte=count).select_related("row").order_by("row").iterator():
        if json.loads(detail.row.body)["details"] != sha256(detail.salt, detail.text):
            return Verdict(count, detail.row_id, "its reason was changed")
    return Verdict(count, head=head)
