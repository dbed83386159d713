"""Stop ends a reply for everybody who watches it and at the model server; Continue goes on with one that was cut."""

from playwright.sync_api import Page, expect

from tests.browser.dom import items_html
from tests.browser.talk import directive, ended, eventually, growing, questions, replies, send, words
from tests.scripted import ScriptedServer


def test_stop_keeps_what_was_said_and_hangs_up_at_the_model_server(page: Page, model: ScriptedServer) -> None:
    send(page, directive(tokens=900, rate=50))
    shown = growing(page)
    page.get_by_role("button", name="Stop").click()
    kept = words(ended(page, "cancelled"))
    assert kept.startswith(shown)
    eventually(lambda: any(connection.cut for connection in model.connections), page=page, within=3)
    expect(page.get_by_role("button", name="Stop")).to_have_count(0)
    expect(page.get_by_role("button", name="Regenerate")).to_be_visible()
    html = items_html(page)
    page.reload()
    expect(replies(page)).to_have_count(1)
    assert items_html(page) == html


def test_stop_in_another_tab_stops_it_here(page: Page) -> None:
    send(page, directive(tokens=900, rate=50))
    growing(page)
    other = page.context.new_page()
    other.goto(page.url)
    growing(other)
    other.get_by_role("button", name="Stop").click()
    ended(other, "cancelled")
    ended(page, "cancelled")
    expect(page.get_by_text("Stopped.", exact=True)).to_be_visible()
    assert items_html(page) == items_html(other)


def test_stop_works_before_the_first_word(page: Page) -> None:
    send(page, directive(hang="first"))
    page.get_by_role("button", name="Stop").click()
    ended(page, "cancelled")
    expect(page.get_by_text("Stopped before the first word.")).to_be_visible()
    expect(page.get_by_role("button", name="Regenerate")).to_be_visible()


def test_a_stopped_conversation_goes_on_with_the_next_message(page: Page) -> None:
    send(page, directive(tokens=900, rate=50))
    growing(page)
    page.get_by_role("button", name="Stop").click()
    ended(page, "cancelled")
    send(page, directive(tokens=5))
    ended(page, number=2)


def test_a_reply_cut_by_its_length_can_be_continued(page: Page) -> None:
    send(page, directive(tokens=30, finish="length"))
    ended(page, "incomplete")
    expect(page.get_by_text("reached the longest length")).to_be_visible()
    page.get_by_role("button", name="Continue").click()
    ended(page, "incomplete", number=2)
    expect(questions(page)).to_have_count(1)
    html = items_html(page)
    page.reload()
    expect(replies(page)).to_have_count(2)
    assert items_html(page) == html
