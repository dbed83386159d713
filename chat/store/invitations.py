"""Invitations: links that let people sign up, or join a team; made, sent again, withdrawn, accepted."""

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from chat import errors
from chat.models import Invitation, Membership, Team, User
from chat.policy import can, teams_managed_by
from chat.store import record, server

DAYS: Final = (1, 7, 30)
USES: Final = 100
AN_HOUR: Final = 60  # invitations that one person makes or sends again
SLICE: Final = 200  # that one transaction removes
SPENT: Final = "This invitation has expired, has been used up or was withdrawn."
ASK_AGAIN: Final = "Ask whoever sent it to you for a new one."


def of(*, actor: User, team: Team | None) -> QuerySet[Invitation]:
    """All that are still good, the newest first: those to the team, or to the server alone."""
    _manage(actor, team)
    return usable().filter(team=team).order_by("-created", "pk")


def usable() -> QuerySet[Invitation]:
    """Invitations that still let somebody in."""
    return Invitation.objects.filter(uses_left__gt=0, expires__gt=timezone.now())


def within_reach(actor: User) -> QuerySet[Invitation]:
    """Those that are still good and that this person may withdraw: to the teams that they look after, or all."""
    everything = can(actor, "server.manage", None)
    return usable() if everything else usable().filter(team__in=teams_managed_by(actor))


def find(token: str) -> Invitation | None:
    """The invitation that this token opens, if it still opens anything."""
    found = usable().select_related("invited_by", "team").filter(token_hash=digest(token)).first() if token else None
    return found if found is not None and _holds(found) else None


def _holds(invitation: Invitation) -> bool:
    """Whether whoever made it may still let people in."""
    if invitation.team is None:
        return can(invitation.invited_by, "server.manage", None)
    return can(invitation.invited_by, "team.manage", invitation.team)


@transaction.atomic
def make(
    *, actor: User, days: int, uses: int, email: str = "", team: Team | None = None, role: str = Membership.Role.MEMBER
) -> tuple[Invitation, str]:
    """A new invitation and its token, which is told here and never again: only its SHA-256 is kept."""
    _manage(actor, team)
    if days not in DAYS:
        raise errors.InvalidInput("Choose how long it stays good.", param="days")
    if not 1 <= uses <= USES:
        raise errors.InvalidInput(f"An invitation is for 1 to {USES} people.", param="uses")
    if role not in (Membership.Role.ADMIN, Membership.Role.MEMBER, Membership.Role.GUEST):
        raise errors.InvalidInput("Choose what they will be.", param="role")
    _not_too_many(actor)
    token, expires = secrets.token_urlsafe(24), timezone.now() + timedelta(days=days)
    fields = {"team": team, "role": role, "email": email, "invited_by": actor, "uses_left": uses, "expires": expires}
    made = Invitation.objects.create(token_hash=digest(token), **fields)
    record.write(actor=actor, what="invitation.made", about=made, team=team, after=role if team else "")
    return made, token


@transaction.atomic
def renew(*, actor: User, invitation_id: str, team: Team | None = None) -> tuple[Invitation, str]:
    """The same invitation with a new link, good for as long again; the old link is no longer."""
    found = _mine(actor, invitation_id, team)
    if not found.uses_left:
        raise errors.NotFound("This invitation has been used up.", next="Make a new one.")
    _not_too_many(actor)
    token, good_for = secrets.token_urlsafe(24), found.expires - found.created
    found.token_hash, found.created, found.invited_by = digest(token), timezone.now(), actor
    found.expires = found.created + good_for
    found.save(update_fields=["token_hash", "created", "expires", "invited_by"])
    record.write(actor=actor, what="invitation.renewed", about=found, team=team)
    return found, token


@transaction.atomic
def revoke(*, actor: User, invitation_id: str, team: Team | None = None) -> None:
    """Withdraw it; whoever comes with it later is told that it is no longer good."""
    _mine(actor, invitation_id, team).delete()
    record.write(actor=actor, what="invitation.withdrawn", about=f"invitation:{invitation_id}", team=team)


def purge(now: datetime) -> int | None:
    """Remove some of those that have run out: the addresses in them are people's who never came. How many; None when there are
    none.
    """
    over = Invitation.objects.filter(expires__lte=now)
    some = list(over.values_list("pk", flat=True)[:SLICE])
    return over.filter(pk__in=some).delete()[0] if some else None  # asked again: it may have been renewed


def take(invitation: Invitation | None, user: User) -> Invitation:
    """Take one use, by compare-and-set, so that the last one goes to one person only. Refused where it is for somebody else, or
    spent. Call it inside the transaction that lets this person in.
    """
    if invitation is not None and invitation.email and invitation.email.lower() != user.email.lower():
        raise errors.Refused(f"This invitation is for {invitation.email}.", next="Sign up with that address.", param="email")
    if invitation is None or not _holds(invitation) or not usable().filter(pk=invitation.pk).update(uses_left=F("uses_left") - 1):
        raise errors.Refused(SPENT, next=ASK_AGAIN)
    return invitation


def digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _not_too_many(actor: User) -> None:
    """Each may be a mail to somebody who did not ask for it."""
    hour = timezone.now() - timedelta(hours=1)
    if Invitation.objects.filter(invited_by=actor, created__gt=hour).count() >= AN_HOUR:
        raise errors.Refused(
            f"That is {AN_HOUR} invitations within an hour.", next="Wait a while, or make one for several people."
        )


def _mine(actor: User, invitation_id: str, team: Team | None) -> Invitation:
    _manage(actor, team)
    found = Invitation.objects.filter(pk=invitation_id, team=team).first()
    if found is None:
        raise errors.NotFound("This invitation is gone already.")
    return found


def _manage(actor: User, team: Team | None) -> None:
    if team is None:
        server.manage(actor)
    elif not can(actor, "team.manage", team):
        raise errors.NotFound
