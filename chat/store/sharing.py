"""Verbs on who else is in a conversation: shared with people or with the team, to read or to write; moved, handed over, left."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from django.db import transaction
from django.db.models import Case, Q, When

from chat import errors
from chat.models import Access, Conversation, Membership, Participant, SearchEntry, Team, User
from chat.store import access, accounts, conversations, counting, exports, news, storing

MOST: Final = 200  # people with whom one conversation is shared in person


@dataclass(frozen=True, slots=True)
class Place:
    """Somebody who is in it, or could be. `most`: the most that they may be given."""

    user: User
    role: str
    access: str
    most: str


def places(conversation: Conversation, *, query: str = "", most: int) -> list[Place]:
    """The people of its team whose name holds `query`, its owner left out, with what each has in person: who has something first,
    and of the others the first by name, up to `most` in all.
    """
    given = dict(conversation.participants.values_list("user_id", "access"))
    others = Membership.objects.filter(team=conversation.team_id).exclude(user=conversation.owner_id).select_related("user")
    if query:
        others = others.filter(Q(user__name__icontains=query) | Q(user__username__icontains=query))
    first = Case(When(user__in=[user for user, access in given.items() if access], then=0), default=1)
    found = others.order_by(first, "user__username")[:most]
    return [Place(each.user, each.role, given.get(each.user_id, ""), _most(each)) for each in found]


def people(conversation: Conversation) -> list[User]:
    """Who is in it, by name: its owner first, then those it is shared with in person and those who have written."""
    others = User.objects.filter(participations__conversation=conversation).exclude(pk=conversation.owner_id).order_by("username")
    return [conversation.owner, *others]


@transaction.atomic
def with_person(*, actor: User, conversation_id: str, user_id: int, access: str) -> Conversation:
    """Let somebody of its team read or write, or, with "", no more. Guests read only."""
    conversation = mine(actor, conversation_id)
    membership = Membership.objects.filter(team=conversation.team_id, user_id=user_id).select_related("user").first()
    if membership is None or user_id == conversation.owner_id:
        raise errors.NotFound("This person is not in the team any more.")
    if access not in Access.values or (access == Access.WRITE and _most(membership) != Access.WRITE):
        raise errors.InvalidInput("Choose what they may do.", next="Guests only read.", param="access")
    if access and conversation.participants.exclude(access="").exclude(user=user_id).count() >= MOST:
        raise errors.Refused(f"A conversation is shared with {MOST} people at most.", next="Share it with the team.")
    Participant.objects.update_or_create(conversation=conversation, user=membership.user, defaults={"access": access})
    _tell(conversation, [membership.user_id])
    return conversation


@transaction.atomic
def with_team(*, actor: User, conversation_id: str, access: str) -> Conversation:
    """Let everybody in its team read or write, but for its guests; or, with "", only those it is shared with in person."""
    conversation = mine(actor, conversation_id)
    if access not in Access.values:
        raise errors.InvalidInput("Choose what the team may do.", param="access")
    if conversation.team.personal_of_id is not None and access:
        raise errors.Conflict("This conversation is in no team.", next="Move it into one first.")
    Conversation.objects.filter(pk=conversation.pk).update(team_access=access)
    conversation.team_access = access
    _tell(conversation, Membership.objects.filter(team=conversation.team_id).values_list("user_id", flat=True))
    return conversation


@transaction.atomic
def move(*, actor: User, conversation_id: str, team_id: str) -> Conversation:
    """Into another team of its owner's, or back into none ("" or their own), shared with nobody yet."""
    conversation = mine(actor, conversation_id, team_id)
    full = Membership.objects.filter(user=actor).exclude(role=Membership.Role.GUEST)
    target = Team.objects.filter(pk=team_id, memberships__in=full).first() if team_id else Team.objects.get(personal_of=actor)
    if target is None:
        raise errors.NotFound("You are not in this team, or a guest there.", next="Choose another.")
    if target.pk != conversation.team_id:
        withdraw(conversation, team=target)
    return conversation


