from django.conf import settings
from django.db import models

from chat.models import ids


class Item(models.Model):
    """One piece of a conversation, its wire JSON verbatim.

    What a person (or a continuation) puts in has `previous`: the Response it follows, or none at the start.
    What a model puts out has `response` and `output_index`. `upstream_id` is what the provider called it.
    """

    id = models.CharField(primary_key=True, max_length=80, default=ids.message_id, editable=False)
    conversation = models.ForeignKey("chat.Conversation", null=True, on_delete=models.CASCADE, related_name="items")
    previous = models.ForeignKey("chat.Response", null=True, on_delete=models.CASCADE, related_name="followers")
    response = models.ForeignKey("chat.Response", null=True, on_delete=models.CASCADE, related_name="output", db_index=False)
    output_index = models.PositiveIntegerField(null=True)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+", db_index=False)
    type = models.CharField(max_length=60, default="message")
    role = models.CharField(max_length=20, blank=True)
    status = models.CharField(max_length=20, blank=True)
    wire = models.JSONField()
    upstream_id = models.CharField(max_length=ids.LONGEST_NAME, blank=True)
    client_id = models.CharField(max_length=64, null=True)  # noqa: DJ001  (null: many without one beside a unique key)
    hidden = models.BooleanField(default=False)
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["response", "output_index"], name="one_item_per_output_index"),
            models.UniqueConstraint(fields=["author", "client_id"], name="one_item_per_client_id"),
        ]

    def __str__(self) -> str:
        return self.id
