from django.conf import settings
from django.db import models


class SearchEntry(models.Model):
    """The words of one item or of one conversation's title, for one owner's search. The engine's own index follows by
    trigger or expression.
    """

    conversation = models.ForeignKey("chat.Conversation", on_delete=models.CASCADE, related_name="search_entries")
    item = models.OneToOneField("chat.Item", null=True, on_delete=models.CASCADE, related_name="search_entry")
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    text = models.TextField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["conversation"], condition=models.Q(item__isnull=True), name="one_title_entry_per_conversation"
            )
        ]
