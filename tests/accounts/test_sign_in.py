import pytest
from django.conf import settings
from django.test import Client

from chat.models import CacheEntry, User
from tests import cast
from tests.accounts.conftest import sign_in


def test_sign_in_with_the_name_or_the_address(people):
    for login in ("stella", "STELLA", "stella@example.org"):
        assert sign_in(Client(), login)["Location"] == "/"


def test_a_wrong_password_is_said_plainly_and_the_name_stays(people, client):
    page = sign_in(client, "stella", "wrong").text
    assert "The username or the password is not right." in page
    assert 'value="stella"' in page
    assert "_auth_user_id" not in client.session


def test_sign_in_leads_back_to_where_it_was_asked_for(people, client):
    assert client.get("/settings/")["Location"] == "/accounts/login/?next=/settings/"
    answer = client.post("/accounts/login/", {"login": "stella", "password": cast.PASSWORD, "next": "/settings/"})
    assert answer["Location"] == "/settings/"


@pytest.mark.parametrize("elsewhere", ["https://evil.example/", "//evil.example/", "javascript:alert(1)"])
def test_sign_in_never_leads_elsewhere(people, client, elsewhere):
    answer = client.post("/accounts/login/", {"login": "stella", "password": cast.PASSWORD, "next": elsewhere})
    assert answer["Location"] == "/"


def test_the_session_gets_a_new_key_at_sign_in(people, client):
    client.get("/accounts/login/")
    session = client.session
    session["left_by_somebody"] = True
    session.save()
    client.cookies["sessionid"] = session.session_key
    sign_in(client, "stella")
    assert client.session.session_key != session.session_key


def test_sign_out_asks_by_post_only(people, client):
    client.force_login(people.stranger)
    assert "Sign out?" in client.get("/accounts/logout/").text
    assert "_auth_user_id" in client.session
    assert client.post("/accounts/logout/")["Location"] == "/accounts/login/"
    assert "_auth_user_id" not in client.session


def test_sign_out_raises_the_epoch_so_that_sockets_close(people, client):
    client.force_login(people.stranger)
    client.post("/accounts/logout/")
    assert User.objects.get(pk=people.stranger.pk).auth_epoch == people.stranger.auth_epoch + 1
    assert User.objects.get(pk=people.mate.pk).auth_epoch == people.mate.auth_epoch


def test_wrong_passwords_for_one_name_are_limited_and_it_is_said(people, client):
    for _ in range(5):
        sign_in(client, "stella", "wrong")
    page = sign_in(client, "stella", "wrong").text
    assert "Too many wrong passwords. Wait five minutes" in page


def test_too_many_posts_from_one_place_get_a_plain_page(people, client, settings):
    settings.ACCOUNT_RATE_LIMITS = {"login": "2/m/ip"}
    for _ in range(2):
        sign_in(client, "nobody", "wrong")
    answer = sign_in(client, "stella")
    assert answer.status_code == 429
    assert "Too many tries" in answer.text
    assert answer["Retry-After"] == "60"


SIGN_IN = [
    '<label for="id_login">',
    'autocomplete="username"',
    'autocomplete="current-password"',
    "autofocus",
    "Forgot your password?",
]
SIGN_UP = ['<label for="id_username">', 'autocomplete="username"', 'autocomplete="email"', 'autocomplete="new-password"']


@pytest.mark.parametrize(("path", "parts"), [("/accounts/login/", SIGN_IN), ("/accounts/signup/", SIGN_UP)])
def test_pages_have_labels_and_tell_the_browser_what_the_fields_are(db, client, path, parts):
    page = client.get(path).text
    assert [part for part in parts if part not in page] == []


def test_who_tries_a_name_from_elsewhere_locks_nobody_out(people):
    attacker, person = Client(REMOTE_ADDR="203.0.113.7"), Client(REMOTE_ADDR="198.51.100.4")
    answers = [sign_in(attacker, "olivia", f"guess number {number}").text for number in range(7)]
    assert "Too many wrong passwords." in answers[-1]
    assert "Too many wrong passwords." in sign_in(attacker, "olivia").text
    assert sign_in(person, "olivia")["Location"] == "/"


@pytest.mark.skipif(settings.ON_SQLITE, reason="there, there is one process")
def test_what_one_process_has_counted_the_others_know(people, client):
    """What all processes have in common is the database, and the count stands there."""
    for number in range(5):
        sign_in(client, "stella", f"wrong {number}")
    assert "Too many wrong passwords" in sign_in(client, "stella").text
    CacheEntry.objects.all().delete()
    assert sign_in(client, "stella")["Location"] == "/"
