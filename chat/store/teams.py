"""Verbs on teams: made, renamed, left; who is in them, as what. Whose standing changes is asked anew everywhere at once."""

from typing import Any, Final

from allauth.account.models import EmailAddress
from django.db import transaction
from django.db.models import QuerySet

from chat import errors
from chat.models import Access, Conversation, Invitation, Membership, Participant, Server, Team, User
from chat.policy import Action, can, within_reach
from chat.store import accounts, belongings, invitations, record, server

NAME_LENGTH: Final = 100
MOST: Final = 50  # teams that one person may have made and own
Role = Membership.Role
IN_GOOD_STANDING: Final[dict[str, Any]] = {"user__is_active": True, "user__suspended": False}


def of(actor: User) -> QuerySet[Membership]:
    """This person's memberships in teams of several, by name."""
    mine = Membership.objects.filter(user=actor, team__personal_of=None)
    return mine.select_related("team").order_by("team__name", "team__pk")


def find(*, actor: User, team_id: str, action: Action = "team.read") -> Team:
    """The team, if this person may do that with it; NotFound otherwise, as for one that does not exist."""
    found = Team.objects.filter(pk=team_id, personal_of=None).first()
    if found is None or not can(actor, action, found):
        raise errors.NotFound("This team does not exist, or you are not in it.")
    return found


def members(*, actor: User, team: Team) -> QuerySet[Membership]:
    find(actor=actor, team_id=team.pk)
    return team.memberships.select_related("user").order_by("user__username")


def shared_in(team: Team, *, actor: User) -> QuerySet[Conversation]:
    """What this person may read of others' and their own that is shared there, the last active first."""
    found = within_reach(actor, "conversation.read").present().filter(team=team, shared=True)
    return found.select_related("owner").order_by("-active", "-pk")


def may_create(actor: User) -> bool:
    return server.current().team_creation == Server.TeamCreation.ANYONE or server.owned_by(actor)


@transaction.atomic
def create(*, actor: User, name: str) -> Team:
    if not may_create(actor):
        raise errors.Refused("Only the owner of this server makes teams.", next="Ask them for one.")
    User.objects.select_for_update().get(pk=actor.pk)
    if Membership.objects.filter(user=actor, role=Role.OWNER, team__personal_of=None).count() >= MOST:
        raise errors.Refused(f"You own {MOST} teams already.", next="Hand one over, or end one you do not need.")
    team = Team.objects.create(name=checked(name))
    Membership.objects.create(team=team, user=actor, role=Role.OWNER)
    record.write(actor=actor, what="team.made", about=team, team=team, names={"after": team.name})
    return team


@transaction.atomic
def rename(*, actor: User, team_id: str, name: str) -> Team:
    team = find(actor=actor, team_id=team_id, action="team.manage")
    before, team.name = team.name, checked(name)
    if team.name != before:
        team.save(update_fields=["name"])
        names = {"before": before, "after": team.name}
        record.write(actor=actor, what="team.renamed", about=team, team=team, names=names)
    return team


def checked(name: str) -> str:
    name = " ".join(name.split())
    if not name or not name.isprintable():
        raise errors.InvalidInput("A team needs a name of visible characters.", param="name")
    if len(name) > NAME_LENGTH:
        raise errors.InvalidInput(f"A name has at most {NAME_LENGTH} characters.", param="name")
    return name


@transaction.atomic
def change_role(*, actor: User, team_id: str, user_id: int, role: str) -> Membership:
    """Make somebody owner, admin, member or guest. What concerns an owner is for owners; the last one stays."""
    if role not in Role.values:
        raise errors.InvalidInput("Choose what they will be.", param="role")
    team = find(actor=actor, team_id=team_id, action="team.manage")
    theirs = _theirs(actor, team, user_id, action="team.manage")
    if role == Role.OWNER and not can(actor, "team.own", team):
        raise errors.Refused("Only an owner makes somebody an owner.", next="Ask one of them.")
    if role != theirs.role:
        _stays_owned(theirs)
        before, theirs.role = theirs.role, role
        theirs.save(update_fields=["role"])
        if role == Role.GUEST:  # guests read
            written = Participant.objects.filter(conversation__team=team, user=theirs.user, access=Access.WRITE)
            written.update(access=Access.READ)
        accounts.raise_epoch(theirs.user)
        record.write(actor=actor, what="member.role", about=theirs.user, team=team, before=before, after=role)
    return theirs


@transaction.atomic
def hand_over(*, actor: User, team_id: str, user_id: int) -> Membership:
    """Make somebody else the owner, and oneself an admin."""
    team = find(actor=actor, team_id=team_id, action="team.own")
    theirs = _theirs(actor, team, user_id, action="team.own")
    if theirs.user_id == actor.pk:
        raise errors.Refused("You own this team already.", next="Choose somebody else.")
    before, theirs.role = theirs.role, Role.OWNER
    theirs.save(update_fields=["role"])
    Membership.objects.filter(team=team, user=actor).update(role=Role.ADMIN)
    accounts.raise_epochs([theirs.user_id, actor.pk])
    record.write(actor=actor, what="team.handed_over", about=theirs.user, team=team, before=before, after=Role.OWNER)
    return theirs


@transaction.atomic
def remove(*, actor: User, team_id: str, user_id: int) -> User:
    """Take somebody out of the team. What they own there and share stays, and is an owner's; what they do not goes with them."""
    team = find(actor=actor, team_id=team_id, action="team.manage")
    theirs = _theirs(actor, team, user_id, action="team.manage")
    _stays_owned(theirs)
    _part(theirs)
    record.write(actor=actor, what="member.removed", about=theirs.user, team=team, before=theirs.role)
    return theirs.user


