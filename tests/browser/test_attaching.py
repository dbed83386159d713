"""Files go with a message: picked, pasted and dropped, shown with a way to take each away, sent, and seen in the message."""

import base64
import re

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.browser.house import House
from tests.browser.talk import box, ended, say, send
from tests.browser.watch import Watch
from tests.files.samples import pdf
from tests.files.test_words import scoreboard
from tests.pictures import png
from tests.scripted import ScriptedServer

NOTE = {"name": "note.txt", "mimeType": "text/plain", "buffer": b"Bring an umbrella."}
TABLE = {"name": "table.csv", "mimeType": "text/csv", "buffer": b"a,b\n1,2\n"}
IMAGE = {"name": "photo.png", "mimeType": "image/png", "buffer": png()}
BROKEN = {"name": "broken.png", "mimeType": "image/png", "buffer": b"\x89PNG\r\n\x1a\n\x00\xff"}
PUT = """([data, name, how]) => {
  const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
  const carried = new DataTransfer();
  carried.items.add(new File([bytes], name, { type: "image/png" }));
  const box = document.querySelector("[name=text]");
  const common = { bubbles: true, cancelable: true };
  if (how === "paste") return box.dispatchEvent(new ClipboardEvent("paste", { clipboardData: carried, ...common }));
  for (const type of ["dragover", "drop"]) document.body.dispatchEvent(new DragEvent(type, { dataTransfer: carried, ...common }));
}"""


def attach(page: Page, *files: object) -> None:
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Attach", exact=True).click()
    chooser.value.set_files(list(files))  # type: ignore[arg-type]


def put(page: Page, data: bytes, name: str, how: str) -> None:
    page.evaluate(PUT, [base64.b64encode(data).decode(), name, how])


def swipe(page: Page) -> None:
    """To the left, over the image."""
    page.mouse.move(800, 450)
    page.mouse.down()
    page.mouse.move(600, 455, steps=5)
    page.mouse.up()


def listed(page: Page) -> Locator:
    return page.get_by_role("list", name="Attached files").get_by_role("listitem")


def pixels(address: str) -> bytes:
    """The bytes in a data: address."""
    return base64.b64decode(address.removeprefix("data:image/png;base64,"), validate=True)


def stored(page: Page, picture: Locator) -> bytes:
    """What this server keeps of an image of a message."""
    *_, largest = (picture.get_attribute("srcset") or "").split(", ")
    return page.request.get(largest.partition(" ")[0]).body()


def test_texts_are_listed_taken_away_and_sent(page: Page, house: House) -> None:
    send(page, say("One."))
    ended(page)
    attach(page, NOTE)
    attach(page, TABLE)
    expect(listed(page)).to_have_count(2)
    page.get_by_role("button", name="Remove table.csv").click()
    expect(listed(page)).to_have_count(1)
    send(page, say("I have read it."))
    ended(page, number=2)
    expect(page.get_by_role("list", name="Attached files")).to_be_hidden()
    page.get_by_text("note.txt").click()
    expect(page.get_by_text("Bring an umbrella.")).to_be_visible()


def test_three_images_picked_pasted_and_dropped_go_with_a_message_and_are_looked_at(page: Page, model: ScriptedServer) -> None:
    attach(page, IMAGE)
    put(page, png(grey=60), "image.png", "paste")
    put(page, png(300, 900, grey=200), "tall.png", "drop")
    put(page, png(grey=10), "unwanted.png", "drop")
    expect(page.get_by_label("is looked at")).to_have_count(4)
    page.get_by_role("button", name="Remove unwanted.png").click()
    page.get_by_label("How closely tall.png is looked at").select_option(label="High")
    send(page, say("I see."))
    ended(page)
    pictures = page.locator("[data-role=user] img")
    expect(pictures).to_have_count(3)
    loaded = "(image) => image.decode().then(() => image.naturalWidth > 0)"
    assert all(picture.evaluate(loaded) for picture in pictures.all())
    expect(listed(page)).to_have_count(0)
    _, *sent = model.requests[0].body["input"][0]["content"]
    assert [(part["type"], part["detail"]) for part in sent] == [("input_image", way) for way in ("auto", "auto", "high")]
    assert [pixels(part["image_url"]) for part in sent] == [stored(page, picture) for picture in pictures.all()]
    assert "file_" not in str(sent)
    pictures.first.click()
    expect(page).to_have_url(re.compile(r"/files/file_[0-9a-f]+/view/\?in=conv_"))
    for key, name in (("ArrowRight", "image.png"), ("ArrowRight", "tall.png"), ("ArrowLeft", "image.png")):
        page.wait_for_load_state()  # only then the page listens to keys
        page.keyboard.press(key)
        expect(page.get_by_role("heading", name=name)).to_be_visible()
    page.wait_for_load_state()
    swipe(page)
    expect(page.get_by_role("heading", name="tall.png")).to_be_visible()
    page.wait_for_load_state()
    page.locator("[data-whole]").dblclick()
    expect(page.locator("[data-viewer]")).to_have_class(re.compile("zoomed"))
    swipe(page)  # moves what is enlarged, and goes nowhere
    page.keyboard.press("0")
    expect(page.locator("[data-viewer]")).not_to_have_class(re.compile("zoomed"))
    expect(page.get_by_role("heading", name="tall.png")).to_be_visible()
    page.keyboard.press("+")
    expect(page.locator("[data-viewer]")).to_have_class(re.compile("zoomed"))
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    expect(page).to_have_url(re.compile("/c/conv_"))


