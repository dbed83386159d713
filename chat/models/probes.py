from django.conf import settings
from django.db import models


class Probe(models.Model):
    """What a model server was found to do: `server` is its address, `found` capability → {"can": true, false or null for not
    known, "said": a sentence, "seconds": how long it took}. The newest one of a server counts.
    """

    server = models.CharField(max_length=500)
    model = models.CharField(max_length=200, blank=True)
    found = models.JSONField(default=dict)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+", db_index=False)
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [models.Index(fields=["server", "-created"], name="probe_newest")]
