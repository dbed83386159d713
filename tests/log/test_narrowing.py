"""The list of replies is narrowed by what its columns show, and a number of the overview leads to the replies that it counts."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from chat.models import Membership, Price, Response, Team
from chat.store import conversations, costs, keyset, listed, sql
from chat.store.listed import Filters
from tests.log.conftest import Log
from tests.log.test_lists import LIST, many, walk
from tests.replies import count, replied


def found(log: Log, query: str, who: str = "server owner") -> list[str]:
    answer = log.client(who).get(f"{LIST}{query}")
    assert answer.status_code == 200, query
    return [row.response.pk for row in answer.context["rows"]]


def test_times_tokens_and_cost_narrow_the_list_and_stand_in_it(logged: Log) -> None:
    author, team = logged.world.people["author"], logged.world.team
    day = datetime.now(UTC).date()
    Price.objects.create(model="gpt-*", from_date=day - timedelta(days=3), input=Decimal(2), output=Decimal(8))
    Price.objects.create(model="gpt-x", from_date=day, input=Decimal(2), output=Decimal(8), cached_input=Decimal("0.5"))
    slow = replied(author, team, wait=2.5, tokens=(1_000, 200, 50))  # 800 × 2 + 200 × 0.5 + 50 × 8 millionths
    quick = replied(author, team, wait=0.25, tokens=(10, 0, 1), model="gpt-y")
    bare = replied(author, team, model="dear", tokens=(10**6, 0, 10**6))
    odd = replied(author, team, usage={"input_tokens": 5, "input_tokens_details": {"cached_tokens": "x"}, "output_tokens": True})
    for one, seconds in ((slow, 4), (quick, 1), (bare, 1), (odd, 1)):
        one.refresh_from_db()
        usage = one.usage or {}
        one.input_tokens, one.output_tokens = (
            usage["input_tokens"],
            usage["output_tokens"] if usage["output_tokens"] is not True else None,
        )
        one.ended = one.created + timedelta(seconds=seconds)
        one.save()
    assert found(logged, "?first=2.5") == [slow.pk]
    assert found(logged, "?first=2.501") == []
    assert set(found(logged, "?total=1&model=gpt-y")) == {quick.pk}
    assert found(logged, "?total=1.001") == [slow.pk]
    assert set(found(logged, "?tokens=1050")) == {slow.pk, bare.pk}
    assert found(logged, "?tokens=1051") == [bare.pk]
    assert found(logged, "?cost=0.0021") == [slow.pk]
    assert found(logged, "?cost=0.002101") == []
    assert found(logged, "?cost=0.000028&model=gpt-y") == [quick.pk]
    book = costs.book()
    for one in (slow, quick, bare, odd):
        cost = book.of(one)
        assert (one.pk in found(logged, f"?cost={cost or 0:f}")) is (cost is not None)
    text = logged.client("team admin").get(f"{LIST}?cost=0.002").text
    assert "0.0021" in text
    assert 'value="0.002"' in text
    assert "0.0021" in logged.client("team admin").get(f"{LIST}{slow.pk}/change/").text
    for query in ("?first=-1", "?total=x", "?tokens=1e9", "?cost=.5", "?cost=%D9%A3", "?counted=no"):
        assert logged.client("server owner").get(f"{LIST}{query}").status_code == 400


def test_a_cost_is_found_beside_the_largest_numbers(logged: Log, monkeypatch: Any) -> None:
    assert found(logged, "?cost=0") == []  # nobody has said what anything costs
    Price.objects.create(model="*", from_date="2020-01-01", input=Decimal("999999.999999"), output=Decimal("999999.999999"))
    for _ in range(3):
        one = replied(logged.world.people["author"], logged.world.team, tokens=(2**31 - 1, 0, 2**31 - 1))
    Response.objects.filter(pk=one.pk).update(input_tokens=2**31 - 1, output_tokens=2**31 - 1)
    assert one.pk in found(logged, "?cost=1000000")
    question = listed.responses(
        logged.world.people["server owner"], Filters(cost=Decimal(1), tokens=5, first=0, counted="yes", model="gpt-x")
    )
    assert keyset.count(question).number == 0
    monkeypatch.setattr(keyset, "LOOK", 1)  # a bound, not a behaviour: above it Postgres is asked what it guesses
    assert keyset.count(question).about is (sql.VENDOR == "postgresql")


def test_only_the_prices_of_models_that_are_asked_for_are_compared_with(logged: Log, monkeypatch: Any) -> None:
    author, team, day = logged.world.people["author"], logged.world.team, datetime.now(UTC).date()
    for name, price in (("gpt-*", 1), ("gpt-x*", 4), ("gpt-y", 7), ("*", 2)):
        Price.objects.create(model=name, from_date=day - timedelta(days=9), input=Decimal(price), output=Decimal(0))
    Price.objects.create(model="gpt-y", from_date=day, input=Decimal(9), output=Decimal(0))
    Price.objects.bulk_create(Price(model=f"other-{number}", from_date=day, input=1, output=1) for number in range(100))
    names = {"gpt-a": 1, "gpt-x5": 4, "gpt-y": 9, "else": 2}
    made = {name: replied(author, team, model=name, tokens=(10**6, 0, 0)) for name in names}
    for one in made.values():
        Response.objects.filter(pk=one.pk).update(input_tokens=10**6, output_tokens=0)
    for named in (keyset.PAGE, 0):
        monkeypatch.setattr(listed, "NAMED", named)  # a bound, not a behaviour: where there are more models, all prices are tried
        for least in (1, 2, 3, 4, 5, 9, 10):
            dear = {made[name].pk for name, price in names.items() if price >= least}
            assert set(found(logged, f"?cost={least}")) == dear == set(found(logged, f"?cost={least}", "team admin"))
            assert (made["gpt-y"].pk in found(logged, f"?cost={least}&model=gpt-y")) is (least <= 9)
    text, _ = costs.book().at_least(Decimal(1), ["gpt-x5"])
    assert text.count(" WHEN model") == 9  # three prices hold for it; three kinds of tokens


def test_an_admin_of_many_teams_finds_what_is_in_each_by_as_few_questions_as_of_one(logged: Log, monkeypatch: Any) -> None:
    admin, author = logged.world.people["team admin"], logged.world.people["author"]
    made = {one.pk for one in many(logged, 80)}

    def asked(query: str) -> int:
        with CaptureQueriesContext(connection) as queries:
            found(logged, query, "team admin")
        return len(queries)

    queries = ("?first=1", "?model=gpt-x", "?stored=no", "?cost=1")
    alone = [asked(query) for query in queries]
    for number in range(12):
        team = Team.objects.create(name=f"Team {number}")
        team.memberships.create(user=admin, role="admin")
        made |= {replied(author, team, model="gpt-x", at=timezone.now() - timedelta(minutes=31 + number)).pk for _ in range(3)}
    if sql.VENDOR == "postgresql":
        assert all(asked(query) <= before + 1 for query, before in zip(queries, alone, strict=True))
    monkeypatch.setattr(keyset, "LOOK", 13 * 51)
    ids, _ = walk(logged, "team admin", "?model=gpt-x")
    assert len(ids) == len(set(ids))
    assert set(ids) == made
    text = logged.client("team admin").get(f"{LIST}?model=gpt-x").context["count"]
    assert text == f"{len(made)} replies" or text.startswith(("About", "More than")), text


def test_a_model_whose_name_ends_in_blanks_is_found_and_blanks_that_were_typed_do_no_harm(logged: Log) -> None:
    author, team = logged.world.people["author"], logged.world.team
    blank, plain = replied(author, team, model=" odd "), replied(author, team, model="even")
    for who in ("server owner", "team admin"):
        assert found(logged, "?model=+odd+", who) == [blank.pk]
        assert found(logged, "?model=+even+", who) == found(logged, "?model=even", who) == [plain.pk]
        assert found(logged, "?model=odd", who) == []


def test_a_number_of_the_overview_leads_to_just_those_that_it_counts(logged: Log) -> None:
    author, team = logged.world.people["author"], logged.world.team
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    for at in (midnight, midnight - timedelta(microseconds=1), midnight - timedelta(days=1)):
        replied(author, team, at=at, tokens=(1, 0, 1))
    replied(author, team, status="failed")
    replied(author, team, status="failed", error_code="model_not_found", model="gpt-x")
    replied(author, team, status="cancelled", model="gpt-x")
    replied(author, team, status="cancelled", model="gpt-x", wait=1)
    count()
    replied(author, team, status="in_progress")
    replied(author, team)  # it has ended this moment
    client, seen = logged.client("team admin"), 0
    for query in ("", "&model=gpt-x", f"&team={team.pk}"):
        page = client.get(f"/admin/chat/daily/?days=7{query}")
        figures = [
            *page.context["total"],
            *(one for table in page.context["tables"] for row in table.rows for one in row.figures),
        ]
        for one in {
            one.link: one for one in figures if one.name in ("Replies", "Failed", "Stored", "Not stored") and one.link
        }.values():
            answer = client.get(one.link)
            assert len(answer.context["rows"]) == int(one.said), (one, query)
            seen += 1
    assert seen > 20
    assert "As the overview counts them" in answer.text


def test_replies_of_the_very_moment_are_in_the_list_once(logged: Log) -> None:
    """On SQLite a moment is a text, without a fraction where that is zero."""
    made, at = many(logged, 120), timezone.now().replace(microsecond=0) - timedelta(days=2)
    Response.objects.filter(pk__in=[one.pk for one in made[:60]]).update(created=at)
    Response.objects.filter(pk__in=[one.pk for one in made[60:]]).update(created=at.replace(microsecond=120_000))
    ids, pages = walk(logged, "server owner", "?model=gpt-x")
    assert (sorted(ids), pages) == (sorted(one.pk for one in made), 3)
    midnight = at.replace(hour=0, minute=0, second=0)
    Response.objects.filter(pk=made[0].pk).update(created=midnight)
    Response.objects.filter(pk=made[1].pk).update(created=midnight + timedelta(days=1))
    assert made[0].pk in walk(logged, "server owner", f"?from={midnight:%Y-%m-%d}")[0]
    assert made[1].pk not in walk(logged, "server owner", f"?to={midnight:%Y-%m-%d}")[0]
    assert made[0].pk in walk(logged, "server owner", f"?to={midnight:%Y-%m-%d %H:%M}")[0]
    assert made[60].pk not in walk(logged, "server owner", f"?to={midnight:%Y-%m-%d %H:%M}")[0]


def test_who_has_left_the_team_is_still_found_by_what_they_asked_there(logged: Log) -> None:
    author, world = logged.world.people["author"], logged.world
    Membership.objects.filter(team=world.team, user=author).delete()
    assert logged.stored.pk in found(logged, f"?user={author.username}", "team admin")
    assert logged.client("team admin").get(f"/admin/chat/conversation/?user={author.username}").status_code == 200
    stranger = world.people["other team"]
    assert logged.client("team admin").get(f"{LIST}?user={stranger.username}").status_code == 404


def test_a_long_list_of_tools_is_cut_between_names(logged: Log) -> None:
    from chat.store import responses

    names = [f"{letter * 64}" for letter in "abcd"]
    tools = responses.tools([{"type": "function_call", "name": name} for name in names])
    assert (tools.split(), len(tools) <= 200) == (names[:3], True)
    assert tools[0] == tools[-1] == " "
    assert responses.tools([]) == ""


def test_the_page_of_a_reply_says_why_there_is_no_text(logged: Log) -> None:
    from chat.store import removals

    client, world = logged.client("server owner"), logged.world
    alone = Response.objects.create(
        author=world.people["author"], team=world.team, store=False, status="completed", model="gpt-x"
    )
    assert "was not stored" in client.get(f"{LIST}{alone.pk}/change/").text
    assert logged.stored.input is not None
    removals.remove(actor=world.people["author"], conversation_id=world.conversation.pk, item_id=logged.stored.input.pk)
    text = client.get(f"{LIST}{logged.stored.pk}/change/").text
    assert "was deleted" in text
    assert "conversation" not in text.partition('id="text"')[2].partition("</section>")[0]


def test_what_a_model_server_calls_a_reason_is_not_repeated(logged: Log) -> None:
    """It may hold somebody's words."""
    Response.objects.filter(pk=logged.unstored.pk).update(status="incomplete", incomplete_reason="unstoredquestion")
    text = logged.client("server owner").get(f"{LIST}{logged.unstored.pk}/change/").text
    assert "unstoredquestion" not in text
    assert "(other)" in text


def test_a_title_is_shown_no_longer_than_the_texts_that_it_was_made_of(logged: Log) -> None:
    author, pk = logged.world.people["author"], logged.world.conversation.pk
    conversations.rename(actor=author, conversation_id=pk, title="Narwhaltitle")
    logged.open("team admin")
    path = f"/admin/chat/conversation/{pk}/text/"
    client: Any = logged.client("team admin")
    assert "Narwhaltitle" in client.get(path).text
    Response.objects.filter(pk=logged.stored.pk).update(created=timezone.now() - timedelta(days=31))
    assert "Narwhaltitle" not in client.get(path).text
