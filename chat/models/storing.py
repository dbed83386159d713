from django.db import models


class Storing(models.TextChoices):
    """What somebody has chosen about replies that are stored; "" leaves it to the level above."""

    ABOVE = "", "As set for everybody"
    ON = "on", "On"
    OFF = "off", "Off"
