from django.conf import settings
from django.db import models

from chat.models import ids
from chat.models.storing import LogMode, Storing
from chat.models.teams import Membership


class Server(models.Model):
    """The one row about this installation: who owns it and who may sign up. Its key is always 1, so thirty first
    sign-ups make one owner.
    """

    class Signup(models.TextChoices):
        OPEN = "open", "Anyone can sign up"
        INVITED = "invited", "Only people with an invitation"
        CLOSED = "closed", "Nobody"

    class TeamCreation(models.TextChoices):
        ANYONE = "anyone", "Anyone"
        OWNER = "owner", "Only you"

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="owned_servers")
    signup = models.CharField(max_length=7, choices=Signup.choices, default=Signup.OPEN)
    team_creation = models.CharField(max_length=6, choices=TeamCreation.choices, default=TeamCreation.ANYONE)
    public_links = models.BooleanField(default=True)
    storing = models.CharField(max_length=3, choices=Storing.choices, default=Storing.ON)
    storing_settled = models.BooleanField(default=False)
    log_mode = models.CharField(max_length=8, choices=LogMode.choices, default=LogMode.FULL, db_default=LogMode.FULL)
    temporary = models.BooleanField(default=True, db_default=True)
    push_key = models.TextField(blank=True)  # sealed; the other half is what browsers know us by
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="one_server")]

    def __str__(self) -> str:
        return "this server"


class Invitation(models.Model):
    """A link that lets somebody sign up and, where it names a team, join that. Only the token's SHA-256 is kept; the link itself
    is shown once.
    """

    id = models.CharField(primary_key=True, max_length=40, default=ids.invitation_id, editable=False)
    token_hash = models.CharField(max_length=64, unique=True)
    team = models.ForeignKey("chat.Team", null=True, on_delete=models.CASCADE, related_name="invitations")
    role = models.CharField(max_length=6, choices=Membership.Role.choices, default=Membership.Role.MEMBER)
    email = models.EmailField(blank=True)
    invited_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="invitations")
    uses_left = models.PositiveIntegerField(default=1)
    expires = models.DateTimeField()
    created = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"invitation for {self.email or 'anyone'}"
