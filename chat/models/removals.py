from django.db import models


class Removal(models.Model):
    """A message was deleted, with all that follows it: out of its conversation, and gone when the time for undo is over.

    What is out of its conversation has none (`Item.conversation`, `Response.conversation`), so that nothing finds it there; only
    this row knows where it belongs. `going`: pieces of it are still to be moved, out of the conversation or back into it.
    """

    class Going(models.TextChoices):
        OUT = "out", "out"
        BACK = "back", "back"

    item = models.OneToOneField("chat.Item", on_delete=models.CASCADE, related_name="removal")
    conversation = models.ForeignKey("chat.Conversation", on_delete=models.CASCADE, related_name="removals")
    going = models.CharField(max_length=4, blank=True, choices=Going.choices, default="", db_default="")
    created = models.DateTimeField(auto_now_add=True)