def test_what_cannot_be_taken_is_said_at_once_and_the_rest_stays(page: Page, watch: Watch) -> None:
    watch.expect("400")
    box(page).fill("Look at this")
    attach(page, BROKEN, IMAGE)
    expect(page.get_by_role("alert")).to_be_visible()
    expect(listed(page)).to_have_count(1)
    expect(box(page)).to_have_value("Look at this")


HUGE = {"name": "huge.png", "mimeType": "image/png", "buffer": b"\x89PNG" + bytes(20_000_001)}


def test_what_is_too_large_is_said_before_it_is_sent(page: Page) -> None:
    attach(page, HUGE)
    expect(page.get_by_role("alert")).to_contain_text("20 MB is the most.")
    expect(listed(page)).to_have_count(0)


@pytest.mark.parametrize("where", ["New conversation", "Temporary"])
def test_of_several_that_cannot_be_taken_each_is_named_until_others_are_chosen(page: Page, watch: Watch, where: str) -> None:
    watch.expect("400")
    if where == "Temporary":
        page.get_by_role("link", name="Temporary", exact=True).click()
    page.set_viewport_size({"width": 390, "height": 844})
    attach(page, HUGE, BROKEN, {**TABLE, "name": "empty.csv", "buffer": b""}, IMAGE, {**HUGE, "name": "other.png"})
    alerts = page.get_by_role("alert")
    expect(alerts).to_have_count(4, timeout=20_000)
    told = " ".join(alerts.all_inner_texts())
    assert all(f"“{name}”: " in told for name in ("huge.png", "broken.png", "empty.csv", "other.png"))
    expect(page.get_by_label("is looked at")).to_have_count(1)
    expect(page.get_by_role("button", name="Send", exact=True)).to_be_in_viewport(ratio=1)
    attach(page, NOTE)
    expect(listed(page)).to_have_count(2)
    expect(alerts).to_have_count(0)


def test_short_texts_outlive_the_page_as_the_draft_does(page: Page, model: ScriptedServer) -> None:
    attach(page, NOTE, TABLE, {**NOTE, "name": "unwanted.txt"}, IMAGE)
    expect(page.get_by_label("is looked at")).to_have_count(1)
    page.get_by_role("button", name="Remove unwanted.txt").click()
    page.reload()
    expect(listed(page)).to_have_count(3)
    expect(page.get_by_role("button", name="Send", exact=True)).to_be_enabled()
    page.goto("/t/")
    expect(listed(page)).to_have_count(0)
    page.goto("/")
    send(page, say("I have read them."))
    ended(page)
    asked = next(request.body for request in model.requests if "I have read them" in str(request.body))
    assert "Bring an umbrella." in str(asked)
    assert "table.csv" in str(asked)
    assert "unwanted" not in str(asked)
    assert "draft:" not in page.evaluate("JSON.stringify({...localStorage})")
    page.goto("/")
    expect(listed(page)).to_have_count(0)


def test_one_that_the_browser_cannot_read_holds_up_none_of_the_others(page: Page) -> None:
    """A folder among them, or a file that has gone meanwhile."""
    page.evaluate("""() => {
      const { text } = File.prototype;
      File.prototype.text = function () { return this.name === "note.txt" ? Promise.reject(new Error()) : text.call(this); };
    }""")
    attach(page, NOTE, IMAGE, TABLE)
    expect(listed(page)).to_have_count(3)


def test_a_model_that_cannot_see_says_so_before_and_the_words_go_instead(page: Page, model: ScriptedServer) -> None:
    board = {"name": "board.png", "mimeType": "image/png", "buffer": scoreboard()}
    page.locator("[name=model]").evaluate("(list) => (list.selectedOptions[0].value = 'scripted:seed=3')")
    attach(page, board)
    expect(page.get_by_label("is looked at")).to_have_count(1)
    expect(page.get_by_text("cannot see images")).to_have_count(0)
    send(page, '[[error=400 body=openai message="image input is not supported"]]')
    expect(page.get_by_text("This model cannot see images.")).to_be_visible()
    page.reload()
    attach(page, board)
    expect(page.get_by_text("scripted:seed=3 cannot see images (it said so on")).to_be_visible()
    page.get_by_role("button", name="Add the text in board.png").click()
    expect(listed(page)).to_have_count(2, timeout=60_000)
    page.get_by_role("button", name="Remove board.png", exact=True).click()
    expect(page.get_by_text("cannot see images (")).to_have_count(0)
    send(page, say("Rovers won."))
    ended(page, number=2)
    asked = [request.body["input"] for request in model.requests if "Rovers won" in str(request.body)]
    assert asked[0][-1]["content"][1]["text"].startswith("The file board.png.txt:\n\nRovers 3")


