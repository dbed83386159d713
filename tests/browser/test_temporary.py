"""A temporary conversation as people meet it: begun from the start page, streamed, reloaded, in a second tab, kept, ended."""

from playwright.sync_api import Page, expect

from tests.browser.axe import violations
from tests.browser.dom import items_html
from tests.browser.talk import box, ended, growing, replies, say, words
from tests.browser.texts import RICH


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
