"""On a bad day there is one plain sentence, and nothing that was typed is lost."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.browser.house import House
from tests.browser.talk import ENDED, box, directive, ended, growing, questions, replies, say, send, words
from tests.browser.watch import Watch
from tests.scripted import ScriptedServer

AWAY = "net::ERR|WebSocket|Failed to fetch|htmx:ws:error"
DAYS = {
    "the key is refused": (directive(error=401), "failed", "The model server refused the key."),
    "too many requests": (directive(error=429, retry_after=3600), "failed", "too many requests"),
    "the quota is used up": (directive(error=429, code="insufficient_quota"), "failed", "used up its quota"),
    "the context is too long": (directive(error=400, code="context_length_exceeded"), "failed", "longer than the model can read"),
    "the server fails": (directive(error=500), "failed", "The model server had an error of its own"),
    "an error inside the stream": (directive(fail="after:4"), "failed", "The model server"),
    "the stream ends too early": (directive(eof="after:5"), "incomplete", "The reply was cut"),
    "the connection is reset": (directive(reset="after:5"), "incomplete", "The reply was cut"),
    "the filter stops it": (directive(tokens=8, finish="content_filter"), "incomplete", "content filter"),
    "nonsense comes": (directive(malformed="json"), "failed|incomplete", "cannot be read|cut"),
}


@pytest.mark.parametrize("day", DAYS)
def test_a_failed_reply_says_what_happened_in_one_sentence(page: Page, day: str) -> None:
    text, status, sentence = DAYS[day]
    send(page, text)
    ended(page, re.compile(status))
    assert_one_sentence(page, sentence)
    expect(questions(page)).to_have_text(re.compile(re.escape(text)))
    expect(page.get_by_role("button", name="Regenerate")).to_be_visible()
    page.reload()
    assert_one_sentence(page, sentence)


def assert_one_sentence(page: Page, sentence: str) -> None:
    alert = page.locator("[data-error]")
    expect(alert).to_have_count(1)
    expect(alert).to_be_visible()
    expect(alert).to_contain_text(re.compile(sentence))
    text = alert.inner_text()
    assert len(text) < 250
    assert not re.search(r"Traceback|Error\b|Exception|None|\{|\bsk-", text)


def test_a_limit_says_how_long_to_wait(page: Page) -> None:
    send(page, directive(error=429, retry_after=90))
    ended(page, "failed")
    expect(page.locator("[data-error]")).to_contain_text(re.compile(r"90 seconds|1[.,]5 minutes|minute|1:30"))


def test_a_short_limit_is_waited_for(page: Page, model: ScriptedServer) -> None:
    send(page, directive(error=429, retry_after=1, times=1, tokens=5))
    assert len(words(ended(page)).split()) == 5


@pytest.fixture
def unreachable(model_server: ScriptedServer) -> Iterator[None]:
    """The model server is away."""
    model_server.stop()
    yield
    model_server.start()


def test_a_model_server_that_is_away_is_said_to_be(page: Page, unreachable: None) -> None:
    send(page, "Is anybody there?")
    ended(page, "failed")
    assert_one_sentence(page, "cannot be reached")


def test_regenerate_mends_a_failed_reply(page: Page, model_server: ScriptedServer) -> None:
    model_server.stop()
    try:
        send(page, directive(tokens=6))
        ended(page, "failed")
    finally:
        model_server.start()
    page.get_by_role("button", name="Regenerate").click()
    assert len(words(ended(page)).split()) == 6
    expect(page.locator("[data-error]")).to_have_count(0)


def composer_alert(page: Page) -> Locator:
    return page.locator("#composer").get_by_role("alert")


def test_a_server_that_is_down_does_not_cost_the_text(page: Page, house: House, watch: Watch) -> None:
    watch.expect(AWAY)
    send(page, directive(tokens=5))
    ended(page)
    house.stop()
    try:
        send(page, "Please keep this [[tokens=7]]")
        expect(composer_alert(page)).to_contain_text("The server cannot be reached.")
        expect(box(page)).to_have_value("Please keep this [[tokens=7]]")
    finally:
        house.start()
    box(page).press("Enter")
    ended(page, number=2)
    expect(box(page)).to_have_value("")
    expect(composer_alert(page)).to_have_count(0)
    page.reload()
    expect(questions(page)).to_have_count(2)
    expect(replies(page)).to_have_count(2)


def test_the_first_message_survives_a_server_that_is_down_too(page: Page, house: House, watch: Watch) -> None:
    watch.expect(AWAY)
    house.stop()
    try:
        box(page).fill(say("Here again."))
        box(page).press("Enter")
        expect(composer_alert(page)).to_contain_text("The server cannot be reached.")
        expect(box(page)).to_have_value(say("Here again."))
    finally:
        house.start()
    box(page).press("Enter")
    page.wait_for_url("**/c/*/")
    ended(page)
    expect(page.get_by_role("list", name="Conversations").get_by_role("link")).to_have_count(1)


def test_an_answer_lost_on_the_way_does_not_double_the_message(page: Page, watch: Watch) -> None:
    watch.expect(AWAY)
    send(page, directive(tokens=5))
    ended(page)

    def lose(route: Route) -> None:
        route.fetch()
        route.abort()

    page.route("**/messages/", lose, times=1)
    send(page, directive(tokens=6))
    expect(composer_alert(page)).to_contain_text("cannot be reached")
    box(page).press("Enter")
    expect(box(page)).to_have_value("")
    ended(page, number=2)
    page.reload()
    expect(questions(page)).to_have_count(2)
    expect(replies(page)).to_have_count(2)


def test_a_server_killed_in_mid_reply_keeps_what_was_shown(page: Page, house: House, watch: Watch) -> None:
    watch.expect(AWAY)
    send(page, directive(tokens=900, rate=50))
    shown = growing(page, beyond=60)
    house.stop(kill=True)
    house.start()
    kept = words(ended(page, re.compile("incomplete|failed"), within=25))
    assert kept.startswith(shown)
    expect(page.locator("#items").get_by_text("The reply was cut off before its end.")).to_be_visible()
    page.get_by_role("button", name="Continue").click()
    expect(replies(page)).to_have_count(2)
    page.get_by_role("button", name="Stop").click()
    ended(page, ENDED)


def test_a_message_that_is_too_long_is_refused_and_kept(page: Page, watch: Watch) -> None:
    watch.expect("413|status of 4")
    text = "word " * 41_000
    box(page).fill(text)
    box(page).press("Enter")
    expect(composer_alert(page)).to_contain_text("200 KB is the most")
    assert box(page).input_value() == text
