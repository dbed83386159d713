"""Accounts deleted by their owners: shut out at once, in one transaction; what they had goes piece by piece, their row last."""

import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils import timezone

from chat import errors
from chat.models import (
    LEFT,
    Access,
    Audience,
    Branch,
    Conversation,
    Departure,
    Export,
    Invitation,
    Item,
    Link,
    Membership,
    Presence,
    Response,
    Team,
    Turn,
    User,
)
from chat.store import (
    certificates,
    conversations,
    counting,
    exports,
    fts5,
    ledger,
    orphans,
    push,
    record,
    responses,
    server,
    sessions,
    sharing,
    teams,
    temporary,
    traces,
)

SLICE: Final = 500  # rows that one transaction changes
PATIENCE: Final = 30.0  # seconds for replies to stop
NAMELESS: Final = "messages without an author"
LONG_PATIENCE: Final = 3600.0  # seconds for those that a provider goes on with in its background


class Stuck(Exception):
    """This departure cannot be gone on with now; the cause says why."""

    def __init__(self, pk: int) -> None:
        super().__init__(f"Departure {pk}")
        self.pk = pk


@dataclass(frozen=True)
class Bonds:
    """What keeps somebody: the server that is theirs, teams of several that have no other owner."""

    server: bool
    teams: list[Team]

    def __bool__(self) -> bool:
        return self.server or bool(self.teams)


def bonds(actor: User) -> Bonds:
    owned = Membership.objects.filter(user=actor, role=Membership.Role.OWNER, team__personal_of=None).select_related("team")
    others = Membership.objects.exclude(user=actor).filter(team=OuterRef("team"))
    owners = others.filter(role=Membership.Role.OWNER, **teams.IN_GOOD_STANDING)
    held = owned.filter(Exists(others)).exclude(Exists(owners))
    return Bonds(server.owned_by(actor), [each.team for each in held.order_by("team__name", "team__pk")])


def inheritance(actor: User) -> int:
    """How many of one's conversations others keep: those shared in a team."""
    return Conversation.objects.owned_by(actor).present().filter(shared=True, team__personal_of=None).count()


@transaction.atomic
def begin(*, actor: User) -> None:
    """Delete one's account. From now on nobody comes in with it and it has no name; `step` does the rest. Refused while a server
    or a team would be left without an owner.
    """
    mine = Membership.objects.filter(user=actor, team__personal_of=None)
    list(Team.objects.select_for_update().filter(pk__in=mine.values("team")).order_by("pk"))
    locked = User.objects.select_for_update(no_key=True).get(pk=actor.pk)  # what they are sending now need not wait for us
    if not locked.is_active:  # asked for twice
        return
    held = bonds(actor)
    if held.server:
        raise errors.Refused("This server is yours.", next="Hand it over first.")
    if held.teams:
        names = ", ".join(team.name for team in held.teams)
        raise errors.Refused(f"You are the only owner of {names}.", next="Make somebody else an owner there first, or end it.")
    responses.cancel_all(actor)
    left, ended = _leave_teams(actor)
    _forget_ways_in(actor)
    exports.expire(Export.objects.filter(owner=actor))
    exports.withdraw_all()
    temporary.drop_all(actor.pk)
    Link.objects.filter(conversation__owner=actor, audience=Audience.ANYONE).delete()
    Departure.objects.create(user=actor)
    certificates.of_person(actor)
    _put_on_record(actor, left, ended)


def _put_on_record(actor: User, left: dict[str, str], ended: list[str]) -> None:
    record.write(actor=actor, what="person.deleted", about=actor)
    for team_id, role in left.items():
        record.write(actor=actor, what="member.left", about=actor, team=team_id, before=role)
    for team_id in ended:
        record.write(actor=actor, what="team.ended", about=f"team:{team_id}", team=team_id)


def _leave_teams(actor: User) -> tuple[dict[str, str], list[str]]:
    """A team without anybody else is no more. Those that were left, with what they were there, and those that ended."""
    left, ended = dict[str, str](), list[str]()
    home = Team.objects.get(personal_of=actor)
    Team.objects.filter(pk=home.pk).update(name=LEFT)
    for membership in Membership.objects.filter(user=actor, team__personal_of=None).select_related("team"):
        if membership.team.memberships.exclude(user=actor).exists():
            left[membership.team_id] = membership.role
            membership.delete()
        else:
            ended.append(membership.team_id)
            alone = Conversation.objects.filter(team=membership.team)
            alone.update(team=home, team_access=Access.NONE, shared=False)
            membership.team.delete()
    return left, ended


def _forget_ways_in(actor: User) -> None:
    """Name, addresses, password, second steps, sign-ins, invitations."""
    _withdraw_invitations(actor)
    for session in UserSession.objects.filter(user=actor):
        session.end()
    for model in (Authenticator, EmailAddress, Presence):
        model.objects.filter(user=actor).delete()
    push.forget_all(actor)
    nobody = User(username=f"left-{secrets.token_hex(8)}", name=LEFT, is_active=False)
    nobody.set_unusable_password()
    blank = ("username", "name", "is_active", "password", "email", "first_name", "last_name", "instructions", "default_model")
    changes = {field: getattr(nobody, field) for field in blank}
    User.objects.filter(pk=actor.pk).update(**changes, last_login=None, auth_epoch=F("auth_epoch") + 1)


