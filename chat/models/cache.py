from django.db import models


class CacheEntry(models.Model):
    """What Django's cache keeps where there are several processes: how often a sign-in was tried, which codes were used."""

    cache_key = models.CharField(max_length=255, primary_key=True)
    value = models.TextField()
    expires = models.DateTimeField(db_index=True)

    class Meta:
        db_table = "chat_cache"
