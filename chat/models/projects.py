from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from chat.models import ids
from chat.models.teams import Membership, Team
from chat.models.users import User


class ProjectQuerySet(models.QuerySet["Project"]):
    def readable_by(self, actor: User) -> ProjectQuerySet:
        """Those of the teams that one is in, but not as a guest."""
        return self._where(actor, Membership.objects.exclude(role=Membership.Role.GUEST))

    def manageable_by(self, actor: User) -> ProjectQuerySet:
        """Those that one has made there, and all of the teams that one runs."""
        runs = Membership.objects.filter(role__in=(Membership.Role.OWNER, Membership.Role.ADMIN), user=actor)
        return self.readable_by(actor).filter(Q(made_by=actor) | Q(team__in=runs.values("team")))

    def _where(self, actor: User, memberships: models.QuerySet[Membership]) -> ProjectQuerySet:
        if not actor.is_active or actor.suspended:
            return self.none()
        return self.filter(team__in=memberships.filter(user=actor).values("team"))


class Project(models.Model):
    """A folder of a team's conversations, with instructions that go with each of them. Who may read one is its own matter."""

    id = models.CharField(primary_key=True, max_length=40, default=ids.project_id, editable=False)
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="projects")
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    name = models.CharField(max_length=100)
    instructions = models.TextField(blank=True, max_length=8000)
    created = models.DateTimeField(auto_now_add=True)

    objects = ProjectQuerySet.as_manager()

    def __str__(self) -> str:
        return self.name

    @property
    def url(self) -> str:
        return f"/projects/{self.id}/"