@transaction.atomic
def leave(*, actor: User, team_id: str) -> Team:
    """The same by oneself. The last owner cannot: somebody must answer for the team."""
    team = find(actor=actor, team_id=team_id)
    mine = _locked(team).filter(user=actor).first()
    if mine is None:
        raise errors.NotFound("You are not in this team.")
    _stays_owned(mine)
    _part(mine)
    record.write(actor=actor, what="member.left", about=actor, team=team, before=mine.role)
    return team


@transaction.atomic
def end(*, actor: User, team_id: str) -> Team:
    """The team is no more: everybody keeps the conversations that they own, shared with nobody."""
    team = find(actor=actor, team_id=team_id, action="team.own")
    people = set(_locked(team).values_list("user_id", flat=True))
    find(actor=actor, team_id=team_id, action="team.own")
    belongings.bring_home(Conversation.objects.filter(team=team))
    team.delete()
    accounts.raise_epochs(people)
    record.write(actor=actor, what="team.ended", about=f"team:{team_id}", team=team_id, names={"before": team.name})
    return team


@transaction.atomic
def join(*, user: User, invitation: Invitation) -> Team:
    """By an invitation, one use of which is taken; who is in the team already uses none up, and stays what they are."""
    team = invitation.team
    if team is None:
        raise errors.NotFound
    if not Team.objects.select_for_update(no_key=True).filter(pk=team.pk):  # before the invitation, as whoever ends it
        raise errors.Refused(invitations.SPENT, next=invitations.ASK_AGAIN)
    if not Membership.objects.filter(team=team, user=user).exists():
        invitations.take(invitation, user)
        _add(team, user, invitation.role)
        record.write(actor=user, what="member.joined", about=user, team=team, after=invitation.role)
    return team


@transaction.atomic
def join_by_domain(user: User) -> list[Team]:
    """The teams whose domain this person has a confirmed address at."""
    addresses = EmailAddress.objects.filter(user=user, verified=True).values_list("email", flat=True)
    domains = {address.rpartition("@")[2].lower() for address in addresses}
    found = Team.objects.filter(domain__in=domains).exclude(memberships__user=user)
    joined = [_add(team, user, Role.MEMBER) for team in found]
    for team in joined:  # after all of them: whoever appends holds up everybody else who does
        record.write(actor=user, what="member.joined", about=user, team=team, after=Role.MEMBER)
    return joined


@transaction.atomic
def choose_domain(*, actor: User, team_id: str, domain: str) -> None:
    """For the owner of the server: whoever confirms an address there is a member. "" for none."""
    server.manage(actor)
    domain = domain.strip().lower().lstrip("@")
    if domain and not _is_domain(domain):
        raise errors.InvalidInput("A domain looks like example.org.", param="domain")
    if domain and Team.objects.filter(domain=domain).exclude(pk=team_id).exists():
        raise errors.InvalidInput("Another team has this domain.", param="domain")
    found = Team.objects.filter(pk=team_id, personal_of=None).first()
    if found is not None and (found.domain or "") != domain:
        Team.objects.filter(pk=team_id).update(domain=domain or None)
        names = {"before": found.domain or "", "after": domain}
        record.write(actor=actor, what="team.domain", about=found, team=found, names=names)


def _is_domain(text: str) -> bool:
    labels = text.split(".")
    return len(text) <= 253 and len(labels) > 1 and all(label and label.replace("-", "").isalnum() for label in labels)


def _add(team: Team, user: User, role: str) -> Team:
    Membership.objects.get_or_create(team=team, user=user, defaults={"role": role})
    accounts.raise_epoch(user)
    return team


def _locked(team: Team) -> QuerySet[Membership]:
    """The team's memberships, which nobody else changes until the end of the transaction."""
    Team.objects.select_for_update().get(pk=team.pk)
    return Membership.objects.filter(team=team)


def _theirs(actor: User, team: Team, user_id: int, *, action: Action) -> Membership:
    """Somebody's membership, to be changed by this person, who may still do that."""
    theirs = _locked(team).select_related("user").filter(user_id=user_id).first()
    find(actor=actor, team_id=team.pk, action=action)
    if theirs is None:
        raise errors.NotFound("They are not in this team any more.")
    if theirs.role == Role.OWNER and not can(actor, "team.own", team):
        raise errors.Refused("This is for the team’s owners.", next="Ask one of them.")
    return theirs


def _stays_owned(leaving: Membership) -> None:
    """Refused for the last owner who can come in. The memberships are locked."""
    owners = Membership.objects.filter(team=leaving.team_id, role=Role.OWNER, **IN_GOOD_STANDING)
    if leaving.role == Role.OWNER and not owners.exclude(pk=leaving.pk).exists():
        raise errors.Refused("A team needs an owner, and there is no other.", next="Make somebody else an owner first.")


def _part(membership: Membership) -> None:
    """What this person owns in the team and shares with nobody is in their own from now on. What is shared stays: it is the
    longest-serving owner's, who answers for the team. What others share with them they see no more.
    """
    user, team = membership.user, membership.team
    Participant.objects.filter(conversation__team=team, user=user).delete()
    owner = heir(team.pk, of=user)
    theirs = Conversation.objects.filter(owner=user, team=team)
    if owner is not None:
        belongings.pass_on(theirs.present().filter(shared=True), owner)
    belongings.bring_home(theirs)
    membership.delete()
    accounts.raise_epoch(user)


def heir(team_id: str, *, of: User) -> User | None:
    """Whose becomes what this person leaves behind in the team: its longest-serving owner's, of those who can come in."""
    owners = Membership.objects.filter(team=team_id, role=Role.OWNER).exclude(user=of).select_related("user").order_by("pk")
    found = owners.filter(**IN_GOOD_STANDING).first() or owners.first()
    return found.user if found else None
