"""Whoever may not write any more has nothing written: a reply that runs stops, one that waits does not begin."""

from typing import Any

import pytest
from django.test import Client

from chat.models import Membership, Response, Server, User
from chat.runs import verbs
from chat.runs.executor import executor
from chat.store import accounts, pool, sharing, sign_ins, teams
from tests.accounts.conftest import sign_in
from tests.cast import person
from tests.runs.conftest import House

LONG = "[[tokens=400 rate=40]]"


class Shared:
    """Olivia's conversation in a team, in which Mateo writes too."""

    def __init__(self, house: House) -> None:
        self.house, self.owner = house, house.actor

    def set_up(self, conversation_id: str) -> None:
        self.mate = person("mateo")
        self.team = teams.create(actor=self.owner, name="Physics")
        Membership.objects.create(team=self.team, user=self.mate, role="member")
        self.pk = sharing.move(actor=self.owner, conversation_id=conversation_id, team_id=self.team.pk).pk
        sharing.with_team(actor=self.owner, conversation_id=self.pk, access="write")

    async def mates(self, text: str) -> Response:
        return (await pool.for_readers(lambda: verbs.send(actor=self.mate, conversation_id=self.pk, text=text))).response

    def take_away(self, how: str) -> None:
        match how:
            case "suspended":
                accounts.suspend(actor=self.owner, person=self.mate)
            case "removed":
                teams.remove(actor=self.owner, team_id=self.team.pk, user_id=self.mate.pk)
            case "a guest":
                teams.change_role(actor=self.owner, team_id=self.team.pk, user_id=self.mate.pk, role="guest")
            case "a reader":
                sharing.with_team(actor=self.owner, conversation_id=self.pk, access="read")
            case _:
                User.objects.filter(pk=self.mate.pk).delete()


@pytest.fixture
async def shared(house: House) -> Shared:
    shared = Shared(house)
    begun = await house.send("Hello")
    await house.ended(begun.response.pk)
    await pool.for_readers(shared.set_up, begun.conversation.pk)
    return shared


@pytest.mark.parametrize("how", ["suspended", "removed", "a guest", "a reader", "deleted"])
async def test_a_reply_that_runs_stops_within_two_seconds(shared: Shared, how: str) -> None:
    response = await shared.mates(LONG)
    await shared.house.until(response.pk, lambda one: one.sequence > 5)
    await pool.for_readers(shared.take_away, how)
    ended = await shared.house.until(response.pk, lambda one: not one.running, seconds=2)
    assert ended.status == "cancelled"


BATTERY = "correct horse battery"


@pytest.mark.parametrize("how", ["signed out", "a new password", "signed out by the owner", "signed out in one place"])
async def test_signed_out_everywhere_or_with_a_new_password_nothing_is_written(house: House, how: str) -> None:
    """But where somebody is signed in elsewhere, too, they may be reading it there."""
    actor, browser, other = house.actor, Client(), Client()

    def begin() -> Response:
        accounts.welcome(actor)
        sign_ins.set_password(actor, BATTERY)
        for each in (browser, *([other] if how == "signed out in one place" else [])):
            sign_in(each, actor.username)
            each.get("/settings/")
        return verbs.send(actor=actor, conversation_id=None, text=LONG).response

    def leave() -> None:
        match how:
            case "signed out" | "signed out in one place":
                browser.post("/accounts/logout/")
            case "a new password":
                fields = {"oldpassword": BATTERY, "password1": "another horse battery", "password2": "another horse battery"}
                assert browser.post("/accounts/password/change/", fields).status_code == 302
            case _:
                Server.objects.update(owner=(owner := person("stella")))
                sign_ins.end_all(actor=owner, person=actor)

    response = await pool.for_readers(begin)
    await house.until(response.pk, lambda one: one.sequence > 5)
    await pool.for_readers(leave)
    if how == "signed out in one place":
        assert (await house.until(response.pk, lambda one: one.sequence > 100)).running
        await house.call(verbs.cancel, conversation_id=response.conversation_id, response_id=response.pk)
        await house.ended(response.pk)
    else:
        ended = await house.until(response.pk, lambda one: not one.running, seconds=2)
        assert ended.status == "cancelled"


async def test_one_that_waits_does_not_begin_and_the_next_goes_on(shared: Shared) -> None:
    first = await shared.house.send(LONG, shared.pk)
    waiting, last = await shared.mates("Mine"), await shared.house.send("And mine", shared.pk)
    await pool.for_readers(shared.take_away, "removed")
    await shared.house.call(verbs.cancel, conversation_id=shared.pk, response_id=first.response.pk)
    assert (await shared.house.ended(waiting.pk)).status == "cancelled"
    assert (await shared.house.ended(last.response.pk)).status == "completed"
    last_words = [str(request.body["input"][-1]) for request in shared.house.scripted.requests if request.body]
    assert (sum("'Mine'" in words for words in last_words), sum("'And mine'" in words for words in last_words)) == (0, 1)


async def test_what_concerns_others_or_other_rights_stops_nothing(shared: Shared) -> None:
    response = await shared.mates(LONG)
    await shared.house.until(response.pk, lambda one: one.sequence > 5)
    before = executor.runs[response.pk].standing

    def change() -> Any:
        teams.change_role(actor=shared.owner, team_id=shared.team.pk, user_id=shared.mate.pk, role="admin")
        accounts.raise_epoch(User.objects.get(pk=shared.mate.pk))

    await pool.for_readers(change)
    await shared.house.until(response.pk, lambda one: executor.runs[one.pk].standing != before)
    assert (await shared.house.until(response.pk, lambda one: one.sequence > 60)).running
    await shared.house.call(verbs.cancel, conversation_id=shared.pk, response_id=response.pk)
    await shared.house.ended(response.pk)