def test_what_waits_is_there_after_a_reload_and_elsewhere_and_goes_with_the_next_message(
    page: Page, model: ScriptedServer
) -> None:
    attach(page, IMAGE, {**IMAGE, "name": "unwanted.png", "buffer": png(grey=10)})
    expect(page.get_by_label("is looked at")).to_have_count(2)
    page.reload()
    expect(listed(page)).to_have_count(2)
    expect(page.get_by_role("button", name="Send", exact=True)).to_be_enabled()
    elsewhere = page.context.new_page()
    elsewhere.goto(page.url)
    with elsewhere.expect_response("**/remove/"):
        elsewhere.get_by_role("button", name="Remove unwanted.png").click()
    elsewhere.close()
    page.reload()
    expect(listed(page)).to_have_count(1)
    expect(listed(page).locator("img")).to_be_visible()
    send(page, say("I see."))
    ended(page)
    expect(page.locator("[data-role=user] img")).to_have_count(1)
    attach(page, {**IMAGE, "name": "later.png", "buffer": png(grey=20)})
    expect(page.get_by_label("is looked at")).to_have_count(1)
    address = page.url
    page.goto("/")
    expect(listed(page)).to_have_count(0)
    page.goto(address)
    expect(listed(page)).to_contain_text("later.png")


@pytest.mark.parametrize("where", ["New conversation", "Temporary"])
def test_what_waits_stays_in_the_order_in_which_it_was_chosen(page: Page, model: ScriptedServer, where: str) -> None:
    """Whichever comes first: the second one is here long before the first."""
    if where == "Temporary":
        page.get_by_role("link", name="Temporary", exact=True).click()
    held: list[Route] = []
    puts = re.compile(r"/files/(\?.*)?$")
    page.route(puts, lambda route: route.continue_() if held else held.append(route))
    attach(page, {**IMAGE, "name": "first.png", "buffer": png(grey=30)}, {**IMAGE, "name": "second.png"})
    expect(page.get_by_label("Send second.png")).to_be_attached(timeout=20_000)
    held[0].continue_()
    expect(page.get_by_label("is looked at")).to_have_count(2)
    page.reload()
    names = page.locator("#composer [name=files]")
    assert [name.get_attribute("aria-label") for name in names.all()] == ["Send first.png", "Send second.png"]
    page.get_by_role("button", name="Remove first.png").click()
    attach(page, {**IMAGE, "name": "third.png", "buffer": png(grey=60)})
    expect(page.get_by_label("Send third.png")).to_be_attached(timeout=20_000)
    page.reload()
    assert [name.get_attribute("aria-label") for name in names.all()] == ["Send second.png", "Send third.png"]
    box(page).fill(say("I see."))
    page.get_by_role("button", name="Send", exact=True).click()
    ended(page)
    assert [image.get_attribute("alt") for image in page.locator("[data-role=user] img").all()] == ["second.png", "third.png"]


def test_a_document_that_goes_along_as_text_says_so_before(page: Page, model: ScriptedServer) -> None:
    report = {"name": "report.pdf", "mimeType": "application/pdf", "buffer": pdf("Rent is due.", "In May.")}
    attach(page, report, {**report, "name": "scan.pdf", "buffer": pdf("")})
    line = page.locator("#sight")
    expect(line).to_contain_text("report.pdf is read as text, 2 pages.", timeout=20_000)
    expect(line).to_contain_text("No text can be read in scan.pdf", timeout=20_000)
    page.get_by_role("button", name="Remove scan.pdf").click()
    expect(line).not_to_contain_text("scan.pdf")
    send(page, say("I have read it."))
    ended(page)
    assert "Rent is due." in str([request.body for request in model.requests])
    expect(line).to_be_empty()


def test_files_of_a_message_are_left_out_and_added_when_it_is_edited(page: Page, watch: Watch) -> None:
    watch.expect("400")
    attach(page, IMAGE, {**IMAGE, "name": "second.png", "buffer": png(grey=10)})
    expect(page.get_by_label("is looked at")).to_have_count(2)
    send(page, say("I see."))
    ended(page)
    page.locator("[data-role=user]").hover()
    page.get_by_role("button", name="Edit").click()
    form = page.locator(".edit-form")
    form.get_by_label("photo.png").uncheck()
    third = {**IMAGE, "name": "third.png", "buffer": png(grey=30)}
    form.get_by_label("Add files").set_input_files([BROKEN, third])  # type: ignore[list-item]
    form.get_by_role("button", name="Ask again").click()
    expect(form.get_by_role("alert")).to_contain_text("broken.png")
    expect(form.get_by_role("list", name="New files").get_by_role("listitem")).to_contain_text("third.png")
    expect(form.get_by_label("photo.png")).not_to_be_checked()
    form.get_by_role("button", name="Ask again").click()
    expect(form).to_have_count(0)
    expect(page.locator("[data-role=user] img")).to_have_count(2)
    assert [image.get_attribute("alt") for image in page.locator("[data-role=user] img").all()] == ["second.png", "third.png"]
