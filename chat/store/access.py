"""Reading other people's conversations: a reason first, a second person's consent where that is wanted, and a row for every look.

`read` is the one way to a text of the log: what shows one takes what it returns.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal, NamedTuple

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from chat import errors
from chat.models import Conversation, LogMode, Opening, Server, Team, User
from chat.policy import MANAGING, can, conversations_logged_for, teams_managed_by
from chat.store import chain, exports, record, server, sql

Place = Conversation | Team | None
"""What is read: one conversation; or, by searching, those of a team, or all (None)."""
What = Literal["response", "replay", "raw", "transcript", "search", "found", "export", "fetched"]
State, Reason = Opening.State, Opening.Reason
STRICTNESS: Final = (LogMode.ABOVE, LogMode.FULL, LogMode.REDACTED, LogMode.METADATA)
ASKED_FOR: Final = timedelta(hours=24)
NOTE: Final = 500  # characters
KEPT: Final = timedelta(days=7)  # after its time is over
SLICE: Final = 500


@dataclass(frozen=True, slots=True)
class Allowed:
    """That a look is on record, and what of the text it shows. Made by `read`, and for exports by `exported.allowed`."""

    redacted: bool
    opening: str


@dataclass(frozen=True, slots=True)
class Standing:
    """How things are between somebody and a place: what is shown there, and their reason, if it is open or waits for consent."""

    mode: str
    opening: Opening | None = None

    @property
    def open(self) -> bool:
        return self.opening is not None and self.opening.state == State.GRANTED and self.mode != LogMode.METADATA

    @property
    def waits(self) -> bool:
        return self.opening is not None and self.opening.state == State.ASKED


def mode(team: Team | None) -> str:
    """What is shown of the texts in this team: the stricter of the server's and its own."""
    return modes([team])[0]


def modes(teams: Iterable[Team | None]) -> list[str]:
    """The same for several."""
    server_ = Server.objects.filter(pk=1).values_list("log_mode", flat=True).first() or LogMode.FULL
    return [strictest(server_, team.log_mode if team else "") for team in teams]


def strictest(*modes: str) -> str:
    return str(max(modes, key=lambda one: STRICTNESS.index(LogMode(one))))


def stricter(team: Team, *, than: Team) -> bool:
    """Whether less is shown of the texts in the one than in the other."""
    there, here = (STRICTNESS.index(LogMode(one)) for one in modes([team, than]))
    return there > here


def standing(actor: User, place: Place, *, exports: bool = False) -> Standing:
    """`exports`: to take its texts along, which wants a reason of its own."""
    reach(actor, place)
    return Standing(mode(_team(place)), _current(actor, place, exports).first())


def _team(place: Place) -> Team | None:
    return place.team if isinstance(place, Conversation) else place


def reach(actor: User, place: Place) -> None:
    """NotFound for whom the place is none of their business."""
    match place:
        case Conversation():
            reached = can(actor, "conversation.see", place)
        case Team():
            reached = teams_managed_by(actor).filter(pk=place.pk).exists()
        case None:
            reached = can(actor, "server.manage", None)
    if not reached:
        raise errors.NotFound


def _current(actor: User, place: Place, exports: bool) -> QuerySet[Opening]:
    """Their reasons for this place that are good now, and those that wait; the one that opens first. A conversation that has
    moved to another team is another place; and where consent is wanted, what nobody consented to is not good.
    """
    good = Opening.objects.filter(reader=actor, expires__gt=timezone.now(), state__in=(State.GRANTED, State.ASKED))
    mine = good.filter(exports=exports)
    if settings.ACCESS_CONSENT:
        mine = mine.exclude(state=State.GRANTED, decided_by=None)
    return mine.filter(**_there(place)).order_by("-state", "-created")


def refused(actor: User, place: Place, *, exports: bool = False) -> Opening | None:
    """What they asked for here last, if somebody has refused it lately."""
    asked_ = Opening.objects.filter(reader=actor, exports=exports, **_there(place)).select_related("decided_by")
    last = asked_.order_by("-created").first()
    return last if last is not None and last.state == State.REFUSED and last.expires > timezone.now() else None


def _there(place: Place) -> dict[str, Conversation | Team | None]:
    return {"conversation": place if isinstance(place, Conversation) else None, "team": _team(place)}


