"""The lists: every filter finds its index, pages follow each other without gaps, and what is made up gets 404 or 400."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from benchmarks.log_seed import PEOPLE, TEAMS, statements
from chat.models import Conversation, Response, Team, User
from chat.store import keyset, listed, sql, teams
from chat.store.listed import Filters
from tests.cast import Cast
from tests.log.conftest import Log
from tests.store.test_indexes import plan

LIST = "/admin/chat/response/"


INDEXES: list[tuple[dict[str, Any], str]] = [
    ({}, "response_newest"),
    ({"user": 1}, "response_of_author"),
    ({"team": 1}, "response_of_team"),
    ({"model": "model-1"}, "response_of_model"),
    ({"status": "failed"}, "response_cut"),
    ({"status": "error"}, "response_cut"),
    ({"status": "completed"}, "response_newest"),
    ({"stored": "no"}, "response_unstored"),
    ({"stored": "yes"}, "response_newest"),
    ({"tool": "web_search"}, "response_calling"),
    ({"since": timezone.now(), "until": timezone.now()}, "response_newest"),
    ({"user": 1, "status": "failed", "model": "model-1"}, "response_of_author"),
]


def plans(question: keyset.Question) -> list[str]:
    found = []
    for way in question.each_way():
        text, values = keyset.found_by(question, way, None, most=51)
        found.append(plan(text, *values))
    return found


def test_each_filter_finds_newest_first_by_an_index_and_sorts_nothing(cast: Cast) -> None:
    """Of thousands; where there are few, Postgres would sort them."""
    team = teams.create(actor=cast.mate, name="Physics")
    others = Team.objects.bulk_create([Team(name=f"Team {number}") for number in range(TEAMS - 1)])
    people = User.objects.bulk_create([User(username=f"n{number}") for number in range(PEOPLE)])
    with connection.cursor() as cursor:
        for statement in statements(connection.vendor, 4_000, people[0].pk, [team.pk, *(one.pk for one in others)]):
            cursor.execute(statement)
        if connection.vendor == "postgresql":
            cursor.execute("ANALYZE chat_response, chat_conversation")  # it may have learnt meanwhile that they are empty
            cursor.execute("SET LOCAL enable_sort = off; SET LOCAL enable_bitmapscan = off")
    who: dict[str, Any] = {"user": people[0], "team": team}
    named = [({name: who.get(name, value) for name, value in filters.items()}, index) for filters, index in INDEXES]
    asked = [(listed.responses(cast.owner, Filters(**filters)), index) for filters, index in named]
    asked += [(listed.responses(cast.mate, Filters(model="model-1")), "response_of_team")]
    asked += [(listed.conversations(cast.owner, Filters()), "conversation_begun")]
    asked += [(listed.conversations(cast.mate, Filters()), "conversation_in_team")]
    for question, index in asked:
        for found in plans(question):
            assert index in found, (question, found)
            assert not [wrong for wrong in ("SCAN ", "Seq Scan", "TEMP B-TREE", "Sort") if wrong in found], found


def many(log: Log, count: int) -> list[Response]:
    """Replies in that team, several in each moment; every fourth failed, every fifth by somebody else."""
    now, world = timezone.now() - timedelta(hours=1), log.world
    author, other = world.people["author"], world.people["writer"]
    facts: dict[str, Any] = {"conversation": world.conversation, "team": world.team, "status": "completed", "model": "gpt-x"}
    made = Response.objects.bulk_create([Response(**facts, author=author) for _ in range(count)])
    for number, one in enumerate(made):
        one.created = now + timedelta(seconds=number // 3)
        one.status = "failed" if number % 4 == 0 else "completed"
        one.author = other if number % 5 == 0 else author
        one.tools = " web_search get_time " if number % 7 == 0 else ""
    Response.objects.bulk_update(made, ["created", "status", "author", "tools"])
    return made


def walk(log: Log, who: str, query: str) -> tuple[list[str], int]:
    """All ids, page by page, as the links lead."""
    client, found, pages, path = log.client(who), [], 0, f"{LIST}{query}"
    while path:
        answer = client.get(path)
        assert answer.status_code == 200
        found += [row.response.pk for row in answer.context["rows"]]
        pages, path = pages + 1, f"{LIST}{answer.context['next']}" if answer.context["next"] else ""
    return found, pages


def test_pages_follow_each_other_without_a_gap_whatever_is_asked(logged: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    made = sorted(many(logged, 220), key=lambda one: (one.created, one.pk), reverse=True)
    mine = f"?model=gpt-x&conversation={logged.world.conversation.pk}"
    monkeypatch.setattr(keyset, "LOOK", 60)  # a bound, not a behaviour: pages end in the middle of looking
    for who in ("server owner", "team admin"):
        assert walk(logged, who, "?model=gpt-x") == ([one.pk for one in made], 5)
        assert walk(logged, who, mine)[0] == [one.pk for one in made]
        failed, pages = walk(logged, who, "?status=failed&model=gpt-x")
        assert failed == [one.pk for one in made if one.status == "failed"]
        assert pages > 1
        by = logged.world.people["writer"].username.upper()
        assert walk(logged, who, f"?user={by}&status=completed")[0] == [
            one.pk for one in made if one.author == logged.world.people["writer"] and one.status == "completed"
        ]
        assert walk(logged, who, "?tool=get_time")[0] == [one.pk for one in made if one.tools]
        assert walk(logged, who, "?tool=get%25")[0] == []
        assert logged.unstored.pk in walk(logged, who, "?stored=no")[0]
        assert walk(logged, who, "?from=2020-01-01&to=2020-02-01")[0] == []
        assert len(walk(logged, who, f"?from={timezone.now():%Y-%m-%d}")[0]) + len(
            walk(logged, who, f"?to={timezone.now() - timedelta(days=1):%Y-%m-%d}")[0]
        ) == len(walk(logged, who, "")[0])


def test_how_many_there_are_is_counted_while_they_are_few_and_guessed_above(logged: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    many(logged, 60)
    client = logged.client("server owner")
    assert client.get(f"{LIST}?model=gpt-x").context["count"] == "60 replies"
    monkeypatch.setattr(keyset, "COUNTED", 20)
    said = client.get(LIST).context["count"]
    assert said.startswith("More than 20" if sql.VENDOR == "sqlite" else "About "), said


BAD = {
    "?before=2026-01-01~resp_1": 400,
    "?before=%00": 400,
    "?status=odd": 400,
    "?stored=maybe": 400,
    "?from=yesterday": 400,
    "?from=0001-01-01": 400,
    "?to=9999-99-99": 400,
    "?model=%00": 400,
    f"?model={'x' * 250}": 400,
    "?user=nobody-of-that-name": 404,
    "?user=%27%22%00": 400,
    "?team=team_1": 404,
    f"?team=team_{'0' * 32}": 404,
    "?conversation=conv_1": 404,
    f"?conversation=conv_{'0' * 32}": 404,
}


def test_what_is_made_up_or_anothers_gets_404_or_400_and_no_row(logged: Log) -> None:
    admin, owner = logged.client("team admin"), logged.client("server owner")
    for query, status in BAD.items():
        for client in (admin, owner):
            answer = client.get(f"{LIST}{query}")
            assert (answer.status_code, answer.context.get("rows")) == (status, None), query
    stranger = logged.world.people["other team"]
    chemistry = Team.objects.get(name="Chemistry")
    own = Conversation.objects.create(owner=stranger, team=chemistry)
    for query in (f"?team={chemistry.pk}", f"?user={stranger.username}", f"?conversation={own.pk}"):
        assert admin.get(f"{LIST}{query}").status_code == 404
        assert admin.get(f"/admin/chat/conversation/{query}").status_code == (404 if "conversation=" not in query else 200)
    many(logged, 60)
    cursor = owner.get(LIST).context["next"]
    assert cursor
    assert admin.get(f"{LIST}{cursor}").status_code == 400  # another's


def test_a_row_says_what_was_counted_and_called_and_of_what_was_not_stored_no_tool(logged: Log) -> None:
    from chat.store import messages
    from tests.log.conftest import end

    author = logged.world.people["author"]
    calls = [{"type": "function_call", "name": "get weather", "arguments": "{}"}, {"type": "web_search_call"}]
    rows = []
    for store in (True, False):
        begun = messages.send(actor=author, conversation_id=None, text="Hello", store=store)
        ended = end(begun.response, "Yes", items=calls, usage={"input_tokens": 1_200, "output_tokens": 34, "x": None})
        rows.append((ended.input_tokens, ended.output_tokens, ended.tools))
    assert rows == [(1200, 34, " get_weather web_search "), (1200, 34, "")]
    odd = messages.send(actor=author, conversation_id=None, text="Hello")
    ended = end(odd.response, "Yes", usage={"input_tokens": "many", "output_tokens": 10**12})
    assert (ended.input_tokens, ended.output_tokens) == (None, 2**31 - 1)
    text = logged.client("server owner").get(LIST).text
    assert "1,200 → 34" in text
    assert "web_search" in text
    assert f'href="{ended.pk}/change/"' in text
