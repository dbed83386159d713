"""People as those see them who look after teams: who they are, what they are in, when they were here last."""

from typing import Any

from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.db.models import Count, Exists, Max, OuterRef, Prefetch, QuerySet, Subquery
from django.db.models.functions import Coalesce, Now

from chat.models import Membership, User
from chat.policy import people_seen_by, teams_managed_by

OPEN = Exists(Session.objects.filter(session_key=OuterRef("session_key"), expire_date__gt=Now()))


def within_reach(actor: User) -> QuerySet[Any]:
    """Those whom this person sees, each with `seen` (when they were here last, or None), `sign_ins` (how many browsers they are
    signed in with) and `shown_memberships` (those in teams that this person looks after).
    """
    theirs = UserSession.objects.filter(user=OuterRef("pk")).order_by().values("user")
    people = people_seen_by(actor).annotate(
        seen=Coalesce(Subquery(theirs.annotate(last=Max("last_seen_at")).values("last")), "last_login"),
        sign_ins=Coalesce(Subquery(theirs.filter(OPEN).annotate(number=Count("pk")).values("number")), 0),
    )
    return people.prefetch_related(Prefetch("memberships", memberships(actor), to_attr="shown_memberships"))


def memberships(actor: User) -> QuerySet[Membership]:
    """In the teams that this person looks after, by the team's name."""
    found = Membership.objects.filter(team__in=teams_managed_by(actor))
    return found.select_related("team", "user").order_by("team__name", "user__username")
