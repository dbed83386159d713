"""What the log's lists show is taken along: as a table, or with texts for whoever has said why; on record, and no more."""

import csv
import io
import json
import tracemalloc
from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from chat.models import (
    AccessRow,
    AdminAct,
    Conversation,
    Export,
    ExportChunk,
    Exported,
    Item,
    Membership,
    Opening,
    Price,
    Response,
    Team,
    User,
)
from chat.runs import log_file
from chat.runs.exports import Making
from chat.store import access, chain, conversations, departures, exports, log_exports, messages, removals, sharing, teams
from chat.store.cells import defused, row
from chat.store.listed import Filters
from tests.cast import ACTORS
from tests.log.conftest import CANARY, REPLY, WHO, Log, answered, end
from tests.log.test_lists import BAD, many, walk

MAKE, NEW, LIST = (reverse(f"admin:chat_export_{name}") for name in ("make", "new", "changelist"))


def make(client: Client, form: str = "csv", of: str = "responses", **filters: str) -> Any:
    return client.post(MAKE, {"of": of, "format": form, **filters})


def text(answer: Any) -> str:
    assert answer.status_code == 200, answer.text
    return b"".join(answer.streaming_content).decode()


def table(answer: Any) -> list[dict[str, str]]:
    whole = text(answer)
    assert whole.startswith("\ufeff")
    return list(csv.DictReader(io.StringIO(whole[1:], newline="")))


def lines(answer: Any) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text(answer).splitlines()]


def open_texts(client: Client, of: str = "responses", reason: str = "ticket", **filters: str) -> Any:
    return client.post(reverse("admin:chat_export_open"), {"of": of, "reason": reason, "note": "T-18", **filters}, follow=True)


def work(*, until: Callable[[Making], bool] = lambda _: False) -> None:
    """Make what is due, as the process does; until something happens."""
    while (export := exports.take(kind=exports.LOG)) is not None:
        making = Making(export)
        try:
            while making.step():
                if until(making):
                    return
        except exports.Gone:
            pass
        except Exception as error:
            exports.fail(export, str(error))


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bounds, not behaviours: three are many."""
    monkeypatch.setattr(log_exports, "FEW", 2)
    monkeypatch.setattr(log_exports, "SLICE", 3)


def test_a_table_has_what_the_list_shows_and_no_text(logged: Log) -> None:
    made = many(logged, 110)
    Price.objects.create(model="gpt-x", from_date=timezone.now().date() - timedelta(days=9), input=1, output=2)
    Response.objects.filter(pk=made[0].pk).update(usage={"input_tokens": 7, "output_tokens": 3}, input_tokens=7, output_tokens=3)
    for who in ("server owner", "team admin"):
        client = logged.client(who)
        for filters in ({"model": "gpt-x", "status": "failed"}, {"stored": "no", "tool": ""}, {}):
            query = "?" + "&".join(f"{name}={value}" for name, value in filters.items())
            rows = table(make(client, **filters))
            assert [one["response"] for one in rows] == walk(logged, who, query)[0]
            assert not any(CANARY in str(one) or REPLY in str(one) or "unstored" in str(one) for one in rows)
    acts = [json.loads(act.body) for act in AdminAct.objects.filter(what="exported").order_by("number")]
    assert [act["about"] for act in acts if act["after"].endswith(", as CSV, without texts")] == ["responses"] * 6
    assert [act["before"] for act in acts] == ["status: failed", "stored: no", ""] * 2
    typed = AdminAct.objects.filter(what="exported").order_by("number")[0].detail.text
    assert "gpt-x" in typed
    assert "gpt-x" not in str(acts)
    raw = text(make(logged.client("server owner"), model="gpt-x"))
    (line,) = [one for one in raw.split("\r\n") if made[0].pk in one]
    assert ",7,3,0.000013," in line  # numbers stay numbers
    assert line.startswith(f'"{made[0].created:%Y-%m-%dT%H:%M:%S}.')
    assert f'Z","{logged.world.people["writer"].username}",' in line
    assert not AccessRow.objects.exists()
    found = table(make(logged.client("team admin"), of="conversations"))
    assert {one["conversation"] for one in found} == {one.pk for one in Conversation.objects.filter(team=logged.world.team)}


def test_what_a_model_server_calls_a_reason_or_an_error_is_not_repeated(logged: Log) -> None:
    """It may hold somebody's words."""
    client, of = logged.client("team admin"), Response.objects.filter(pk=logged.unstored.pk)
    open_texts(client)
    for facts in ({"incomplete_reason": "unstoredreason"}, {"error_code": "not this unstoredreason"}):
        of.update(status="incomplete", **facts)
        for form in ("csv", "jsonl"):
            assert "unstoredreason" not in text(make(client, form))
        assert "unstoredreason" not in client.get(f"/admin/chat/response/{logged.unstored.pk}/change/").text
    assert {one["response"]: one["error"] for one in table(make(client))}[logged.unstored.pk] == "other"


