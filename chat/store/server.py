"""Verbs on the installation: who owns it, who may sign up, who may make teams."""

from django.db import transaction
from django.db.models import F

from chat import errors
from chat.models import Server, Team, User
from chat.policy import can
from chat.store import record


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
    record.write(actor=user, what="server.claimed", about=row, after=record.ref(user))
    return True


@transaction.atomic
def change_signup(*, actor: User, signup: str) -> None:
    """Who may sign up from now on."""
    before = manage(actor).signup
    if signup not in Server.Signup.values:
        raise errors.InvalidInput("Choose who may sign up.", param="signup")
    if Server.objects.filter(pk=1).exclude(signup=signup).update(signup=signup):
        record.write(actor=actor, what="server.signup", about="server", before=before, after=signup)


@transaction.atomic
def change_team_creation(*, actor: User, who: str) -> None:
    """Who may make teams from now on."""
    before = manage(actor).team_creation
    if who not in Server.TeamCreation.values:
        raise errors.InvalidInput("Choose who may make teams.", param="team_creation")
    if Server.objects.filter(pk=1).exclude(team_creation=who).update(team_creation=who):
        record.write(actor=actor, what="server.team_creation", about="server", before=before, after=who)


def change_public_links(*, actor: User, allowed: bool) -> None:
    """Whether links may be opened by anyone from now on; those there are show nothing as long as they may not."""
    _switch(actor, "public_links", on=allowed)


def change_temporary(*, actor: User, allowed: bool) -> None:
    """Whether there are temporary conversations from now on."""
    _switch(actor, "temporary", on=allowed)


@transaction.atomic
def _switch(actor: User, name: str, *, on: bool) -> None:
    manage(actor)
    if Server.objects.filter(pk=1).exclude(**{name: on}).update(**{name: on}):
        was, now = ("off", "on") if on else ("on", "off")
        record.write(actor=actor, what=f"server.{name}", about="server", before=was, after=now)


@transaction.atomic
def hand_over(*, actor: User, username: str) -> User:
    """Make somebody else the owner, who runs it from now on; oneself no more."""
    manage(actor)
    row = Server.objects.select_for_update().get(pk=1)
    if row.owner_id != actor.pk:  # handed over a moment ago
        raise errors.NotFound
    people = User.objects.select_for_update().filter(is_active=True, suspended=False)
    found = people.filter(username__iexact=username.strip()).first()
    if found is None:
        raise errors.InvalidInput("Nobody here has this username.", next="Check how it is written.", param="username")
    if found.pk == actor.pk:
        raise errors.InvalidInput("This server is yours already.", next="Choose somebody else.", param="username")
    row.owner = found
    row.save(update_fields=["owner"])
    User.objects.filter(pk__in=[actor.pk, found.pk]).update(auth_epoch=F("auth_epoch") + 1)
    record.write(actor=actor, what="server.handed_over", about=found, before=record.ref(actor), after=record.ref(found))
    return found
