"""The panel in a browser: its scripts run under its content policy, and what it does to people reaches them at once."""

from collections.abc import Callable
from urllib.parse import quote

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.axe import AXE_SCRIPT, RUN, SIZES, lines
from tests.browser.house import House
from tests.browser.people import Person, sign_up
from tests.browser.talk import say, talk


@pytest.fixture
def panel(signed_in_page: Callable[..., Page], owner: Person) -> Page:
    return signed_in_page(owner, "/admin/")


def test_somebody_is_found_looked_at_and_suspended_and_their_page_closes(
    panel: Page, signed_in_page: Callable[..., Page], house: House
) -> None:
    theirs = signed_in_page(sign_up(house.url, "naughty"))
    talk(theirs, say("One."))
    panel.get_by_role("searchbox", name="Name, username or e-mail").fill("naught")
    panel.get_by_role("button", name="Find").click()
    expect(panel.locator("#result_list tbody")).to_have_count(1)
    panel.get_by_role("link", name="naughty").first.click()
    expect(panel.get_by_role("heading", name="Signed in")).to_be_visible()
    panel.get_by_role("link", name="Suspend…").click()
    panel.get_by_role("button", name="Suspend").click()
    expect(panel.get_by_text("naughty is suspended.")).to_be_visible()
    expect(theirs.get_by_text("You have been signed out.")).to_be_visible(timeout=4000)


def test_whoever_is_ticked_is_signed_out_everywhere(panel: Page, contexts: Callable[..., BrowserContext], house: House) -> None:
    gone = contexts(base_url=house.url)
    sign_up(house.url, "everywhere").enter(gone)
    theirs = gone.new_page()
    theirs.goto("/")
    talk(theirs, say("One."))
    panel.goto("/admin/chat/user/?q=everywhere")
    panel.locator("tbody input.action-select").check()
    bar = panel.locator("#changelist-actions")
    expect(bar).to_contain_text("1 of 1 selected")
    bar.get_by_role("combobox").select_option("End all sign-ins")
    bar.get_by_role("button", name="Go on").click()
    panel.get_by_role("button", name="End all sign-ins").click()
    expect(panel.get_by_text("everywhere is signed out everywhere.")).to_be_visible()
    expect(theirs.get_by_text("You have been signed out.")).to_be_visible(timeout=4000)
    theirs.goto("/settings/")
    expect(theirs.get_by_label("Username or e-mail")).to_be_visible()


def in_any_look(panel: Page, path: str) -> list[str]:
    """What axe finds, but for two regions of one name, which the script that scrolls for unfold makes. A look is chosen when a
    page loads.
    """
    found = []
    for scheme in ("light", "dark"):
        panel.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        for width, height in SIZES.values():
            panel.set_viewport_size({"width": width, "height": height})
            panel.goto(path)
            panel.evaluate(AXE_SCRIPT)
            found += [f"{scheme} {width}: {line}" for line in lines(panel.evaluate(RUN)) if "landmark-unique" not in line]
            assert panel.evaluate("document.documentElement.scrollWidth <= innerWidth")
    return found


@pytest.mark.parametrize(
    "path",
    [
        f"/admin/chat/{path}/"
        for path in ("user", "team", "user/1/change", "response", "opening/search", "probe", "purge", "adminact", "kept")
    ],
)
def test_axe_finds_nothing_in_any_look(panel: Page, path: str) -> None:
    assert in_any_look(panel, path) == []


def test_what_was_said_is_counted_and_costs_what_the_owner_says(
    panel: Page, signed_in_page: Callable[..., Page], owner: Person
) -> None:
    theirs = signed_in_page(owner)
    talk(theirs, say("One."))
    panel.goto("/admin/chat/price/")
    for _ in range(100):
        if panel.get_by_role("link", name="Enter its price").count():  # it is counted
            break
        panel.reload()
    panel.get_by_role("link", name="Enter its price").first.click()
    model = panel.get_by_label("Model", exact=True).input_value()  # other tests may have asked others
    panel.get_by_label("tokens read, in USD").fill("0.5")
    panel.get_by_label("tokens written, in USD").fill("2")
    panel.get_by_role("button", name="Save").click()
    expect(panel.get_by_text("(holds now)")).to_be_visible()
    panel.goto(f"/admin/chat/daily/?days=7&model={quote(model)}")
    expect(panel.get_by_role("img", name="Cost")).to_be_visible()
    expect(panel.get_by_text("no price")).to_have_count(0)
    for path in ("/admin/chat/daily/?days=7", "/admin/chat/price/", "/admin/chat/price/add/"):
        assert in_any_look(panel, path) == []


def test_it_is_light_or_dark_as_its_person_chose(signed_in_page: Callable[..., Page], person: Person) -> None:
    person.post("/teams/new/", name="Physics")
    page = signed_in_page(person, color_scheme="dark")
    for theme, dark in (("Dark", True), ("Light", False), ("Like my device", True)):
        page.goto("/settings/")
        page.get_by_label(theme).check()
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_text("Your settings are saved.")).to_be_visible()
        page.goto("/admin/")
        expect(page.get_by_role("link", name="People").first).to_be_visible()
        assert page.evaluate("document.documentElement.classList.contains('dark')") is dark


def test_on_a_phone_all_of_somebodys_teams_can_be_read(
    signed_in_page: Callable[..., Page], owner: Person, person: Person
) -> None:
    for name in ("Cardiology", "Oncology, the department with a remarkably long name", "Radiology"):
        person.post("/teams/new/", name=name)
    panel = signed_in_page(owner, f"/admin/chat/user/?q={person.name}", viewport={"width": 390, "height": 844})
    cell = panel.locator("td.field-in_teams", has_text="Oncology")
    expect(cell).to_contain_text("Radiology")
    assert cell.evaluate("cell => cell.scrollHeight <= cell.clientHeight")


def test_it_is_there_without_scripts(signed_in_page: Callable[..., Page], owner: Person) -> None:
    page = signed_in_page(owner, "/admin/chat/user/?q=olivia", java_script_enabled=False)
    page.get_by_role("link", name="olivia").first.click()
    expect(page.get_by_role("heading", name="Account")).to_be_visible()