@transaction.atomic
def ask(*, actor: User, place: Place, reason: str, note: str = "", exports: bool = False) -> Opening:
    """Say why one wants to read. It opens at once, or when somebody else has consented, where `ACCESS_CONSENT` wants that.
    Another reason than the one that is open is another opening, by which looks are on record from then on.
    """
    reach(actor, place)
    User.objects.select_for_update(no_key=True).get(pk=actor.pk)
    if reason not in Reason.values:
        raise errors.InvalidInput("Say why you want to read this.", param="reason", next="Choose a reason.")
    if reason == Reason.OTHER and not note.strip():
        raise errors.InvalidInput("Say in a few words why you want to read this.", param="note", next="Then go on.")
    if mode(_team(place)) == LogMode.METADATA:
        raise errors.Refused("Nobody reads texts here.", next="The owners have settled that the log shows metadata only.")
    said = reason, note.strip()[:NOTE]
    if (found := _said_before(actor, place, said, exports)) is not None:
        return found
    if alone(actor, place):
        raise errors.Refused(
            "Nobody else could consent to that.", next="Choose one team." if place is None else "Nobody reads it."
        )
    granted = not settings.ACCESS_CONSENT
    state, good = (State.GRANTED, _minutes()) if granted else (State.ASKED, ASKED_FOR)
    given = {"reason": said[0], "note": said[1], "exports": exports, "state": state, "expires": timezone.now() + good}
    made = Opening.objects.create(reader=actor, **_there(place), **given)
    record.write(actor=actor, what="reading.asked", about=_named(place), team=_team(place), before=reason, after=state)
    return made


def _said_before(actor: User, place: Place, said: tuple[str, str], exports: bool) -> Opening | None:
    """The same words again: of the one by which they read now, or of one that waits."""
    for number, one in enumerate(_current(actor, place, exports)):
        if (one.reason, one.note) == said and (number == 0 or one.state == State.ASKED):
            return one
    return None


def alone(actor: User, place: Place) -> bool:
    """Whether consent is wanted, and nobody else could give it."""
    return settings.ACCESS_CONSENT and not _others(actor, _team(place))


def _others(actor: User, team: Team | None) -> bool:
    """Whether somebody else looks after it too: another admin of the team, or the owner of the server."""
    if team is None:
        return False
    admins = team.memberships.filter(role__in=MANAGING) if team.personal_of_id is None else team.memberships.none()
    someone = User.objects.filter(is_active=True, suspended=False).exclude(pk=actor.pk)
    return someone.filter(Q(owned_servers__pk=1) | Q(pk__in=admins.values("user"))).exists()


def _named(place: Place) -> str:
    return record.ref(place) if place is not None else "server"


def _minutes() -> timedelta:
    return timedelta(minutes=settings.ACCESS_MINUTES)


def asked(actor: User) -> QuerySet[Opening]:
    """Requests of others that wait for somebody like this person, and their own. None for a conversation that has moved since."""
    stays = Q(conversation=None) | Q(conversation__team=F("team"))
    waiting = Opening.objects.filter(stays, state=State.ASKED, expires__gt=timezone.now())
    reached = Q(conversation__in=conversations_logged_for(actor)) | Q(conversation=None, team__in=teams_managed_by(actor))
    return waiting.filter(Q(reader=actor) | reached).select_related("reader", "conversation", "team").order_by("created")


@transaction.atomic
def decide(*, actor: User, opening_id: str, grant: bool) -> Opening:
    """Consent to somebody's request, or refuse it. NotFound where it waits no more, or is none of one's business; Refused for
    one's own.
    """
    found = asked(actor).select_for_update(of=("self",)).filter(pk=opening_id).first()
    if found is None:
        raise errors.NotFound("This request waits no more.")
    if found.reader_id == actor.pk:
        raise errors.Refused("Somebody else has to consent.", next="Ask another admin.")
    found.state, found.decided_by = (State.GRANTED if grant else State.REFUSED), actor
    found.expires = timezone.now() + _minutes() if grant else found.expires
    found.save(update_fields=["state", "decided_by", "expires"])
    place = found.conversation or found.team
    record.write(
        actor=actor,
        what="reading.decided",
        about=_named(place),
        team=_team(place),
        before=record.ref(found.reader),
        after=found.state,
    )
    return found


def purge(now: datetime) -> int | None:
    """Remove some that were over long ago: by what they were read for stands in the rows of the looks, with the words that were
    said. How many; None when none are left.
    """
    over = Opening.objects.filter(expires__lt=now - KEPT)
    some = list(over.values_list("pk", flat=True)[:SLICE])
    return over.filter(pk__in=some).delete()[0] if some else None


