"""Writing: Enter sends, once; nothing typed is lost; a message may wait for the reply before it."""

from playwright.sync_api import Page, expect

from tests.browser.talk import box, directive, ended, growing, questions, replies, send, words


def test_enter_sends_and_shift_enter_makes_a_line(page: Page) -> None:
    box(page).press_sequentially("first line")
    box(page).press("Shift+Enter")
    box(page).press_sequentially("second line")
    expect(box(page)).to_have_value("first line\nsecond line")
    box(page).press("Enter")
    page.wait_for_url("**/c/*/")
    assert questions(page).locator(".text").inner_text() == "first line\nsecond line"
    expect(box(page)).to_have_value("")
    expect(box(page)).to_be_focused()


def test_enter_that_ends_a_composition_does_not_send(page: Page) -> None:
    box(page).fill("にほんご")
    box(page).dispatch_event("keydown", {"key": "Enter", "isComposing": True})
    expect(box(page)).to_have_value("にほんご")
    assert "/c/" not in page.url


def test_nothing_but_blanks_is_not_sent(page: Page) -> None:
    box(page).fill("  \n ")
    expect(page.get_by_role("button", name="Send")).to_be_disabled()
    box(page).press("Enter")
    assert "/c/" not in page.url


def test_a_double_click_on_send_sends_once(page: Page) -> None:
    box(page).fill(directive(tokens=5))
    page.get_by_role("button", name="Send").dblclick()
    page.wait_for_url("**/c/*/")
    ended(page)
    box(page).fill(directive(tokens=6))
    page.get_by_role("button", name="Send").dblclick()
    ended(page, number=2)
    page.reload()
    expect(questions(page)).to_have_count(2)
    expect(page.get_by_role("list", name="Conversations").get_by_role("link")).to_have_count(1)


def test_a_draft_survives_reload_and_navigation(page: Page) -> None:
    send(page, directive(tokens=5))
    ended(page)
    address = page.url
    box(page).fill("half a thought")
    page.reload()
    expect(box(page)).to_have_value("half a thought")
    page.goto("/")
    expect(box(page)).to_have_value("")
    box(page).fill("another beginning")
    page.goto(address)
    expect(box(page)).to_have_value("half a thought")
    page.goto("/")
    expect(box(page)).to_have_value("another beginning")


def test_what_is_typed_while_a_message_is_under_way_stays(page: Page) -> None:
    send(page, directive(tokens=5))
    ended(page)
    box(page).fill(directive(tokens=6))
    page.route("**/messages/", lambda route: (page.wait_for_timeout(300), route.continue_()), times=1)
    box(page).press("Enter")
    box(page).press("End")
    box(page).press_sequentially(" and more", delay=5)
    ended(page, number=2)
    expect(box(page)).to_have_value("and more")


def test_a_message_waits_for_the_reply_before_it(page: Page) -> None:
    send(page, directive(tokens=150, rate=60))
    growing(page)
    send(page, directive(tokens=9))
    expect(questions(page)).to_have_count(2)
    expect(replies(page).nth(1)).to_have_attribute("data-status", "queued")
    expect(replies(page).nth(0)).to_have_attribute("data-status", "in_progress")
    assert len(words(ended(page, number=2)).split()) == 9
    expect(replies(page).nth(0)).to_have_attribute("data-status", "completed")
    assert len(words(replies(page).nth(0)).split()) == 150


def test_the_box_grows_with_the_text_and_then_scrolls(page: Page) -> None:
    one = box(page).bounding_box()
    box(page).fill("line\n" * 8)
    eight = box(page).bounding_box()
    box(page).fill("line\n" * 200)
    many = box(page).bounding_box()
    assert one
    assert eight
    assert many
    assert one["height"] < eight["height"] < many["height"] < 0.6 * 900
    expect(page.get_by_role("button", name="Send")).to_be_in_viewport()


def test_a_suggestion_fills_the_box(page: Page) -> None:
    page.get_by_role("button", name="Explain how a rainbow forms").click()
    expect(box(page)).to_have_value("Explain in three sentences how a rainbow forms.")
    expect(box(page)).to_be_focused()