def test_the_record_says_whose_replies_were_taken_along_whatever_else_they_were_narrowed_by(logged: Log) -> None:
    author, client = logged.world.people["author"], logged.client("server owner")
    for more, said in (({}, ""), ({"model": "gpt-x"}, ", gpt-x"), ({"status": "failed", "model": "a"}, ", status: failed, a")):
        text(make(client, user=author.username, **more))
        row = client.get("/admin/chat/adminact/").context["rows"][0]
        assert row.before == f"user: {author.username}{said}"
        assert author.username not in row.act.body + row.act.detail.text


def test_whoever_looks_after_a_team_is_told_that_something_of_it_was_taken_along(logged: Log) -> None:
    admin, chemistry = logged.world.people["team admin"], Team.objects.get(name="Chemistry")
    Membership.objects.create(team=chemistry, user=admin, role="admin")
    page, client = "/admin/chat/adminact/", logged.client("team admin")
    text(make(client))
    client.post(f"{page}export/", {"form": "csv"})
    for who in ("team owner", "other team"):
        rows = logged.client(who).get(page).context["rows"]
        assert [(row.who, row.whom) for row in rows if row.act.what == "exported"] == [
            (admin.username, "record"),
            (admin.username, "responses"),
        ]


def test_what_it_is_narrowed_by_is_the_same_in_the_background() -> None:
    least = {"first": 5, "total": 6, "tokens": 7, "cost": Decimal("0.50"), "counted": "yes"}
    filters = Filters(model="m", status="failed", until=timezone.now(), scope=("team_1",), **least)  # type: ignore[arg-type]
    asked = log_exports.Wanted("responses", "csv", filters, "team_1")
    assert log_exports.wanted(json.loads(json.dumps(asked.as_data()))) == asked


def test_no_cell_is_a_formula(logged: Log) -> None:
    bad = [
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        " \u00a0=1",
        "\u200b=1",
        "＝1",
        "＋1",
        "−1",
        "＠x",
        "a;=1",
        "a\n=1",
        "|x",
        "%x",
        '"=1',
    ]
    for one in bad:
        (cell,) = next(csv.reader(io.StringIO(row([one])[:-2], newline="")))
        assert cell == defused(one)
        assert cell.replace("'", "") == one
        assert cell.startswith("'") or ("'=" in cell and cell[0] == "a"), one
    for fine in ("", "Ada Lovelace", "1-2", "a=b", "x@example.org", "O'Neil", "gpt-4.1-mini"):
        assert defused(fine) == fine
    assert row([-1, 2.5, None, 'say "x"']) == '-1,2.5,,"say ""x"""\r\n'
    author = logged.world.people["author"]
    User.objects.filter(pk=author.pk).update(name="=HYPERLINK(0)")
    Team.objects.filter(pk=logged.world.team.pk).update(name=" +cmd|x")
    Response.objects.filter(pk=logged.stored.pk).update(model="@evil")
    (found,) = [one for one in table(make(logged.client("team admin"))) if one["response"] == logged.stored.pk]
    assert (found["name"], found["team"], found["model"]) == ("'=HYPERLINK(0)", "' +cmd|x", "'@evil")


