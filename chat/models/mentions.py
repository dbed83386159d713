from django.conf import settings
from django.db import models


class Mention(models.Model):
    """Somebody is named in a message. `seen`: when they first looked at the conversation after it."""

    item = models.ForeignKey("chat.Item", on_delete=models.CASCADE, related_name="mentions", db_index=False)
    conversation = models.ForeignKey("chat.Conversation", on_delete=models.CASCADE, related_name="mentions")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="mentions", db_index=False)
    seen = models.DateTimeField(null=True)
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["item", "user"], name="one_mention_per_message")]
        indexes = [
            models.Index(fields=["user", "-created"], name="mention_newest"),
            models.Index(fields=["user", "conversation"], condition=models.Q(seen=None), name="mention_unseen"),
        ]


class PushSubscription(models.Model):
    """A browser that is told of mentions: where its push service listens, and its keys (base64url), with which only it can read.

    `session`: the key of the sign-in that it belongs to; without one that still opens, nothing is sent there. `failed`: how many
    notifications in succession could not be brought there.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="push_subscriptions")
    endpoint = models.CharField(max_length=2000, unique=True)
    p256dh = models.CharField(max_length=100)
    auth = models.CharField(max_length=40)
    device = models.CharField(max_length=200, blank=True)
    session = models.CharField(max_length=40, blank=True)
    failed = models.PositiveSmallIntegerField(default=0)
    created = models.DateTimeField(auto_now_add=True)


class Push(models.Model):
    """A notification that is due to one browser: of a mention, or, without one, to try it. Who sends it moves `due` on."""

    subscription = models.ForeignKey(PushSubscription, on_delete=models.CASCADE, related_name="pushes")
    mention = models.ForeignKey(Mention, null=True, on_delete=models.CASCADE, related_name="pushes")
    due = models.DateTimeField(db_index=True)
    tries = models.PositiveSmallIntegerField(default=0)
