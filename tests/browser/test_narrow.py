"""On a phone nothing sticks out: no page scrolls sideways."""

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.house import House
from tests.browser.people import Person
from tests.browser.talk import box, directive, ended, growing, questions, say, send, talk
from tests.browser.texts import LONG_WORD, RICH, WIDE

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
WIDTHS = "[document.documentElement.scrollWidth, document.documentElement.clientWidth, document.body.scrollWidth]"
# Elements that reach beyond the right edge without a box of their own that scrolls.
OUTSIDE = """() => [...document.querySelectorAll("body *")].filter((one) => {
  if (!one.checkVisibility() || one.getBoundingClientRect().right <= innerWidth + 1) return false;
  for (let up = one.parentElement; up; up = up.parentElement) {
    if (/auto|scroll|hidden|clip/.test(getComputedStyle(up).overflowX)) return false;
  }
  return true;
}).map((one) => one.outerHTML.slice(0, 120))"""

# What is tapped, outside of running text, and smaller than 24 by 24 (WCAG 2.2, target size).
SMALL = """() => [...document.querySelectorAll("button, a, select, summary")].filter((one) => {
  const { width, height, right } = one.getBoundingClientRect();
  const seen = one.checkVisibility({ visibilityProperty: true, opacityProperty: true }) && right > 0 && width > 1;
  return seen && (width < 24 || height < 24) && !one.closest(".prose") && !one.matches(".skip");
}).map((one) => one.outerHTML.slice(0, 100))"""


@pytest.fixture
def phone(signed_in_page: Callable[..., Page], person: Person) -> Page:
    return signed_in_page(person, **PHONE)


def assert_fits(page: Page) -> None:
    whole, window, body = page.evaluate(WIDTHS)
    assert page.evaluate(OUTSIDE) == []
    assert whole <= window
    assert body <= window


@pytest.mark.parametrize("path", ["/accounts/login/", "/accounts/signup/"])
def test_pages_for_everybody_fit(contexts: Callable[..., BrowserContext], house: House, owner: Person, path: str) -> None:
    page = contexts(base_url=house.url, **PHONE).new_page()
    page.goto(path)
    assert_fits(page)


@pytest.mark.parametrize("path", ["/", "/settings/", "/search/", "/archived/", "/settings/server/"])
def test_pages_of_a_person_fit(signed_in_page: Callable[..., Page], owner: Person, path: str) -> None:
    assert_fits(signed_in_page(owner, path, **PHONE))


@pytest.mark.parametrize("text", [WIDE, RICH])
def test_a_conversation_fits_while_it_grows_and_after(phone: Page, text: str) -> None:
    send(phone, say(text, rate=120))
    growing(phone)
    assert_fits(phone)
    ended(phone)
    assert_fits(phone)
    phone.get_by_role("button", name="Open the sidebar").tap()
    expect(phone.get_by_role("list", name="Conversations")).to_be_visible()
    assert_fits(phone)


def test_an_endless_word_fits_everywhere(phone: Page) -> None:
    talk(phone, LONG_WORD, directive(error=401))
    assert_fits(phone)
    questions(phone).first.get_by_role("button", name="Edit").tap()
    expect(phone.get_by_role("textbox", name="New wording")).to_be_visible()
    assert_fits(phone)
    phone.goto(f"/search/?q={LONG_WORD[:30]}")
    expect(phone.get_by_role("main").get_by_role("link").first).to_be_visible()
    assert_fits(phone)


def test_the_composer_is_in_sight_and_can_be_used(phone: Page) -> None:
    send(phone, say("Hello."))
    ended(phone)
    expect(box(phone)).to_be_in_viewport()
    expect(phone.get_by_role("button", name="Send")).to_be_in_viewport()
    box(phone).fill(say("Again."))
    phone.get_by_role("button", name="Send").tap()
    ended(phone, number=2)


def test_what_is_tapped_is_large_enough(phone: Page) -> None:
    talk(phone, say("Hello."))
    assert phone.evaluate(SMALL) == []