def test_who_has_no_business_there_gets_404_and_what_is_made_up_404_or_400(logged: Log) -> None:
    for who in ACTORS:
        client, inside = logged.client(who), who in (*WHO, "other team")
        for method, path in (("get", NEW), ("get", f"{NEW}?of=responses"), ("post", MAKE), ("get", LIST)):
            sent = {"of": "responses", "format": "csv"} if method == "post" else {}
            answer = getattr(client, method)(path, sent)
            assert (answer.status_code == 200) is (inside and path != NEW), (who, path)
        if who == "other team":
            assert table(make(client)) == []
            for filters in ({"team": logged.world.team.pk}, {"user": logged.world.people["author"].username}):
                assert make(client, **filters).status_code == 404
            assert make(client, conversation=logged.world.conversation.pk).status_code == 404
            assert open_texts(client, conversation=logged.world.conversation.pk).status_code == 404
    owner = logged.client("server owner")
    for query, status in BAD.items():
        if not query.startswith("?before"):
            assert owner.get(f"{NEW}{query}&of=responses").status_code == status, query
            name, _, value = query[1:].partition("=")
            if "%" not in value:
                assert make(owner, **{name: value}).status_code == status, query
    assert owner.post(MAKE, {"of": "people", "format": "csv"}).status_code == 404
    assert owner.post(MAKE, {"of": "responses", "format": "xlsx"}).status_code == 400
    for name in ("again", "fetch", "remove"):
        for key in (f"exp_{'0' * 32}", "exp_1", "exp_\x00", logged.stored.pk):
            assert owner.post(reverse(f"admin:chat_export_{name}", args=[key])).status_code == 404
    assert not Export.objects.exists()


def test_texts_want_a_reason_and_whose_they_are_learns_of_it(logged: Log) -> None:
    client, author = logged.client("team admin"), logged.client("author")
    logged.open("team admin")
    access.ask(actor=logged.world.people["team admin"], place=logged.world.team, reason="ticket")  # to search there
    assert "Say first why" in client.post(MAKE, {"of": "responses", "format": "jsonl"}, follow=True).text
    before = AccessRow.objects.count()
    page = open_texts(client)
    assert "Export the texts" in page.text
    assert AccessRow.objects.count() == before
    found = {one["id"]: one for one in lines(make(client, "jsonl"))}
    assert set(found) == set(walk(logged, "team admin", "")[0])
    one = found[logged.stored.pk]
    assert one["input"] == [Item.objects.get(pk=logged.stored.input_id).wire]
    assert one["output"] == [item.wire for item in Item.objects.filter(response=logged.stored)]
    assert (one["object"], one["status"], one["usage"]["output_tokens"], one["parley"]["text"]) == (
        "response",
        "completed",
        5,
        "full",
    )
    other = found[logged.unstored.pk]
    assert "was not stored" in other["parley"]["closed"]
    assert (other["input"], other["output"], other["usage"]["output_tokens"]) == ([], [], 5)
    assert "unstored" not in json.dumps(other).replace("unstoredx", "")
    rows = list(AccessRow.objects.filter(number__gt=before))
    assert [json.loads(row.body)["what"] for row in rows] == ["export"]
    assert (json.loads(rows[0].body)["held"], json.loads(rows[0].body)["replies"]) == (1, len(found))
    reader = logged.world.people["team admin"].shown_name
    for path in (f"/c/{logged.world.conversation.pk}/readings/", "/settings/readings/"):
        shown = author.get(path).text
        assert f"<strong>{reader}</strong>" in shown
        assert "taken along in an export" in shown
        assert "because: a ticket, “T-18”" in shown
    assert f"Read by {reader}" in author.get(f"/c/{logged.world.conversation.pk}/").text
    assert "Nobody has read" in logged.client("writer").get("/settings/readings/").text
    assert "taken along in an export: 1 conversation" in logged.client("server owner").get("/admin/chat/accessrow/").text
    assert chain.ACCESS.verify().broken is None
    with connection.cursor() as cursor:
        cursor.execute("UPDATE chat_exported SET owner = owner + 1")
    assert chain.ACCESS.verify().why == "what the export held was changed"
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM chat_exported")
    assert chain.ACCESS.verify().broken == rows[0].number


def test_of_conversations_all_replies_are_taken_along_one_after_the_other(logged: Log) -> None:
    later = answered(logged.world.people["author"], "Second question", "Second answer", into=logged.world.conversation.pk)
    client = logged.client("team owner")
    open_texts(client, of="conversations")
    found = lines(make(client, "jsonl", of="conversations"))
    mine = [one["id"] for one in found if one["conversation"]["id"] == logged.world.conversation.pk]
    assert mine == [logged.world.response.pk, logged.stored.pk, later.pk]
    assert len(found) == Response.objects.filter(conversation__team=logged.world.team).count()
    assert AccessRow.objects.count() == 1


