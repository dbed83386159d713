"""Somebody is mentioned: open pages say so within two seconds, names are offered while they are written, browsers are told."""

import json
import re
from collections.abc import Callable

from playwright.sync_api import Locator, Page, expect

from tests.browser.axe import violations
from tests.browser.people import Person
from tests.browser.talk import box, ended, eventually, say, send
from tests.notifications.browser import Browser

SOON = 2_000  # milliseconds
Pages = Callable[..., Page]


def count(page: Page) -> Locator:
    return page.get_by_role("navigation", name="Sidebar").get_by_role("link", name=re.compile("^Mentions"))


def test_open_pages_elsewhere_say_it_and_say_when_it_is_seen(
    signed_in_page: Pages, person: Person, mate: Person, address: str
) -> None:
    first = signed_in_page(person, person.begin(say("Elsewhere.")))
    second = first.context.new_page()
    second.goto(first.url)
    for page in (first, second):
        expect(count(page)).to_be_hidden()
    theirs = signed_in_page(mate, address)
    send(theirs, f"@{person.name}, what do you think?")
    expect(first.locator(f"#mentioned-{address.split('/')[2]}")).to_contain_text("You are mentioned", timeout=SOON)
    for page in (first, second):
        expect(count(page)).to_have_text("Mentions1", timeout=SOON)
    assert violations(second) == []
    count(first).click()
    first.get_by_role("list", name="Mentions").get_by_role("link").first.click()
    expect(first.get_by_text("what do you think?")).to_be_in_viewport()
    expect(count(second)).to_be_hidden(timeout=SOON)


def test_on_a_phone_the_way_to_the_sidebar_shows_it(signed_in_page: Pages, person: Person, mate: Person, address: str) -> None:
    phone = signed_in_page(person, person.begin(say("Elsewhere.")), viewport={"width": 390, "height": 844})
    send(signed_in_page(mate, address), f"@{person.name}, what do you think?")
    badge = phone.get_by_role("banner").locator(".badge")
    expect(badge).to_have_text("1", timeout=SOON)
    expect(badge).to_be_in_viewport(ratio=1)
    assert violations(phone) == []


def test_what_one_looks_at_is_no_news(signed_in_page: Pages, person: Person, mate: Person, address: str) -> None:
    page = signed_in_page(person, address)
    theirs = signed_in_page(mate, address)
    expect(page.locator(".company")).to_contain_text("is here")
    send(theirs, f"@{person.name}, what do you think? {say('Well.')}")
    ended(page, number=2)
    theirs.close()
    expect(page.locator(".company")).to_have_text("")  # a look after it
    page.goto("/mentions/")
    expect(page.get_by_role("list", name="Mentions")).to_contain_text("what do you think?")
    expect(page.get_by_role("list", name="Mentions")).not_to_contain_text("new")
    expect(count(page)).to_be_hidden()


def test_names_are_offered_while_one_is_written(signed_in_page: Pages, person: Person, mate: Person, address: str) -> None:
    page = signed_in_page(person, address)
    names = page.get_by_role("listbox")
    box(page).press_sequentially("Hey @")
    expect(names.get_by_role("option")).to_have_count(1)
    expect(names.get_by_role("option", selected=True)).to_contain_text(mate.name)
    assert violations(page) == []
    box(page).press("Escape")
    expect(names).to_be_hidden()
    box(page).press_sequentially(mate.name[:2])
    box(page).press("ArrowDown")
    box(page).press("Enter")
    expect(box(page)).to_have_value(f"Hey @{mate.name} ")
    expect(names).to_be_hidden()
    box(page).press_sequentially("me@")
    expect(names).to_be_hidden()
    box(page).press("Enter")
    expect(box(page)).to_have_value("")
    box(page).press_sequentially("@")
    names.get_by_role("option").click()
    expect(box(page)).to_have_value(f"@{mate.name} ")


# The push service is a company's, far away: what it would give the browser, and no more.
SERVICE = """(given) => { PushManager.prototype.subscribe = async function (options) {
  if (!options.userVisibleOnly || options.applicationServerKey.length !== 65) throw new Error("no");
  return { toJSON: () => given };
}; }"""


def test_a_browser_asks_to_be_told_and_shows_what_comes(signed_in_page: Pages, person: Person) -> None:
    page = signed_in_page(person, "/settings/")
    page.get_by_role("link", name="Open the notification settings").click()
    assert violations(page) == []
    page.context.grant_permissions(["notifications"])
    given = Browser("https://9.9.9.9/push/" + person.name).subscription()
    page.add_init_script(f"({SERVICE})({json.dumps({'endpoint': given.pop('endpoint'), 'keys': given})})")
    page.reload()
    page.get_by_role("button", name="Notify this browser").click()
    expect(page.get_by_role("list")).to_contain_text("here")
    assert violations(page) == []
    message = {"title": "Mateo mentioned you", "body": "Quarks", "url": "/mentions/", "tag": "x"}
    assert worked(page, message) == ["Mateo mentioned you", "Quarks", "closed", "/mentions/"]
    page.get_by_role("button", name="Remove").click()
    expect(page.get_by_text("None is notified yet.")).to_be_visible()


# What the worker has the system show, and opens when that is clicked: there is no system here that shows it.
WORK = """async (message) => {
  const done = [];
  registration.showNotification = async (title, options) => done.push(title, options.body);
  clients.openWindow = async (url) => done.push(url);
  const tell = (type, more) => new Promise((resolve) => {
    const event = Object.assign(new ExtendableEvent(type), more);
    event.waitUntil = (work) => resolve(work);
    dispatchEvent(event);
  });
  await tell("push", { data: { json: () => message } });
  await tell("notificationclick", { notification: { close: () => done.push("closed"), data: { url: message.url } } });
  return done;
}"""


def worked(page: Page, message: dict[str, str]) -> list[str]:
    """What the service worker makes of a message."""
    eventually(lambda: bool(page.context.service_workers), page=page)
    done: list[str] = page.context.service_workers[0].evaluate(WORK, message)
    return done


def test_a_browser_that_may_not_be_told_says_so(signed_in_page: Pages, person: Person) -> None:
    page = signed_in_page(person, "/settings/notifications/")
    page.evaluate("Notification.requestPermission = async () => 'denied'")
    page.get_by_role("button", name="Notify this browser").click()
    expect(page.get_by_role("alert")).to_contain_text("The browser does not allow it.")
    expect(page.get_by_role("button", name="Notify this browser")).to_be_enabled()
