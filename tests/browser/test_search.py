"""Search finds own words, marks them, and opens the place they stand at."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.people import Person
from tests.browser.talk import say


@pytest.fixture
def talked(page: Page, person: Person) -> Page:
    """Two conversations; "platypus" was said in the first, "quokka" answered in the second."""
    person.begin("Tell me of the platypus. " + say("A river animal with a bill. " + "And many more words. " * 60))
    person.begin(say("The **quokka** lives on an island."))
    page.reload()
    return page


def found(page: Page) -> Locator:
    return page.locator("#found a")


def highlighted(page: Page) -> list[str]:
    read = "({ startContainer: { data }, startOffset, endOffset }) => data.slice(startOffset, endOffset).toLowerCase()"
    words: list[str] = page.evaluate(f"[...(CSS.highlights.get('found') ?? [])].map({read})")
    return words


def test_the_sidebar_finds_while_one_types(talked: Page) -> None:
    box = talked.get_by_role("searchbox", name="Search conversations")
    box.press_sequentially("platy", delay=20)
    said = talked.locator("#found a[href*='at=']")
    expect(said).to_have_count(1)
    expect(said.locator("mark")).to_have_text("platypus")
    said.click()
    talked.wait_for_url("**at=**")
    hit = talked.locator("article.arrived")
    expect(hit).to_contain_text("platypus")
    expect(hit).to_be_in_viewport()
    assert "platy" in highlighted(talked)


def test_escape_empties_the_search_and_brings_the_list_back(talked: Page) -> None:
    box = talked.get_by_role("searchbox", name="Search conversations")
    box.press_sequentially("quokka")
    expect(found(talked)).not_to_have_count(0)
    box.press("Escape")
    expect(box).to_have_value("")
    expect(found(talked)).to_have_count(0)
    expect(talked.get_by_role("list", name="Conversations").get_by_role("link")).to_have_count(2)


def test_the_search_page_finds_words_of_replies_and_opens_them_in_place(talked: Page) -> None:
    talked.goto("/search/?q=quokka+island")
    hit = talked.get_by_role("main").get_by_role("link").filter(has_text="lives on an").first
    expect(hit.locator("mark").first).to_have_text("quokka")
    hit.click()
    expect(talked.locator("article.arrived")).to_be_in_viewport()
    assert {"quokka", "island"} <= set(highlighted(talked))


def test_the_search_page_searches_while_one_types(talked: Page) -> None:
    talked.goto("/search/")
    box = talked.get_by_role("main").get_by_role("searchbox", name="Search conversations")
    expect(box).to_be_focused()
    box.press_sequentially("bill")
    expect(talked.get_by_role("main").locator("mark").first).to_have_text("bill")


def test_what_is_not_there_is_said_not_to_be(talked: Page) -> None:
    talked.goto("/search/?q=xylophone")
    expect(talked.get_by_role("main").get_by_role("link")).to_have_count(0)
    expect(talked.get_by_role("main")).to_contain_text("xylophone")


def test_another_persons_words_are_not_found(talked: Page, signed_in_page: Callable[..., Page], crowd: Iterator[Person]) -> None:
    stranger = signed_in_page(next(crowd), "/search/?q=platypus")
    expect(stranger.get_by_role("main").get_by_role("link")).to_have_count(0)


@pytest.mark.parametrize("query", ['"', "*", "AND OR NOT", "a:b^c", "'; DROP TABLE", "<script>", "%_", "日本"])
def test_odd_characters_break_nothing(talked: Page, query: str) -> None:
    talked.get_by_role("searchbox", name="Search conversations").fill(query)
    answer = talked.goto(f"/search/?q={query}")
    assert answer is not None
    assert answer.status == 200
