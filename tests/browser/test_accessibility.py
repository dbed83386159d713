"""axe-core finds nothing on any page, in any state, in any look."""

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.axe import violations
from tests.browser.house import House
from tests.browser.people import Person
from tests.browser.talk import directive, ended, growing, questions, say, send, talk
from tests.browser.test_attaching import IMAGE, attach
from tests.browser.texts import RICH
from tests.browser.watch import Watch

Opened = Callable[..., Page]


@pytest.mark.parametrize("path", ["/accounts/login/", "/accounts/signup/", "/accounts/password/reset/", "/no-such-page/"])
def test_pages_for_everybody(
    contexts: Callable[..., BrowserContext], house: House, owner: Person, path: str, watch: Watch
) -> None:
    watch.expect("404")
    page = contexts(base_url=house.url).new_page()
    page.goto(path)
    assert violations(page) == []


def test_a_form_that_says_what_is_wrong(
    contexts: Callable[..., BrowserContext], house: House, owner: Person, watch: Watch
) -> None:
    page = contexts(base_url=house.url).new_page()
    page.goto("/accounts/signup/")
    page.get_by_label("Username").fill("olivia")
    page.get_by_label("Password", exact=True).fill("12345678")
    page.get_by_label("Password (again)").fill("12345678")
    page.get_by_role("button", name="Sign up").click()
    expect(page.get_by_role("alert").first).to_be_visible()
    assert violations(page) == []


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/settings/",
        "/search/",
        "/archived/",
        "/mentions/",
        "/settings/notifications/",
        "/accounts/password/change/",
        "/accounts/email/",
    ],
)
def test_pages_of_a_person(page: Page, path: str) -> None:
    page.goto(path)
    assert violations(page) == []


@pytest.mark.parametrize("path", ["/settings/server/"])
def test_pages_of_the_owner(signed_in_page: Opened, owner: Person, path: str) -> None:
    assert violations(signed_in_page(owner, path)) == []


def test_a_conversation_with_everything_in_it(page: Page) -> None:
    talk(page, say(RICH), directive(tokens=20, reasoning=20), directive(tokens=20, finish="length"), directive(error=401))
    page.get_by_role("button", name="Regenerate").last.click()
    expect(page.get_by_text("2/2")).to_be_visible()
    for summary in page.locator("#items summary").all():
        summary.click()
    assert violations(page) == []


def test_images_and_files(page: Page) -> None:
    attach(page, IMAGE)
    expect(page.get_by_label("is looked at")).to_be_visible()
    assert violations(page) == []
    send(page, say("I see."))
    ended(page)
    assert violations(page) == []
    for path in ("/files/", page.locator("a.picture").get_attribute("href")):
        page.goto(str(path))
        assert violations(page) == []


def test_a_reply_that_grows(page: Page) -> None:
    send(page, say(RICH * 12, rate=60))
    growing(page)
    assert violations(page) == []
    page.get_by_role("button", name="Stop").click()
    ended(page, "cancelled")


def test_a_reply_that_has_not_begun(page: Page) -> None:
    send(page, directive(hang="first"))
    assert violations(page) == []
    page.get_by_role("button", name="Stop").click()
    ended(page, "cancelled")
    assert violations(page) == []


def test_an_open_edit_form(page: Page) -> None:
    talk(page, say("One."))
    questions(page).hover()
    page.get_by_role("button", name="Edit").click()
    expect(page.get_by_role("textbox", name="New wording")).to_be_focused()
    assert violations(page) == []


def test_an_open_menu_and_a_rename_form(page: Page) -> None:
    talk(page, say("One."))
    more = page.get_by_role("banner").get_by_role("button", name="More")
    more.click()
    assert violations(page) == []
    page.set_viewport_size({"width": 1440, "height": 900})
    page.keyboard.press("Escape")
    more.click()
    page.locator("[popover]:popover-open").get_by_role("button", name="Rename").click()
    expect(page.get_by_role("textbox", name="Title")).to_be_focused()
    assert violations(page) == []


def test_the_open_sidebar_of_a_phone_with_a_search_in_it(signed_in_page: Opened, person: Person) -> None:
    page = signed_in_page(person, viewport={"width": 390, "height": 844})
    talk(page, say("One rainbow."))
    page.get_by_role("button", name="Open the sidebar").click()
    page.get_by_role("searchbox", name="Search conversations").fill("rainbow")
    expect(page.locator("#found mark").first).to_be_visible()
    assert violations(page) == []