@transaction.atomic
def read(
    *, actor: User, place: Place, what: What, about: str = "", address: str = "", words: str = "", exports: bool = False
) -> Allowed:
    """The one way to a text: looks whether this person may read here now, and writes the row that says so. `about`: the id of
    what is shown; `words`: what is searched for. NotFound for a stranger; Refused without an open reason.
    """
    now = standing(actor, place, exports=exports)
    if now.mode == LogMode.METADATA:
        raise errors.Refused("Nobody reads texts here.", next="The owners have settled that the log shows metadata only.")
    if not now.open or now.opening is None:
        raise errors.Refused("This is not open.", next="Say first why you want to read it.")
    _note(actor, now.opening, [Look(place, what, about, now.mode)], address=address, words=words)
    return Allowed(redacted=now.mode == LogMode.REDACTED, opening=now.opening.pk)


@transaction.atomic
def choose_for_server(*, actor: User, mode: str) -> None:
    before = server.manage(actor).log_mode
    if mode not in STRICTNESS[1:]:
        raise errors.InvalidInput("Choose what may be read.", param="log_mode")
    if Server.objects.filter(pk=1).exclude(log_mode=mode).update(log_mode=mode):
        exports.withdraw_texts()
        record.write(actor=actor, what="server.log_mode", about="server", before=_label(before), after=_label(mode))


@transaction.atomic
def choose_for_team(*, actor: User, team: Team, mode: str) -> None:
    """By its owners; "" for the server's rule. NotFound for everybody else."""
    was = Team.objects.filter(pk=team.pk).first()
    if was is None or not can(actor, "team.own", team):
        raise errors.NotFound
    if mode not in LogMode.values:
        raise errors.InvalidInput("Choose what may be read.", param="log_mode")
    if Team.objects.filter(pk=team.pk).exclude(log_mode=mode).update(log_mode=mode):
        exports.withdraw_texts()
        before, after = _label(was.log_mode), _label(mode)
        record.write(actor=actor, what="team.log_mode", about=team, team=team, before=before, after=after)


def _label(mode: str) -> str:
    return str(LogMode(mode).label).lower()


@transaction.atomic
def found(*, actor: User, opening_id: str, conversations: list[Conversation], address: str) -> None:
    """Each conversation of which a search has shown a piece gets a row of its own, so that its owner learns of it."""
    opening = Opening.objects.get(pk=opening_id, reader=actor)
    there = sorted(conversations, key=lambda one: one.pk)
    shown = modes(one.team for one in there)
    looks = [Look(one, "found", one.pk, mode) for one, mode in zip(there, shown, strict=True)]
    _note(actor, opening, looks, address=address)


class Look(NamedTuple):
    """What is put on record of one: the place, how it was looked at, the id of what was shown, and how much of it."""

    place: Place
    what: What
    about: str
    mode: str


def _note(actor: User, opening: Opening, looks: list[Look], *, address: str, words: str = "") -> None:
    details = {"note": opening.note, "from": address[:60], "words": words[:300]}
    reader: chain.Facts = {"reader": actor.pk}
    rows = chain.ACCESS.append(by=actor, entries=[({**reader, **_facts(opening, look)}, details) for look in looks])
    ids = sorted({row.conversation for row in rows if row.conversation})
    if ids:  # after the head of the chain, as exports do
        sql.rows("SELECT id FROM chat_conversation WHERE id {one_of} ORDER BY id", ids, lock="FOR NO KEY UPDATE")
    sql.each(
        READ, {"conversation": "text", "number": "bigint"}, [(row.conversation, row.number) for row in rows if row.conversation]
    )


READ: Final = "UPDATE chat_conversation SET last_reading = {number} {rows} WHERE chat_conversation.id = {conversation}"


def why(opening: Opening) -> chain.Facts:
    return {"opening": opening.pk, "reason": opening.reason, "consent": opening.decided_by_id}


def _facts(opening: Opening, look: Look) -> chain.Facts:
    team, of = _team(look.place), look.place if isinstance(look.place, Conversation) else None
    shown: chain.Facts = {"what": look.what, "about": look.about, "mode": look.mode, "team": team.pk if team else ""}
    return {**why(opening), **shown, "conversation": of.pk if of else "", "owner": of.owner_id if of else None}
