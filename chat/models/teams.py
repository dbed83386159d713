from django.conf import settings
from django.db import models

from chat.models import ids
from chat.models.storing import LogMode, Storing


class Team(models.Model):
    """People who share. Everybody has a team of one from the start (`personal_of`), and need never hear the word.

    Whoever has confirmed an address at `domain` is a member by themselves.
    """

    id = models.CharField(primary_key=True, max_length=40, default=ids.team_id, editable=False)
    name = models.CharField(max_length=100)
    personal_of = models.OneToOneField(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.CASCADE, related_name="personal_team"
    )
    domain = models.CharField(max_length=253, unique=True, null=True)  # noqa: DJ001  (null: many without one beside a unique key)
    storing = models.CharField(max_length=3, blank=True, choices=Storing.choices, default=Storing.ABOVE)
    storing_settled = models.BooleanField(default=False)
    log_mode = models.CharField(
        max_length=8, blank=True, choices=LogMode.choices, default=LogMode.ABOVE, db_default=LogMode.ABOVE
    )
    created = models.DateTimeField(auto_now_add=True)
    members = models.ManyToManyField(settings.AUTH_USER_MODEL, through="Membership", related_name="teams")

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    """A person in a team. Owners do everything, admins all but what concerns owners; guests read what is shared with them."""

    class Role(models.TextChoices):
        OWNER = "owner", "Owner"
        ADMIN = "admin", "Admin"
        MEMBER = "member", "Member"
        GUEST = "guest", "Guest"

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=6, choices=Role.choices, default=Role.MEMBER)
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["team", "user"], name="one_membership_per_team")]
