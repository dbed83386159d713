from typing import Final

from django.db import models

EDGES: Final = (
    *(50, 100, 150, 200, 250, 300, 400, 500, 600, 800, 1_000, 1_250, 1_500, 2_000, 2_500, 3_000, 4_000, 5_000, 6_500, 8_000),
    *(10_000, 15_000, 20_000, 30_000, 60_000, 120_000),
)
"""Milliseconds to the first words, in classes: below the first, from one to below the next, from the last on."""

WAITS: Final = tuple(f"waits_{number}" for number in range(len(EDGES) + 1))
"""A column of `Daily` for each class. In columns the database adds them up five times as fast as in rows."""


class Daily(models.Model):
    """What was used on a day (UTC) in a team of one model, in numbers alone: they outlive what they count.

    `team` is its id, "" for people on their own; it may have ended since. A Response is counted once, when it has ended: that
    is what its `counted` says.
    """

    day = models.DateField()
    team = models.CharField(max_length=40, blank=True)
    model = models.CharField(max_length=200, blank=True)
    replies = models.IntegerField(default=0)
    failed = models.IntegerField(default=0)
    incomplete = models.IntegerField(default=0)
    stored = models.IntegerField(default=0)
    input = models.BigIntegerField(default=0)
    cached = models.BigIntegerField(default=0)
    output = models.BigIntegerField(default=0)

    class Meta:
        verbose_name = verbose_name_plural = "overview"
        constraints = [models.UniqueConstraint(fields=["day", "team", "model"], name="one_daily_row")]

    def __str__(self) -> str:
        return f"{self.day} {self.team} {self.model}"


for _name in WAITS:
    Daily.add_to_class(_name, models.IntegerField(default=0))


class DailyPerson(models.Model):
    """Who asked for something on such a day: how many replies. For counting people; kept as long as the overview looks back.

    `person` is a user's key, or a negative number by chance where their account is gone.
    """

    day = models.DateField()
    team = models.CharField(max_length=40, blank=True)
    model = models.CharField(max_length=200, blank=True)
    person = models.BigIntegerField()
    replies = models.IntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["day", "person", "team", "model"], name="one_daily_person")]
        indexes = [models.Index(fields=["person", "team", "model", "day"], name="daily_of_person")]


class LastActive(models.Model):
    """The newest of these days: for counting the people of a period that ends today, without reading each of its days."""

    team = models.CharField(max_length=40, blank=True)
    model = models.CharField(max_length=200, blank=True)
    person = models.BigIntegerField()
    day = models.DateField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["team", "model", "person"], name="one_last_active")]
