"""The record of what was done to the server, to teams and to accounts: one chain of rows, each written in the transaction of what
it tells of, as the last thing that this does. It names people and things by their keys; how they are called is looked up when it
is shown (`store.trail`). Names that were typed, and where somebody was, go with whoever did it.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

from django.conf import settings
from django.db import transaction
from django.db.models import Model

from chat.models import AdminAct, AdminActDetail, AdminActHead, Server, Team, User
from chat.store import chain

COMMAND, ITSELF = "command line", "Parley itself"  # who has no account: no username has a space in it
EARLIER: Final = "earlier"
SERVER: Final = "model server:"  # and its address
LONGEST: Final = 200  # characters of a value
WORDS: Final = {
    "server.claimed": "owns this server, as the first",
    "server.handed_over": "handed the server over",
    "server.signup": "who may sign up",
    "server.team_creation": "who may make teams",
    "server.public_links": "links that anyone can open",
    "server.temporary": "temporary conversations",
    "server.storing": "storing replies, everywhere",
    "server.log_mode": "texts in the log, everywhere",
    "server.environment": "set where the server runs",
    "person.suspended": "suspended",
    "person.let_in": "let in again",
    "person.signed_out": "signed out everywhere",
    "person.deleted": "deleted their account",
    "team.made": "made a team",
    "team.renamed": "renamed a team",
    "team.domain": "domain of a team",
    "team.storing": "storing replies, in a team",
    "team.log_mode": "texts in the log, in a team",
    "team.handed_over": "handed a team over",
    "team.ended": "ended a team",
    "member.joined": "joined a team",
    "member.role": "role in a team",
    "member.removed": "removed from a team",
    "member.left": "left a team",
    "invitation.made": "made an invitation",
    "invitation.renewed": "sent an invitation again",
    "invitation.withdrawn": "withdrew an invitation",
    "reading.asked": "asked to read",
    "reading.decided": "decided on a request to read",
    "price.added": "entered a price",
    "price.changed": "changed a price",
    "price.removed": "removed a price",
    "probe.asked": "had the model server asked",
    "probe.made": "asked the model server",
    "capability.changed": "what the model server can",
    "exported": "exported",
    EARLIER: "before the record was a chain",
}

_from: ContextVar[Callable[[], str]] = ContextVar("from", default=lambda: "")


@contextmanager
def asked_from(address: Callable[[], str]) -> Iterator[None]:
    """What is done inside is done from there; asked only when something is put on record."""
    token = _from.set(address)
    try:
        yield
    finally:
        _from.reset(token)


def ref(one: Model) -> str:
    """How a row names this: what it is, and its key."""
    return "server" if isinstance(one, Server) else f"{one._meta.model_name}:{one.pk}"


def write(
    *,
    actor: User | str,
    what: str,
    about: Model | str = "",
    team: Team | str | None = None,
    before: str = "",
    after: str = "",
    names: Mapping[str, str] | None = None,
) -> None:
    """Put it on record, in the present transaction and at its end. `before` and `after` are words and keys of ours, never what
    somebody wrote; what they typed is in `names` ("before", "after"), and goes with their account.
    """
    if what not in WORDS:
        raise ValueError(f"There are no words for {what}.")
    facts = {
        "who": ref(actor) if isinstance(actor, User) else actor,
        "what": what,
        "about": (ref(about) if isinstance(about, Model) else about)[:LONGEST],
        "team": (team.pk if isinstance(team, Team) else team) or "",
        "before": before[:LONGEST],
        "after": after[:LONGEST],
    }
    typed = {name: text[:LONGEST] for name, text in (names or {}).items() if text}
    here = _from.get()()[:60]
    details = {**typed, "from": here} if here else typed
    chain.ACTS.append(by=actor if isinstance(actor, User) else None, entries=[(facts, details)])


@transaction.atomic
def exported(
    *, actor: User, what: str, form: str, teams: Sequence[str] = (), narrowed: str = "", names: Mapping[str, str] | None = None
) -> None:
    """That something of the log or the record is taken along: `what` in a word of ours ("record", "responses"), as `form`.
    `teams`: out of which, each of which is told; without any, of everything. `narrowed`: by keys and words of ours.
    """
    for team in teams or ("",):
        write(actor=actor, what="exported", about=what, team=team, before=narrowed, after=form, names=names)


@transaction.atomic
def environment() -> None:
    """What is settled about reading and keeping where the server runs, beside the panel: on record when it is not what it was at
    the last start of a server.
    """
    AdminActHead.objects.select_for_update().filter(pk=1).first()  # several start at once
    last = AdminAct.objects.filter(what="server.environment").order_by("-number").first()
    before = json.loads(last.body)["after"] if last else ""
    now = f"consent to reading {'on' if settings.ACCESS_CONSENT else 'off'}, open for {settings.ACCESS_MINUTES} minutes, "
    now += f"replies in the log for {settings.RESPONSE_RETENTION_DAYS} days"
    if now != before:
        write(actor=ITSELF, what="server.environment", about="server", before=before, after=now)


def forget(person: User, *, most: int) -> bool:
    """Some of what they typed, and where they were, goes; what they did stays, by their key. False when nothing is left."""
    some = list(AdminActDetail.objects.filter(who=person).values_list("pk", flat=True)[:most])
    return bool(some and AdminActDetail.objects.filter(pk__in=some).delete()[0])
