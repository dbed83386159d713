"""The record: who did what to whom, only ever added to, by key, told to whoever it concerns, and taken along on record."""

import csv
import importlib
import io
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from chat.models import LEFT, AdminAct, AdminActDetail, AdminActHead, Membership, Team, User
from chat.store import accounts, departures, keyset, probes, record, server, teams
from chat.store.cells import defused
from tests.admin.conftest import World

PAGE = "/admin/chat/adminact/"
MIGRATION = importlib.import_module("chat.migrations.0027_record_as_chain")


def shown(client: Client, query: str = "") -> list[tuple[str, str, str]]:
    """Who, what and whom, the newest first."""
    answer = client.get(f"{PAGE}?{query}")
    assert answer.status_code == 200, query
    return [(row.who, row.act.what, row.whom) for row in answer.context["rows"]]


def act(world: World, who: str, name: str, **more: Any) -> None:
    path = f"/admin/chat/user/{world.people[who].pk}/do/{name}/"
    assert world.client("server owner").post(path, {"sure": "yes"}, **more).status_code == 302


def change_role(world: World, who: str, role: str) -> None:
    path = f"/admin/chat/user/{world.people[who].pk}/teams/{world.physics.pk}/role/"
    assert world.client("team owner").post(path, {"role": role}).status_code == 302


def leave(world: World, who: str) -> None:
    departures.begin(actor=User.objects.get(pk=world.people[who].pk))
    while departures.step():
        pass


def test_a_row_says_who_what_whom_from_where_and_what_it_was_before(world: World) -> None:
    change_role(world, "member", "guest")
    act(world, "stranger", "suspend", REMOTE_ADDR="203.0.113.9")
    rows = world.client("server owner").get(PAGE).context["rows"]
    assert [(row.who, row.what, row.whom, row.before, row.after, row.team, row.address) for row in rows[:2]] == [
        ("olivia", "suspended", "stella", "", "", "", "203.0.113.9"),
        ("tom", "role in a team", "mateo", "member", "guest", "Physics", "127.0.0.1"),
    ]
    whats = [row.act.what for row in rows]
    assert whats.count("team.made") == 2
    assert whats[-1] == "server.claimed"
    probed = next(row for row in rows if row.act.what == "probe.made")
    assert (probed.who, probed.whom, probed.address) == ("command line", "https://models.example/v1", "")


def test_what_is_taken_back_leaves_no_row(world: World) -> None:
    with transaction.atomic():
        teams.rename(actor=world.people["team owner"], team_id=world.physics.pk, name="Maths")
        assert world.done() == [("tom", "team.renamed", "Maths", "Physics", "Maths")]
        transaction.set_rollback(True)
    assert world.done() == []


def test_what_the_model_server_turns_out_not_to_do_is_on_it(world: World) -> None:
    probes.contradict(server="https://models.example/v1", name="store")
    probes.keep(server="https://u:p@m.example/v1?key=k", model="m", found={}, by=world.people["server owner"])
    assert world.done() == [
        ("Parley itself", "capability.changed", "https://models.example/v1", "store: yes", "store: no, it was refused"),
        ("olivia", "probe.made", "https://m.example/v1", "", "m"),
    ]


def test_what_is_settled_beside_the_panel_is_on_it_once_a_server_begins_with_it(world: World, settings: Any) -> None:
    record.environment()
    record.environment()
    settings.ACCESS_CONSENT, settings.RESPONSE_RETENTION_DAYS = True, 400
    record.environment()
    newest, first = world.client("server owner").get(f"{PAGE}?what=server.environment").context["rows"]
    assert (newest.who, newest.whom, newest.before) == (record.ITSELF, "this server", first.after)
    assert "consent to reading off" in first.after
    assert newest.after == "consent to reading on, open for 30 minutes, replies in the log for 400 days"
    assert world.client("team owner").get(f"{PAGE}?what=server.environment").context["rows"] == []


