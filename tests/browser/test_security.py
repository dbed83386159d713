"""A strict policy on every page, nothing inline in the document, and hostile text does nothing."""

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.people import Person
from tests.browser.talk import box, ended, questions, reply, say, send, talk
from tests.browser.texts import HOSTILE, RICH
from tests.browser.watch import Watch

# The root's own style is the height of the composer, which a script of ours measures.
INLINE = """() => [...document.querySelectorAll("body, body *, head *")]
  .filter((one) => one.matches("[style], style, script:not([src]), [onclick], [onload], [onerror]"))
  .map((one) => one.outerHTML.slice(0, 100))"""
ACTIVE = "script, style, link, iframe, form, input, img, object, embed, svg [onload], [onerror], [onload], [style], base, meta"
HTMX = "[hx-get], [hx-post], [hx-trigger], [hx-target], [data-hx-get], hx-partial"


@pytest.mark.parametrize(
    "path", ["/", "/settings/", "/settings/server/", "/search/?q=a", "/archived/", "/no-such-page/", "/livez"]
)
def test_every_page_has_a_strict_policy(signed_in_page: Callable[..., Page], owner: Person, watch: Watch, path: str) -> None:
    watch.expect("404")
    page = signed_in_page(owner)
    answer = page.goto(path)
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "script-src 'self'" in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "same-origin"


def test_a_conversation_has_nothing_inline_after_streaming(page: Page) -> None:
    talk(page, say(RICH, rate=100), say(RICH))
    answer = page.request.get(page.url)
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert page.evaluate(INLINE) == []


@pytest.mark.parametrize("rate", [0, 80])
def test_a_hostile_reply_loads_and_runs_nothing(page: Page, rate: int) -> None:
    asked: list[str] = []
    page.context.on("request", lambda request: asked.append(request.url))
    send(page, say(HOSTILE, rate=rate))
    article = ended(page)
    expect(article).to_contain_text("The end of it.")
    assert_harmless(page)
    page.reload()
    expect(reply(page)).to_contain_text("The end of it.")
    assert_harmless(page)
    assert [url for url in asked if "evil" in url] == []


def assert_harmless(page: Page) -> None:
    assert page.evaluate("window.taken") is None
    assert page.locator("#items").count() == 1
    prose = page.locator(".prose")
    assert prose.locator(ACTIVE).count() == 0
    offered = prose.locator(".show-image")  # the one thing of ours in it: an image that loads after a click, through us
    assert prose.locator(HTMX).count() == offered.count()
    for name in ("href", "hx-get"):
        for address in offered.evaluate_all("(all, name) => all.map((one) => one.getAttribute(name))", name):
            assert re.fullmatch(r"images/msg_[0-9a-f]{32}/[0-9a-f]{32}/", address), address
    for address in prose.locator("a").evaluate_all("(all) => all.map((one) => one.href)"):
        assert address.startswith(("http:", "https:", "mailto:")), address
    for one in prose.locator("[id]").evaluate_all("(all) => all.map((one) => one.id)"):
        assert one.startswith(("msg_", "rs_")), one
    assert box(page).is_visible()


def test_what_a_person_writes_is_text(page: Page) -> None:
    text = "<b>bold?</b> <script>window.taken = 9</script> **stars** & <img src=x onerror=alert(1)>"
    send(page, text)
    expect(questions(page).locator(".text")).to_have_text(text)
    assert page.evaluate("window.taken") is None
    expect(page.get_by_role("list", name="Conversations").get_by_role("link").first).to_contain_text("<b>bold?</b>")


def test_a_link_of_a_reply_opens_apart_and_tells_nothing(page: Page) -> None:
    talk(page, say("Go [there](https://example.org/x)."))
    link = reply(page).get_by_role("link", name="there")
    assert {"noopener", "noreferrer"} <= set((link.get_attribute("rel") or "").split())


def test_a_strangers_conversation_is_not_there(
    page: Page, signed_in_page: Callable[..., Page], crowd: Iterator[Person], watch: Watch
) -> None:
    watch.expect("404")
    talk(page, say("One."))
    stranger = signed_in_page(next(crowd))
    answer = stranger.goto(page.url)
    assert answer.status == 404
    assert "One." not in stranger.content()
