import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.test import Client

from chat.models import Server, User
from tests import cast
from tests.accounts.conftest import links, sign_in, sign_up

PLACE = "http://localhost:8000"


@pytest.fixture
def mail_server(settings):
    """What settings.py chooses when EMAIL_URL is set."""
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    settings.ACCOUNT_PREVENT_ENUMERATION = settings.ACCOUNT_EMAIL_NOTIFICATIONS = True
    settings.ACCOUNT_SIGNUP_FIELDS = ["username*", "email*", "password1*", "password2*"]


def confirm(client: Client, letter):
    path = links(letter.body)[0].removeprefix(PLACE)
    assert "Yes, it is mine" in client.get(path).text
    return client.post(path)


def test_without_a_mail_server_the_address_is_optional_and_nothing_is_sent(db, client):
    assert sign_up(client)["Location"] == "/"
    assert not mail.outbox


def test_with_a_mail_server_nobody_is_in_before_the_link_is_opened(db, mail_server, client):
    answer = sign_up(client, email="anna@example.org")
    assert answer["Location"] == "/accounts/confirm-email/"
    assert "Confirm your e-mail address" in client.get(answer["Location"]).text
    assert client.get("/settings/").status_code == 302
    assert sign_in(Client(), "anna")["Location"] == "/accounts/confirm-email/"
    assert confirm(client, mail.outbox[0])["Location"] == "/"
    assert client.get("/settings/").status_code == 200
    assert Server.objects.get().owner.username == "anna"


def test_with_a_mail_server_the_address_is_asked_for(db, mail_server, client):
    assert "This field is required" in sign_up(client).text


def test_a_known_address_gets_the_same_answer_and_a_letter_of_its_own(people, mail_server, client):
    new = sign_up(Client(), "anna", email="anna@example.org")
    known = sign_up(client, "berta", email="stella@example.org")
    assert (known.status_code, known["Location"]) == (new.status_code, new["Location"])
    assert mail.outbox[1].subject == "[Parley] You have an account already"
    assert not User.objects.filter(username="berta").exists()


def test_a_link_that_is_not_good_is_said_plainly(db, client):
    assert "This link is no longer good" in client.get("/accounts/confirm-email/nonsense/").text


def test_letters_end_with_where_they_come_from_and_escape_nothing(people, mail_server, client):
    User.objects.filter(pk=people.stranger.pk).update(username="o'hara&co")
    client.post("/accounts/password/reset/", {"email": "stella@example.org"})
    assert "for o'hara&co." in mail.outbox[0].body
    assert mail.outbox[0].body.endswith("Parley, http://localhost:8000")


def test_a_changed_password_is_told_by_mail(people, mail_server, client):
    EmailAddress.objects.create(user=people.stranger, email="stella@example.org", primary=True, verified=True)
    client.force_login(people.stranger)
    form = {"oldpassword": cast.PASSWORD, "password1": "new horse battery", "password2": "new horse battery"}
    client.post("/accounts/password/change/", form)
    assert mail.outbox[0].subject == "[Parley] Your password has been changed"
    assert "From: 127.0.0.1" in mail.outbox[0].body
    assert "http://localhost:8000/accounts/password/reset/" in mail.outbox[0].body


def test_without_a_mail_server_a_new_address_is_in_force_at_once(people, client):
    client.force_login(people.stranger)
    client.post("/accounts/email/", {"action_add": "", "email": "New@example.org"})
    assert User.objects.get(pk=people.stranger.pk).email == "new@example.org"
    assert "Your e-mail address is now new@example.org." in client.get("/accounts/email/").text
    assert sign_in(Client(), "new@example.org").status_code == 302
    assert not mail.outbox


def test_with_a_mail_server_the_old_address_stays_until_the_new_one_is_confirmed(people, mail_server, client):
    EmailAddress.objects.create(user=people.stranger, email="stella@example.org", primary=True, verified=True)
    client.force_login(people.stranger)
    client.post("/accounts/email/", {"action_add": "", "email": "new@example.org"})
    assert "We have sent a link to <strong>new@example.org</strong>" in client.get("/accounts/email/").text
    assert User.objects.get(pk=people.stranger.pk).email == "stella@example.org"
    confirm(client, mail.outbox[0])
    assert User.objects.get(pk=people.stranger.pk).email == "new@example.org"
    assert EmailAddress.objects.get(user=people.stranger).verified


def test_the_address_of_somebody_else_is_refused(people, client):
    client.force_login(people.stranger)
    page = client.post("/accounts/email/", {"action_add": "", "email": "olivia@example.org"}).text
    assert "Another account has this e-mail address." in page
    assert User.objects.get(pk=people.stranger.pk).email == "stella@example.org"