def test_the_mode_of_each_team_is_obeyed(logged: Log) -> None:
    mail = answered(logged.world.people["author"], "Write to ada@example.org", "Yes", into=logged.world.conversation.pk)
    alone = answered(
        logged.world.people["stranger" if "stranger" in logged.world.people else "other team"], "Mine at home", "Yes"
    )
    owner = logged.client("server owner")
    open_texts(owner)
    world = logged.world
    access.choose_for_team(actor=world.people["team owner"], team=world.team, mode="redacted")
    found = {one["id"]: one for one in lines(make(owner, "jsonl"))}
    assert "ada@" not in json.dumps(found[mail.pk])
    assert (found[mail.pk]["parley"]["text"], found[alone.pk]["parley"]["text"]) == ("redacted", "full")
    assert {json.loads(row.body)["mode"] for row in AccessRow.objects.all()} == {"redacted", "full"}
    access.choose_for_team(actor=world.people["team owner"], team=world.team, mode="metadata")
    found = {one["id"]: one for one in lines(make(owner, "jsonl"))}
    assert (found[mail.pk]["input"], found[mail.pk]["parley"]["text"]) == ([], "none")
    assert "metadata only" in open_texts(logged.client("team admin")).text
    assert make(logged.client("team admin"), "jsonl").status_code == 302


def test_who_looks_after_several_teams_takes_texts_from_one_and_a_second_admin_consents(logged: Log, settings: Any) -> None:
    settings.ACCESS_CONSENT = True
    admin = logged.world.people["team admin"]
    second = Team.objects.get(name="Chemistry")
    Membership.objects.create(team=second, user=admin, role="admin")
    client = logged.client("team admin")
    assert "Narrow the list to one team" in client.get(f"{NEW}?of=responses").text
    filters = {"team": logged.world.team.pk}
    open_texts(client, **filters)
    assert make(client, "jsonl", **filters).status_code == 302
    owner = logged.client("team owner")
    asked = Opening.objects.get(reader=admin)
    assert "take along the texts of" in owner.get(reverse("admin:chat_opening_changelist")).text
    owner.post(reverse("admin:chat_opening_decide", args=[asked.pk]), {"grant": "yes"})
    assert CANARY in text(make(client, "jsonl", **filters))
    assert make(client, "jsonl", team=second.pk).status_code == 302
    Opening.objects.update(expires=timezone.now())
    assert make(client, "jsonl", **filters).status_code == 302


def test_many_are_made_in_the_background_and_fetched_by_who_asked(logged: Log, small: None) -> None:
    made = many(logged, 20)
    client = logged.client("team admin")
    open_texts(client)
    for form in ("jsonl", "csv"):
        assert make(client, form)["Location"] == LIST
        assert "It begins in a moment" in client.get(LIST).text
        assert "being made already" in client.post(MAKE, {"of": "responses", "format": form}, follow=True).text
        work(until=lambda making: making._done > 5)
        exports.note(Export.objects.get(state="in_progress"), done=6, total=22, size=1)
        assert "6 of about 22" in client.get(LIST).text
        Export.objects.filter(state="in_progress").update(lease_until=timezone.now() - timedelta(seconds=1))
        work()  # another process takes it up
        one = Export.objects.filter(state="ready").order_by("-created").first()
        assert one is not None, Export.objects.get(state="failed").error
        assert (one.done, one.attempts) == (len(walk(logged, "team admin", "")[0]), 2)
        path = reverse("admin:chat_export_fetch", args=[one.pk])
        assert client.get(path).status_code == 405
        answer = client.post(path)
        data = b"".join(answer.streaming_content)
        assert (len(data), answer["Content-Disposition"][:10]) == (int(answer["Content-Length"]), "attachment")
        assert all(response.pk.encode() in data for response in made)
        assert (CANARY.encode() in data) is (form == "jsonl")
        for who in ("server owner", "team owner", "other team", "author"):
            for name in ("fetch", "remove", "again"):
                assert logged.client(who).post(reverse(f"admin:chat_export_{name}", args=[one.pk])).status_code == 404
    assert Export.objects.count() == 2
    client.post(path.replace("fetch", "remove"))
    assert client.post(path).status_code == 404
    assert exports.purge() is not None
    held = Exported.objects.values_list("conversation", "first")
    assert len(held) == len(set(held)) == 2  # one conversation, and the try that was left half done
    assert chain.ACCESS.verify().broken is None
    whats = [json.loads(row.body)["what"] for row in AccessRow.objects.order_by("number")]
    assert whats == ["export", "export", "fetched"]


