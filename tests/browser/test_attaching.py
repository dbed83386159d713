"""Text files go with a message: chosen, listed, taken away again, sent, and read by the model."""

from playwright.sync_api import Page, expect

from tests.browser.house import House
from tests.browser.talk import box, ended, say, send
from tests.browser.watch import Watch

NOTE = {"name": "note.txt", "mimeType": "text/plain", "buffer": b"Bring an umbrella."}
TABLE = {"name": "table.csv", "mimeType": "text/csv", "buffer": b"a,b\n1,2\n"}
IMAGE = {"name": "photo.png", "mimeType": "image/png", "buffer": b"\x89PNG\r\n\x1a\n\x00\xff"}


def attach(page: Page, *files: object) -> None:
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Attach", exact=True).click()
    chooser.value.set_files(list(files))  # type: ignore[arg-type]


def test_files_are_listed_taken_away_and_sent(page: Page, house: House) -> None:
    send(page, say("One."))
    ended(page)
    attach(page, NOTE)
    attach(page, TABLE)
    listed = page.get_by_role("list", name="Attached files")
    expect(listed.get_by_role("listitem")).to_have_count(2)
    page.get_by_role("button", name="Remove table.csv").click()
    expect(listed.get_by_role("listitem")).to_have_count(1)
    send(page, say("I have read it."))
    ended(page, number=2)
    expect(listed).to_be_hidden()
    page.get_by_text("note.txt").click()
    expect(page.get_by_text("Bring an umbrella.")).to_be_visible()


def test_a_file_that_is_no_text_is_said_and_everything_stays(page: Page, watch: Watch) -> None:
    watch.expect("400")
    send(page, say("One."))
    ended(page)
    attach(page, IMAGE)
    box(page).fill("Look at this")
    box(page).press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("is not a text file")
    expect(box(page)).to_have_value("Look at this")
    expect(page.get_by_role("list", name="Attached files").get_by_role("listitem")).to_have_count(1)
