from django.db import models


class Removal(models.Model):
    """A message was deleted, with all that follows it: out of its conversation, and gone when the time for undo is over.

    What is out of its conversation has none (`Item.conversation`, `Response.conversation`), so that nothing finds it there; only
    this row knows where it belongs.
    """

    item = models.OneToOneField("chat.Item", on_delete=models.CASCADE, related_name="removal")
    conversation = models.ForeignKey("chat.Conversation", on_delete=models.CASCADE, related_name="removals")
    created = models.DateTimeField(auto_now_add=True)
