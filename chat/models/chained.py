"""What tables that are chains have in common: rows that are added and stay as they are."""

from typing import Any, Never

from django.db import models

CHANGED, REMOVED = "A row of this log is never changed.", "A row of this log is never removed."


class AppendOnly(models.QuerySet[Any]):
    """Rows are added, one by one, and stay as they are."""

    def update(self, **changes: Any) -> Never:
        raise TypeError(CHANGED)

    def delete(self) -> Never:
        raise TypeError(REMOVED)


class Chained(models.Model):
    """`hash` is SHA-256 over the hash of the row before and `body`, canonical JSON that holds ids and no names: it stays when
    people go. The columns beside them are for looking up, and repeat what `body` says.
    """

    body = models.TextField()
    hash = models.CharField(max_length=64)

    objects = AppendOnly.as_manager()

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise TypeError(CHANGED)
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> Never:
        raise TypeError(REMOVED)


class ChainDetail(models.Model):
    """Words of people, and where they were, as JSON in `text`, whose SHA-256 behind `salt` stands in the row. It goes with whose
    it is.
    """

    salt = models.CharField(max_length=64)
    text = models.TextField()

    class Meta:
        abstract = True


class ChainHead(models.Model):
    """The one row that says how long the chain is, and the hash of its end. Whoever appends locks it."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    number = models.BigIntegerField(default=0)
    hash = models.CharField(max_length=64, blank=True)

    class Meta:
        abstract = True
