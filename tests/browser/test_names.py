"""The names that stay: people with screen readers, and programs, find things by them."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.talk import directive, ended, growing, replies, say, send

BUTTONS = ("Send", "Stop", "Regenerate", "Edit", "Copy")


def test_a_conversation_has_its_names(page: Page) -> None:
    expect(page.get_by_role("textbox", name="Message", exact=True)).to_have_count(1)
    expect(page.get_by_role("button", name="Send", exact=True)).to_have_count(1)
    expect(page.get_by_role("list", name="Conversations", exact=True)).to_have_count(1)
    expect(page.get_by_role("searchbox", name="Search conversations", exact=True)).to_have_count(1)
    expect(page.get_by_role("link", name="New conversation", exact=True)).to_have_count(1)
    send(page, directive(tokens=200, rate=60))
    expect(page.get_by_role("button", name="Stop", exact=True)).to_have_count(1)
    growing(page)
    page.get_by_role("button", name="Stop", exact=True).click()
    ended(page, "cancelled")
    expect(page.get_by_role("button", name="Regenerate", exact=True)).to_have_count(1)
    expect(page.get_by_role("button", name="Edit", exact=True)).to_have_count(1)
    expect(page.get_by_role("button", name="Copy", exact=True)).to_have_count(2)


def test_every_item_is_an_article_with_its_attributes(page: Page) -> None:
    send(page, directive(tokens=30, reasoning=20))
    ended(page)
    items = page.locator("#items article")
    expect(items).to_have_count(3)
    seen = items.evaluate_all("(all) => all.map((one) => [one.dataset.itemType, one.dataset.role, one.dataset.status ?? null])")
    assert seen == [["message", "user", None], ["reasoning", "assistant", "completed"], ["message", "assistant", "completed"]]
    ids = items.evaluate_all("(all) => all.map((one) => one.dataset.itemId)")
    assert re.fullmatch(r"msg_\w+ rs_\w+ msg_\w+", " ".join(ids))


@pytest.mark.parametrize(
    ("text", "status"),
    [
        (directive(tokens=3), "completed"),
        (directive(tokens=3, finish="length"), "incomplete"),
        (directive(error=401), "failed"),
    ],
)
def test_the_status_word_of_a_reply_is_its_responses(page: Page, text: str, status: str) -> None:
    send(page, text)
    ended(page, status)


def test_a_growing_reply_is_in_progress(page: Page) -> None:
    send(page, directive(tokens=100, rate=60))
    growing(page)
    expect(replies(page)).to_have_attribute("data-status", "in_progress")
    ended(page)


def test_the_addresses_answer(page: Page) -> None:
    send(page, say("One."))
    assert re.search(r"/c/conv_\w+/$", page.url)
    for path in ("/", "/settings/", "/livez", "/readyz", "/search/", "/archived/"):
        answer = page.request.get(path)
        assert answer.status == 200, path


def test_a_tool_call_of_the_model_is_shown_by_its_name(page: Page) -> None:
    send(page, directive(tool="weather", args='{"city":"Paris"}'))
    call = page.locator('article[data-item-type="function_call"]')
    expect(call).to_have_attribute("data-status", re.compile("completed|failed|incomplete"))
    call.locator("summary").click()
    expect(call).to_contain_text("Paris")
