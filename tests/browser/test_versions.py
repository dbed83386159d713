"""Edit and Regenerate make versions; nothing is overwritten, and one can walk between them."""

from playwright.sync_api import Page, expect

from tests.browser.talk import directive, ended, growing, questions, replies, reply, say, send, talk


def test_an_edited_message_becomes_a_second_version_with_its_own_reply(page: Page) -> None:
    talk(page, say("One."), say("Two."))
    questions(page).first.hover()
    questions(page).first.get_by_role("button", name="Edit").click()
    box = page.get_by_role("textbox", name="New wording")
    expect(box).to_be_focused()
    expect(box).to_have_value(say("One."))
    box.fill(say("Uno."))
    box.press("Enter")
    expect(reply(page)).to_have_text("Uno.")
    expect(questions(page)).to_have_count(1)
    first = questions(page).first
    expect(first.get_by_text("2/2")).to_be_visible()
    first.get_by_role("button", name="Previous version").click()
    expect(replies(page)).to_have_count(2)
    expect(reply(page)).to_contain_text("Two.")
    page.reload()
    expect(replies(page)).to_have_count(2)
    questions(page).first.get_by_role("button", name="Next version").click()
    expect(reply(page)).to_have_text("Uno.")


def test_regenerate_asks_again_and_keeps_the_first_reply(page: Page) -> None:
    send(page, directive(tokens=12, rate=0))
    ended(page)
    page.get_by_role("button", name="Regenerate").click()
    expect(page.get_by_text("2/2")).to_be_visible()
    ended(page)
    page.get_by_role("button", name="Previous version").click()
    expect(page.get_by_text("1/2")).to_be_visible()
    expect(replies(page)).to_have_count(1)


def test_a_regenerated_reply_streams(page: Page) -> None:
    send(page, directive(tokens=120, rate=60))
    ended(page)
    page.get_by_role("button", name="Regenerate").click()
    expect(reply(page)).not_to_have_attribute("data-status", "completed")
    growing(page)
    ended(page)


def test_leaving_an_edit_with_escape_changes_nothing(page: Page) -> None:
    send(page, say("One."))
    ended(page)
    questions(page).first.hover()
    page.get_by_role("button", name="Edit").click()
    box = page.get_by_role("textbox", name="New wording")
    expect(box).to_be_focused()
    box.press("Escape")
    expect(box).to_have_count(0)
    expect(page.get_by_role("button", name="Edit")).to_be_focused()
    expect(reply(page)).to_have_text("One.")


def test_another_tab_of_the_same_person_follows_to_the_new_version(page: Page) -> None:
    send(page, say("One."))
    ended(page)
    other = page.context.new_page()
    other.goto(page.url)
    page.get_by_role("button", name="Regenerate").click()
    expect(other.get_by_text("2/2")).to_be_visible()
    ended(other)


def test_a_deleted_message_is_gone_from_all_tabs_and_comes_back(page: Page) -> None:
    talk(page, say("One."), say("Two."))
    other = page.context.new_page()
    other.goto(page.url)
    questions(page).last.hover()
    questions(page).last.get_by_role("link", name="Delete this message").click()
    page.get_by_role("button", name="Delete the message").click()
    for tab in (page, other):
        expect(replies(tab)).to_have_count(1)
        expect(reply(tab)).to_have_text("One.")
    page.get_by_role("button", name="Undo").click()
    for tab in (page, other):
        expect(reply(tab)).to_have_text("Two.")
