"""A second step at sign-in: an authenticator app, recovery codes; their secrets in the database are not to be read there."""

import json
import time

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.conf import LazySettings
from django.core.cache import cache
from django.test import Client

from chat.store import sealed
from tests.accounts.conftest import sign_in
from tests.cast import PASSWORD, Cast


def code(secret: str, *, steps: int = 0) -> str:
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30 + steps))


def signed_in_afresh(person: str = "olivia") -> Client:
    """Somebody who has just told their password again."""
    client = Client()
    assert sign_in(client, person)["Location"] == "/"
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    return client


def set_up(client: Client) -> str:
    """Turn the app on as people do; the secret."""
    secret: str = client.get("/accounts/2fa/totp/activate/").context["form"].secret
    answer = client.post("/accounts/2fa/totp/activate/", {"code": code(secret)})
    assert answer["Location"] == "/accounts/2fa/recovery-codes/"
    cache.clear()  # this code was used; the next test may come within its half minute
    return secret


def recovery_codes(client: Client) -> list[str]:
    return list(client.get("/accounts/2fa/recovery-codes/").context["unused_codes"])


def test_a_password_alone_lets_nobody_in_any_more(people: Cast) -> None:
    secret = set_up(signed_in_afresh())
    client = Client()
    assert sign_in(client, "olivia")["Location"] == "/accounts/2fa/authenticate/"
    assert client.get("/settings/")["Location"].startswith("/accounts/login/")
    wrong = client.post("/accounts/2fa/authenticate/", {"code": "000000"})
    assert "This is not right" in wrong.text
    assert client.get("/settings/").status_code == 302
    assert client.post("/accounts/2fa/authenticate/", {"code": code(secret)})["Location"] == "/"
    assert client.get("/settings/").status_code == 200


@pytest.mark.parametrize("steps", [-1, 1])
def test_a_phone_whose_clock_is_off_by_half_a_minute_does(people: Cast, steps: int) -> None:
    secret = set_up(signed_in_afresh())
    client = Client()
    sign_in(client, "olivia")
    assert client.post("/accounts/2fa/authenticate/", {"code": code(secret, steps=steps)}).status_code == 302


def test_a_code_is_good_once(people: Cast) -> None:
    secret = set_up(signed_in_afresh())
    for expected in (302, 200):
        client = Client()
        sign_in(client, "olivia")
        assert client.post("/accounts/2fa/authenticate/", {"code": code(secret)}).status_code == expected


def test_a_recovery_code_does_too_and_once(people: Cast) -> None:
    client = signed_in_afresh()
    set_up(client)
    spare = recovery_codes(client)[0]
    for expected in (302, 200):
        client = Client()
        sign_in(client, "olivia")
        assert client.post("/accounts/2fa/authenticate/", {"code": spare}).status_code == expected


def test_new_recovery_codes_end_the_old_ones(people: Cast) -> None:
    client = signed_in_afresh()
    set_up(client)
    before = recovery_codes(client)
    client.post("/accounts/2fa/recovery-codes/generate/")
    assert not set(before) & set(recovery_codes(client))
    assert "10 codes left" in client.get("/settings/security/").text


def test_turned_off_the_password_is_enough(people: Cast) -> None:
    client = signed_in_afresh()
    set_up(client)
    assert "On since" in client.get("/settings/security/").text
    client.post("/accounts/2fa/totp/deactivate/")
    assert sign_in(Client(), "olivia")["Location"] == "/"
    assert not Authenticator.objects.exists()


def test_what_changes_how_one_signs_in_asks_for_the_password_again(people: Cast) -> None:
    client = Client()
    sign_in(client, "olivia")
    for path in ("totp/activate/", "webauthn/add/"):
        assert client.get(f"/accounts/2fa/{path}")["Location"].startswith("/accounts/reauthenticate/")
    page = client.get("/accounts/reauthenticate/?next=/accounts/2fa/totp/activate/")
    assert "Is it you?" in page.text
    answer = client.post("/accounts/reauthenticate/", {"password": PASSWORD, "next": "/accounts/2fa/totp/activate/"})
    assert answer["Location"] == "/accounts/2fa/totp/activate/"


def test_the_picture_is_of_the_key_on_the_page_and_of_nobody_elses(people: Cast) -> None:
    client = signed_in_afresh()
    assert client.get("/accounts/2fa/totp/qr.svg").status_code == 404
    client.get("/accounts/2fa/totp/activate/")
    picture = client.get("/accounts/2fa/totp/qr.svg")
    assert picture["Content-Type"] == "image/svg+xml"
    assert "no-store" in picture["Cache-Control"]
    assert picture.content.startswith(b"<?xml") or picture.content.startswith(b"<svg")
    assert signed_in_afresh("stella").get("/accounts/2fa/totp/qr.svg").status_code == 404


def test_who_reads_the_database_can_make_no_codes(people: Cast) -> None:
    client = signed_in_afresh()
    secret = set_up(client)
    kept = json.dumps([one.data for one in Authenticator.objects.all()])
    assert secret not in kept
    assert not any(spare in kept for spare in recovery_codes(client))


def test_a_new_secret_key_takes_the_old_ones_secrets_over(people: Cast, settings: LazySettings) -> None:
    secret = set_up(signed_in_afresh())
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another-key-0123456789-abcdefghijklmnop"
    assert sealed.renew() == 2
    settings.SECRET_KEY_FALLBACKS = []
    assert sealed.renew() == 0
    client = Client()
    sign_in(client, "olivia")
    assert client.post("/accounts/2fa/authenticate/", {"code": code(secret)}).status_code == 302


def test_without_the_key_no_code_is_right(people: Cast, settings: LazySettings) -> None:
    client = signed_in_afresh()
    secret = set_up(client)
    spare = recovery_codes(client)[0]
    settings.SECRET_KEY = "another-key-0123456789-abcdefghijklmnop"
    client = Client()
    sign_in(client, "olivia")
    for guess in (code(secret), spare, ""):
        assert client.post("/accounts/2fa/authenticate/", {"code": guess}).status_code == 200


def test_a_code_shows_that_it_is_you_too(people: Cast) -> None:
    secret = set_up(signed_in_afresh())
    client = Client()
    sign_in(client, "olivia")
    client.post("/accounts/2fa/authenticate/", {"code": code(secret)})
    cache.clear()
    path = "/accounts/2fa/reauthenticate/?next=/accounts/2fa/recovery-codes/"
    assert "Enter a code from your authenticator app" in client.get(path).text
    assert "This is not right" in client.post(path, {"code": "000000"}).text
    answer = client.post(path, {"code": code(secret), "next": "/accounts/2fa/recovery-codes/"})
    assert answer["Location"] == "/accounts/2fa/recovery-codes/"
    assert len(recovery_codes(client)) == 10
