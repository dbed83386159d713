"""The list of conversations: found by day, titled by the model, renamed, pinned, archived, deleted and had back."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.house import House
from tests.browser.people import Person
from tests.browser.talk import ended, say, send


@pytest.fixture
def listed(page: Page, person: Person) -> Page:
    """Three conversations; the page shows the last one."""
    for name in ("Bread", "Rivers", "Light"):
        address = person.begin(name)
    page.goto(address)
    return page


def heading(page: Page) -> Locator:
    return page.get_by_role("heading", level=1)


def links(page: Page) -> Locator:
    return page.get_by_role("list", name="Conversations").get_by_role("link")


def choose(page: Page, name: str, action: str) -> None:
    """An action from the menu of one conversation in the list."""
    row = page.get_by_role("list", name="Conversations").locator("li.conversation-item").filter(has_text=name)
    row.hover()
    row.get_by_role("button", name="More").click()
    page.locator("[popover]:popover-open").get_by_role("button", name=action, exact=True).click()


def test_the_model_finds_a_title_and_the_page_shows_it(page: Page) -> None:
    send(page, say("A short walk"))
    ended(page)
    expect(heading(page)).to_have_text("A short walk")
    expect(links(page).first).to_have_text("A short walk")
    expect(page).to_have_title(re.compile("A short walk"))


def test_conversations_stand_under_their_day_newest_first(listed: Page, house: House, person: Person) -> None:
    expect(links(listed)).to_have_text(["Light", "Rivers", "Bread"])
    house.run("ages", person.name, "1", "4", "400")
    listed.reload()
    groups = listed.get_by_role("list", name="Conversations").get_by_role("heading")
    expect(groups).to_have_text([re.compile("Yesterday"), re.compile("Previous 7 days"), re.compile(r"\w+ \d{4}")])
    expect(links(listed)).to_have_text(["Light", "Rivers", "Bread"])


def test_the_conversation_on_screen_is_marked_in_the_list(listed: Page) -> None:
    expect(links(listed).filter(has_text="Light")).to_have_attribute("aria-current", "page")
    links(listed).filter(has_text="Bread").click()
    expect(heading(listed)).to_have_text("Bread")
    expect(links(listed).filter(has_text="Bread")).to_have_attribute("aria-current", "page")


def test_a_conversation_is_renamed_in_the_list_and_on_screen(listed: Page) -> None:
    choose(listed, "Light", "Rename")
    box = listed.get_by_role("textbox", name="Title")
    expect(box).to_be_focused()
    box.fill("A longer name")
    box.press("Enter")
    expect(heading(listed)).to_have_text("A longer name")
    expect(links(listed).first).to_have_text("A longer name")
    expect(listed).to_have_title(re.compile("A longer name"))
    listed.reload()
    expect(heading(listed)).to_have_text("A longer name")


def test_a_rename_left_with_escape_changes_nothing(listed: Page) -> None:
    choose(listed, "Bread", "Rename")
    box = listed.get_by_role("textbox", name="Title")
    expect(box).to_be_focused()
    box.press("Escape")
    expect(box).to_have_count(0)
    expect(links(listed)).to_have_text(["Light", "Rivers", "Bread"])


def test_a_pinned_conversation_stands_first(listed: Page) -> None:
    choose(listed, "Bread", "Pin")
    expect(links(listed)).to_have_text(["Bread", "Light", "Rivers"])
    expect(listed.get_by_role("list", name="Conversations").get_by_role("heading").first).to_have_text(re.compile("Pinned"))
    choose(listed, "Bread", "Unpin")
    expect(links(listed)).to_have_text(["Light", "Rivers", "Bread"])


def test_an_archived_conversation_leaves_the_list_and_comes_back(listed: Page) -> None:
    choose(listed, "Rivers", "Archive")
    expect(links(listed)).to_have_text(["Light", "Bread"])
    listed.goto("/archived/")
    archive = listed.get_by_role("list", name="Archive")
    expect(archive.get_by_role("link")).to_contain_text("Rivers")
    archive.get_by_role("button", name="Unarchive").click()
    expect(links(listed)).to_have_text(["Light", "Rivers", "Bread"])


def test_a_deleted_conversation_can_be_had_back(listed: Page) -> None:
    choose(listed, "Rivers", "Delete")
    expect(links(listed)).to_have_text(["Light", "Bread"])
    listed.get_by_role("button", name="Undo").click()
    expect(links(listed)).to_have_text(["Light", "Rivers", "Bread"])


def test_the_conversation_on_screen_can_be_deleted_and_had_back(listed: Page) -> None:
    address = listed.url
    choose(listed, "Light", "Delete")
    listed.wait_for_url(re.compile(r"/\?deleted="))
    expect(links(listed)).to_have_text(["Rivers", "Bread"])
    listed.get_by_role("button", name="Undo").click()
    listed.wait_for_url(address)
    expect(heading(listed)).to_have_text("Light")


def test_a_conversation_deleted_elsewhere_says_so(listed: Page) -> None:
    other = listed.context.new_page()
    other.goto("/")
    choose(other, "Light", "Delete")
    expect(listed.get_by_text("This conversation is no longer here.")).to_be_visible()
