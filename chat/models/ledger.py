from django.conf import settings
from django.db import models
from django.db.models import Q

from chat.models import ids

STANDING = Q(state__in=["kept", "due", "remains"])


class Kept(models.Model):
    """An object that a provider keeps for us: where, whose, until when, and what has become of it.

    `server` is the provider's address, `account` a mark of the key it was kept with, `turn` the call that made it; `team` is the
    key of the one that its conversation is in, or was in last. The row
    outlives all that it points at, until the object is gone: what was deleted here is deleted there after it. `attempts` and
    `next_try` are of that; a row that is being deleted is claimed by moving `next_try` on.

    `file`: it is the one copy of that which may be used there (`store.copies`); one on its way is `due`, lest it be forgotten,
    and has a mark in the place of its `upstream_id`.
    """

    class Kind(models.TextChoices):
        RESPONSE = "response", "response"
        FILE = "file", "file"
        CONTAINER = "container", "container"
        VECTOR_STORE = "vector_store", "vector store"
        CONVERSATION = "conversation", "conversation"

    class State(models.TextChoices):
        KEPT = "kept", "kept"
        DUE = "due", "being deleted"
        REMAINS = "remains", "cannot be deleted"
        GONE = "gone", "deleted"
        EXPIRED = "expired", "expired"

    OPEN = (State.KEPT, State.DUE, State.REMAINS)

    kind = models.CharField(max_length=12, choices=Kind.choices, default=Kind.RESPONSE)
    server = models.CharField(max_length=500)
    account = models.CharField(max_length=32, blank=True)
    upstream_id = models.CharField(max_length=ids.LONGEST_NAME)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    conversation = models.ForeignKey("chat.Conversation", null=True, on_delete=models.SET_NULL, related_name="kept")
    turn = models.ForeignKey("chat.Turn", null=True, on_delete=models.SET_NULL, related_name="kept", db_index=False)
    file = models.ForeignKey("chat.File", null=True, on_delete=models.SET_NULL, related_name="kept", db_index=False)
    certificate = models.ForeignKey("chat.Certificate", null=True, on_delete=models.SET_NULL, related_name="+")
    team = models.CharField(max_length=40, blank=True, default="", db_default="")
    state = models.CharField(max_length=7, choices=State.choices, default=State.KEPT)
    attempts = models.PositiveIntegerField(default=0)
    next_try = models.DateTimeField()
    error = models.CharField(max_length=300, blank=True)
    created = models.DateTimeField()
    expires = models.DateTimeField()
    ended = models.DateTimeField(null=True)

    called: str = ""
    """What the file is called in its conversation; `store.ledger.page` says it."""

    class Meta:
        verbose_name = verbose_name_plural = "kept elsewhere"
        constraints = [
            models.UniqueConstraint(fields=["turn", "upstream_id"], name="one_kept_per_turn"),
            models.UniqueConstraint(
                fields=["file", "server", "account"], condition=Q(file__isnull=False), name="one_copy_of_a_file"
            ),
        ]
        indexes = [
            models.Index(fields=["next_try"], condition=Q(state="due"), name="kept_due"),
            models.Index(fields=["expires"], condition=STANDING, name="kept_open"),
            models.Index(fields=["turn"], condition=Q(state="kept", conversation=None), name="kept_stray"),
            models.Index(fields=["server"], condition=Q(state="remains"), name="kept_remains"),
            models.Index(fields=["server", "kind", "state", "expires"], condition=STANDING, name="kept_totals"),
            models.Index(fields=["team", "server", "kind", "state", "expires"], condition=STANDING, name="kept_in_team"),
            models.Index(fields=["id"], condition=Q(kind="file", state="kept"), name="kept_copies"),
            models.Index(fields=["ended"], condition=Q(ended__isnull=False), name="kept_ended"),
        ]

    def __str__(self) -> str:
        return self.upstream_id