def test_whoever_has_left_is_not_named_whatever_they_were_called_and_their_address_goes(world: World) -> None:
    stella, mateo = world.people["stranger"], world.people["member"]
    for called in ("Maria Curie", "Maria Pauli"):
        accounts.change_preferences(actor=stella, name=called)
        act(world, "stranger", "suspend")
        act(world, "stranger", "unsuspend")
    change_role(world, "member", "admin")
    with record.asked_from(lambda: "203.0.113.7"):
        teams.rename(actor=User.objects.get(pk=mateo.pk), team_id=world.physics.pk, name="Mateo’s own")
    leave(world, "stranger")
    departures.begin(actor=User.objects.get(pk=mateo.pk))  # and of those who are just leaving
    first = world.client("server owner").get(PAGE).context["rows"]
    assert (LEFT, "person.deleted", LEFT) in [(row.who, row.act.what, row.whom) for row in first]
    assert "203.0.113.7" not in [row.address for row in first]
    assert f"user:{mateo.pk}" in [row.act.who for row in first]
    leave(world, "member")
    whole = "".join(f"{act.body}{act.about}" for act in AdminAct.objects.all())
    whole += "".join(AdminActDetail.objects.values_list("text", flat=True))
    for gone in ("Maria", "stella", "mateo", "Mateo", "203.0.113.7"):
        assert gone not in whole, gone
    call_command("verify_access_log")


def test_it_is_narrowed_by_who_what_whom_team_and_day(world: World) -> None:
    owner, today = world.client("server owner"), timezone.localdate()
    act(world, "stranger", "suspend")
    change_role(world, "member", "guest")
    role, suspended = ("tom", "member.role", "mateo"), ("olivia", "person.suspended", "stella")
    assert shown(owner, "who=TOM&what=member.role") == [role]
    assert shown(owner, "whom=stella") == [suspended]
    assert shown(owner, f"team={world.physics.pk}")[0] == role
    assert suspended not in shown(owner, f"team={world.physics.pk}")
    assert shown(owner, "who=command+line")[-1][1] == "probe.made"
    assert shown(owner, f"from={today}&to={today}")[:2] == [role, suspended]
    assert shown(owner, f"to={today - timedelta(days=1)}") == []
    assert "There are none that fit." in owner.get(f"{PAGE}?who=cleo").text
    leave(world, "team admin")
    assert shown(owner, f"who=user:{world.people['team admin'].pk}")[0] == (LEFT, "member.left", LEFT)


@pytest.mark.parametrize(("query", "status"), [
    ("who=nobody-here", 404), ("whom=%00", 400), ("what=made+up", 400), ("from=yesterday", 400), ("before=1", 400),
    ("before=act~1:x", 400), (f"team=team_{'0' * 32}", 404), ("team=%27", 404), (f"who={'x' * 151}", 400), ("who=user:x", 404),
])  # fmt: skip
def test_what_is_none_of_its_forms_is_refused(world: World, query: str, status: int) -> None:
    assert world.client("server owner").get(f"{PAGE}?{query}").status_code == status
    name, _, value = query.partition("=")
    if name != "before":
        values = {name: value.replace("%00", "\x01").replace("%27", "'").replace("+", " "), "form": "csv"}
        assert world.client("server owner").post(f"{PAGE}export/", values).status_code == status
    assert world.done() == []


def test_admins_are_told_what_concerns_their_teams_and_not_from_where(world: World) -> None:
    act(world, "stranger", "suspend")
    change_role(world, "member", "guest")
    teams.rename(actor=world.people["server owner"], team_id=world.chemistry.pk, name="Alchemy")
    for who in ("team owner", "team admin"):
        client = world.client(who)
        assert {whom for _, _, whom in shown(client)} >= {"mateo"}
        assert {row.team for row in client.get(PAGE).context["rows"]} == {"Physics"}
        assert "Alchemy" not in client.get(PAGE).text
        assert {row.address for row in client.get(PAGE).context["rows"]} == {""}
        assert client.get(f"{PAGE}?team={world.chemistry.pk}").status_code == 404
        assert client.get(f"{PAGE}?who=stella").status_code == 404
        assert client.get(f"{PAGE}?who=user:{world.people['chemist'].pk}").status_code == 404
        exported = b"".join(client.post(f"{PAGE}export/", {"form": "jsonl"}))
        assert {json.loads(line)["team_name"] for line in exported.splitlines()} == {"Physics"}
        assert b"127.0.0.1" not in exported
        assert client.post(f"{PAGE}export/", {"form": "csv", "team": world.chemistry.pk}).status_code == 404
    assert {row.team for row in world.client("other admin").get(PAGE).context["rows"]} == {"Alchemy"}


