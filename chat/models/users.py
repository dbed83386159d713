from typing import Final

from django.contrib.auth.models import AbstractUser
from django.db import models

from chat.models.storing import Storing

LEFT: Final = "Somebody who has left"


class User(AbstractUser):
    """A person. `auth_epoch` grows when what they may do changes: sockets and runs of an older epoch stop."""

    class Theme(models.TextChoices):
        SYSTEM = "system", "Like my device"
        LIGHT = "light", "Light"
        DARK = "dark", "Dark"

    name = models.CharField("name", max_length=100, blank=True)
    auth_epoch = models.PositiveIntegerField(default=0)
    suspended = models.BooleanField(default=False)
    default_model = models.CharField(max_length=200, blank=True)
    instructions = models.TextField(blank=True, max_length=8000)
    theme = models.CharField(max_length=6, choices=Theme.choices, default=Theme.SYSTEM)

    storing = models.CharField(max_length=3, blank=True, choices=Storing.choices, default=Storing.ABOVE)

    class Meta(AbstractUser.Meta):
        verbose_name = "person"
        verbose_name_plural = "people"

    @property
    def shown_name(self) -> str:
        return self.name or self.get_username()


class Departure(models.Model):
    """Somebody has deleted their account and is shut out; what they had is removed piece by piece, their row last."""

    user = models.OneToOneField(User, on_delete=models.CASCADE, related_name="departure")
    created = models.DateTimeField(auto_now_add=True)
