from django.conf import settings
from django.db import models

from chat.models import ids


class Response(models.Model):
    """The record of one run. Ends exactly once, by compare-and-set on `status` and `epoch`.

    `epoch` is the fence: it grows when a process takes the run over, and a write with an older one changes nothing.
    `team`: the one its conversation is in, that those who look after it find it by.
    For lists `input_tokens` and `output_tokens` repeat what `usage` says; `tools` names what a stored one called, between blanks.
    `counted`: it is among the numbers of its day (`Daily`).
    `position` is the conversation's number of this run's newest event, `sequence` the number its next event gets. No index names
    what changes with every flush: a run that is under way is found by its conversation, one that has ended by `settled`, which
    is its last position.
    """

    class Status(models.TextChoices):
        QUEUED = "queued", "queued"
        IN_PROGRESS = "in_progress", "in progress"
        COMPLETED = "completed", "completed"
        INCOMPLETE = "incomplete", "incomplete"
        FAILED = "failed", "failed"
        CANCELLED = "cancelled", "cancelled"

    RUNNING = (Status.QUEUED, Status.IN_PROGRESS)

    id = models.CharField(primary_key=True, max_length=40, default=ids.response_id, editable=False)
    conversation = models.ForeignKey("chat.Conversation", null=True, on_delete=models.CASCADE, related_name="responses")
    input = models.ForeignKey("chat.Item", null=True, on_delete=models.CASCADE, related_name="responses")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+", db_index=False)
    team = models.ForeignKey("chat.Team", null=True, on_delete=models.SET_NULL, related_name="+", db_index=False)
    continues = models.ForeignKey("self", null=True, on_delete=models.CASCADE, related_name="continuations")
    status = models.CharField(max_length=12, choices=Status.choices, default=Status.QUEUED)
    model = models.CharField(max_length=200, blank=True)
    store = models.BooleanField(default=True)
    instructions = models.TextField(blank=True)
    epoch = models.PositiveIntegerField(default=0)
    attempts = models.PositiveSmallIntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
    cancel_requested = models.DateTimeField(null=True)
    position = models.PositiveBigIntegerField(default=0)
    settled = models.PositiveBigIntegerField(null=True)
    sequence = models.PositiveIntegerField(default=0)
    usage = models.JSONField(null=True)
    input_tokens = models.PositiveIntegerField(null=True)
    output_tokens = models.PositiveIntegerField(null=True)
    tools = models.CharField(max_length=200, blank=True, default="", db_default="")
    error_code = models.CharField(max_length=60, blank=True)
    error_message = models.TextField(blank=True)
    incomplete_reason = models.CharField(max_length=60, blank=True)
    created = models.DateTimeField(auto_now_add=True)
    started = models.DateTimeField(null=True)
    first_token = models.DateTimeField(null=True)
    ended = models.DateTimeField(null=True)
    counted = models.BooleanField(default=False, db_default=False)

    class Meta:
        indexes = [
            models.Index(
                fields=["status", "lease_until"],
                condition=models.Q(status__in=["queued", "in_progress"]),
                name="response_running",
            ),
            models.Index(fields=["conversation", "settled"], condition=models.Q(settled__isnull=False), name="response_settled"),
            models.Index(fields=["team", "created", "id"], name="response_of_team"),
            models.Index(fields=["author", "created", "id"], name="response_of_author"),
            models.Index(fields=["model", "created", "id"], name="response_of_model"),
            models.Index(fields=["created", "id"], name="response_newest"),
            models.Index(
                fields=["created", "id"],
                condition=models.Q(status__in=["failed", "incomplete", "cancelled"]),
                name="response_cut",
            ),
            models.Index(fields=["created", "id"], condition=models.Q(store=False), name="response_unstored"),
            models.Index(fields=["created", "id", "tools"], condition=~models.Q(tools=""), name="response_calling"),
            models.Index(
                fields=["created"],
                condition=models.Q(counted=False) & ~models.Q(status__in=["queued", "in_progress"]),
                name="response_uncounted",
            ),
        ]

    def __str__(self) -> str:
        return self.id

    @property
    def running(self) -> bool:
        return self.status in self.RUNNING

    @property
    def begun(self) -> bool:
        """Whether something of it is logged, also while it waits to be taken up again."""
        return self.status != self.Status.QUEUED or self.sequence > 0


class Turn(models.Model):
    """One call to a model inside a run, with what the provider calls it: the only place provider ids live beside an
    item's own. In the `background` it goes on without us, and can be taken up again after `upstream_sequence`. `server` is the
    provider's address; `chained`: it was asked with what that keeps of the Response above, not with the history.
    """

    id = models.CharField(primary_key=True, max_length=40, default=ids.turn_id, editable=False)
    response = models.ForeignKey(Response, on_delete=models.CASCADE, related_name="turns", db_index=False)
    index = models.PositiveIntegerField()
    epoch = models.PositiveIntegerField()
    provider = models.CharField(max_length=100)
    server = models.CharField(max_length=500, blank=True, default="", db_default="")
    chained = models.BooleanField(default=False, db_default=False)
    background = models.BooleanField(default=False)
    upstream_id = models.CharField(max_length=200, blank=True)
    upstream_sequence = models.PositiveIntegerField(null=True)
    usage = models.JSONField(null=True)
    started = models.DateTimeField(auto_now_add=True)
    ended = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["response", "epoch", "index"], name="one_turn_per_index")]


class LogRow(models.Model):
    """One flush of one run: its events `first`…`last` (sequence numbers) verbatim, zlib-compressed JSON lines once the
    run has ended.

    `times` of a run that has ended: [[sequence number, milliseconds since `created`], …] of its flushes.
    `position` is the conversation's number of the last of them. A row without a response is news about the `conversation` itself;
    a response knows its own.
    """

    conversation = models.ForeignKey("chat.Conversation", null=True, on_delete=models.CASCADE, related_name="log", db_index=False)
    response = models.ForeignKey(Response, null=True, on_delete=models.CASCADE, related_name="log", db_index=False)
    first = models.PositiveIntegerField(default=0)
    last = models.PositiveIntegerField(default=0)
    position = models.PositiveBigIntegerField(default=0)
    events = models.BinaryField()
    packed = models.BooleanField(default=False)
    times = models.TextField(blank=True, db_default="", default="")
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["response", "first"], name="one_log_row_per_first")]
        indexes = [
            models.Index(
                fields=["conversation", "position"], condition=models.Q(conversation__isnull=False), name="log_position"
            ),
            models.Index(fields=["created"], condition=models.Q(packed=True), name="log_oldest"),
        ]