def test_who_may_not_have_it_any_more_gets_no_more_of_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keyset, "PAGE", 1)  # a bound, not a behaviour
    ends: dict[str, Callable[[], object]] = {
        "team admin": lambda: Membership.objects.filter(user=world.people["team admin"]).update(role="member"),
        "server owner": lambda: server.hand_over(actor=world.people["server owner"], username="tom"),
    }
    for form in ("csv", "jsonl"):
        for who, end in ends.items():
            with transaction.atomic():
                answer: Any = world.client(who).post(f"{PAGE}export/", {"form": form})
                pieces = iter(answer.streaming_content)
                assert next(pieces) + (next(pieces) if form == "csv" else b"")
                end()
                rest = b"".join(pieces)
                assert rest.count(b"\n") == 1
                assert b"This export ends here" in rest
                transaction.set_rollback(True)


def test_pages_go_on_where_the_one_before_ended(world: World) -> None:
    with transaction.atomic():
        for number in range(keyset.PAGE + 5):
            record.write(actor=world.people["server owner"], what="team.made", about=f"team:{number}")
    owner = world.client("server owner")
    first = owner.get(PAGE)
    second = owner.get(f"{PAGE}{first.context['next']}")
    numbers = [row.act.number for page in (first, second) for row in page.context["rows"]]
    assert numbers == list(range(AdminAct.objects.count(), 0, -1))
    assert second.context["next"] == ""
    assert world.client("team owner").get(f"{PAGE}{first.context['next']}").status_code == 400  # it is the owner's


def test_names_are_looked_up_by_one_question_for_all_and_rows_found_by_an_index(world: World) -> None:
    def asked() -> list[str]:
        with CaptureQueriesContext(connection) as queries:
            shown(world.client("server owner"))
        return [query["sql"] for query in queries.captured_queries]

    act(world, "stranger", "suspend")
    few = len(asked())
    for who in ("member", "guest", "chemist"):
        act(world, who, "suspend")
    assert len(asked()) == few
    if connection.vendor == "sqlite":
        (listing,) = [text for text in asked() if "ORDER BY created DESC" in text and "COUNT" not in text]
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN QUERY PLAN {listing}")
            plan = " ".join(str(row[-1]) for row in cursor.fetchall())
        assert "USING" in plan
        assert "act_newest" in plan
        assert "TEMP B-TREE" not in plan


def test_its_page_leads_to_no_export_of_the_log(world: World) -> None:
    act(world, "stranger", "suspend")
    page = world.client("server owner").get(PAGE).content.decode()
    assert "Export as CSV" in page
    assert f'href="{reverse("admin:chat_export_new")}' not in page


def test_it_is_taken_along_as_it_is_chained_with_nothing_that_is_a_formula_and_that_is_on_it(world: World) -> None:
    User.objects.filter(username="stella").update(username="@stella")
    act(world, "stranger", "suspend")
    teams.rename(actor=world.people["team owner"], team_id=world.physics.pk, name='=HYPERLINK("http://x")')
    owner = world.client("server owner")
    answer: Any = owner.post(f"{PAGE}export/", {"form": "csv"}, REMOTE_ADDR="203.0.113.9")
    assert answer["Content-Type"].startswith("text/csv")
    assert 'attachment; filename="parley-record-' in answer["Content-Disposition"]
    rows = list(csv.DictReader(io.StringIO(b"".join(answer).decode())))
    assert [row["number"] for row in rows] == [str(number) for number in range(AdminAct.objects.count(), 0, -1)]
    assert (rows[0]["what"], rows[0]["about"], rows[0]["after"], rows[0]["from"]) == ("exported", "record", "csv", "203.0.113.9")
    assert (rows[1]["before"], rows[1]["after"]) == ("Physics", """'=HYPERLINK("http://x")""")
    assert rows[2]["whom"] == "'@stella"
    lines = [
        json.loads(line) for line in b"".join(owner.post(f"{PAGE}export/", {"form": "jsonl", "what": "exported"})).splitlines()
    ]  # type: ignore[arg-type]
    assert [(line["row"]["after"], line["username"]) for line in lines] == [("jsonl", "olivia"), ("csv", "olivia")]
    assert (lines[0]["before"], lines[1]["before"]) == ("what: exported", "")
    assert lines[0]["hash"] == AdminAct.objects.get(number=lines[0]["row"]["number"]).hash
    assert owner.post(f"{PAGE}export/", {"form": "xls"}).status_code == 400
    assert owner.get(f"{PAGE}export/").status_code == 405


@pytest.mark.parametrize(
    "cell", ["=1+1", "+1", "-1", "@a", "\t=1", "\r=1", "\n=1", "＝1", "＋1", "－1", "＠a", " =1", "\ufeff=1"]
)
def test_a_cell_that_would_be_a_formula_is_a_text(cell: str) -> None:
    assert defused(cell).startswith("'")


