from django.conf import settings
from django.db import models
from django.db.models import Q

from chat.models import ids


class Export(models.Model):
    """Everything of one person's as a zip, made in the background. `done` and `total` count messages; `bytes` is its size so far.

    Who makes it holds a lease; `epoch` is the fence, as for runs. From `expires` on it is not there for anybody, and goes.
    """

    class State(models.TextChoices):
        QUEUED = "queued", "queued"
        IN_PROGRESS = "in_progress", "in progress"
        READY = "ready", "ready"
        FAILED = "failed", "failed"

    UNFINISHED = (State.QUEUED, State.IN_PROGRESS)

    id = models.CharField(primary_key=True, max_length=40, default=ids.export_id, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="exports")
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
                fields=["owner"],
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
