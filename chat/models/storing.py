from django.db import models


class Storing(models.TextChoices):
    """What somebody has chosen about replies that are stored; "" leaves it to the level above."""

    ABOVE = "", "As set for everybody"
    ON = "on", "On"
    OFF = "off", "Off"


class LogMode(models.TextChoices):
    """What those who look after a team may see of the texts in the log, the strictest last; "" leaves it to the level above."""

    ABOVE = "", "As set for everybody"
    FULL = "full", "Full"
    REDACTED = "redacted", "Redacted"
    METADATA = "metadata", "Metadata only"
