"""Passkeys, with an authenticator that Chromium plays: added, used to sign in, used as a second step, removed."""

from collections.abc import Callable
from itertools import count

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.house import House
from tests.browser.people import PASSWORD, Person, sign_up

AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


numbers = count(1)


class Device:
    """What the browser of this page has to sign in with."""

    def __init__(self, page: Page) -> None:
        self.session = page.context.new_cdp_session(page)
        self.session.send("WebAuthn.enable")
        self.id = self.session.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})["authenticatorId"]

    def refuses(self) -> None:
        self.session.send("WebAuthn.setUserVerified", {"authenticatorId": self.id, "isUserVerified": False})


@pytest.fixture
def anna(house: House, owner: Person) -> Person:
    return sign_up(house.url, f"passkeys{next(numbers)}")


def add(page: Page, name: str, *, alone: bool = True) -> None:
    page.goto("/settings/security/")
    page.get_by_role("link", name="Add a passkey").click()
    if page.get_by_role("heading", name="Is it you?").is_visible():
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Go on").click()
    page.get_by_label("Name").fill(name)
    page.get_by_label("Sign in with it alone").set_checked(alone)
    page.get_by_role("button", name="Add").click()
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()


def sign_out(page: Page) -> None:
    page.goto("/settings/")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_one_signs_in_without_a_password(signed_in_page: Callable[..., Page], anna: Person) -> None:
    page = signed_in_page(anna)
    Device(page)
    add(page, "My laptop")
    page.goto("/settings/security/")
    expect(page.get_by_text("My laptop").first).to_be_visible()
    expect(page.get_by_text("Signs in alone")).to_be_visible()
    sign_out(page)
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_role("textbox", name="Message")).to_be_visible()


def test_it_is_a_second_step_after_the_password(signed_in_page: Callable[..., Page], anna: Person) -> None:
    page = signed_in_page(anna)
    Device(page)
    add(page, "My key", alone=False)
    sign_out(page)
    page.get_by_label("Username or e-mail").fill(anna.name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("heading", name="Second step")).to_be_visible()
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.get_by_role("textbox", name="Message")).to_be_visible()


def test_who_does_not_show_it_is_told_so_and_stays_out(signed_in_page: Callable[..., Page], anna: Person) -> None:
    page = signed_in_page(anna)
    device = Device(page)
    add(page, "My laptop")
    sign_out(page)
    device.refuses()
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_text("Nothing was chosen, or it took too long.")).to_be_visible()
    expect(page.get_by_role("button", name="Sign in with a passkey")).to_be_enabled()


def test_renamed_and_removed_the_password_is_enough_again(signed_in_page: Callable[..., Page], anna: Person) -> None:
    page = signed_in_page(anna)
    Device(page)
    add(page, "My laptop")
    page.goto("/settings/security/")
    page.get_by_role("link", name="Rename My laptop").click()
    page.get_by_label("Name").fill("The old one")
    page.get_by_role("button", name="Save").click()
    page.get_by_role("link", name="Remove The old one").click()
    page.get_by_role("button", name="Remove").click()
    expect(page.get_by_text("The old one")).to_have_count(0)
    sign_out(page)
    page.get_by_label("Username or e-mail").fill(anna.name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("textbox", name="Message")).to_be_visible()


def test_where_the_browser_has_none_it_says_so(contexts: Callable[..., BrowserContext], house: House, anna: Person) -> None:
    context = contexts(base_url=house.url)
    anna.enter(context)
    context.add_init_script("delete window.PublicKeyCredential")
    page = context.new_page()
    page.goto("/accounts/2fa/webauthn/add/")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_text("This browser cannot make passkeys here.")).to_be_visible()
    expect(page.get_by_role("button", name="Add")).to_be_hidden()
