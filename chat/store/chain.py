"""Logs that are chains: each row holds SHA-256 over the hash of the row before and its own canonical JSON. Rows are appended
under one lock, so that they make one chain however many processes write, and are never changed.
"""

import hashlib
import json
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any, Final

from django.db.models import CharField, F, Q, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import Cast, Concat
from django.utils import timezone

from chat.models import (
    AccessDetail,
    AccessHead,
    AccessRow,
    AdminAct,
    AdminActDetail,
    AdminActHead,
    Exported,
    User,
)

Facts = Mapping[str, str | int | None]


@dataclass(frozen=True, slots=True)
class Verdict:
    """How many rows there are, the number of the first that is not as it was written (None: all are), and why."""

    count: int
    broken: int | None = None
    why: str = ""
    head: str = ""


@dataclass(frozen=True, slots=True)
class Chain:
    """`columns` tells from the facts of a body what its row is looked up by; `whose` is what both tables call whoever takes the
    details along, `ref` how the rows write it; those of `nobody` stay for good. `also` looks at what else belongs to the
    first so many rows.
    """

    rows: Any
    details: Any
    heads: Any
    whose: str
    columns: Callable[[dict[str, Any]], dict[str, Any]]
    ref: Combinable | F
    nobody: Q
    also: Callable[[int], Verdict | None] = lambda count: None

    def append(self, *, by: User | None, entries: Sequence[tuple[Facts, dict[str, str]]]) -> list[Any]:
        """Add rows in the present transaction, as the last that it does: nobody else appends until it has ended. Of each, the
        facts hold ids and words of ours; what somebody said, and where they were, are details, which go when their account
        goes: the row holds their hash.
        """
        self.heads.objects.bulk_create([self.heads()], ignore_conflicts=True)
        head = self.heads.objects.select_for_update().get(pk=1)
        rows, details, at = [], [], timezone.now().isoformat(timespec="milliseconds")
        for facts, said in entries:
            salt, text = secrets.token_hex(32), canonical(said)
            head.number += 1
            body = canonical({"number": head.number, "at": at, **facts, "details": sha256(salt, text)})
            head.hash = sha256(head.hash, body)
            rows.append(self.rows(number=head.number, body=body, hash=head.hash, **self.columns(json.loads(body))))
            details.append(self.details(row=rows[-1], salt=salt, text=text, **{self.whose: by}))
        self.rows.objects.bulk_create(rows)
        self.details.objects.bulk_create(details)
        self.heads.objects.filter(pk=1).update(number=head.number, hash=head.hash)
        return rows

    def verify(self) -> Verdict:
        """Walk the chain from its start. Rows that somebody took away at its end are missed too: the head says how many there
        are. It locks nothing, and what is appended meanwhile is the next one's.
        """
        head = self.heads.objects.filter(pk=1).first() or self.heads()
        count, before = 0, ""
        for row in self.rows.objects.filter(number__lte=head.number).order_by("number").iterator():
            count += 1
            if why := self._broken(row, count, before):
                return Verdict(count - 1, count, why)
            before = row.hash
        if count < head.number:
            return Verdict(count, count + 1, f"it is missing: there were {head.number} rows")
        if before != head.hash:
            return Verdict(count, count, "the end of the chain is another one")
        if self.rows.objects.filter(number__gt=head.number).exists() and self._unmoved(head):
            return Verdict(count, count + 1, "there were no more rows than those before it")
        return self.also(count) or self._verify_details(count, before)

    def _unmoved(self, head: Any) -> bool:
        return not self.heads.objects.filter(pk=1, number__gt=head.number).exists()

    def _broken(self, row: Any, number: int, before: str) -> str:
        """What is wrong with this row, which is to be number `number`."""
        if row.number != number:
            return f"it is missing: row {row.number} follows"
        try:
            facts = json.loads(row.body)
            told, said = self.columns(facts), facts["number"]
        except (ValueError, KeyError, TypeError):
            return "it cannot be read"
        if row.hash != sha256(before, row.body) or said != number:
            return "it was changed, or one before it was put in or taken out"
        if told != {name: getattr(row, name) for name in told}:
            return "what it is found by was changed"
        return ""

    def _verify_details(self, count: int, head: str) -> Verdict:
        """Those that are there are those that were written, and they are there as long as whoever wrote them is."""
        there = self.details.objects.filter(row__number__lte=count).select_related("row")
        for detail in there.order_by("row__number").iterator():
            if json.loads(detail.row.body)["details"] != sha256(detail.salt, detail.text):
                return Verdict(count, detail.row.number, "its reason was changed")
        here = User.objects.filter(departure=None).annotate(ref=self.ref).values("ref")
        stay = Q(**{f"{self.whose}__in": here}) | self.nobody
        bare = self.rows.objects.filter(stay, number__lte=count, detail=None)
        if (number := bare.order_by("number").values_list("number", flat=True).first()) is not None:
            return Verdict(count, number, "its reason was taken away")
        return Verdict(count, head=head)

    def holds(self, hash_: str) -> bool:
        """Whether a row has this hash, which somebody has noted: then it, and all before it, are what they were then."""
        return bool(self.rows.objects.filter(hash=hash_.strip().lower()).exists())


def canonical(facts: Mapping[str, Any]) -> str:
    return json.dumps(facts, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def sha256(before: str, text: str) -> str:
    return hashlib.sha256(f"{before}\n{text}".encode("utf-8", "surrogatepass")).hexdigest()


def _of_access(facts: dict[str, Any]) -> dict[str, Any]:
    return {"reader": facts["reader"], "owner": facts.get("owner"), "conversation": facts.get("conversation") or ""}


def _of_act(facts: dict[str, Any]) -> dict[str, Any]:
    texts = {name: facts[name] for name in ("who", "what", "about", "team")}
    return {**texts, "id": f"act_{facts['number']:032x}", "created": datetime.fromisoformat(facts["at"])}


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


ACCESS: Final = Chain(AccessRow, AccessDetail, AccessHead, "reader", _of_access, F("pk"), Q(pk__in=[]), _lists)
_USER: Final = Concat(Value("user:"), Cast("pk", CharField()))
ACTS: Final = Chain(AdminAct, AdminActDetail, AdminActHead, "who", _of_act, _USER, ~Q(who__startswith="user:"))
