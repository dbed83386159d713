"""The log in a browser: a text stands in its frame, a reply is replayed, and its owner sees who read it."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.people import Person
from tests.browser.talk import say
from tests.browser.test_panel import in_any_look


@pytest.mark.parametrize("scripts", [True, False])
def test_a_reply_is_found_opened_with_a_reason_and_replayed_and_its_owner_sees_that(
    signed_in_page: Callable[..., Page], owner: Person, person: Person, scripts: bool
) -> None:
    address = person.begin(say("A **bold** tide and its moon."))
    panel = signed_in_page(owner, f"/admin/chat/response/?user={person.name}", java_script_enabled=scripts)
    panel.locator("tbody th a").first.click()
    expect(panel.get_by_role("heading", name="When it came")).to_be_visible()
    assert panel.locator("iframe").count() == 0
    panel.get_by_label("Why").select_option("ticket")
    panel.get_by_label("In your words").fill("T-17")
    panel.get_by_role("button", name="Open").click()
    expect(panel.frame_locator("iframe").locator("strong", has_text="bold")).to_be_visible()
    panel.get_by_role("link", name="Replay").click()
    replay = panel.frame_locator("iframe")
    expect(replay.locator("pre")).to_contain_text("and its moon.")
    if scripts:
        replay.get_by_label("Speed").select_option("16")
        replay.get_by_role("button", name="Play").click()
        expect(replay.get_by_role("button", name="Play again")).to_be_visible()
        expect(replay.locator("pre span").last).to_be_visible()
    panel.get_by_role("link", name="The conversation").click()
    expect(panel.frame_locator("iframe").locator("strong", has_text="bold")).to_be_visible()
    panel.goto("/admin/chat/opening/search/")
    if panel.get_by_label("Why").count():
        panel.get_by_label("Why").select_option("abuse")
        panel.get_by_role("button", name="Open").click()
    panel.get_by_label("Words").fill("tide moon")
    panel.get_by_role("button", name="Search texts").click()
    panel.frame_locator("iframe").get_by_role("link").first.click()
    expect(panel.get_by_role("heading", name="About it")).to_be_visible()
    theirs = signed_in_page(person, address)
    theirs.get_by_role("link", name=f"Read by {owner.name}").click()
    expect(theirs.get_by_text("“T-17”")).to_be_visible()


@pytest.mark.parametrize("scripts", [True, False])
def test_what_a_list_shows_is_exported_as_a_table_and_with_texts_for_a_reason(
    signed_in_page: Callable[..., Page], owner: Person, person: Person, scripts: bool
) -> None:
    address = person.begin(say("The moon is far."))
    panel = signed_in_page(owner, f"/admin/chat/response/?user={person.name}", java_script_enabled=scripts)
    panel.get_by_role("link", name="Export…").click()
    if scripts:
        assert in_any_look(panel, "/admin/chat/export/new/?of=responses") == in_any_look(panel, "/admin/chat/export/") == []
        panel.goto(f"/admin/chat/export/new/?of=responses&user={person.name}")
    with panel.expect_download() as table:
        panel.get_by_role("button", name="Export the table").click()
    assert table.value.path().read_bytes().startswith(b'\xef\xbb\xbf"time"')
    if panel.get_by_label("Why").count():
        panel.get_by_label("Why").select_option("request")
        panel.get_by_role("button", name="Open").click()
    with panel.expect_download() as texts:
        panel.get_by_role("button", name="Export the texts").click()
    assert "The moon is far." in texts.value.path().read_text()
    theirs = signed_in_page(person, address)
    theirs.get_by_role("link", name=f"Read by {owner.name}").click()
    expect(theirs.get_by_text("taken along in an export")).to_be_visible()


def test_a_word_without_end_stays_inside_its_frame_on_a_phone(
    signed_in_page: Callable[..., Page], owner: Person, person: Person
) -> None:
    address = person.begin(say("w" * 3000))
    panel = signed_in_page(
        owner, f"/admin/chat/conversation/{address.split('/')[2]}/change/", viewport={"width": 390, "height": 844}
    )
    panel.get_by_label("Why").select_option("ticket")
    panel.get_by_role("button", name="Open").click()
    expect(panel.frame_locator("iframe").locator(".prose")).to_contain_text("www")
    beyond = "document => document.scrollWidth - document.clientWidth"
    assert panel.frame_locator("iframe").locator("html").evaluate(beyond) <= 0
