"""Copy gives a message, or the code of one block, and says so."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.people import Person
from tests.browser.talk import questions, say, talk

CODE = "def bake(loaves):\n    return loaves * 2"
TEXT = f"First **bold** words.\n\n```python\n{CODE}\n```\n\nLast words."


@pytest.fixture
def page(signed_in_page: Callable[..., Page], person: Person) -> Page:
    page = signed_in_page(person, permissions=["clipboard-read", "clipboard-write"])
    talk(page, say(TEXT))
    return page


def clipboard(page: Page) -> str:
    text: str = page.evaluate("navigator.clipboard.readText()")
    return text


def test_a_reply_is_copied_as_text(page: Page) -> None:
    page.locator("section.response").get_by_role("button", name="Copy", exact=True).last.click()
    expect(page.locator("[data-announce]")).to_have_text("Copied.")
    assert clipboard(page) == f"First bold words.\n\n{CODE}\n\nLast words."


def test_a_block_of_code_is_copied_as_it_is(page: Page) -> None:
    block = page.locator("article .block").filter(has=page.locator("pre"))
    block.hover()
    block.locator("[data-copy=code]").click()
    expect(page.locator("[data-announce]")).to_have_text("Copied.")
    assert clipboard(page) == CODE


def test_a_question_is_copied(page: Page) -> None:
    questions(page).hover()
    questions(page).get_by_role("button", name="Copy").click()
    expect(page.locator("[data-announce]")).to_have_text("Copied.")
    assert clipboard(page) == say(TEXT)
