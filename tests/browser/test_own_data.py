"""One's own data: an export asked for and fetched, an account deleted."""

from collections.abc import Callable, Iterator
from pathlib import Path
from zipfile import ZipFile

from playwright.sync_api import Page, expect

from tests.browser.axe import violations
from tests.browser.house import House
from tests.browser.people import PASSWORD, Person, sign_up
from tests.browser.talk import say, talk
from tests.browser.watch import Watch


def test_an_export_is_made_while_one_looks_and_is_a_zip_that_opens(page: Page, tmp_path: Path) -> None:
    talk(page, say("A quark is small."))
    page.goto("/settings/")
    page.get_by_role("link", name="Open the page of your data").click()
    assert violations(page) == []
    page.get_by_role("button", name="Make an export").click()
    expect(page.get_by_text("Your export is ready")).to_be_visible()
    assert violations(page) == []
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    download.value.save_as(tmp_path / "mine.zip")
    with ZipFile(tmp_path / "mine.zip") as found:
        assert found.testzip() is None
        assert any(b"A quark is small." in found.read(name) for name in found.namelist() if name.endswith(".md"))
    page.get_by_role("button", name="Delete the export").click()
    expect(page.get_by_text("The export is deleted.")).to_be_visible()
    expect(page.get_by_role("link", name="Download")).to_have_count(0)


def test_an_account_is_deleted_and_everything_that_was_open_ends(
    signed_in_page: Callable[..., Page], house: House, owner: Person, crowd: Iterator[Person], watch: Watch
) -> None:
    watch.expect("404")
    leaver = sign_up(house.url, "goner")
    page = signed_in_page(leaver)
    talk(page, say("One."))
    address = page.url
    other = page.context.new_page()
    other.goto("/settings/data/")
    other.get_by_role("link", name="Delete the account").click()
    other.get_by_label("Password").fill(PASSWORD)
    other.get_by_role("button", name="Go on").click()
    assert violations(other) == []
    other.get_by_label("Your username").fill("goner")
    other.get_by_role("button", name="Delete the account").click()
    expect(other.get_by_text("Your account is deleted.")).to_be_visible()
    expect(page.get_by_text("You have been signed out.")).to_be_visible(timeout=4000)
    assert signed_in_page(next(crowd)).goto(address).status == 404
    sign_up(house.url, "goner")  # the name is free