@pytest.mark.parametrize("cell", ["", "a=1", "1-1", "stella", "2026-11-27", " a"])
def test_any_other_cell_stays_as_it_is(cell: str) -> None:
    assert defused(cell) == cell


CHANGES = (
    "UPDATE chat_adminact SET what = 'person.let_in' WHERE number = 1",
    "DELETE FROM chat_adminact WHERE number = 1",
    "UPDATE chat_adminactdetail SET text = '{}'",
)


def test_neither_our_code_nor_the_database_changes_or_removes_a_row(world: World) -> None:
    row = AdminAct.objects.get(number=1)
    rows = AdminAct.objects.all()
    for attempt in (row.save, row.delete, rows.delete, lambda: rows.update(what="x"), lambda: rows.filter(pk=row.pk).delete()):
        with pytest.raises(TypeError):
            attempt()
    with transaction.atomic(), connection.cursor() as cursor:
        if connection.vendor == "sqlite":  # tests do without this one (tests/conftest.py)
            cursor.execute(MIGRATION.SQLITE.format(name="again", what="DELETE", table="chat_adminact"))
        for change in CHANGES:
            with pytest.raises(DatabaseError, match="only added to"), transaction.atomic():
                cursor.execute(change)
        transaction.set_rollback(True)


def untie() -> None:
    """What only whoever owns the database can do."""
    with connection.cursor() as cursor:
        for name, (_, table) in MIGRATION.REFUSALS.items():
            cursor.execute(f"DROP TRIGGER IF EXISTS {name}{f' ON {table}' if connection.vendor == 'postgresql' else ''}")


@pytest.mark.parametrize(("change", "number"), [
    ("UPDATE chat_adminact SET body = REPLACE(body, 'team.made', 'team.ended') WHERE number = 2", 2),
    ("UPDATE chat_adminact SET who = 'user:7' WHERE number = 3", 3),
    ("UPDATE chat_adminact SET created = '2020-01-01 00:00:00+00:00' WHERE number = 3", 3),
    ("DELETE FROM chat_adminact WHERE number = 2", 2),
    ("UPDATE chat_adminactdetail SET text = '{}' WHERE row_id = 'act_00000000000000000000000000000002'", 2),
    ("UPDATE chat_adminacthead SET number = 2", 2),
    ("DELETE FROM chat_adminactdetail WHERE who_id IS NULL", 7),
])  # fmt: skip
def test_whatever_is_changed_all_the_same_is_found_and_where(world: World, change: str, number: int) -> None:
    call_command("verify_access_log")
    with transaction.atomic():
        untie()
        with connection.cursor() as cursor:
            if "DELETE FROM chat_adminact " in change:
                cursor.execute("DELETE FROM chat_adminactdetail")
            cursor.execute(change)
        with pytest.raises(CommandError, match=f"The record of what admins did: Row {number} is broken"):
            call_command("verify_access_log")
        transaction.set_rollback(True)


def old(world: World, about: Any, said: str, *, by: User | None = None) -> None:
    kind = ContentType.objects.get_for_model(about)
    mine = {"user": by or world.people["server owner"], "content_type": kind, "object_id": about.pk, "action_flag": CHANGE}
    LogEntry.objects.create(**mine, object_repr=str(about), change_message=said)


def test_entries_from_before_begin_the_chain(world: World) -> None:
    stella, nobody = world.people["stranger"], User.objects.create(username="left-0", name=LEFT, is_active=False)
    old(world, stella, f"\x02{stella.pk}\x03 is suspended.")
    old(world, world.physics, f"\x02{world.people['member'].pk}\x03 is out of Physics.", by=nobody)
    with transaction.atomic():
        untie()
        with connection.cursor() as cursor:
            for table in (AdminActDetail, AdminAct, AdminActHead):
                cursor.execute(f"DELETE FROM {table._meta.db_table}")
        MIGRATION.take_over(apps, None)
    assert not LogEntry.objects.exists()
    rows = world.client("server owner").get(PAGE).context["rows"]
    assert [(row.who, row.what, row.whom, row.team) for row in rows] == [
        (LEFT, "mateo is out of Physics.", f"{Team.objects.get(pk=world.physics.pk)}", "Physics"),
        ("olivia", "stella is suspended.", "stella", ""),
    ]
    act(world, "stranger", "suspend")
    call_command("verify_access_log")
    assert shown(world.client("server owner"), "whom=stella")[0] == ("olivia", "person.suspended", "stella")
