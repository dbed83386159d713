from __future__ import annotations

from django.db import models
from django.db.models import Exists, Q
from django.utils import timezone

from chat.models import ids
from chat.models.conversations import Conversation
from chat.models.server import Server
from chat.models.teams import Membership
from chat.models.users import User


class Audience(models.TextChoices):
    """Who may open a link: the members of the conversation's team, or whoever has it."""

    TEAM = "team", "Members of the team"
    ANYONE = "anyone", "Anyone with the link"


class LinkQuerySet(models.QuerySet["Link"]):
    def standing(self) -> LinkQuerySet:
        """Those that show something: not run out, of a conversation that is there, whose owner is in good standing."""
        in_time = Q(expires=None) | Q(expires__gt=timezone.now())
        there = Q(conversation__deleted=None, conversation__owner__suspended=False, conversation__owner__is_active=True)
        forbidden = Exists(Server.objects.filter(pk=1, public_links=False))
        return self.filter(in_time, there).exclude(forbidden, audience=Audience.ANYONE)

    def readable_by(self, actor: User | None) -> LinkQuerySet:
        """Those that somebody may open; None is a visitor. Guests of a team are none of its members."""
        public = Q(audience=Audience.ANYONE)
        if actor is None or not actor.is_active or actor.suspended:
            return self.standing().filter(public)
        mine = Membership.objects.filter(user=actor).exclude(role=Membership.Role.GUEST)
        return self.standing().filter(public | Q(conversation__team__in=mine.values("team")))


class Link(models.Model):
    """A page that shows a conversation to be read, by its address alone: `id` is the secret in it.

    With `head` it is a snapshot: the branch that ends there, under that title. Without, it shows the branch that the
    conversation's owner sees, as it grows.
    """

    id = models.CharField(primary_key=True, max_length=40, default=ids.link_id, editable=False)
    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="links")
    head = models.ForeignKey("chat.Response", null=True, on_delete=models.CASCADE, related_name="+")
    title = models.CharField(max_length=200, blank=True)
    audience = models.CharField(max_length=6, choices=Audience.choices)
    names = models.BooleanField(default=False)
    password = models.CharField(max_length=128, blank=True)
    expires = models.DateTimeField(null=True)
    views = models.PositiveIntegerField(default=0)
    created = models.DateTimeField(auto_now_add=True)

    objects = LinkQuerySet.as_manager()

    @property
    def live(self) -> bool:
        return self.head_id is None

    @property
    def url(self) -> str:
        return f"/s/{self.id}/"
