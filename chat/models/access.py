from django.conf import settings
from django.db import models

from chat.models import ids
from chat.models.chained import AppendOnly, ChainDetail, Chained, ChainHead


class Opening(models.Model):
    """Somebody's reason to read one conversation in the log while it is in `team`, or to search what is there (None: everywhere):
    asked for, and good until `expires` once it is granted. `exports`: to take the texts of that place along, not to read or
    search there. `note`: in their own words.
    """

    class Reason(models.TextChoices):
        TICKET = "ticket", "A ticket"
        ABUSE = "abuse", "A report of abuse"
        REQUEST = "request", "The user’s request"
        OTHER = "other", "Something else"

    class State(models.TextChoices):
        ASKED = "asked", "waits for consent"
        GRANTED = "granted", "granted"
        REFUSED = "refused", "refused"

    id = models.CharField(primary_key=True, max_length=40, default=ids.opening_id, editable=False)
    reader = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="openings", db_index=False)
    conversation = models.ForeignKey("chat.Conversation", null=True, on_delete=models.CASCADE, related_name="openings")
    team = models.ForeignKey("chat.Team", null=True, on_delete=models.CASCADE, related_name="+")
    reason = models.CharField(max_length=7, choices=Reason.choices)
    note = models.CharField(max_length=500, blank=True)
    exports = models.BooleanField(default=False, db_default=False)
    state = models.CharField(max_length=7, choices=State.choices)
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    expires = models.DateTimeField()
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name_plural = "requests to read"
        indexes = [
            models.Index(fields=["reader", "-created"], name="opening_newest"),
            models.Index(fields=["created"], condition=models.Q(state="asked"), name="opening_asked"),
        ]

    def __str__(self) -> str:
        return self.id


class AccessRow(Chained):
    """One look into somebody's text."""

    number = models.BigIntegerField(primary_key=True)
    reader = models.BigIntegerField()
    owner = models.BigIntegerField(null=True)
    conversation = models.CharField(max_length=40, blank=True)

    class Meta:
        verbose_name_plural = "readings"
        indexes = [
            models.Index(fields=["owner", "number"], condition=models.Q(owner__isnull=False), name="access_of_owner"),
            models.Index(fields=["conversation", "number"], name="access_of_conversation"),
        ]

    def __str__(self) -> str:
        return f"reading {self.number}"


class Exported(models.Model):
    """A conversation of which an export held texts, and whose it was then: `row` is the row of the chain that says so, whose body
    holds the hash of these, in the order of their keys; `first` the first such row of that export. As cheap as can be: an export
    may hold very many, and each owner is told.
    """

    row = models.BigIntegerField()
    first = models.BigIntegerField()
    conversation = models.CharField(max_length=40)
    owner = models.BigIntegerField()

    objects = AppendOnly.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["conversation", "first"], name="one_exported")]
        indexes = [
            models.Index(fields=["owner", "row"], name="exported_of_owner"),
            models.Index(fields=["row"], name="exported_in_row"),
        ]


class AccessDetail(ChainDetail):
    """What the reader said and where they were."""

    row = models.OneToOneField(AccessRow, primary_key=True, on_delete=models.DO_NOTHING, related_name="detail")
    reader = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")


class AccessHead(ChainHead):
    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="one_access_head")]
