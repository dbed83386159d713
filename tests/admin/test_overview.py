"""The overview: each sees the numbers of their teams, the owner of the server all, at the prices of the day."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import include, path

from chat.admin.to_replies import to_replies
from chat.models import Price, Response, Team
from tests.admin.conftest import World
from tests.replies import count, replied

PAGE = "/admin/chat/daily/"

listed = [path("responses/", lambda request: HttpResponse(), name="chat_response_changelist")]
urlpatterns = [path("panel/", include((listed, "admin"), namespace="admin"))]


@pytest.fixture
def used(world: World) -> World:
    """Physics: five replies of two people, on two days; Chemistry: one; one of somebody on their own."""
    Response.objects.update(counted=True)  # whatever else there is
    now, mateo, gus = datetime.now(UTC), world.people["member"], world.people["guest"]
    for _ in range(3):
        replied(mateo, world.physics, tokens=(1_000, 200, 50), wait=0.42)
    replied(gus, world.physics, status="failed", store=False)
    replied(mateo, world.physics, at=now - timedelta(days=2), model="other", tokens=(10, 0, 10), status="incomplete")
    replied(world.people["chemist"], world.chemistry, tokens=(7, 0, 7))
    replied(world.people["stranger"], tokens=(5, 0, 5))
    Price.objects.create(model="gpt-*", from_date=now.date(), input=Decimal(2), output=Decimal(8), cached_input=Decimal("0.5"))
    count()
    return world


def look(client: Client, **asked: Any) -> Any:
    answer = client.get(PAGE, asked)
    assert answer.status_code == 200
    return answer


def total(answer: Any) -> dict[str, str]:
    return {one.name: one.said for one in answer.context["total"]}


def rows(answer: Any, table: str) -> dict[str, list[str]]:
    (found,) = (one for one in answer.context["tables"] if one.about == table)
    return {row.label: [figure.said for figure in row.figures] for row in found.rows}


def test_who_looks_after_a_team_sees_its_numbers(used: World) -> None:
    page = look(used.client("team admin"))
    assert total(page) == {
        "People active": "2",
        "Replies": "5",
        "Tokens read": "3,010",
        "Tokens written": "160",
        "Cost": "0.0063 *",  # 3 × (800 × 2 + 200 × 0.5 + 50 × 8) / 1,000,000; the model “other” has no price
        "Failed": "1",
        "Incomplete": "1",
        "First words, p50": "0.47 s",
        "First words, p95": "0.50 s",
        "Stored": "4",
        "Not stored": "1",
    }
    assert "other" in page.text
    assert rows(page, "Team").keys() == {"Physics"}
    assert rows(page, "Model")["other"][:5] == ["1", "1", "10", "10", "no price"]
    days = rows(page, "Day")
    assert len(days) == 30
    assert [row[1] for row in days.values()][:4] == ["4", "0", "1", "0"]


def test_the_owner_of_the_server_sees_everybodys_and_no_team_of_one_by_name(used: World) -> None:
    page = look(used.client("server owner"), days=7)
    assert {name: row[1] for name, row in rows(page, "Team").items()} == {
        "Physics": "5",
        "Chemistry": "1",
        "On their own, or in a team that has ended": "1",
    }
    assert total(page)["People active"] == "4"
    Team.objects.get(pk=used.chemistry.pk).delete()
    later = look(used.client("server owner"), days=7)
    assert rows(later, "Team")["On their own, or in a team that has ended"][1] == "2"
    assert total(later)["Replies"] == "7"


@pytest.mark.parametrize(
    ("who", "replies"), [("server owner", "5"), ("team owner", "5"), ("other admin", None), ("stranger", None)]
)
def test_a_team_out_of_reach_is_not_there(used: World, who: str, replies: str | None) -> None:
    answer = used.client(who).get(PAGE, {"team": used.physics.pk})
    assert answer.status_code == (200 if replies else 404)
    if replies:
        assert total(answer)["Replies"] == replies


@pytest.mark.parametrize(
    "asked",
    [{"days": "31"}, {"days": "x"}, {"days": "-7"}, {"days": "٧"}, {"team": "team_0"}, {"team": "\x00"}, {"model": "a\x00"}],
)
def test_what_is_no_filter_is_not_there(used: World, asked: dict[str, str]) -> None:
    assert used.client("server owner").get(PAGE, asked).status_code == 404


def test_it_is_narrowed_to_a_model_and_nothing_is_said_in_words(used: World) -> None:
    page = look(used.client("team admin"), model="other", days=90)
    assert (total(page)["Replies"], total(page)["Cost"]) == ("1", "no price")
    assert total(look(used.client("team admin"), model="other", days=7))["Replies"] == "1"
    empty = look(used.client("team admin"), model="never used")
    assert "No reply has ended here" in empty.text
    assert "<svg" not in empty.text


@pytest.mark.parametrize(("days", "bars"), [(7, 7), (90, 90), (365, 53)])
def test_days_without_replies_are_days_and_a_year_is_drawn_in_weeks(used: World, days: int, bars: int) -> None:
    page = look(used.client("team admin"), days=days)
    assert len(rows(page, "Day")) == days
    for plot in page.context["plots"]:
        assert len(plot.bars) == bars
        assert all(0 <= bar.part_height <= bar.height <= 100 for bar in plot.bars)
    assert page.context["plots"][0].bars[-1].height == 100
    assert not re.search(r"\sstyle=", page.text)


def test_a_price_for_days_gone_by_counts_at_once(used: World) -> None:
    client = used.client("team admin")
    for ago, price in ((2, 1), (1, 100)):
        day = datetime.now(UTC).date() - timedelta(days=ago)
        Price.objects.create(model="other", from_date=day, input=price, output=2 * price)
    page = look(client)
    assert total(page)["Cost"] == "0.0063"
    assert rows(page, "Model")["other"][4] == rows(look(client, model="other"), "Team")["Physics"][4] == "below 0.0001"
    Price.objects.filter(model="other").update(input=500_000, output=500_000)
    page = look(client)
    assert total(page)["Cost"] == rows(page, "Team")["Physics"][4] == "10.01"


def test_it_takes_as_many_questions_for_many_replies_as_for_few(used: World, django_assert_max_num_queries: Any) -> None:
    client = used.client("server owner")
    look(client)
    with django_assert_max_num_queries(22):
        look(client, days=365)


@pytest.mark.urls(__name__)
def test_a_number_leads_to_the_replies_that_it_counts() -> None:
    day = datetime(2026, 11, 3, tzinfo=UTC).date()
    found = to_replies([{}, {"status": "failed"}], first=day, last=day, team="team_1", model="a b&c")
    address = "/panel/responses/?from=2026-11-03T00%3A00Z&to=2026-11-03T23%3A59Z&team=team_1&model=a+b%26c&counted=yes"
    assert found == [address, f"{address}&status=failed"]
