from __future__ import annotations

from typing import Final

from django.conf import settings
from django.db import models
from django.db.models import Q

from chat.models import ids
from chat.models.teams import Membership
from chat.models.users import User


class Access(models.TextChoices):
    """What somebody may do with a conversation of another's."""

    NONE = "", "Nothing"
    READ = "read", "Read"
    WRITE = "write", "Write"


READING: Final = (Access.READ, Access.WRITE)
WRITING: Final = (Access.WRITE,)


class ConversationQuerySet(models.QuerySet["Conversation"]):
    def readable_by(self, actor: User) -> ConversationQuerySet:
        """One's own, and what is shared with one or with one's team; whoever is suspended reads nothing."""
        return self._within_reach(actor, READING)

    def writable_by(self, actor: User) -> ConversationQuerySet:
        """One's own, and what is shared to be written in."""
        return self._within_reach(actor, WRITING)

    def owned_by(self, actor: User) -> ConversationQuerySet:
        return self.filter(owner=actor) if _comes_in(actor) else self.none()

    def present(self) -> ConversationQuerySet:
        return self.filter(deleted__isnull=True)

    def _within_reach(self, actor: User, access: tuple[Access, ...]) -> ConversationQuerySet:
        if not _comes_in(actor):
            return self.none()
        return self.filter(Q(owner=actor) | (shared_with(actor, access) & Q(deleted__isnull=True)))


def _comes_in(actor: User) -> bool:
    return actor.is_active and not actor.suspended


def shared_with(actor: User, access: tuple[Access, ...] = READING) -> Q:
    """Conversations of others, in teams that one is in. Guests see what is shared with them in person, and write in none."""
    mine = Membership.objects.filter(user=actor)
    full = mine.exclude(role=Membership.Role.GUEST)
    there = mine if Access.READ in access else full
    personally = Participant.objects.filter(user=actor, access__in=access, conversation__team__memberships__in=there)
    through_team = Q(team_access__in=access, team__in=full.values("team"))
    return Q(pk__in=personally.values("conversation")) | through_team


class Conversation(models.Model):
    """A conversation: a tree of items. `position` numbers its events without gaps; `head` ends the branch shown by default.

    `last_reading`: the newest row of the access log about it.

    It is its owner's; `team_access` is what the others in its team may do. `shared`: others may see it, through the team or in
    person.
    """

    class TitledBy(models.TextChoices):
        NOBODY = "", "nobody"
        MODEL = "model", "model"
        USER = "user", "user"

    id = models.CharField(primary_key=True, max_length=40, default=ids.conversation_id, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="conversations", db_index=False)
    team = models.ForeignKey("chat.Team", on_delete=models.CASCADE, related_name="conversations", db_index=False)
    team_access = models.CharField(max_length=5, blank=True, default=Access.NONE, choices=Access.choices)
    shared = models.BooleanField(default=False)
    project = models.ForeignKey(
        "chat.Project", null=True, on_delete=models.SET_NULL, related_name="conversations", db_index=False
    )
    title = models.CharField(max_length=200, blank=True)
    titled_by = models.CharField(max_length=5, blank=True, default="", choices=TitledBy.choices)
    model = models.CharField(max_length=200, blank=True)
    store = models.BooleanField(default=True)
    position = models.PositiveBigIntegerField(default=0)
    head = models.ForeignKey("chat.Response", null=True, on_delete=models.SET_NULL, related_name="+")
    pinned = models.DateTimeField(null=True)
    archived = models.DateTimeField(null=True)
    deleted = models.DateTimeField(null=True)
    last_reading = models.BigIntegerField(null=True)
    created = models.DateTimeField(auto_now_add=True)
    active = models.DateTimeField(auto_now_add=True)

    objects = ConversationQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["owner", "-active"], name="conversation_newest"),
            models.Index(fields=["team"], condition=~Q(team_access=""), name="conversation_of_team"),
            models.Index(fields=["team", "created", "id"], name="conversation_in_team"),
            models.Index(fields=["created", "id"], name="conversation_begun"),
            models.Index(fields=["owner", "deleted"], condition=Q(deleted__isnull=False), name="conversation_deleted"),
            models.Index(fields=["project"], condition=Q(project__isnull=False), name="conversation_of_project"),
        ]

    def __str__(self) -> str:
        return self.title or self.id

    @property
    def url(self) -> str:
        return f"/c/{self.id}/"


class Participant(models.Model):
    """Somebody else in a conversation: what they may do there, if they have it in person, and where they keep it in their list.

    Who comes through the team has a row with no access once they have written.
    """

    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="participants", db_index=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="participations")
    access = models.CharField(max_length=5, blank=True, default=Access.NONE, choices=Access.choices)
    pinned = models.DateTimeField(null=True)
    archived = models.DateTimeField(null=True)
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["conversation", "user"], name="one_participant_per_person")]


class Branch(models.Model):
    """Which version one viewer has chosen to see; who has not chosen sees the conversation's own head."""

    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="branches", db_index=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="branches")
    head = models.ForeignKey("chat.Response", on_delete=models.CASCADE, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["conversation", "user"], name="one_branch_per_viewer")]
