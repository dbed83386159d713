from django.conf import settings
from django.db import models


class Presence(models.Model):
    """Somebody has a shared conversation open, until then unless it is said again; and types in it, until then."""

    conversation = models.ForeignKey("chat.Conversation", on_delete=models.CASCADE, related_name="+", db_index=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False)
    until = models.DateTimeField()
    typing_until = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["conversation", "user"], name="one_presence_per_person")]