def _withdraw_invitations(actor: User) -> None:
    """By them, and to them; such as are still good only to an address that is known to be theirs, or anybody could withdraw
    anybody's.
    """
    over = Q(uses_left=0) | Q(expires__lte=timezone.now())
    Invitation.objects.filter(invited_by=actor).delete()
    known = dict(EmailAddress.objects.filter(user=actor).values_list("email", "verified"))
    for address, confirmed in {actor.email: False, **known}.items():
        if address:
            Invitation.objects.filter(Q() if confirmed else over, email__iexact=address).delete()


def step(*, without: Collection[int] = ()) -> bool:
    """Remove a piece of what somebody had who has left. False when there is nothing to do. `without` these departures;
    raises Stuck for one that cannot be gone on with.
    """
    if not Departure.objects.exists():
        return False
    departure = None
    try:
        with transaction.atomic():
            found = _due().exclude(pk__in=without).select_for_update(skip_locked=True, of=("self",))
            departure = found.order_by("pk").first()
            return departure is not None and any(act(departure.user) for act in STEPS)
    except Exception as error:
        fts5.begin_again()
        if departure is None:
            raise
        raise Stuck(departure.pk) from error


def _due() -> QuerySet[Departure]:
    """Those whose replies have stopped. What a provider goes on with in its background the sweep ends there first."""
    late, very_late = (timezone.now() - timedelta(seconds=seconds) for seconds in (PATIENCE, LONG_PATIENCE))
    theirs = Q(author=OuterRef("user")) | Q(conversation__owner=OuterRef("user"), conversation__shared=False)
    running = Response.objects.filter(theirs, status__in=Response.RUNNING)
    open_turns = Turn.objects.filter(response=OuterRef("pk"), background=True, ended=None).exclude(upstream_id="")
    waited = Q(created__lt=very_late) | Q(created__lt=late) & ~Exists(running.filter(Exists(open_turns)))
    return Departure.objects.filter(waited | ~Exists(running)).select_related("user")


def _conversations(user: User) -> bool:
    """What others share is an owner's of its team from now on, all else goes."""
    found = Conversation.objects.filter(owner=user).order_by("pk").first()
    if found is None:
        return False
    heir = _locked_heir(found, user)
    conversation = Conversation.objects.select_for_update().filter(owner=user, team=found.team_id, pk=found.pk).first()
    if conversation is None:  # it went elsewhere meanwhile
        return True
    if heir is not None and conversation.shared and conversation.deleted is None:
        sharing.pass_on(conversation, heir)
    else:
        conversations.purge_slice(conversation.pk, certificate=certificates.of_person(user))
    return True


def _locked_heir(conversation: Conversation, user: User) -> User | None:
    """Their team before them, and them before the conversation, as `begin` locks: they may be leaving too."""
    list(Team.objects.select_for_update(no_key=True).filter(pk=conversation.team_id))
    heir = teams.heir(conversation.team_id, of=user)
    return User.objects.select_for_update(no_key=True).filter(pk=heir.pk).first() if heir is not None else None


def _participations(user: User) -> bool:
    there = Conversation.objects.filter(participants__user=user)
    conversation = there.select_for_update(of=("self",)).order_by("pk").first()
    if conversation is not None:
        sharing.take_out(conversation, user)
    return conversation is not None


def _messages(user: User) -> bool:
    some = Item.objects.filter(author=user).values_list("pk", flat=True)[:SLICE]
    freed = Item.objects.filter(pk__in=list(some)).update(author=None, client_id=None)
    certificates.count(certificates.of_person(user), {NAMELESS: freed})
    return bool(freed)


def _replies(user: User) -> bool:
    """Asked for in others' conversations: each holds the instructions that went with it, also where a provider keeps it."""
    some = dict(Response.objects.filter(author=user).values_list("pk", "instructions")[:SLICE])
    instructed = [pk for pk, instructions in some.items() if instructions]
    ledger.due_of(instructed, certificate=certificates.of_person(user))
    return bool(Response.objects.filter(pk__in=list(some)).update(author=None, instructions=""))


def _numbers(user: User) -> bool:
    return counting.forget(user)


def _files(user: User) -> bool:
    return orphans.forget(user, certificate=certificates.of_person(user), most=SLICE)


def _branches(user: User) -> bool:
    some = Branch.objects.filter(user=user).values_list("pk", flat=True)[:SLICE]
    return bool(Branch.objects.filter(pk__in=list(some)).delete()[0])


def _exports(user: User) -> bool:
    return exports.drop_chunks(list(user.exports.values_list("pk", flat=True)))


def _index(user: User) -> bool:
    return fts5.merge(user.pk)


def _sessions(user: User) -> bool:
    return sessions.forget(user)


def _record(user: User) -> bool:
    return record.forget(user, most=SLICE)


def _person(user: User) -> bool:
    """The row itself, with what is left on it; teams in which there is nobody else."""
    Team.objects.filter(memberships__user=user).exclude(memberships__in=Membership.objects.exclude(user=user)).delete()
    transaction.on_commit(traces.leave)
    mine = certificates.of_person(user)
    ledger.certify(mine, of=user)
    _, removed = user.delete()
    certificates.count(mine, removed, last=True)
    return bool(removed)


STEPS: Final = (
    *(_conversations, _participations, _messages, _replies, _files, _numbers, _branches),
    *(_exports, _index, _sessions, _record, _person),
)
