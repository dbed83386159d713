"""A temporary conversation as people meet it: begun from the start page, streamed, reloaded, in a second tab, kept, ended."""

import io

from PIL import Image
from playwright.sync_api import Page, expect

from tests.browser.axe import violations
from tests.browser.dom import items_html
from tests.browser.talk import box, ended, growing, replies, say, words
from tests.browser.test_attaching import attach, listed
from tests.browser.texts import RICH
from tests.browser.watch import Watch
from tests.scripted import ScriptedServer


def begin(page: Page, text: str) -> None:
    page.get_by_role("link", name="Temporary", exact=True).click()
    expect(page.get_by_text("Only in this server’s memory")).to_be_visible()
    box(page).fill(text)
    box(page).press("Enter")
    page.wait_for_url("**/t/temp_*/")


def test_it_streams_survives_a_reload_and_a_second_tab_and_is_kept(page: Page) -> None:
    begin(page, say(RICH * 3, rate=60))
    growing(page)
    page.reload()
    so_far = growing(page, beyond=20)
    tab = page.context.new_page()
    tab.goto(page.url)
    assert len(growing(tab)) >= len(so_far)
    whole = items_html(page) if ended(page) else ""
    ended(tab)
    assert items_html(tab) == whole
    page.reload()
    expect(replies(page)).to_have_count(1)
    assert items_html(page) == whole
    box(page).fill("A draft")
    assert page.evaluate("JSON.stringify({...localStorage, ...sessionStorage})") == "{}"
    page.get_by_role("link", name="Keep…").click()
    expect(page.get_by_text("in this server’s database, on disk")).to_be_visible()
    page.get_by_role("button", name="Keep it, replies not stored").click()
    page.wait_for_url("**/c/conv_*/")
    expect(replies(page)).to_have_count(1)
    expect(tab.get_by_text("This temporary conversation has ended.")).to_be_visible()
    expect(replies(tab)).to_have_count(0)


def test_it_is_stopped_asked_again_found_in_the_sidebar_and_ended(page: Page) -> None:
    begin(page, "[[tokens=400 rate=40]]")
    growing(page)
    page.get_by_role("button", name="Stop").click()
    assert words(ended(page, "cancelled"))
    assert not violations(page)
    first = page.locator("#items section.response").get_attribute("id")
    page.get_by_role("button", name="Regenerate").click()
    expect(page.locator(f"#{first}")).to_have_count(0)
    growing(page)
    address = page.url
    page.goto("/")
    page.get_by_role("link", name="Temporary conversation").click()
    page.wait_for_url(address)
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="End now").click()
    page.wait_for_url("**/")
    expect(page.get_by_role("link", name="Temporary conversation")).to_have_count(0)


def test_files_are_put_in_one_by_one_listed_again_taken_away_and_sent(page: Page, model: ScriptedServer) -> None:
    large = io.BytesIO()
    Image.effect_noise((2000, 2000), 90).save(large, "PNG")
    page.get_by_role("link", name="Temporary", exact=True).click()
    note = {"name": "note.txt", "mimeType": "text/plain", "buffer": b"Bring an umbrella. " * 10_000}
    attach(page, {"name": "large.png", "mimeType": "image/png", "buffer": large.getvalue()}, note)
    expect(page.get_by_label("Send large.png")).to_be_attached(timeout=20_000)
    expect(page.get_by_label("Send note.txt")).to_be_attached(timeout=20_000)
    page.reload()
    expect(listed(page)).to_have_count(2)
    page.get_by_role("button", name="Remove note.txt").click()
    expect(listed(page)).to_have_count(1)
    page.get_by_role("button", name="Send", exact=True).click()
    page.wait_for_url("**/t/temp_*/")
    ended(page)
    picture = page.locator("[data-role=user] img")
    assert picture.evaluate("(image) => image.decode().then(() => image.naturalWidth > 0)")
    (asked,) = [request.body for request in model.requests if request.body]  # the others ask for its models
    (part,) = asked["input"][0]["content"]
    assert len(part["image_url"]) > 4_000_000
    assert page.evaluate("JSON.stringify({...localStorage, ...sessionStorage})") == "{}"
    assert not violations(page)


def test_what_is_too_large_is_said_in_the_composer_and_stays_in_it(page: Page, watch: Watch) -> None:
    """Before Django, by what stands in front of it."""
    watch.expect("413")
    page.get_by_role("link", name="Temporary", exact=True).click()
    expect(page.get_by_text("Only in this server’s memory")).to_be_visible()
    text = "word " * 420_000
    box(page).evaluate("(box, text) => { box.value = text; box.dispatchEvent(new Event('input', { bubbles: true })); }", text)
    page.get_by_role("button", name="Send", exact=True).click()
    alert = page.locator("#composer-error").get_by_role("alert")
    expect(alert).to_contain_text("This is larger than the server takes. Send less at once; nothing has been kept.")
    assert box(page).input_value() == text
    alert.get_by_role("button", name="Dismiss").click()
    expect(alert).to_have_count(0)
