"""Two teams: Physics, with somebody in each role, and Chemistry, whose admin has no business with Physics."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from chat.models import AdminAct, Invitation, Membership, Opening, Price, Response, Team, User
from chat.store import invitations, messages, probes, sharing, teams, trail
from tests.cast import person
from tests.conftest import signed_in

PRICE = 900_001  # its key; what the tests make is counted from 1


@dataclass
class World:
    people: dict[str, User]
    physics: Team
    chemistry: Team
    invitations: dict[str, Invitation]
    log: dict[str, dict[str, str]]
    acts: int = 0  # on record before anything was tried

    def done(self) -> list[tuple[str, str, str, str, str]]:
        """What has been put on record since: who, what, whom or what, before, after; as the owner of the server reads it."""
        rows = AdminAct.objects.filter(number__gt=self.acts).order_by("number")
        told = trail.told(self.people["server owner"], rows)
        return [(one.who, one.act.what, one.whom, one.before, one.after) for one in told]

    def client(self, who: str) -> Client:
        return Client() if who == "anonymous" else signed_in(self.people[who])


@pytest.fixture
def world(db: None) -> World:
    people = {"server owner": person("olivia")}  # the first who signs up
    names = {
        "team owner": "tom",
        "team admin": "ada",
        "member": "mateo",
        "guest": "gus",
        "suspended admin": "sid",
        "other admin": "otto",
        "chemist": "cleo",
        "stranger": "stella",
    }
    people |= {who: person(name) for who, name in names.items()}
    physics = teams.create(actor=people["team owner"], name="Physics")
    chemistry = teams.create(actor=people["server owner"], name="Chemistry")
    roles = {"team admin": "admin", "member": "member", "guest": "guest", "suspended admin": "admin"}
    made_of = [Membership(team=physics, user=people[who], role=role) for who, role in roles.items()]
    made_of.append(Membership(team=chemistry, user=people["other admin"], role="admin"))
    Membership.objects.bulk_create([*made_of, Membership(team=chemistry, user=people["chemist"])])
    User.objects.filter(pk=people["suspended admin"].pk).update(suspended=True)
    made = {
        "physics": invitations.make(actor=people["team owner"], team=physics, days=7, uses=1, email="new@example.org")[0],
        "chemistry": invitations.make(actor=people["server owner"], team=chemistry, days=7, uses=1)[0],
        "server": invitations.make(actor=people["server owner"], days=7, uses=1)[0],
    }
    people["suspended admin"].refresh_from_db()
    Price.objects.create(pk=PRICE, model="some-model", from_date=date(2026, 1, 1), input=1, output=2)
    probes.keep(
        server="https://models.example/v1", model="m", found={"store": {"can": True, "said": "Yes.", "seconds": 1}}, by=None
    )
    log = {team.pk: logged(people[who], team) for who, team in (("team owner", physics), ("chemist", chemistry))}
    return World(people, physics, chemistry, made, log, AdminAct.objects.count())


def logged(author: User, team: Team) -> dict[str, str]:
    """A reply in a team, and somebody's request to read it: the ids in the addresses about them."""
    begun = messages.send(actor=author, conversation_id=None, text="What is a quark?")
    sharing.move(actor=author, conversation_id=begun.conversation.pk, team_id=team.pk)
    Response.objects.filter(pk=begun.response.pk).update(status="completed")
    begun.conversation.refresh_from_db()
    place = {"conversation": begun.conversation, "team": begun.conversation.team}
    asked = {"reader": author, **place, "reason": "ticket", "state": "asked"}
    opening = Opening.objects.create(**asked, expires=timezone.now() + timedelta(hours=1))
    return {"response_id": begun.response.pk, "conversation_id": begun.conversation.pk, "opening_id": opening.pk}


def without_token(answer: Any) -> tuple[int, str, bytes]:
    """Status, where it leads and what it says."""
    token = answer.context.get("csrf_token") if answer.context else None
    content: bytes = answer.content
    return answer.status_code, answer.get("Location", ""), content.replace(str(token).encode(), b"") if token else content