def withdraw(conversation: Conversation, *, team: Team) -> None:
    """Shared with nobody, by no link and in no project, in this team. The conversation is locked."""
    before = set(conversation.participants.values_list("user_id", flat=True))
    less = access.stricter(team, than=conversation.team)
    if conversation.team_access:
        before |= set(Membership.objects.filter(team=conversation.team_id).values_list("user_id", flat=True))
    conversation.participants.all().delete()
    conversation.links.all().delete()
    Conversation.objects.filter(pk=conversation.pk).update(team=team, team_access=Access.NONE, project=None)
    counting.move(conversation.pk, team=team)
    conversation.responses.update(team=team)
    conversation.kept.update(team=team.pk)
    (exports.withdraw if less else exports.withdraw_moved)([conversation.pk])
    conversation.team, conversation.team_access, conversation.project = team, Access.NONE, None
    storing.moved(conversation)
    _tell(conversation, before)


@transaction.atomic
def hand_over(*, actor: User, conversation_id: str, user_id: int) -> Conversation:
    """Make somebody of its team its owner. Who had it goes on writing in it."""
    conversation = mine(actor, conversation_id)
    membership = Membership.objects.filter(team=conversation.team_id, user_id=user_id).select_related("user").first()
    if membership is None or _most(membership) != Access.WRITE or user_id == actor.pk:
        raise errors.NotFound("This person is not in the team any more, or a guest.")
    give(conversation, membership.user)
    own = Membership.objects.filter(team=conversation.team_id, user=actor).first()
    Participant.objects.update_or_create(
        conversation=conversation,
        user=actor,
        defaults={"access": _most(own) if own else Access.NONE, "pinned": conversation.pinned, "archived": conversation.archived},
    )
    _tell(conversation, [actor.pk, user_id])
    return conversation


def give(conversation: Conversation, owner: User) -> None:
    """This person's from now on, with the place that they had for it in their list. Who had it reads no more by a live link."""
    conversation.links.filter(head=None).delete()
    kept = conversation.participants.filter(user=owner).first()
    marks = {"pinned": kept.pinned if kept else None, "archived": kept.archived if kept else None}
    Conversation.objects.filter(pk=conversation.pk).update(owner=owner, **marks)
    SearchEntry.objects.filter(conversation=conversation).update(owner=owner)
    conversation.participants.filter(user=owner).delete()
    storing.pass_on(conversation, owner)


def pass_on(conversation: Conversation, owner: User) -> None:
    """The same where nobody is left to do it, and tell. The conversation is locked."""
    give(conversation, owner)
    _tell(conversation, [])


@transaction.atomic
def leave(*, actor: User, conversation_id: str) -> Conversation:
    """Out of one's list, and out of it where it was shared in person. Its owner hands it over or deletes it."""
    conversation = conversations.lock(actor=actor, conversation_id=conversation_id)
    if conversation.owner_id == actor.pk:
        raise errors.Refused("This conversation is yours.", next="Hand it over, or delete it.")
    conversation.participants.filter(user=actor).delete()
    _tell(conversation, [actor.pk])
    return conversation


def take_out(conversation: Conversation, user: User) -> None:
    """Somebody who has left the server is in it no more. The conversation is locked."""
    conversation.participants.filter(user=user).delete()
    _tell(conversation, [])


def take_part(conversation: Conversation, user: User) -> None:
    """Who has written in another's conversation finds it in their list, and is seen to be in it. The conversation is locked."""
    _, is_new = Participant.objects.get_or_create(conversation=conversation, user=user)
    if is_new:
        news.announce(conversation, "people.changed")


def mine(actor: User, conversation_id: str, *more_teams: str) -> Conversation:
    """One's own conversation, locked. Its team before it, as whoever changes or ends that does: who is in it stays so until we
    are done.
    """
    found = conversations.find(actor=actor, conversation_id=conversation_id, action="conversation.manage")
    list(Team.objects.select_for_update(no_key=True).filter(pk__in=[found.team_id, *more_teams]).order_by("pk"))
    return conversations.lock(actor=actor, conversation_id=conversation_id, action="conversation.manage")


def _most(membership: Membership) -> str:
    return Access.READ if membership.role == Membership.Role.GUEST else Access.WRITE


def _tell(conversation: Conversation, touched: Iterable[int]) -> None:
    """Pages that are open show who is in it; whose standing has changed is asked anew, everywhere. Who came through the team
    is in it as long as the team is.
    """
    if not conversation.team_access:
        conversation.participants.filter(access=Access.NONE).delete()
    shared = bool(conversation.team_access) or conversation.participants.exclude(access=Access.NONE).exists()
    Conversation.objects.filter(pk=conversation.pk).update(shared=shared)
    accounts.raise_epochs(touched)
    news.announce(conversation, "people.changed")
