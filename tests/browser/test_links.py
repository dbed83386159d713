"""A link in another's browser: the reply grows there too, and once it is withdrawn nothing is left of it."""

import re
from collections.abc import Callable

from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.house import House
from tests.browser.people import Person
from tests.browser.talk import directive, say, send

Pages = Callable[..., Page]
SOON = 2_000  # milliseconds


def address_of_link(page: Page) -> str:
    (address,) = re.findall(r"/s/link_\w+/", page.locator(".code.link pre").first.inner_text())
    return str(address)


def test_a_visitor_sees_the_reply_grow_and_then_nothing(
    signed_in_page: Pages, contexts: Callable[..., BrowserContext], house: House, person: Person
) -> None:
    conversation = person.begin(say("Hello."))
    mine = signed_in_page(person, f"{conversation}share/")
    mine.get_by_label("Live: what you see of it, also from now on").check()
    mine.get_by_label("Password (optional)").fill("the stars are fires")
    mine.get_by_role("button", name="Make a link").click()
    visitor = contexts(base_url=house.url).new_page()
    problems: list[str] = []
    visitor.on("console", lambda message: problems.append(message.text) if message.type in ("error", "warning") else None)
    visitor.goto(address_of_link(mine))
    visitor.get_by_label("Password").fill("the stars are fires")
    visitor.get_by_role("button", name="Open").click()
    expect(visitor.get_by_role("article", name="Reply")).to_have_text("Hello.")
    mine.goto(conversation)
    send(mine, f"Go on. {directive(tokens=60, rate=15)}")
    reply = visitor.locator("#exchange-1 .prose")
    expect(reply).not_to_be_empty()
    early = reply.inner_text()
    expect(visitor.locator("#exchange-1 .response")).to_have_attribute("data-status", "completed", timeout=15_000)
    assert len(reply.inner_text()) > len(early) > 0
    expect(reply).to_have_text(mine.locator(".response .prose").last.inner_text(), use_inner_text=True)
    mine.goto(f"{conversation}share/")
    mine.once("dialog", lambda dialog: dialog.accept())
    mine.get_by_role("button", name="Withdraw").click()
    expect(visitor.locator("#items")).to_have_text("This link shows nothing any more.", timeout=SOON + 1_000)
    assert "Hello." not in visitor.content()
    assert problems == []
