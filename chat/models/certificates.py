from django.conf import settings
from django.db import models
from django.db.models import Q

from chat.models import ids


class Certificate(models.Model):
    """What was removed when a conversation or a person was deleted, here and at providers: ids, counts and times, no words.

    `here` counts rows by table while they go, `removed` is when the last of them went; `done` when nothing is kept elsewhere any
    more, and `text` says it all then, signed. One of a conversation is its `owner`'s; one of a person has none.
    """

    class Kind(models.TextChoices):
        CONVERSATION = "conversation", "conversation"
        PERSON = "person", "person"

    id = models.CharField(primary_key=True, max_length=40, default=ids.certificate_id, editable=False)
    kind = models.CharField(max_length=12, choices=Kind.choices)
    subject = models.CharField(max_length=40)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.CASCADE, related_name="certificates", db_index=False
    )
    here = models.JSONField(default=dict)
    text = models.TextField(blank=True)
    began = models.DateTimeField(auto_now_add=True)
    removed = models.DateTimeField(null=True)
    done = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["kind", "subject"], name="one_certificate_per_subject")]
        indexes = [
            models.Index(fields=["owner", "-began"], name="certificate_newest"),
            models.Index(fields=["removed"], condition=Q(done=None), name="certificate_undone"),
        ]

    def __str__(self) -> str:
        return self.id
