import pytest
from django.core import mail
from django.test import Client

from chat.models import User
from tests import cast
from tests.accounts.conftest import links, sign_in

NEW = "a different horse battery"


def change(client: Client, old: str = cast.PASSWORD, new: str = NEW, again: str = NEW):
    return client.post("/accounts/password/change/", {"oldpassword": old, "password1": new, "password2": again})


def test_changing_the_password_keeps_this_session_and_ends_the_others(people, client):
    elsewhere = Client()
    for each in (client, elsewhere):
        sign_in(each, "stella")
    answer = change(client)
    assert answer["Location"] == "/settings/"
    assert "Your password is changed." in client.get("/settings/").text
    assert elsewhere.get("/settings/")["Location"].startswith("/accounts/login/")
    assert sign_in(Client(), "stella", NEW).status_code == 302


def test_changing_the_password_raises_the_epoch(people, client):
    client.force_login(people.stranger)
    change(client)
    assert User.objects.get(pk=people.stranger.pk).auth_epoch == 1


def test_changing_the_password_writes_nothing_else(people, client):
    client.force_login(people.stranger)
    User.objects.filter(pk=people.stranger.pk).update(instructions="Written meanwhile.")
    change(client)
    assert User.objects.get(pk=people.stranger.pk).instructions == "Written meanwhile."


@pytest.mark.parametrize(
    ("form", "sentence"),
    [
        ({"old": "wrong"}, "That is not your current password."),
        ({"again": "something else"}, "You must type the same password each time."),
        ({"new": "12345678", "again": "12345678"}, "too common"),
    ],
)
def test_what_is_wrong_with_a_new_password_is_said(people, client, form, sentence):
    client.force_login(people.stranger)
    assert sentence in change(client, **form).text


def ask_for_reset(client: Client, email: str = "stella@example.org", **headers: str):
    return client.post("/accounts/password/reset/", {"email": email}, **headers)


def test_a_forgotten_password_is_reset_through_the_mail(people, client):
    assert ask_for_reset(client)["Location"] == "/accounts/password/reset/done/"
    letter = mail.outbox[0]
    assert letter.to == ["stella@example.org"]
    assert letter.subject == "[Parley] Choose a new password"
    assert "asked for a new password for stella" in letter.body
    page = client.get(links(letter.body)[0].removeprefix("http://localhost:8000"), follow=True)
    assert "Choose a new password" in page.text
    form = {"password1": NEW, "password2": NEW}
    assert client.post(page.redirect_chain[-1][0], form, follow=True).status_code == 200
    assert sign_in(Client(), "stella", NEW).status_code == 302
    assert User.objects.get(pk=people.stranger.pk).auth_epoch == 1


def test_a_reset_link_works_once(people, client):
    ask_for_reset(client)
    path = links(mail.outbox[0].body)[0].removeprefix("http://localhost:8000")
    people.stranger.set_password(NEW)
    people.stranger.save()
    assert "This link is no longer good" in client.get(path, follow=True).text


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:6666", "[::1]:1"])
def test_links_lead_to_the_public_address_whatever_the_host_header_says(people, client, host, settings):
    settings.PARLEY_URL = "https://chat.example.org"
    ask_for_reset(client, headers={"host": host})
    assert links(mail.outbox[0].body)[0].startswith("https://chat.example.org/accounts/password/reset/key/")
    assert host not in mail.outbox[0].body


def test_a_forged_host_is_refused_and_no_mail_is_sent(people, client):
    assert ask_for_reset(client, headers={"host": "evil.example"}).status_code == 400
    assert not mail.outbox


def test_an_address_that_nobody_has_is_said_where_there_is_no_mail_server(people, client):
    page = ask_for_reset(client, "nobody@example.org").text
    assert "No account has this e-mail address." in page
    assert 'value="nobody@example.org"' in page


def test_where_there_is_a_mail_server_known_and_unknown_addresses_get_the_same_answer(people, client, settings):
    settings.ACCOUNT_PREVENT_ENUMERATION = True
    known, unknown = ask_for_reset(client), ask_for_reset(client, "nobody@example.org")
    assert (known.status_code, known["Location"]) == (unknown.status_code, unknown["Location"])
    assert [letter.subject for letter in mail.outbox] == [
        "[Parley] Choose a new password",
        "[Parley] No account with this address",
    ]


def test_a_mail_server_that_fails_is_a_sentence_and_not_a_lost_page(people, client, settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9
    answer = client.post("/accounts/password/reset/", {"email": "stella@example.org"}, follow=True)
    assert answer.status_code == 200
    assert "The e-mail could not be sent." in answer.text
