"""What people do on a conversation page, and what they see, found by the names that stay."""

import re
from collections.abc import Callable
from time import monotonic

from playwright.sync_api import Locator, Page, expect

ENDED = re.compile("^(completed|incomplete|failed|cancelled)$")


def say(text: str, **options: object) -> str:
    """A message that makes the scripted model server answer exactly this: anything without a single quote and without "]]"."""
    assert "'" not in text
    assert "]]" not in text
    return directive(say=f"'{text}'", **options)


def directive(**options: object) -> str:
    return f"[[{' '.join(f'{name}={value}' for name, value in options.items())}]]"


def box(page: Page) -> Locator:
    return page.get_by_role("textbox", name="Message", exact=True)


def send(page: Page, text: str) -> None:
    """Type and press Enter; on the first page the conversation's own page follows."""
    fresh = "/c/" not in page.url
    box(page).fill(text)
    box(page).press("Enter")
    if fresh:
        page.wait_for_url("**/c/*/")


def questions(page: Page) -> Locator:
    return page.locator('article[data-item-type="message"][data-role="user"]')


def replies(page: Page) -> Locator:
    return page.locator('article[data-item-type="message"][data-role="assistant"]')


def reply(page: Page) -> Locator:
    """The last reply."""
    return replies(page).last


def responses(page: Page) -> Locator:
    """One for each question, as soon as it is asked; a reply that has not begun shows an item that its first one replaces."""
    return page.locator("#items section.response")


def ended(page: Page, status: str | re.Pattern[str] = "completed", *, number: int = 0, within: float = 15) -> Locator:
    """The last reply, once it has ended like this; `number` is how many replies there are by then (0: any), `within` seconds."""
    if number:
        expect(responses(page)).to_have_count(number, timeout=within * 1000)
    expect(responses(page).last).to_have_attribute("data-status", status, timeout=within * 1000)
    expect(reply(page)).to_have_attribute("data-status", status, timeout=within * 1000)
    return reply(page)


def words(article: Locator) -> str:
    """The text of a reply as it stands, blanks folded."""
    return " ".join(article.locator(".prose").all_inner_texts()).strip()


def growing(page: Page, *, beyond: int = 0) -> str:
    """Wait until the running reply shows more than so many characters; its text then."""
    page.wait_for_function(
        """(beyond) => {
          const article = [...document.querySelectorAll('article[data-role="assistant"]')].at(-1);
          const text = article?.querySelector(".prose")?.textContent ?? "";
          return article?.dataset.status === "in_progress" && text.length > beyond;
        }""",
        arg=beyond,
        timeout=10_000,
        polling=20,  # a page in the background draws no frames
    )
    return words(reply(page))


def talk(page: Page, *texts: str) -> None:
    """Say these, each after the reply to the one before."""
    for text in texts:
        before = responses(page).count() if "/c/" in page.url else 0
        send(page, text)
        ended(page, ENDED, number=before + 1)


def eventually(check: Callable[[], bool], *, page: Page, within: float = 10) -> None:
    """Ask until it holds; the page lives meanwhile."""
    deadline = monotonic() + within
    while not check():
        assert monotonic() < deadline, f"not within {within} s"
        page.wait_for_timeout(50)
