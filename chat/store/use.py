"""What is used, in numbers: never a title or a word of what anybody wrote."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from django.db.models import Case, Count, FloatField, QuerySet, Sum, When
from django.db.models.fields.json import KT
from django.db.models.functions import Cast, Coalesce
from django.db.models.lookups import Regex
from django.utils import timezone

from chat.models import Conversation, Response, Team, User
from chat.policy import can, teams_managed_by

DAYS: Final = 30  # back from now
KINDS: Final = ("input_tokens", "output_tokens", "total_tokens")
COUNT: Final = r"^[0-9]{1,12}(\.[0-9]*)?$"


@dataclass(frozen=True)
class Use:
    """What one model was asked for: replies, and the tokens that the model server counted."""

    model: str
    replies: int
    input_tokens: int
    output_tokens: int
    total_tokens: int


def of_person(*, actor: User, person: User) -> list[Use]:
    """What this person asked for lately, the most used model first: in the teams that the actor looks after, or anywhere."""
    return _by_model(_seen_by(actor, _lately().filter(author=person)))


def of_team(*, actor: User, team: Team) -> list[Use]:
    return _by_model(_seen_by(actor, _lately().filter(team=team)))


def conversations(*, actor: User, person: User) -> int:
    """How many of their own somebody has there, without those that are deleted."""
    theirs = Conversation.objects.present().filter(owner=person)
    everywhere = can(actor, "server.manage", None)
    return (theirs if everywhere else theirs.filter(team__in=teams_managed_by(actor))).count()


def replies(*, actor: User, teams: list[str]) -> dict[str, int]:
    """How many replies there were lately in each of these teams, by their ids; none where the actor has no business."""
    within = teams_managed_by(actor).filter(pk__in=teams)
    counted = _lately().filter(team__in=within).values_list("team").annotate(Count("pk"))
    return dict(counted.order_by())


def _lately() -> QuerySet[Response]:
    return Response.objects.filter(created__gte=timezone.now() - timedelta(days=DAYS))


def _by_model(responses: QuerySet[Response]) -> list[Use]:
    tokens = {kind: Coalesce(Sum(_number(f"usage__{kind}")), 0.0) for kind in KINDS}
    rows: Any = responses.values("model").annotate(replies=Count("pk"), **tokens).order_by("-replies", "model")
    return [Use(row["model"], row["replies"], *(int(row[kind]) for kind in KINDS)) for row in rows]


def _number(key: str) -> Case:
    """What a model server counted; whatever else it says counts as nothing."""
    return Case(When(Regex(KT(key), COUNT), then=Cast(KT(key), FloatField())))


def _seen_by(actor: User, responses: QuerySet[Response]) -> QuerySet[Response]:
    if can(actor, "server.manage", None):
        return responses
    return responses.filter(team__in=teams_managed_by(actor))
