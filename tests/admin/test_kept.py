"""The totals of the ledger: how much is kept where, until when, which deletions wait or fail; each admin sees their teams'."""

from datetime import timedelta
from typing import Any

from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from chat.models import Conversation, Kept, Team, Turn
from chat.store import ledger, sharing, sql, teams, totals
from tests.admin.conftest import World

PAGE = "/admin/chat/kept/"
OPENAI = "https://api.openai.com/v1"
OTHER = "https://models.example/v1"


def keep(team: Team | None, number: int = 1, *, hours: int = 1, **more: Any) -> None:
    now = timezone.now()
    fields: dict[str, Any] = {"server": OPENAI, "next_try": now, "created": now, **more}
    fields["team"] = team.pk if team else ""
    Kept.objects.bulk_create(
        Kept(upstream_id=f"resp_{each}", expires=now + timedelta(hours=hours + each), **fields) for each in range(number)
    )


def rows(world: World, who: str, query: str = "") -> list[tuple[str, str, str]]:
    answer = world.client(who).get(f"{PAGE}{query}")
    assert answer.status_code == 200
    return [(row["place"], row["count"], row["state"]) for row in answer.context["rows"]]


def test_an_empty_ledger_says_so(world: World) -> None:
    assert "No provider keeps anything." in world.client("server owner").get(PAGE).text
    assert "No provider keeps anything of your teams." in world.client("team admin").get(PAGE).text


def test_it_is_counted_by_provider_kind_and_state_and_closed_rows_are_not(world: World) -> None:
    keep(world.physics, 3)
    keep(None, 2, kind="file")
    keep(world.chemistry, server=OTHER, state="remains", error="It was kept with another key.", attempts=3)
    keep(world.physics, state="gone")
    keep(world.physics, state="expired")
    assert rows(world, "server owner") == [
        ("OpenAI", "2 files", "kept"),
        ("OpenAI", "3 replies", "kept"),
        ("models.example", "1 reply", "cannot be deleted"),
    ]
    page = world.client("server owner").get(PAGE)
    assert "1, tried up to 3 times: It was kept with another key." in page.text
    assert page.context["last"] - page.context["first"] == timedelta(hours=2)
    assert [(one.team.name, count) for one, count in page.context["teams"]] == [("Chemistry", "1"), ("Physics", "3")]


def test_where_not_all_teams_are_looked_at_that_is_said(world: World, monkeypatch: Any) -> None:
    monkeypatch.setattr(totals, "TEAMS", 1)  # a bound, not a behaviour
    teams.create(actor=world.people["team owner"], name="Zoology")
    for who, said in (("server owner", True), ("team owner", True), ("team admin", False)):
        assert ("first 1 by name" in world.client(who).get(PAGE).text) is said, who
    assert "of these alone" in world.client("team owner").get(PAGE).text


def test_deletions_that_wait_and_fail_are_told_in_words(world: World) -> None:
    keep(world.physics)
    keep(world.physics, 2, state="due")
    keep(world.physics, 3, state="due", attempts=1, error="The model server does not answer.")
    assert [state for *_, state in rows(world, "team admin")] == ["kept", "being deleted"]
    text = world.client("team admin").get(PAGE).text
    assert "2 wait to be deleted." in text
    assert "3, tried once: The model server does not answer." in text


def test_admins_see_their_teams_and_find_no_other(world: World) -> None:
    keep(world.physics, 3)
    keep(world.chemistry, 2)
    keep(None, 4)
    assert rows(world, "team admin") == rows(world, "team owner") == [("OpenAI", "3 replies", "kept")]
    assert rows(world, "other admin", f"?team={world.chemistry.pk}") == [("OpenAI", "2 replies", "kept")]
    assert rows(world, "server owner") == [("OpenAI", "9 replies", "kept")]
    assert "Chemistry" not in world.client("team admin").get(PAGE).text
    for team in (world.chemistry.pk, "team_" + "0" * 32, "%00", "x"):
        assert world.client("team admin").get(f"{PAGE}?team={team}").status_code == 404
    assert world.client("stranger").get(PAGE).status_code == 404
    Team.objects.filter(pk=world.chemistry.pk).update(name="Alchemy")
    world.chemistry.memberships.create(user=world.people["team admin"], role="admin")
    assert rows(world, "team admin") == [("OpenAI", "5 replies", "kept")]


def test_what_is_noted_is_its_teams_and_goes_along_with_the_conversation(world: World) -> None:
    ids, tom = world.log[world.physics.pk], world.people["team owner"]
    turn = Turn.objects.create(response_id=ids["response_id"], upstream_id="resp_1", index=0, epoch=1)
    ledger.note(ledger.Keeping(turn.pk, OPENAI, "", "resp_1"))
    assert Kept.objects.get().team == world.physics.pk
    home = Team.objects.get(personal_of=tom)
    sharing.move(actor=tom, conversation_id=ids["conversation_id"], team_id=home.pk)
    assert Kept.objects.get().team == home.pk
    sharing.move(actor=tom, conversation_id=ids["conversation_id"], team_id=world.physics.pk)
    teams.end(actor=tom, team_id=world.physics.pk)
    assert Kept.objects.get().team == Conversation.objects.get(pk=ids["conversation_id"]).team_id == home.pk


def test_more_than_a_bound_are_not_counted(world: World) -> None:
    keep(world.physics, totals.IN_TEAM + 1)
    page = world.client("server owner").get(PAGE)
    assert [row["count"] for row in page.context["rows"]] == ["1,001 replies"]
    assert [count for _, count in page.context["teams"]] == ["0", "more than 1,000"]
    (total,) = totals.of(world.people["server owner"], most=4)
    assert (total.more, total.about) == ((True, False) if connection.vendor == "sqlite" else (False, True))
    assert total.count >= 4


def test_every_number_is_found_by_an_index_that_holds_what_is_still_kept(world: World) -> None:
    keep(world.physics, 3)
    keep(world.physics, 3, state="due", error="No.")
    if connection.vendor == "postgresql":
        sql.run("SET LOCAL enable_seqscan = off")  # a table of six rows is read whole
    for team, index in ((None, "kept_totals"), (world.physics, "kept_in_team")):
        with CaptureQueriesContext(connection) as queries:
            totals.of(world.people["server owner"], team)
        asked = [query["sql"] for query in queries if "FROM chat_kept" in query["sql"]]
        assert len(asked) >= 9
        for text in asked:
            with connection.cursor() as cursor:
                cursor.execute(f"EXPLAIN {'QUERY PLAN ' if connection.vendor == 'sqlite' else ''}{text}")
                plan = " ".join(str(row[-1]) for row in cursor.fetchall())
            used = index if connection.vendor == "sqlite" else "using kept_"  # Postgres takes any, for so few
            assert used in plan, (text, plan)