ENDS: dict[str, Callable[[Log], object]] = {
    "role": lambda log: Membership.objects.filter(user=log.world.people["team admin"]).update(role="member"),
    "suspended": lambda log: User.objects.filter(pk=log.world.people["team admin"].pk).update(suspended=True),
    "time": lambda log: Opening.objects.update(expires=timezone.now()),
    "mode": lambda log: access.choose_for_team(actor=log.world.people["team owner"], team=log.world.team, mode="metadata"),
    "deleted": lambda log: conversations.delete(actor=log.world.people["author"], conversation_id=log.world.conversation.pk),
    "message": lambda log: removals.remove(
        actor=log.world.people["author"], conversation_id=log.world.conversation.pk, item_id=str(log.stored.input_id)
    ),
    "left": lambda log: departures.begin(actor=log.world.people["author"]),
}


def ready(logged: Log) -> Client:
    many(logged, 8)
    client = logged.client("team admin")
    open_texts(client)
    make(client, "jsonl")
    return client


def each() -> Iterator[str]:
    """Each end, in a world of its own."""
    for why in ENDS:
        with transaction.atomic():
            yield why
            transaction.set_rollback(True)


def test_who_may_not_have_it_any_more_gets_no_more_while_it_is_made(logged: Log, small: None) -> None:
    ready(logged)
    work(until=lambda making: making._done >= 3)
    for why in each():
        ENDS[why](logged)
        Export.objects.filter(state="in_progress").update(lease_until=timezone.now() - timedelta(seconds=1))
        work()
        assert not Export.objects.filter(state="ready").exists(), why


def test_what_nobody_consented_to_is_not_made_once_consent_is_wanted(logged: Log, small: None, settings: Any) -> None:
    ready(logged)
    work(until=lambda making: making._done >= 3)
    settings.ACCESS_CONSENT = True  # as after a start with it
    Export.objects.filter(state="in_progress").update(lease_until=timezone.now() - timedelta(seconds=1))
    rows = AccessRow.objects.count()
    work()
    assert not Export.objects.filter(state="ready").exists()
    assert AccessRow.objects.count() == rows


def test_what_waits_is_fetched_no_more_and_keeps_nothing_of_what_is_deleted(logged: Log, small: None) -> None:
    client = ready(logged)
    work()
    for why in each():
        withdrawn(logged, client, why)


def withdrawn(logged: Log, client: Client, why: str) -> None:
    one = Export.objects.get(state="ready")
    assert CANARY.encode() in bytes(ExportChunk.objects.get().bytes)
    answer: Any = client.post(reverse("admin:chat_export_fetch", args=[one.pk]))  # under way
    ENDS[why](logged)
    assert b"".join(answer.streaming_content) == b""
    again = logged.client("team admin").post(reverse("admin:chat_export_fetch", args=[one.pk]))
    assert again.status_code in (302, 404)
    while exports.purge() is not None:
        pass
    assert ExportChunk.objects.exists() is (why in ("role", "suspended", "time"))  # those go with their day
    Export.objects.filter(state="ready").update(expires=timezone.now() - timedelta(seconds=1))
    while exports.purge() is not None:
        pass
    assert not ExportChunk.objects.exists()


def test_a_table_that_waits_is_for_who_still_looks_after_all_of_it(logged: Log, small: None) -> None:
    many(logged, 8)
    client = logged.client("team admin")
    make(client)
    work()
    one = Export.objects.get(state="ready")
    path = reverse("admin:chat_export_fetch", args=[one.pk])
    assert logged.stored.pk in text(client.post(path))
    for why in each():
        answer: Any = client.post(path)
        ENDS[why](logged)
        gone = why in ("role", "suspended", "left")
        assert (b"".join(answer.streaming_content) == b"") is gone, why
        assert (logged.client("team admin").post(path).status_code in (302, 404)) is gone, why


def test_to_fetch_it_after_the_time_one_says_again_why(logged: Log, small: None) -> None:
    client = ready(logged)
    work()
    one = Export.objects.get(state="ready")
    Opening.objects.update(expires=timezone.now())
    assert "say why again" in client.get(LIST).text
    assert client.post(reverse("admin:chat_export_fetch", args=[one.pk])).status_code == 302
    client.post(reverse("admin:chat_export_again", args=[one.pk]), {"reason": "abuse"})
    assert CANARY in text(client.post(reverse("admin:chat_export_fetch", args=[one.pk])))


