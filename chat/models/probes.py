from django.conf import settings
from django.db import models


class Probe(models.Model):
    """What a model server was found to do: `server` is its address, `found` capability → {"can": true, false or null for not
    known, "said": a sentence, "seconds": how long it took}. The newest one of a server that has been made counts.

    One that was asked for is made in the background: `done` of `total` looks. Who makes it holds a lease, `epoch` is the fence.
    """

    class State(models.TextChoices):
        QUEUED = "queued", "queued"
        IN_PROGRESS = "in_progress", "in progress"
        READY = "ready", "ready"
        FAILED = "failed", "failed"

    UNFINISHED = (State.QUEUED, State.IN_PROGRESS)

    server = models.CharField(max_length=500)
    model = models.CharField(max_length=200, blank=True)
    found = models.JSONField(default=dict)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+", db_index=False)
    state = models.CharField(max_length=12, choices=State.choices, default=State.READY)
    done = models.PositiveSmallIntegerField(default=0)
    total = models.PositiveSmallIntegerField(default=0)
    error = models.TextField(blank=True)
    epoch = models.PositiveIntegerField(default=0)
    attempts = models.PositiveSmallIntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = "model server"
        verbose_name_plural = "model server"
        indexes = [models.Index(fields=["server", "-created"], name="probe_newest")]
        constraints = [
            models.UniqueConstraint(
                fields=["server"], condition=models.Q(state__in=["queued", "in_progress"]), name="one_probe_at_a_time"
            )
        ]

    def __str__(self) -> str:
        return f"probe of {self.server}"

    @property
    def unfinished(self) -> bool:
        return self.state in self.UNFINISHED
