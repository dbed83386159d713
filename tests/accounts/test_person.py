"""What holds on every page for the person looking at it."""

from datetime import UTC, datetime

import pytest
from django.contrib.auth.models import AnonymousUser
from django.http import HttpResponse
from django.template import Context, RequestContext, Template
from django.test import RequestFactory

from chat.models import Invitation, User
from chat.store import server
from chat.web.middleware import PersonMiddleware

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)


def clock(request) -> HttpResponse:
    return HttpResponse(Template("{{ when|date:'H:i' }}").render(Context({"when": NOON})))


def seen(cookie: str) -> str:
    request = RequestFactory().get("/")
    request.user, request.session, request.COOKIES["tz"] = AnonymousUser(), {}, cookie
    return PersonMiddleware(clock)(request).text


@pytest.mark.parametrize("cookie", ["Europe/Berlin", "Europe%2FBerlin"])
def test_times_are_in_the_zone_that_the_browser_told(cookie):
    assert seen(cookie) == "14:00"


@pytest.mark.parametrize("cookie", ["", "Mars/Olympus", "../../etc/passwd", "/etc/localtime", "\x00", "x" * 5000])
def test_a_zone_that_does_not_exist_is_ignored(cookie):
    assert seen(cookie) == "12:00"


def test_the_zone_of_one_page_is_not_the_zone_of_the_next():
    seen("Asia/Tokyo")
    assert seen("") == "12:00"


def test_no_cache_keeps_what_a_signed_in_person_was_shown(people, client):
    assert "no-store" not in client.get("/accounts/password/reset/").headers.get("Cache-Control", "")
    client.force_login(people.stranger)
    answer = client.get("/settings/")
    assert {"private", "no-store"} <= set(answer["Cache-Control"].split(", "))


def test_every_page_has_the_strict_policy(people, client):
    for person in (None, people.stranger):
        if person:
            client.force_login(person)
        policy = client.get("/accounts/password/reset/")["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy


def rendered(text: str, user: User) -> str:
    request = RequestFactory().get("/")
    request.user, request.session = user, {}
    return Template(text).render(RequestContext(request))


def test_a_page_that_asks_for_nothing_costs_no_query(people, django_assert_num_queries):
    with django_assert_num_queries(0):
        rendered("{{ theme }} {{ person.username }}", people.stranger)


def test_pages_can_ask_about_the_server(people):
    asked = "{{ server.signup_open }} {{ server.untouched }} {{ server.mine }}"
    assert rendered(asked, people.owner) == "True False True"
    assert rendered(asked, people.stranger) == "True False False"
    server.change_signup(actor=people.owner, signup="closed")
    assert rendered(asked, people.stranger) == "False False False"
    assert not Invitation.objects.exists()
