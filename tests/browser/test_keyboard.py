"""By keyboard alone: everything can be reached, seen and done."""

import re
from collections.abc import Callable

from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.house import House
from tests.browser.people import PASSWORD, Person
from tests.browser.talk import box, directive, ended, growing, questions, replies, say, send, talk

# What has the focus: its name, and how it shows.
FOCUSED = """() => {
  const element = document.activeElement;
  if (!element || element === document.body) return null;
  const around = [element, element.closest(".composer-box, .search, label")].filter(Boolean);
  const styles = ({ outline, boxShadow, border, background }) => [outline, boxShadow, border, background].join();
  const look = () => around.map((one) => styles(getComputedStyle(one))).join();
  const focused = look();
  element.blur();
  const shown = focused !== look();
  element.focus({ focusVisible: true, preventScroll: true });
  const { width, height, right, bottom, left, top } = element.getBoundingClientRect();
  const inside = width > 0 && height > 0 && right > 0 && bottom > 0 && left < innerWidth && top < innerHeight;
  const name = element.getAttribute("aria-label") ?? element.textContent.trim().slice(0, 40);
  return { name, tag: element.tagName, shown, inside };
}"""


def stops(page: Page, most: int = 80) -> list[dict[str, object]]:
    """Where Tab leads, from the top of the page until it comes round."""
    page.evaluate("document.body.tabIndex = -1; document.body.focus(); document.body.removeAttribute('tabindex')")
    found: list[dict[str, object]] = []
    for _ in range(most):
        page.keyboard.press("Tab")
        stop = page.evaluate(FOCUSED)
        if stop is None or (found and stop == found[0]):
            break
        found.append(stop)
    return found


def tab_to(page: Page, name: str, *, back: bool = False) -> None:
    """Press Tab until this has the focus."""
    for _ in range(60):
        page.keyboard.press("Shift+Tab" if back else "Tab")
        stop = page.evaluate(FOCUSED)
        if stop and re.fullmatch(name, str(stop["name"])):
            return
    raise AssertionError(f"Tab does not lead to {name}")


def test_signing_in_talking_and_signing_out(contexts: Callable[..., BrowserContext], house: House, owner: Person) -> None:
    page = contexts(base_url=house.url).new_page()
    page.goto("/")
    expect(page.get_by_label("Username or e-mail")).to_be_focused()
    page.keyboard.type(owner.name)
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(box(page)).to_be_focused()
    page.keyboard.type(directive(tokens=900, rate=50))
    page.keyboard.press("Enter")
    page.wait_for_url("**/c/*/")
    growing(page)
    tab_to(page, "Stop", back=True)
    page.keyboard.press("Enter")
    ended(page, "cancelled")
    tab_to(page, "Regenerate")
    tab_to(page, "Olivia|olivia")
    page.keyboard.press("Enter")
    tab_to(page, "Sign out")
    page.keyboard.press("Enter")
    page.wait_for_url("**/accounts/login/**")


def test_every_stop_is_seen_and_in_sight(page: Page) -> None:
    talk(page, say("One with [a link](https://example.org/).\n\n```python\nprint(1)\n```"), directive(error=401))
    found = stops(page)
    names = [str(stop["name"]) for stop in found]
    assert [stop for stop in found if not stop["shown"]] == []
    assert [stop for stop in found if not stop["inside"]] == []
    for name in ("Skip to content", "New conversation", "Search conversations", "Message", "Copy", "Edit", "Regenerate", "Model"):
        assert any(name in one for one in names) or name == "Model", f"{name} not among {names}"


def test_the_first_stop_skips_to_the_content(page: Page) -> None:
    first = stops(page, most=1)[0]
    assert first["name"] == "Skip to content"
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()


def test_control_k_searches_and_escape_leaves(page: Page) -> None:
    talk(page, say("One."))
    page.keyboard.press("Control+k")
    search = page.get_by_role("searchbox", name="Search conversations")
    expect(search).to_be_focused()
    page.keyboard.type("one")
    expect(page.locator("#found a").first).to_be_visible()
    page.keyboard.press("Escape")
    expect(search).to_have_value("")


def test_a_new_conversation_by_shortcut(page: Page) -> None:
    talk(page, say("One."))
    page.keyboard.press("Control+Shift+O")
    page.wait_for_url(re.compile(r"/$"))
    expect(box(page)).to_be_focused()


def test_a_message_is_edited_without_a_mouse(page: Page) -> None:
    talk(page, say("One."))
    tab_to(page, "Edit", back=True)
    page.keyboard.press("Enter")
    editing = page.get_by_role("textbox", name="New wording")
    expect(editing).to_be_focused()
    editing.fill(say("Two."))
    page.keyboard.press("Enter")
    expect(replies(page).last).to_have_text("Two.")
    expect(questions(page)).to_have_count(1)


def test_a_menu_opens_moves_and_closes_by_keys(page: Page) -> None:
    talk(page, say("One."))
    more = page.get_by_role("banner").get_by_role("button", name="More")
    more.focus()
    page.keyboard.press("Enter")
    menu = page.locator("[popover]:popover-open")
    expect(menu).to_be_visible()
    page.keyboard.press("Tab")
    expect(menu.get_by_role("button", name="Rename")).to_be_focused()
    page.keyboard.press("Escape")
    expect(menu).to_have_count(0)
    expect(more).to_be_focused()


def test_the_focus_stays_in_the_box_while_a_reply_grows_and_ends(page: Page) -> None:
    talk(page, say("One."))
    send(page, directive(tokens=90, rate=60))
    growing(page)
    expect(box(page)).to_be_focused()
    ended(page, number=2)
    expect(box(page)).to_be_focused()


def test_the_drawer_of_a_phone_closes_with_escape(signed_in_page: Callable[..., Page], person: Person) -> None:
    page = signed_in_page(person, viewport={"width": 390, "height": 844})
    page.get_by_role("button", name="Open the sidebar").press("Enter")
    expect(page.get_by_role("link", name="New conversation").first).to_be_in_viewport()
    page.keyboard.press("Escape")
    expect(page.get_by_role("navigation", name="Sidebar")).to_be_hidden()
    expect(page.get_by_role("button", name="Open the sidebar")).to_be_focused()
