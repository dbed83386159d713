"""What a model server was found to do: probed, not assumed. A probe that the panel asks for is a row that `runs` makes."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final

from django.db import IntegrityError, transaction
from django.db.models import DateTimeField, ExpressionWrapper, F, Q, QuerySet
from django.db.models.expressions import Combinable
from django.db.models.functions import Now

from chat import errors
from chat.models import Probe, User
from chat.store import clock, ledger, record
from chat.store import server as servers

LEASE: Final = 90.0  # seconds without a sign of life, after which a probe is taken up by another process
SOON: Final = timedelta(seconds=15)  # in which one that is due is taken up, where anything executes
MOST_ATTEMPTS: Final = 2
KEPT: Final = 50  # probes of one server
LOOKED_AT: Final = 5  # of them, for one that told anything
INTERRUPTED: Final = "It was interrupted several times. Try again; if it stays, look into the server’s log."
Found = Mapping[str, Mapping[str, object]]
State = Probe.State


class Gone(Exception):
    """Another process has it now: write no more of it."""


def capabilities(server: str) -> Mapping[str, bool]:
    """Capability → whether this server can, by its newest probe. What was not probed, or not found out, is not in it."""
    newest = _newest(server)
    return _told(newest) if newest is not None else {}


def keeps_all(can: Mapping[str, bool]) -> bool:
    """Whether a server that can this keeps replies also where it is told not to."""
    return can.get("forgets") is False and can.get("responses") is not False


def of_model(server: str, model: str, name: str) -> tuple[bool, datetime] | None:
    """Whether this model can, by its newest probe that told this, and when that was made; None where none did."""
    made = Probe.objects.filter(server=server[:500], model=model[:200], state=State.READY).order_by("-created", "-pk")
    told = ((_told(probe).get(name), probe.created) for probe in made[:LOOKED_AT])
    return next(((can, when) for can, when in told if can is not None), None)


def _newest(server: str, *, lock: bool = False) -> Probe | None:
    """The newest that told anything: one that met a server that was away changes nothing."""
    made = Probe.objects.filter(server=server[:500], state=State.READY).order_by("-created", "-pk")
    return next((probe for probe in (made.select_for_update() if lock else made)[:LOOKED_AT] if _told(probe)), None)


def _told(probe: Probe) -> dict[str, bool]:
    return {name: one["can"] for name, one in probe.found.items() if isinstance(one.get("can"), bool)}


@transaction.atomic
def keep(*, server: str, model: str, found: Found, by: User | None) -> Probe:
    """The result of a probe, with its date; made at the command line, where nobody asked for it here."""
    before = capabilities(server)
    made = Probe.objects.create(server=server[:500], model=model[:200], found=found, by=by)
    record.write(actor=by or record.COMMAND, what="probe.made", about=_ref(server), after=model)
    _put_on_record(server, before, actor=by or record.COMMAND)
    return made


def _ref(server: str) -> str:
    """Without what an address may hold of a password."""
    scheme, _, rest = server.rpartition("://")
    host, slash, path = rest.partition("/")
    return f"{record.SERVER}{scheme}{'://' if scheme else ''}{host.rpartition('@')[2]}{slash}{path.partition('?')[0]}"


def _put_on_record(server: str, before: Mapping[str, bool], *, actor: User | str) -> None:
    """Each capability of which something else is known than before."""
    says = {True: "yes", False: "no", None: "not known"}
    now = capabilities(server)
    ledger.ask_again(server, now)
    for name in sorted({*before, *now}):
        if before.get(name) is not now.get(name):
            was, found = (f"{name}: {says[one.get(name)]}" for one in (before, now))
            record.write(actor=actor, what="capability.changed", about=_ref(server), before=was, after=found)


def of(actor: User) -> QuerySet[Probe]:
    """All of them, the newest first, for who may run the installation; NotFound for everybody else."""
    servers.manage(actor)
    return Probe.objects.select_related("by").order_by("-created", "-pk")


@transaction.atomic
def request(*, actor: User, server: str) -> bool:
    """Have one made, in the background; False where one is under way."""
    servers.manage(actor)
    if Probe.objects.filter(state__in=Probe.UNFINISHED).exists():
        return False
    with suppress(IntegrityError), transaction.atomic():  # somebody was faster
        Probe.objects.create(server=server[:500], by=actor, state=State.QUEUED)
        record.write(actor=actor, what="probe.asked", about=_ref(server))
        return True
    return False


def take(*, alone: bool = False) -> Probe | None:
    """The next one that is due is this process's from now on, for as long as it shows signs of life (`note`). `alone`: no other
    process can hold one (SQLite's start). One that was taken up too often has failed.
    """
    due = Probe.objects.filter(state__in=Probe.UNFINISHED)
    if not due.exists():
        return None
    left = Q(state=State.IN_PROGRESS) if alone else Q(state=State.IN_PROGRESS, lease_until__lt=Now())
    with transaction.atomic():
        for probe in due.select_for_update(skip_locked=True).filter(left | Q(state=State.QUEUED)).order_by("created"):
            changes = {"epoch": probe.epoch + 1, "attempts": probe.attempts + 1, "done": 0}
            Probe.objects.filter(pk=probe.pk).update(state=State.IN_PROGRESS, lease_until=_lease(), **changes)
            probe.refresh_from_db()
            if probe.attempts <= MOST_ATTEMPTS:
                return probe
            fail(probe, INTERRUPTED)
    return None


def is_left(probe: Probe) -> bool:
    """Whether nobody makes it: it was not taken up for so long, or whoever had it shows no sign of life any more."""
    since = probe.created + SOON if probe.state == State.QUEUED else (probe.lease_until or probe.created) + SOON
    return probe.unfinished and since < clock.now()


def _lease() -> Combinable:
    return ExpressionWrapper(Now() + timedelta(seconds=LEASE), output_field=DateTimeField())


def _mine(probe: Probe) -> QuerySet[Probe]:
    return Probe.objects.filter(pk=probe.pk, epoch=probe.epoch, state=State.IN_PROGRESS)


def note(probe: Probe, *, done: int, total: int) -> None:
    """How far it is. Raises Gone when it is not this process's any more."""
    if not _mine(probe).update(done=done, total=total, lease_until=_lease()):
        raise Gone


@transaction.atomic
def finish(probe: Probe, *, server: str, model: str, found: Found) -> None:
    """All was asked, of this server (it may be another one than when the probe was asked for)."""
    before, told = capabilities(server), {"server": server[:500], "model": model[:200], "found": found}
    if _mine(probe).update(state=State.READY, **told, done=F("total"), lease_until=None):
        _put_on_record(server, before, actor=record.ITSELF)


def fail(probe: Probe, sentence: str) -> None:
    _mine(probe).update(state=State.FAILED, error=sentence, lease_until=None)


def give_back(probe: Probe) -> None:
    """The process ends in good order: another begins it anew, and this try does not count."""
    _mine(probe).update(state=State.QUEUED, attempts=F("attempts") - 1, done=0, lease_until=None)


@transaction.atomic
def contradict(*, server: str, name: str, model: str | None = None) -> bool:
    """A run was refused what the newest probe says that this server can: it says so from now on. With `model` only where that was
    the model probed. False when it did not say that it can.
    """
    newest = _newest(server, lock=True)
    row = newest.found.get(name) if newest is not None else None
    if newest is None or row is None or row.get("can") is not True or model not in (None, newest.model):
        return False
    newest.found[name] = {
        **row,
        "can": False,
        "said": f"A reply was refused this on {clock.now():%-d %B %Y}; the probe had found that it can.",
    }
    newest.save(update_fields=["found"])
    record.write(
        actor=record.ITSELF,
        what="capability.changed",
        about=_ref(server),
        before=f"{name}: yes",
        after=f"{name}: no, it was refused",
    )
    return True


def purge() -> int:
    """Remove what is older than the last `KEPT` of a server. How many rows went."""
    gone = 0
    for server in list(Probe.objects.order_by().values_list("server", flat=True).distinct()):
        over = list(Probe.objects.filter(server=server).order_by("-created", "-pk").values_list("pk", flat=True)[KEPT:][:100])
        gone += Probe.objects.filter(pk__in=over).delete()[0] if over else 0
    return gone


def find(*, actor: User, number: int) -> Probe:
    """One of them."""
    found = of(actor).filter(pk=number, state=State.READY).first() if number < 2**63 else None
    if found is None:
        raise errors.NotFound
    return found
