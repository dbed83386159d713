"""The record names people as they are called when it is read: nobody changes what it says, and who has left has no name in it."""

import importlib
from typing import Any

import pytest
from django.apps import apps
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.test.utils import CaptureQueriesContext

from chat.models import LEFT, Team, User
from chat.store import accounts, departures, record, teams
from tests.admin.conftest import World

RECORD = "/admin/admin/logentry/"


def told(world: World, query: str = "") -> list[tuple[str, str]]:
    """What, and whom it concerns, in the order in which it was done."""
    found = world.client("server owner").get(RECORD, {"q": query}).context["cl"].result_list
    return [(entry.change_message, entry.object_repr) for entry in reversed(found)]


def act(world: World, who: str, name: str) -> None:
    answer = world.client("server owner").post(f"/admin/chat/user/{world.people[who].pk}/do/{name}/", {"sure": "yes"})
    assert answer.status_code == 302


def change_role(world: World, who: str, role: str) -> None:
    path = f"/admin/chat/user/{world.people[who].pk}/teams/{world.physics.pk}/role/"
    assert world.client("team owner").post(path, {"role": role}).status_code == 302


def leave(world: World, who: str) -> None:
    departures.begin(actor=User.objects.get(pk=world.people[who].pk))
    while departures.step():
        pass


@pytest.mark.parametrize("name", ["Stella", "suspended", "is", "e", "\x021\x03", "Physics"])
def test_whoever_leaves_changes_nothing_that_it_says_of_others(world: World, name: str) -> None:
    act(world, "stranger", "suspend")
    change_role(world, "member", "guest")
    accounts.change_preferences(actor=world.people["chemist"], name=name)
    with CaptureQueriesContext(connection) as asked:
        departures.begin(actor=User.objects.get(pk=world.people["chemist"].pk))
    assert not [query for query in asked.captured_queries if "django_admin_log" in query["sql"]]
    leave(world, "chemist")
    assert told(world) == [("stella is suspended.", "stella"), ("mateo is guest of Physics from now on.", "Physics")]


def test_whoever_has_left_is_not_named_in_it_whatever_they_were_called(world: World) -> None:
    stella, mateo = world.people["stranger"], world.people["member"]
    for called in ("Maria Curie", "Maria Pauli"):
        accounts.change_preferences(actor=stella, name=called)
        accounts.change_preferences(actor=mateo, name=called)
        act(world, "stranger", "suspend")
        act(world, "stranger", "unsuspend")
    change_role(world, "member", "admin")
    leave(world, "stranger")
    departures.begin(actor=User.objects.get(pk=mateo.pk))  # and of those who are just leaving
    assert told(world)[-2:] == [(f"{LEFT} is let in again.", LEFT), (f"{LEFT} is admin of Physics from now on.", "Physics")]
    for column in ("change_message", "object_repr"):
        for called in ("Maria", "stella", "mateo"):
            assert not LogEntry.objects.filter(**{f"{column}__icontains": called}).exists()
    assert f"{LEFT} is admin" in world.client("team owner").get(f"/admin/chat/team/{world.physics.pk}/history/").text


def test_what_holds_nothing_but_names_lets_everybody_leave(world: World) -> None:
    """The column for whom it concerns has room for 200 characters, and the names in it for more."""
    team = teams.create(actor=world.people["server owner"], name="a " * 50)
    record.write(actor=world.people["server owner"], about=team, said=record.say("{} is renamed.", team))
    accounts.change_preferences(actor=world.people["chemist"], name="a")
    leave(world, "chemist")
    assert told(world) == [(f"{team.name} is renamed.", team.name)]


def test_it_is_searched_by_who_what_and_whom(world: World) -> None:
    accounts.change_preferences(actor=world.people["stranger"], name="Fräulein Sternberg")
    accounts.change_preferences(actor=world.people["server owner"], name="Direktorin")
    act(world, "stranger", "suspend")
    change_role(world, "member", "guest")
    first, second = ("stella is suspended.", "stella"), ("mateo is guest of Physics from now on.", "Physics")
    for query, expected in {
        "stel": [first],
        "sternberg suspended": [first],
        "olivia": [first],
        "direktorin": [first],
        "physics": [second],
        "mateo guest": [second],
        "tom": [second],
        "is": [first, second],
        "stella guest": [],
        "%": [],
        "\x02": [first, second],
        "x " * 3000: [],
        "": [first, second],
    }.items():
        assert told(world, query) == expected, query
    assert world.client("team owner").get(RECORD, {"q": "stella"}).status_code == 404


def test_names_are_looked_up_by_one_question_for_all(world: World) -> None:
    def asked() -> int:
        with CaptureQueriesContext(connection) as queries:
            told(world)
        return len(queries)

    act(world, "stranger", "suspend")
    few = asked()
    for who in ("member", "guest", "chemist"):
        act(world, who, "suspend")
    assert asked() == few


def test_a_name_that_is_written_like_a_key_is_none(world: World) -> None:
    team = Team.objects.create(name=f"\x02{world.people['stranger'].pk}\x03")
    record.write(actor=world.people["server owner"], about=team, said=record.say("{} is {{}} {}.", world.people["member"], team))
    assert told(world) == [(f"mateo is {{}} {world.people['stranger'].pk}.", str(world.people["stranger"].pk))]


def old(world: World, about: Any, said: str) -> None:
    kind = ContentType.objects.get_for_model(about)
    mine = {"user": world.people["server owner"], "content_type": kind, "object_id": about.pk, "action_flag": CHANGE}
    LogEntry.objects.create(**mine, object_repr=str(about), change_message=said)


def test_entries_from_before_are_reworded(world: World) -> None:
    stella = world.people["stranger"]
    for done in ("suspended", "let in again", "signed out everywhere"):
        old(world, stella, f"Maria is {done}.")
    for said in (
        "mateo is guest of Physics is out of reach from now on.",
        "mateo is out of Physics.",
        "nobody-now is out of Physics.",
    ):
        old(world, world.physics, said)
    old(world, world.physics, "The invitation for new@example.org is withdrawn.")
    importlib.import_module("chat.migrations.0021_record_by_keys").by_keys(apps, None)
    accounts.change_preferences(actor=stella, name="Another")
    assert told(world) == [
        *((f"stella is {done}.", "stella") for done in ("suspended", "let in again", "signed out everywhere")),
        ("mateo is guest of Physics is out of reach from now on.", "Physics"),
        ("mateo is out of Physics.", "Physics"),
        (f"{LEFT} is out of Physics.", "Physics"),
        ("An invitation is withdrawn.", "Physics"),
    ]
