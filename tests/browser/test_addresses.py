"""Images by their address: into a message, and out of a reply after a click, by the keyboard too; without JavaScript."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.house import House
from tests.browser.people import Person
from tests.browser.talk import box, ended, say, send
from tests.browser.test_links import address_of_link
from tests.browser.watch import Watch
from tests.elsewhere import Elsewhere, elsewhere
from tests.pictures import png
from tests.scripted import ScriptedServer


@pytest.fixture
def there() -> Iterator[Elsewhere]:
    """A web server that the house is allowed to go to."""
    with elsewhere() as server:
        yield server


def test_an_image_is_named_by_its_address_seen_and_sent(page: Page, model: ScriptedServer, there: Elsewhere) -> None:
    url = there.gives("/quark.png", png())
    page.get_by_role("button", name="From an address").click()
    page.get_by_label("Address of an image or a document").fill(url)
    page.keyboard.press("Enter")
    listed = page.get_by_role("list", name="Attached files").get_by_role("listitem")
    expect(listed).to_have_count(1)
    expect(page.get_by_label("Address of an image or a document")).to_have_value("")
    expect(page.get_by_role("button", name="Remove quark.png")).to_be_attached()
    page.keyboard.press("Escape")
    send(page, say("I see."))
    ended(page)
    expect(page.locator("[data-role=user] img")).to_have_count(1)
    assert there.place not in str(model.requests[0].body)


PASTE = """(box, text) => {
  const clipboardData = new DataTransfer();
  clipboardData.setData("text/plain", text);
  box.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }));
}"""


def test_the_address_of_an_image_that_is_pasted_can_be_fetched_with_one_key(page: Page, there: Elsewhere) -> None:
    field = page.get_by_label("Address of an image or a document")
    box(page).evaluate(PASTE, "Look at https://example.org/quark.png, please")
    box(page).evaluate(PASTE, "https://example.org/quarks/")
    box(page).evaluate(PASTE, f"{there.gives('/quark.png', png())}?size=large")
    expect(field).to_be_focused()
    assert there.asked == []
    page.keyboard.press("Enter")
    expect(page.get_by_role("list", name="Attached files").get_by_role("listitem")).to_have_count(1)
    expect(page.get_by_role("button", name="Remove quark.png")).to_be_attached()


def test_one_that_is_refused_is_said_and_the_text_stays(page: Page, watch: Watch) -> None:
    watch.expect("400")
    box(page).fill("Look at this")
    page.get_by_role("button", name="From an address").click()
    page.get_by_label("Address of an image or a document").fill("http://169.254.169.254/latest/")
    page.get_by_role("button", name="Fetch").click()
    expect(page.locator("#from-address").get_by_role("alert")).to_contain_text("this server does not go there")
    expect(box(page)).to_have_value("Look at this")


def test_an_image_of_a_reply_is_shown_after_a_key_and_comes_from_us(page: Page, house: House, there: Elsewhere) -> None:
    url = there.gives("/quark.png", png())
    seen: list[str] = []
    page.on("request", lambda request: seen.append(request.url))
    send(page, say(f"One ![A quark]({url}) and two."))
    ended(page)
    mark = page.get_by_role("link", name="Show image from 127.0.0.1")
    expect(mark).to_be_visible()
    assert there.asked == []
    mark.focus()
    page.keyboard.press("Enter")
    image = page.get_by_role("img", name="Image from 127.0.0.1")
    expect(image).to_be_visible()
    assert image.evaluate("(image) => image.decode().then(() => image.naturalWidth)") == 700
    expect(page.locator(".shown-image")).to_be_focused()
    assert len(there.asked) == 1
    assert all(address.startswith(house.url) for address in seen)
    page.reload()
    expect(mark).to_be_visible()


def test_without_javascript_it_is_a_page_with_a_way_back(page: Page, browser: Browser, there: Elsewhere) -> None:
    url = there.gives("/quark.png", png())
    send(page, say(f"One ![A quark]({url}) and two."))
    ended(page)
    plain = browser.new_context(java_script_enabled=False, storage_state=page.context.storage_state())
    bare = plain.new_page()
    bare.goto(page.url)
    bare.get_by_role("link", name="Show image from 127.0.0.1").click()
    expect(bare.get_by_role("img", name="Image from 127.0.0.1")).to_be_visible()
    bare.get_by_role("link", name="Back to the conversation").click()
    expect(bare.get_by_role("textbox", name="Message", exact=True)).to_be_visible()
    field = bare.get_by_role("textbox", name="From an address")
    field.fill(url)
    bare.get_by_role("textbox", name="Message", exact=True).fill("Look")
    bare.get_by_role("button", name="Send").click()
    expect(bare.locator("[data-role=user] img")).to_have_count(1)
    plain.close()


def test_in_a_temporary_conversation_it_is_fetched_at_once_and_needs_no_words(
    page: Page, house: House, model: ScriptedServer, there: Elsewhere
) -> None:
    page.goto(f"{house.url}/t/")
    for number in range(2):
        page.get_by_role("button", name="From an address").click()
        page.get_by_label("Address of an image or a document").fill(there.gives(f"/{number}.png", png()))
        page.get_by_label("Address of an image or a document").press("Enter")
        expect(page.get_by_role("button", name=f"Remove {number}.png")).to_be_attached()
        page.keyboard.press("Escape")
        page.get_by_role("button", name="Send", exact=True).click()
        expect(page.locator("[data-role=user]")).to_have_count(number + 1)
        expect(page.locator("section[data-status=completed]")).to_have_count(number + 1)
    box(page).fill(say("Nothing more."))
    box(page).press("Enter")
    expect(page.locator("section[data-status=completed]")).to_have_count(3)
    assert [path for path, _ in there.asked] == ["/0.png", "/1.png"]


def test_who_visits_a_link_has_the_plain_link_and_nothing_to_click_on(
    signed_in_page: Callable[..., Page], contexts: Callable[..., BrowserContext], house: House, person: Person
) -> None:
    conversation = person.begin(say("One ![A quark](http://pictures.example.org/quark.png) and two."))
    mine = signed_in_page(person, f"{conversation}share/")
    mine.get_by_role("button", name="Make a link").click()
    visitor = contexts(base_url=house.url).new_page()
    visitor.goto(address_of_link(mine))
    expect(visitor.get_by_role("link", name="Image: A quark (pictures.example.org)")).to_be_visible()
    expect(visitor.get_by_role("link", name="Show image")).to_have_count(0)
    expect(visitor.locator("img.whole, .shown-image")).to_have_count(0)
