from typing import Any, Never

from django.conf import settings
from django.db import models

from chat.models import ids


class Opening(models.Model):
    """Somebody's reason to read one conversation in the log while it is in `team`, or to search what is there (None: everywhere):
    asked for, and good until `expires` once it is granted. `note`: in their own words.
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


class AppendOnly(models.QuerySet["AccessRow"]):
    """Rows are added, one by one, and stay as they are."""

    def update(self, **changes: Any) -> Never:
        raise TypeError("A row of the access log is never changed.")

    def delete(self) -> Never:
        raise TypeError("A row of the access log is never removed.")


class AccessRow(models.Model):
    """One look into somebody's text. `hash` is SHA-256 over the hash of the row before and `body`, canonical JSON that holds ids
    and no names: it stays when people go. The columns beside them are for looking up, and repeat what `body` says.
    """

    number = models.BigIntegerField(primary_key=True)
    body = models.TextField()
    hash = models.CharField(max_length=64)
    reader = models.BigIntegerField()
    owner = models.BigIntegerField(null=True)
    conversation = models.CharField(max_length=40, blank=True)

    objects = AppendOnly.as_manager()

    class Meta:
        verbose_name_plural = "readings"
        indexes = [
            models.Index(fields=["owner", "number"], condition=models.Q(owner__isnull=False), name="access_of_owner"),
            models.Index(fields=["conversation", "number"], name="access_of_conversation"),
        ]

    def __str__(self) -> str:
        return f"reading {self.number}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise TypeError("A row of the access log is never changed.")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> Never:
        raise TypeError("A row of the access log is never removed.")


class AccessDetail(models.Model):
    """What the reader said and where they were, as JSON in `text`, whose SHA-256 behind `salt` stands in the row. It goes with
    the reader.
    """

    row = models.OneToOneField(AccessRow, primary_key=True, on_delete=models.DO_NOTHING, related_name="detail")
    reader = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    salt = models.CharField(max_length=64)
    text = models.TextField()


class AccessHead(models.Model):
    """The one row that says how long the chain is, and the hash of its end. Whoever appends locks it."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    number = models.BigIntegerField(default=0)
    hash = models.CharField(max_length=64, blank=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="one_access_head")]
