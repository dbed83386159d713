from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Exists, OuterRef, Q

from chat.models import ids
from chat.models.conversations import Conversation
from chat.models.users import User


def sized(count: int) -> str:
    """So many bytes, as people read it."""
    if count < 1_000_000:
        return f"{count / 1000:.0f} KB" if count >= 1000 else f"{count} bytes"
    return f"{count / 1_000_000:,.1f} MB".replace(".0 MB", " MB")


class FileQuerySet(models.QuerySet["File"]):
    def here(self) -> FileQuerySet:
        return self.filter(state=File.State.HERE)

    def owned_by(self, actor: User) -> FileQuerySet:
        return self.filter(owner=actor) if actor.is_active and not actor.suspended else self.none()

    def readable_by(self, actor: User) -> FileQuerySet:
        """One's own, and what goes with a message in a conversation that one may read."""
        there = Conversation.objects.readable_by(actor).present()
        used = FileUse.objects.filter(file=OuterRef("pk"), item__conversation__in=there.values("pk"))
        mine = Q(owner=actor) if actor.is_active and not actor.suspended else Q(pk__in=())
        return self.here().filter(mine | Exists(used))


class File(models.Model):
    """Bytes that somebody put in, once for each owner, in whose quota they count; where they lie is said by `id` alone.

    `room` is what it takes with its thumbnails, which are as wide as `thumbnails` says. `removed`: by its owner, who can have it
    back for some minutes. One that is `coming` waits for its bytes, one that is `going` for these to be gone; nobody finds
    either, and `next_try` is when that is given up, or tried again. It stays as long as something uses it;
    `certificate` waits for it, if nothing does then.
    """

    class State(models.TextChoices):
        COMING = "coming", "coming"
        HERE = "here", "here"
        REMOVED = "removed", "removed"
        GOING = "going", "going"

    class Kind(models.TextChoices):
        IMAGE = "image", "image"
        DOCUMENT = "document", "document"
        TEXT = "text", "text"

    id = models.CharField(primary_key=True, max_length=40, default=ids.file_id, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="files", db_index=False
    )
    digest = models.CharField(max_length=64)
    kind = models.CharField(max_length=8, choices=Kind.choices)
    type = models.CharField(max_length=100)
    name = models.CharField(max_length=200, blank=True)
    size = models.PositiveBigIntegerField()
    room = models.PositiveBigIntegerField()
    width = models.PositiveIntegerField(null=True)
    height = models.PositiveIntegerField(null=True)
    frames = models.PositiveIntegerField(null=True)
    pages = models.PositiveIntegerField(null=True)
    thumbnails = models.JSONField(default=list)
    state = models.CharField(max_length=7, choices=State.choices, default=State.COMING)
    removed = models.DateTimeField(null=True)
    next_try = models.DateTimeField(null=True)
    certificate = models.ForeignKey(
        "chat.Certificate", null=True, on_delete=models.SET_NULL, related_name="files", db_index=False
    )
    created = models.DateTimeField(auto_now_add=True)

    as_text: bool | None = None
    """Whether there is a text that models read in its place, None where nobody has looked yet; `cut`: the page on which that ends
    although more follows. `store.files.known` says both.
    """
    cut: int | None = None

    objects = FileQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["owner", "digest"], condition=Q(state="here"), name="one_file_per_digest"),
        ]
        indexes = [
            models.Index(fields=["owner", "-created", "-id"], name="file_newest"),
            models.Index(fields=["state", "created"], name="file_state"),
            models.Index(fields=["certificate"], condition=Q(certificate__isnull=False), name="file_certificate"),
        ]

    def __str__(self) -> str:
        return self.name or self.id

    @property
    def is_image(self) -> bool:
        return self.kind == self.Kind.IMAGE

    @property
    def bytes(self) -> str:
        """How large it is, in words."""
        return sized(self.size)


class FileUse(models.Model):
    """A file that goes with a message, under a name, as the `index`th of its files; without `item` it waits in its author's
    composer of `place` (a conversation, a project, or "new"), in the order of `index`, until it `expires`.
    """

    id = models.CharField(primary_key=True, max_length=40, default=ids.use_id, editable=False)
    file = models.ForeignKey(File, on_delete=models.CASCADE, related_name="uses")
    item = models.ForeignKey("chat.Item", null=True, on_delete=models.CASCADE, related_name="uses")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.CASCADE, related_name="+", db_index=False)
    name = models.CharField(max_length=200)
    index = models.PositiveSmallIntegerField(default=0)
    place = models.CharField(max_length=40, blank=True, default="", db_default="")
    expires = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["author"], condition=Q(author__isnull=False), name="file_use_waiting"),
            models.Index(fields=["expires"], condition=Q(expires__isnull=False), name="file_use_expires"),
        ]

    def __str__(self) -> str:
        return self.name


class FileText(models.Model):
    """What a model that takes no files reads in place of one: its text, "" where there is none to be read; `cut`: the page after
    which it ends, where more follows. Of a plain text, which is as it is, only that it is cut.
    """

    file = models.OneToOneField(File, on_delete=models.CASCADE, primary_key=True, related_name="words")
    text = models.TextField(blank=True)
    cut = models.PositiveIntegerField(null=True)

    def __str__(self) -> str:
        return str(self.pk)
