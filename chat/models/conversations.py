from __future__ import annotations

from django.conf import settings
from django.db import models

from chat.models import ids
from chat.models.users import User


class ConversationQuerySet(models.QuerySet["Conversation"]):
    def readable_by(self, actor: User) -> ConversationQuerySet:
        """What this person may read: their own, for now; whoever is suspended reads nothing."""
        if actor.suspended or not actor.is_active:
            return self.none()
        return self.filter(owner=actor)

    def present(self) -> ConversationQuerySet:
        return self.filter(deleted__isnull=True)


class Conversation(models.Model):
    """A conversation: a tree of items. `position` numbers its events without gaps; `head` ends the branch shown by default."""

    class TitledBy(models.TextChoices):
        NOBODY = "", "nobody"
        MODEL = "model", "model"
        USER = "user", "user"

    id = models.CharField(primary_key=True, max_length=40, default=ids.conversation_id, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="conversations", db_index=False)
    team = models.ForeignKey("chat.Team", on_delete=models.CASCADE, related_name="conversations")
    title = models.CharField(max_length=200, blank=True)
    titled_by = models.CharField(max_length=5, blank=True, default="", choices=TitledBy.choices)
    model = models.CharField(max_length=200, blank=True)
    store = models.BooleanField(default=True)
    position = models.PositiveBigIntegerField(default=0)
    head = models.ForeignKey("chat.Response", null=True, on_delete=models.SET_NULL, related_name="+")
    pinned = models.DateTimeField(null=True)
    archived = models.DateTimeField(null=True)
    deleted = models.DateTimeField(null=True)
    created = models.DateTimeField(auto_now_add=True)
    active = models.DateTimeField(auto_now_add=True)

    objects = ConversationQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["owner", "-active"], name="conversation_newest")]

    def __str__(self) -> str:
        return self.title or self.id

    @property
    def url(self) -> str:
        return f"/c/{self.id}/"


class Branch(models.Model):
    """Which version one viewer has chosen to see; who has not chosen sees the conversation's own head."""

    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="branches", db_index=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="branches")
    head = models.ForeignKey("chat.Response", on_delete=models.CASCADE, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["conversation", "user"], name="one_branch_per_viewer")]