def test_one_that_is_sent_at_once_ends_where_it_may_go_on_no_more(logged: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    many(logged, 8)
    monkeypatch.setattr(log_exports, "SLICE", 3)
    client = logged.client("team admin")
    open_texts(client)
    for form, stop in (("jsonl", "time"), ("csv", "role")):
        pieces = iter(make(client, form).streaming_content)
        first = [next(pieces) for _ in range(2)]
        ENDS[stop](logged)
        rest = b"".join(pieces)
        assert b"This export ends here" in rest
        assert rest.count(b"resp_") < 4, (form, first)


def test_one_that_is_under_way_shows_no_more_than_its_row_says(logged: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    """The team's owners let more be read meanwhile."""
    owner, author, team = logged.world.people["team owner"], logged.world.people["author"], logged.world.team
    monkeypatch.setattr(log_file, "AT_ONCE", 1)
    access.choose_for_team(actor=owner, team=team, mode="redacted")
    for _ in range(3):
        answered(author, "Mail me", "At anna@example.org", into=logged.world.conversation.pk)
    client = logged.client("team admin")
    open_texts(client)
    pieces = iter(make(client, "jsonl").streaming_content)
    next(pieces)
    access.choose_for_team(actor=owner, team=team, mode="full")
    rest = b"".join(pieces)
    assert b"At " in rest
    assert b"anna@" not in rest
    assert {json.loads(row.body)["mode"] for row in AccessRow.objects.all()} == {"redacted"}


def test_looking_writes_nothing(logged: Log, small: None) -> None:
    client = ready(logged)
    work()
    counted = [model.objects.count() for model in (AdminAct, AccessRow, Opening, Export, ExportChunk)]
    for path in (NEW + "?of=responses", NEW + "?of=conversations&stored=no", LIST):
        assert client.get(path).status_code == 200
    for name in ("make", "open"):
        assert client.get(reverse(f"admin:chat_export_{name}")).status_code == 405
    assert counted == [model.objects.count() for model in (AdminAct, AccessRow, Opening, Export, ExportChunk)]


def test_what_waits_is_withdrawn_once_a_conversation_in_it_leaves_the_team(logged: Log, small: None) -> None:
    author, team, pk = logged.world.people["author"], logged.world.team, logged.world.conversation.pk
    ways: tuple[Callable[[], object], ...] = (
        lambda: sharing.move(actor=author, conversation_id=pk, team_id=""),
        lambda: teams.leave(actor=author, team_id=team.pk),
    )
    Conversation.objects.filter(pk=pk).update(shared=False)  # what is shared stays in the team
    client = ready(logged)
    work()
    path = reverse("admin:chat_export_fetch", args=[Export.objects.get(state="ready").pk])
    for way in ways:
        with transaction.atomic():
            answer: Any = client.post(path)  # under way
            way()
            assert b"".join(answer.streaming_content) == b""
            assert client.post(path).status_code == 404
            transaction.set_rollback(True)
    assert CANARY in text(client.post(path))


@pytest.mark.parametrize(("mode", "shown"), [("metadata", False), ("redacted", False), ("full", True)])
def test_what_was_opened_everywhere_is_withdrawn_once_a_conversation_in_it_goes_where_less_is_shown(
    logged: Log, small: None, mode: str, shown: bool
) -> None:
    author, pk = logged.world.people["author"], logged.world.conversation.pk
    there = teams.create(actor=author, name="Ward")
    access.choose_for_team(actor=author, team=there, mode=mode)
    many(logged, 8)
    client = logged.client("server owner")
    open_texts(client)
    make(client, "jsonl")
    work()
    path = reverse("admin:chat_export_fetch", args=[Export.objects.get().pk])
    assert CANARY in text(client.post(path))
    sharing.move(actor=author, conversation_id=pk, team_id=there.pk)
    assert (client.post(path).status_code == 200) is shown


def test_large_texts_are_never_held_at_once(logged: Log) -> None:
    author, pk = logged.world.people["author"], logged.world.conversation.pk
    for _ in range(12):
        begun = messages.send(actor=author, conversation_id=pk, text="More")
        end(begun.response, "x" * 400_000, pieces=["x"])
    client = logged.client("team admin")
    open_texts(client)
    answer = make(client, "jsonl")
    tracemalloc.start()
    size = sum(len(piece) for piece in answer.streaming_content)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size > 4_500_000
    assert peak < 4_000_000, peak


def test_a_conversation_that_moved_elsewhere_is_not_in_what_was_opened(logged: Log, small: None) -> None:
    client = ready(logged)
    sharing.move(actor=logged.world.people["author"], conversation_id=logged.world.conversation.pk, team_id="")
    work()
    assert CANARY.encode() not in b"".join(bytes(one.bytes) for one in ExportChunk.objects.all())
    assert not Exported.objects.exists()
    assert client.get(LIST).status_code == 200
