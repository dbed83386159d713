"""Pages are light and quick: bytes, requests, lines of JavaScript, and the time from a click to the next page."""

from collections.abc import Callable
from statistics import median
from time import monotonic
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.house import ROOT, House
from tests.browser.people import Person
from tests.browser.talk import say, talk

BYTES, REQUESTS = 60_000, 12
LINES, LINES_MORE = 600, 150


class Meter:
    """What a page transfers, as the network counts it: compressed, with headers."""

    def __init__(self, page: Page) -> None:
        self.bytes = 0.0
        self.requests: list[str] = []
        session = page.context.new_cdp_session(page)
        session.send("Network.enable")
        session.send("Network.setCacheDisabled", {"cacheDisabled": True})
        session.on("Network.requestWillBeSent", self._sent)
        session.on("Network.loadingFinished", self._finished)

    def _sent(self, event: dict[str, Any]) -> None:
        if event["request"]["url"].startswith("http"):
            self.requests.append(event["request"]["url"])

    def _finished(self, event: dict[str, Any]) -> None:
        self.bytes += event["encodedDataLength"]


def assert_light(page: Page, path: str) -> None:
    meter = Meter(page)
    page.goto(path, wait_until="networkidle")
    assert 5_000 < meter.bytes < BYTES, f"{meter.bytes} bytes"
    assert len(meter.requests) <= REQUESTS, meter.requests
    print(f"{path}: {meter.bytes:.0f} bytes in {len(meter.requests)} requests")


def test_the_first_visit_to_the_sign_in_page(contexts: Callable[..., BrowserContext], house: House, owner: Person) -> None:
    assert_light(contexts(base_url=house.url).new_page(), "/accounts/login/")


def test_the_first_visit_to_the_first_page(contexts: Callable[..., BrowserContext], house: House, person: Person) -> None:
    context = contexts(base_url=house.url)
    person.enter(context)
    assert_light(context.new_page(), "/")


def test_the_first_visit_to_a_conversation(page: Page, contexts: Callable[..., BrowserContext], person: Person) -> None:
    talk(page, say("One."), say("Two."), say("Three."))
    context = contexts()
    person.enter(context)
    assert_light(context.new_page(), page.url)


def lines(path: str) -> int:
    return len((ROOT / "static" / path).read_text().splitlines())


def bundled() -> list[str]:
    line = next(line for line in (ROOT / "static" / "bundle.txt").read_text().splitlines() if line.startswith("app.js:"))
    return [name for name in line.split()[1:] if not name.startswith("vendor/")]


def test_the_conversation_page_has_few_lines_of_our_javascript() -> None:
    assert sum(lines(name) for name in bundled()) <= LINES


def test_other_pages_have_few_more() -> None:
    others = [path for path in (ROOT / "static" / "js").glob("*.js") if f"js/{path.name}" not in bundled()]
    assert all(lines(f"js/{path.name}") <= LINES_MORE for path in others)


@pytest.mark.parametrize("there", ["conversation", "settings", "new"])
def test_a_page_is_on_screen_soon_after_the_click(page: Page, there: str) -> None:
    """300 ms on an idle machine; here the bound is a loose one, for machines that do other things too."""
    talk(page, say("One."))
    taken = [one_click(page, there) for _ in range(5)]
    print(f"{there}: {median(taken) * 1000:.0f} ms")
    assert median(taken) < 1


def one_click(page: Page, there: str) -> float:
    """Seconds from the click to the first paint of the page it leads to."""
    page.goto("/" if there == "conversation" else "/archived/")
    if there == "settings":
        page.get_by_role("navigation", name="Sidebar").locator("button.account").click()
    links = {
        "conversation": page.get_by_role("list", name="Conversations").get_by_role("link").first,
        "settings": page.get_by_role("link", name="Settings"),
        "new": page.get_by_role("link", name="New conversation", exact=True),
    }
    headings = {"conversation": "One.", "settings": "Settings", "new": "What would you like"}
    began = monotonic()
    links[there].click(no_wait_after=True)
    expect(page.get_by_role("heading", level=1).filter(has_text=headings[there].rstrip("."))).to_be_visible()
    return monotonic() - began
