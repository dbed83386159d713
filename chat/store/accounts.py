"""Verbs on people: welcome them, change what they chose for themselves, and end what their sign-ins may do."""

from collections.abc import Iterable

from allauth.account.models import EmailAddress
from django.db import transaction
from django.db.models import F

from chat import errors
from chat.models import Membership, Storing, Team, User
from chat.store import record, server, temporary

NAME_LENGTH = 100
INSTRUCTIONS_LENGTH = 8000


@transaction.atomic
def welcome(user: User) -> None:
    """What a new account needs: a team of one, and the server itself if it is the first. Doing it again changes nothing."""
    team, _ = Team.objects.get_or_create(personal_of=user, defaults={"name": user.shown_name[:NAME_LENGTH]})
    Membership.objects.get_or_create(team=team, user=user, defaults={"role": Membership.Role.OWNER})
    server.claim(user)


@transaction.atomic
def change_preferences(
    *,
    actor: User,
    name: str | None = None,
    instructions: str | None = None,
    default_model: str | None = None,
    theme: str | None = None,
    storing: str | None = None,
) -> None:
    """Own name, instructions, default model and storing ("" = the server's) and theme; None leaves one as it is."""
    given = {"name": name, "instructions": instructions, "default_model": default_model, "theme": theme, "storing": storing}
    changes = {field: value for field, value in given.items() if value is not None}
    if name is not None and len(name) > NAME_LENGTH:
        raise errors.InvalidInput(f"A name has at most {NAME_LENGTH} characters.", param="name")
    if instructions is not None and len(instructions) > INSTRUCTIONS_LENGTH:
        raise errors.InvalidInput(f"Instructions have at most {INSTRUCTIONS_LENGTH:,} characters.", param="instructions")
    if theme is not None and theme not in User.Theme.values:
        raise errors.InvalidInput("This is not a theme.", param="theme")
    if storing is not None and storing not in Storing.values:
        raise errors.InvalidInput("Choose whether replies are stored.", param="storing")
    if changes:
        User.objects.filter(pk=actor.pk).update(**changes)
    for field, value in changes.items():
        setattr(actor, field, value)


@transaction.atomic
def change_email(user: User, email: str) -> EmailAddress:
    """This address in place of all others, unconfirmed and in force at once: for servers that can send no mail."""
    EmailAddress.objects.filter(user=user).delete()
    address: EmailAddress = EmailAddress.objects.create(user=user, email=email.lower(), primary=True, verified=False)
    user.email = address.email
    user.save(update_fields=["email"])
    return address


def raise_epoch(user: User) -> None:
    """Sockets and runs that were authorised before stop within two seconds."""
    User.objects.filter(pk=user.pk).update(auth_epoch=F("auth_epoch") + 1)


@transaction.atomic
def raise_epochs(people: Iterable[int]) -> None:
    """The same for many: one statement at the end of a verb, in the order in which all verbs lock people, so that none waits for
    another in a circle.
    """
    some = User.objects.filter(pk__in=set(people))
    list(some.select_for_update(no_key=True).order_by("pk").values_list("pk", flat=True))
    some.update(auth_epoch=F("auth_epoch") + 1)


@transaction.atomic
def suspend(*, actor: User, person: User) -> bool:
    """Shut somebody out at once; False when they already were. The owner of the server cannot be shut out."""
    server.manage(actor)
    if server.owned_by(person):
        raise errors.Refused("The owner of this server cannot be suspended.", next="Hand the server over first.")
    temporary.drop_all(person.pk)
    changed = User.objects.filter(pk=person.pk, suspended=False).update(suspended=True, auth_epoch=F("auth_epoch") + 1)
    if changed:
        record.write(actor=actor, what="person.suspended", about=person)
    return bool(changed)


@transaction.atomic
def unsuspend(*, actor: User, person: User) -> bool:
    """Let somebody in again; False when they were not shut out."""
    server.manage(actor)
    changed = User.objects.filter(pk=person.pk, suspended=True).update(suspended=False, auth_epoch=F("auth_epoch") + 1)
    if changed:
        record.write(actor=actor, what="person.let_in", about=person)
    return bool(changed)
