"""What people choose for themselves takes effect: theme, name, model, instructions; and signing out ends every tab."""

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.house import House
from tests.browser.people import PASSWORD, Person, sign_up
from tests.browser.talk import box, directive, ended, growing, say, send, talk
from tests.scripted import ScriptedServer

LIGHTNESS = """() => {
  const canvas = document.createElement("canvas").getContext("2d");
  const colours = [document.body, document.documentElement].map((one) => getComputedStyle(one).backgroundColor);
  const shown = colours.find((one) => !one.endsWith(", 0)"));
  canvas.fillStyle = shown;
  canvas.fillRect(0, 0, 1, 1);
  return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3).reduce((sum, part) => sum + part) / 765;
}"""


def save(page: Page) -> None:
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Your settings are saved.")).to_be_visible()


@pytest.mark.parametrize(
    ("theme", "scheme", "dark"), [("Dark", "light", True), ("Light", "dark", False), ("Like my device", "dark", True)]
)
def test_the_theme_takes_effect_at_once_and_everywhere(page: Page, theme: str, scheme: str, dark: bool) -> None:
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    page.goto("/settings/")
    page.get_by_label(theme).check()
    save(page)
    assert (page.evaluate(LIGHTNESS) < 0.5) is dark
    page.goto("/")
    assert (page.evaluate(LIGHTNESS) < 0.5) is dark


def test_the_name_is_shown(page: Page) -> None:
    page.goto("/settings/")
    page.get_by_label("Name", exact=True).fill("Ada Lovelace")
    save(page)
    page.goto("/")
    expect(page.get_by_role("navigation", name="Sidebar").get_by_text("Ada Lovelace")).to_be_visible()


def test_instructions_reach_the_model(page: Page, model: ScriptedServer) -> None:
    page.goto("/settings/")
    page.get_by_role("textbox", name="Instructions").fill("Answer in rhymes.\nAlways.")
    save(page)
    page.goto("/")
    talk(page, directive(tokens=5))
    asked = next(request.body for request in model.requests if request.path == "/v1/responses")
    assert "Answer in rhymes.\nAlways." in asked["instructions"]


def test_the_default_model_is_chosen_in_new_conversations(page: Page, model: ScriptedServer) -> None:
    page.goto("/settings/")
    page.get_by_role("combobox", name="Model", exact=True).select_option("other-model")
    save(page)
    page.goto("/")
    expect(page.get_by_role("combobox", name="Model", exact=True)).to_have_value("other-model")
    talk(page, directive(tokens=5))
    asked = next(request.body for request in model.requests if request.path == "/v1/responses")
    assert asked["model"] == "other-model"


def test_a_conversation_remembers_its_model(page: Page, model: ScriptedServer) -> None:
    page.get_by_role("combobox", name="Model", exact=True).select_option("other-model")
    talk(page, directive(tokens=5))
    expect(page.get_by_role("combobox", name="Model", exact=True)).to_have_value("other-model")
    page.reload()
    expect(page.get_by_role("combobox", name="Model", exact=True)).to_have_value("other-model")
    page.goto("/")
    expect(page.get_by_role("combobox", name="Model", exact=True)).to_have_value("scripted")


def test_a_reply_is_kept_at_the_model_server_and_a_title_is_not(page: Page, model: ScriptedServer) -> None:
    talk(page, say("A title"))
    expect(page.get_by_role("heading", level=1)).to_have_text("A title")
    assert [request.body["store"] for request in model.requests if request.path == "/v1/responses"] == [True, False]


def test_signing_out_ends_the_other_tabs_with_a_notice(signed_in_page: Callable[..., Page], house: House) -> None:
    page = signed_in_page(sign_up(house.url, "leaver"))
    talk(page, say("One."))
    other = page.context.new_page()
    other.goto("/settings/")
    other.get_by_role("main").get_by_role("button", name="Sign out").click()
    other.wait_for_url("**/accounts/login/**")
    expect(page.get_by_text("You have been signed out.")).to_be_visible(timeout=4000)
    box(page).fill("Still here")
    box(page).press("Enter")
    page.wait_for_url("**/accounts/login/**")
    page.get_by_label("Username or e-mail").fill("leaver")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url("**/c/*/")
    expect(box(page)).to_have_value("Still here")


def test_a_reply_goes_on_when_its_person_signs_out(page: Page, contexts: Callable[..., BrowserContext], person: Person) -> None:
    send(page, directive(tokens=120, rate=80))
    growing(page)
    address = page.url
    page.goto("/settings/")
    second = contexts()
    person.enter(second)
    watcher = second.new_page()
    watcher.goto(address)
    ended(watcher)


def test_the_password_is_changed_and_holds(contexts: Callable[..., BrowserContext], house: House, owner: Person) -> None:
    page = contexts(base_url=house.url).new_page()
    page.goto("/accounts/signup/")
    page.get_by_label("Username").fill("changer")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Password (again)").fill(PASSWORD)
    page.get_by_role("button", name="Sign up").click()
    expect(box(page)).to_be_visible()
    page.goto("/accounts/password/change/")
    page.get_by_label("Current password").fill(PASSWORD)
    page.get_by_label("New password", exact=True).fill("another horse battery")
    page.get_by_label("New password (again)").fill("another horse battery")
    page.get_by_role("main").get_by_role("button").first.click()
    page.wait_for_url(lambda url: "change" not in url)
    page.goto("/settings/")
    page.get_by_role("button", name="Sign out").click()
    page.get_by_label("Username or e-mail").fill("changer")
    page.get_by_label("Password", exact=True).fill("another horse battery")
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(box(page)).to_be_visible()
