from django.conf import settings
from django.db import models

from chat.models.chained import ChainDetail, Chained, ChainHead


class AdminAct(Chained):
    """Something that was done to the server, a team or an account: who did what, to what, and what it was before and after.

    `who`: "user:" and a key, or whoever acts without an account. `about` is written like that too; `what` is one of
    `store.record.WORDS`. The id is the number in the chain, written as our ids are. Triggers refuse UPDATE and DELETE: a
    migration that makes the table anew has to make them anew.
    """

    id = models.CharField(primary_key=True, max_length=40, editable=False)
    number = models.BigIntegerField(unique=True)
    who = models.CharField(max_length=30)
    what = models.CharField(max_length=30)
    about = models.CharField(max_length=200, blank=True)
    team = models.CharField(max_length=40, blank=True, db_column="team_id")
    created = models.DateTimeField()

    class Meta:
        verbose_name = verbose_name_plural = "record"
        indexes = [
            models.Index(fields=["created", "id"], name="act_newest"),
            models.Index(fields=["who", "created", "id"], name="act_of_somebody"),
            models.Index(fields=["about", "created", "id"], name="act_about"),
            models.Index(fields=["team", "created", "id"], name="act_in_team"),
            models.Index(fields=["what", "created", "id"], name="act_of_kind"),
        ]

    def __str__(self) -> str:
        return f"act {self.number}"


class AdminActDetail(ChainDetail):
    """Where whoever did it was, and names that they typed."""

    row = models.OneToOneField(AdminAct, primary_key=True, on_delete=models.DO_NOTHING, related_name="detail")
    who = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.CASCADE, related_name="+")


class AdminActHead(ChainHead):
    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="one_act_head")]
