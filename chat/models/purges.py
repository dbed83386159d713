from django.db import models


class Purge(models.Model):
    """What was removed because its time was over, in at most an hour: `counts` kind → how many. From `started` on; at `ended` all
    that had expired until then was gone.
    """

    started = models.DateTimeField()
    ended = models.DateTimeField(db_index=True)
    counts = models.JSONField(default=dict)

    class Meta:
        verbose_name = "upkeep"
        verbose_name_plural = "upkeep"

    def __str__(self) -> str:
        return f"upkeep until {self.ended:%Y-%m-%d %H:%M}"
