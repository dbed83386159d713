"""The whole of it, as somebody new would try it, with the model that Parley brings along."""

import re
from collections.abc import Callable

from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.dom import items_html
from tests.browser.house import House
from tests.browser.people import PASSWORD
from tests.browser.talk import box, ended, growing, questions, replies, send, words

POEM = "Write a long story about a river, with many details."


def test_from_signing_up_to_signing_out(contexts: Callable[..., BrowserContext], bundled: House) -> None:
    page = contexts(base_url=bundled.url).new_page()
    sign_up(page)
    read_a_reply(page)
    reload_in_the_middle(page)
    stop_another(page)
    edit_and_come_back(page)
    regenerate(page)
    find_it(page)
    sign_out(page)


def sign_up(page: Page) -> None:
    page.goto("/")
    page.get_by_role("link", name="Create the first one").click()
    page.get_by_label("Username").fill("ada")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Password (again)").fill(PASSWORD)
    page.get_by_role("button", name="Sign up").click()
    expect(page.get_by_text("This is a very small model")).to_be_visible()


def read_a_reply(page: Page) -> None:
    send(page, "What is the capital of France?")
    expect(ended(page, within=60)).to_contain_text("Paris")


def reload_in_the_middle(page: Page) -> None:
    send(page, POEM)
    shown = growing(page)
    page.reload()
    later = growing(page, beyond=len(shown))
    assert later.startswith(shown)
    whole = words(ended(page, re.compile("completed|incomplete"), number=2, within=90))
    assert len(whole) > len(later)
    html = items_html(page)
    page.reload()
    expect(replies(page)).to_have_count(2)
    assert items_html(page) == html


def stop_another(page: Page) -> None:
    send(page, POEM)
    growing(page)
    page.get_by_role("button", name="Stop").click()
    ended(page, "cancelled", number=3)


def edit_and_come_back(page: Page) -> None:
    first = questions(page).first
    first.hover()
    first.get_by_role("button", name="Edit").click()
    page.get_by_role("textbox", name="New wording").fill("What is the capital of Italy?")
    page.get_by_role("button", name="Ask again").click()
    expect(questions(page)).to_have_count(1)
    expect(ended(page, within=60)).to_contain_text("Rome")
    questions(page).first.get_by_role("button", name="Previous version").click()
    expect(replies(page)).to_have_count(3)
    questions(page).first.get_by_role("button", name="Next version").click()
    expect(replies(page)).to_have_count(1)


def regenerate(page: Page) -> None:
    page.get_by_role("button", name="Regenerate").click()
    expect(page.locator("section.response").get_by_text("2/2")).to_be_visible()
    ended(page, within=60)
    page.locator("section.response").get_by_role("button", name="Previous version").click()
    expect(page.locator("section.response").get_by_text("1/2")).to_be_visible()


def find_it(page: Page) -> None:
    page.get_by_role("searchbox", name="Search conversations").press_sequentially("Paris")
    page.locator("#found a").first.click()
    expect(page.locator("article.arrived")).to_contain_text("Paris")


def sign_out(page: Page) -> None:
    page.goto("/")
    expect(box(page)).to_be_visible()
    page.locator("button.account").click()
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/accounts/login/**")
    page.goto("/")
    page.wait_for_url("**/accounts/login/**")
