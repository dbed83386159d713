"""Verbs on the installation: who owns it, who may sign up, and the invitations that let people in."""

import hashlib
import secrets
from datetime import timedelta

from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from chat import errors
from chat.models import Invitation, Server, Team, User
from chat.policy import can

INVITATION_DAYS = (1, 7, 30)
INVITATION_USES = 100
SPENT = "This invitation has expired, has been used up or was withdrawn."
ASK_AGAIN = "Ask whoever sent it to you for a new one."
CLOSED = "This server takes no new accounts."
ASK_OWNER = "Ask its owner."


def current() -> Server:
    """The installation's row; a blank one, not saved, before the first account."""
    return Server.objects.select_related("owner").filter(pk=1).first() or Server()


def owned_by(user: User) -> bool:
    return Server.objects.filter(pk=1, owner=user).exists()


def manage(actor: User) -> Server:
    """The installation for somebody who may run it; NotFound for everybody else."""
    found = current()
    if not can(actor, "server.manage", found):
        raise errors.NotFound
    return found


def untouched() -> bool:
    """Nobody has an account yet, so the next one owns the server."""
    return not Server.objects.filter(owner__isnull=False).exists() and not Team.objects.filter(personal_of__isnull=False).exists()


@transaction.atomic
def claim(user: User) -> bool:
    """Make somebody the owner if they are the first; the row is the lock. Called in the transaction that welcomes them.

    A server whose owner is gone is not claimed: it would fall to whoever signs up next.
    """
    if Server.objects.filter(owner__isnull=False).exists():
        return False
    Server.objects.bulk_create([Server()], ignore_conflicts=True)
    row = Server.objects.select_for_update().get(pk=1)
    if row.owner_id or Team.objects.filter(personal_of__isnull=False).exclude(personal_of=user).exists():
        return False
    row.owner = user
    row.save(update_fields=["owner"])
    return True


@transaction.atomic
def change_signup(*, actor: User, signup: str) -> None:
    """Who may sign up from now on."""
    manage(actor)
    if signup not in Server.Signup.values:
        raise errors.InvalidInput("Choose who may sign up.", param="signup")
    Server.objects.filter(pk=1).update(signup=signup)


def signup_open(token: str = "") -> bool:
    """Whether somebody, with this invitation or none, may have an account. `admit` decides again when it is made."""
    found = current()
    if found.owner_id is None and untouched():
        return True
    match Server.Signup(found.signup):
        case Server.Signup.OPEN:
            return True
        case Server.Signup.INVITED:
            return invitation(token) is not None
        case _:
            return False


def admit(user: User, *, token: str = "") -> None:
    """The last word on a new account, in the transaction that makes it: Refused leaves nothing behind.

    Under "invited" one use of the invitation is taken, by compare-and-set, so that the last use goes to one person only.
    """
    found = current()
    if found.owner_id == user.pk or found.signup == Server.Signup.OPEN:
        return
    if found.signup == Server.Signup.CLOSED:
        raise errors.Refused(CLOSED, next=ASK_OWNER)
    offered = invitation(token)
    if offered is not None and offered.email and offered.email.lower() != user.email.lower():
        raise errors.Refused(f"This invitation is for {offered.email}.", next="Sign up with that address.", param="email")
    if not usable().filter(token_hash=digest(token)).update(uses_left=F("uses_left") - 1):
        raise errors.Refused(SPENT, next=ASK_AGAIN)


def digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def usable() -> QuerySet[Invitation]:
    """Invitations that still let somebody in."""
    return Invitation.objects.filter(uses_left__gt=0, expires__gt=timezone.now())


def invitation(token: str) -> Invitation | None:
    """The invitation that this token opens, if it still opens anything."""
    return usable().select_related("invited_by").filter(token_hash=digest(token)).first() if token else None


def invitations(*, actor: User) -> QuerySet[Invitation]:
    """All that are still good, the newest first."""
    manage(actor)
    return usable().order_by("-created", "pk")


@transaction.atomic
def invite(*, actor: User, days: int, uses: int, email: str = "") -> tuple[Invitation, str]:
    """A new invitation and its token, which is told here and never again: only its SHA-256 is kept."""
    manage(actor)
    if days not in INVITATION_DAYS:
        raise errors.InvalidInput("Choose how long it stays good.", param="days")
    if not 1 <= uses <= INVITATION_USES:
        raise errors.InvalidInput(f"An invitation is for 1 to {INVITATION_USES} people.", param="uses")
    token = secrets.token_urlsafe(24)
    expires = timezone.now() + timedelta(days=days)
    made = Invitation.objects.create(token_hash=digest(token), email=email, invited_by=actor, uses_left=uses, expires=expires)
    return made, token


@transaction.atomic
def revoke(*, actor: User, invitation_id: str) -> None:
    """Withdraw an invitation; whoever comes with it later is told that it is no longer good."""
    manage(actor)
    if not Invitation.objects.filter(pk=invitation_id).delete()[0]:
        raise errors.NotFound("This invitation is gone already.")
