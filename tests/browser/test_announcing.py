"""A screen reader hears whole sentences of the growing reply, politely and not too often, and its end."""

from itertools import pairwise

from playwright.sync_api import Page, expect

from tests.browser.talk import directive, ended, growing, say, send
from tests.browser.texts import SENTENCES

LISTEN = """() => {
  window.heard = [];
  const live = document.querySelector("[aria-live]");
  new MutationObserver(() => live.textContent && window.heard.push([performance.now(), live.textContent]))
    .observe(live, { childList: true, characterData: true, subtree: true });
}"""


def test_the_reply_is_read_in_sentences_with_pauses_and_an_end(page: Page) -> None:
    send(page, say(SENTENCES, rate=32))
    growing(page)
    page.evaluate(LISTEN)
    live = page.locator("[data-announce]")
    expect(live).to_have_attribute("aria-live", "polite")
    ended(page)
    expect(live).to_contain_text("Reply complete.")
    heard = page.evaluate("window.heard")
    assert len(heard) >= 2
    assert all(later[0] - earlier[0] > 2000 for earlier, later in pairwise(heard))
    assert all(text.strip().endswith(".") for _, text in heard)
    said = " ".join(text for _, text in heard)
    assert said.count("sentence number 20 of") == 1


def test_a_stop_is_said(page: Page) -> None:
    send(page, directive(tokens=900, rate=50))
    growing(page)
    page.get_by_role("button", name="Stop").click()
    expect(page.locator("[data-announce]")).to_contain_text("Reply stopped.")


def test_a_failure_is_said(page: Page) -> None:
    send(page, directive(fail="after:30", rate=15, tokens=60))
    growing(page)
    ended(page, "failed")
    expect(page.locator("[data-announce]")).to_contain_text("The model server")


def test_what_follows_soon_after_another_reply_is_said_too(page: Page) -> None:
    send(page, directive(tokens=60, rate=60))
    growing(page)
    ended(page)
    send(page, directive(fail="after:4", rate=12))
    ended(page, "failed", number=2)
    expect(page.locator("[data-announce]")).to_contain_text("The model server")


def test_the_growing_text_itself_is_not_a_live_region(page: Page) -> None:
    send(page, directive(tokens=100, rate=60))
    growing(page)
    assert page.locator("#items [aria-live], #items[aria-live], #items [role=log], #items [role=status]").count() == 0
    ended(page)
