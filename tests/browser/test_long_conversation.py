"""Ten thousand messages behave like ten: the last ones at once, earlier ones as one goes up, without a jump."""

import re
from statistics import median
from time import monotonic

import pytest
from playwright.sync_api import Page, expect

from tests.browser.house import House
from tests.browser.long import NEEDLE
from tests.browser.people import Person
from tests.browser.talk import directive, ended, questions, replies, responses, send

# Goes near the top, and says by how many pixels the entry in sight moves when earlier ones come in above it.
GO_UP = """async () => {
  const items = document.getElementById("items");
  const count = () => items.querySelectorAll(".entry").length;
  const before = count();
  window.scrollTo({ top: 500, behavior: "instant" });
  const entry = [...items.querySelectorAll(".entry")].find((one) => one.getBoundingClientRect().top > 0);
  const top = entry.getBoundingClientRect().top;
  const end = performance.now() + 8000;
  while (count() === before && performance.now() < end) await new Promise((done) => setTimeout(done, 5));
  await new Promise((done) => setTimeout(done, 150));
  return { more: count() - before, moved: Math.abs(entry.getBoundingClientRect().top - top) };
}"""


@pytest.fixture(scope="module")
def reader(house: House, owner: Person) -> Person:
    """The owner, who talks a lot."""
    return owner


@pytest.fixture(scope="module")
def long(house: House, reader: Person) -> str:
    return house.run("long", reader.name, "5000")


@pytest.fixture(scope="module")
def short(house: House, reader: Person) -> str:
    return house.run("long", reader.name, "5")


@pytest.fixture
def person(reader: Person) -> Person:
    return reader


def time_to_last(page: Page, address: str, last: str) -> float:
    """Seconds until the last message is in sight; the middle one of five."""
    taken = []
    for _ in range(5):
        began = monotonic()
        page.goto(address, wait_until="commit")
        expect(replies(page).filter(has_text=last).last).to_be_in_viewport()
        taken.append(monotonic() - began)
    return median(taken)


def test_it_opens_as_fast_as_a_short_one(page: Page, long: str, short: str) -> None:
    quick = time_to_last(page, short, "Answer 5.")
    slow = time_to_last(page, long, "Answer 5000.")
    assert slow < 2 * quick + 0.3
    assert slow < 1.5


def test_it_begins_at_its_end_with_one_page(page: Page, long: str) -> None:
    page.goto(long)
    expect(replies(page).last).to_be_in_viewport()
    assert questions(page).count() <= 30
    assert page.evaluate("document.querySelectorAll('*').length") < 4000


def test_going_up_loads_earlier_messages_without_a_jump(page: Page, long: str) -> None:
    page.goto(long)
    expect(replies(page).last).to_be_in_viewport()
    for _ in range(4):
        went = page.evaluate(GO_UP)
        assert 0 < went["more"] <= 30
        assert went["moved"] <= 2
    shown = [int(re.findall(r"\d+", text)[0]) for text in questions(page).all_inner_texts()]
    assert shown == list(range(5000 - len(shown) + 1, 5001))


def test_a_message_sent_in_it_streams_and_stays(page: Page, short: str, long: str) -> None:
    page.goto(long)
    before = responses(page).count()
    send(page, directive(tokens=12))
    ended(page, number=before + 1)
    expect(replies(page).last).to_be_in_viewport()


def test_a_hit_far_above_is_opened_in_place(page: Page, long: str) -> None:
    page.goto("/search/?q=needle")
    page.get_by_role("main").get_by_role("link").first.click()
    page.wait_for_url("**/c/**")
    hit = questions(page).filter(has_text="Where is the needle?")
    expect(hit).to_be_in_viewport()
    expect(hit).to_contain_text(f"Question {NEEDLE}?")
    assert questions(page).count() <= 60
