from django.conf import settings
from django.db import models
from django.db.models import Q

from chat.models import ids


class Export(models.Model):
    """A file made in the background: everything of one's `own` as a zip, or what somebody `asked` for of the `log`. `done` and
    `total` count messages, or what the log's list shows (0: nobody knows how many); `bytes` is its size so far. With texts of the
    log: `opening` is the reason, and `first` the row of the access log from which on it is on record what is in it.

    Who makes it holds a lease; `epoch` is the fence, as for runs. From `expires` on it is not there for anybody, and goes.
    """

    class Kind(models.TextChoices):
        OWN = "own", "one’s own data"
        LOG = "log", "of the log"

    class State(models.TextChoices):
        QUEUED = "queued", "queued"
        IN_PROGRESS = "in_progress", "in progress"
        READY = "ready", "ready"
        FAILED = "failed", "failed"

    UNFINISHED = (State.QUEUED, State.IN_PROGRESS)

    id = models.CharField(primary_key=True, max_length=40, default=ids.export_id, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="exports")
    kind = models.CharField(max_length=3, choices=Kind.choices, default=Kind.OWN, db_default=Kind.OWN)
    asked = models.JSONField(default=dict, db_default={})
    opening = models.ForeignKey("chat.Opening", null=True, on_delete=models.SET_NULL, related_name="+", db_index=False)
    first = models.BigIntegerField(null=True)
    state = models.CharField(max_length=12, choices=State.choices, default=State.QUEUED)
    done = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)
    bytes = models.PositiveBigIntegerField(default=0)
    error = models.TextField(blank=True)
    epoch = models.PositiveIntegerField(default=0)
    attempts = models.PositiveSmallIntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
    created = models.DateTimeField(auto_now_add=True)
    ended = models.DateTimeField(null=True)
    expires = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["owner", "kind"],
                condition=Q(state__in=["queued", "in_progress"], expires__isnull=True),
                name="one_export_at_a_time",
            )
        ]

    def __str__(self) -> str:
        return self.id

    @property
    def unfinished(self) -> bool:
        return self.state in self.UNFINISHED


class ExportChunk(models.Model):
    """A piece of the zip: in the database every process finds it, and it goes with what it is of."""

    export = models.ForeignKey(Export, on_delete=models.CASCADE, related_name="chunks", db_index=False)
    index = models.PositiveIntegerField()
    bytes = models.BinaryField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["export", "index"], name="one_chunk_per_index")]
