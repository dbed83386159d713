from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from chat import errors
from chat.models import Invitation, Server, User
from chat.store import invitations, server
from tests.accounts.conftest import sign_in, sign_up, simultaneously

SPENT = "This invitation has expired, has been used up or was withdrawn."


@pytest.fixture
def invited_only(people):
    server.change_signup(actor=people.owner, signup="invited")
    return people


def invitation(owner: User, **more) -> tuple[Invitation, str]:
    return invitations.make(actor=owner, **{"days": 7, "uses": 1, **more})


def test_a_closed_server_takes_nobody_by_page_or_by_post(people, client):
    server.change_signup(actor=people.owner, signup="closed")
    assert "Sign-up is closed" in client.get("/accounts/signup/").text
    sign_up(client)
    assert not User.objects.filter(username="anna").exists()
    assert "Sign up" not in client.get("/accounts/login/").text


def test_a_closed_server_takes_nobody_with_an_invitation_either(people, client):
    _, token = invitation(people.owner)
    server.change_signup(actor=people.owner, signup="closed")
    answer = client.get(f"/invitations/{token}/")
    assert answer.status_code == 403
    assert "This server takes no new accounts." in answer.text


def test_without_an_invitation_an_invited_only_server_is_closed(invited_only, client):
    assert "Sign-up is closed" in client.get("/accounts/signup/").text
    sign_up(client)
    assert not User.objects.filter(username="anna").exists()


def test_an_invitation_opens_the_sign_up_and_is_used_up_by_it(invited_only, client):
    made, token = invitation(invited_only.owner)
    assert client.get(f"/invitations/{token}/")["Location"] == "/accounts/signup/"
    assert "Olivia has invited you." in client.get("/accounts/signup/").text
    assert sign_up(client)["Location"] == "/"
    made.refresh_from_db()
    assert made.uses_left == 0
    late = Client().get(f"/invitations/{token}/")
    assert (late.status_code, SPENT in late.text) == (404, True)


def test_looking_at_an_invitation_uses_nothing(invited_only, client):
    made, token = invitation(invited_only.owner)
    for _ in range(3):
        client.get(f"/invitations/{token}/")
    made.refresh_from_db()
    assert made.uses_left == 1


def test_an_open_server_takes_no_use_of_an_invitation(people, client):
    made, token = invitation(people.owner)
    client.get(f"/invitations/{token}/")
    sign_up(client)
    made.refresh_from_db()
    assert made.uses_left == 1


@pytest.mark.parametrize("how", ["expired", "used up", "withdrawn", "never made"])
def test_an_invitation_that_is_not_good_says_one_plain_sentence(invited_only, client, how):
    made, token = invitation(invited_only.owner)
    match how:
        case "expired":
            Invitation.objects.update(expires=timezone.now() - timedelta(seconds=1))
        case "used up":
            Invitation.objects.update(uses_left=0)
        case "withdrawn":
            invitations.revoke(actor=invited_only.owner, invitation_id=made.pk)
        case _:
            token = "nonsense"
    answer = client.get(f"/invitations/{token}/")
    assert (answer.status_code, SPENT in answer.text) == (404, True)
    sign_up(client)
    assert not User.objects.filter(username="anna").exists()


def test_an_invitation_withdrawn_while_the_form_is_open_refuses_and_leaves_nothing(invited_only, client):
    made, token = invitation(invited_only.owner)
    client.get(f"/invitations/{token}/")
    invitations.revoke(actor=invited_only.owner, invitation_id=made.pk)
    assert "Sign-up is closed" in sign_up(client).text
    assert not User.objects.filter(username="anna").exists()


def test_an_invitation_for_an_address_fills_it_in_and_holds_to_it(invited_only, client):
    _, token = invitation(invited_only.owner, email="anna@example.org")
    client.get(f"/invitations/{token}/")
    assert 'value="anna@example.org"' in client.get("/accounts/signup/").text
    assert "This invitation is for anna@example.org." in sign_up(client, email="other@example.org").text
    assert sign_up(client, email="Anna@example.org")["Location"] == "/"


def test_whoever_is_signed_in_uses_up_nothing(invited_only, client):
    made, token = invitation(invited_only.owner)
    client.force_login(invited_only.stranger)
    assert "You have an account already" in client.get(f"/invitations/{token}/").text
    made.refresh_from_db()
    assert made.uses_left == 1


def test_only_the_hash_of_a_token_is_kept(people):
    made, token = invitation(people.owner)
    assert len(token) >= 32
    assert token not in str(Invitation.objects.values().get(pk=made.pk))


@pytest.mark.django_db(transaction=True)
def test_the_last_use_goes_to_one_person_only():
    sign_up(Client(), "olivia")
    owner = User.objects.get()
    server.change_signup(actor=owner, signup="invited")
    made, token = invitation(owner, uses=2)
    clients = [Client() for _ in range(6)]
    for each in clients:
        each.get(f"/invitations/{token}/")
    answers = simultaneously(6, lambda number: sign_up(clients[number], f"person{number}"))
    assert sum(answer.status_code == 302 for answer in answers) == 2
    assert User.objects.count() == 3
    made.refresh_from_db()
    assert made.uses_left == 0


@pytest.mark.parametrize("who", ["mate", "stranger"])
def test_nobody_but_the_owner_makes_sees_or_withdraws_invitations_or_changes_who_may_sign_up(people, who):
    person, (made, _) = getattr(people, who), invitation(people.owner)
    for verb in (
        lambda: invitations.make(actor=person, days=7, uses=1),
        lambda: invitations.of(actor=person, team=None),
        lambda: invitations.revoke(actor=person, invitation_id=made.pk),
        lambda: server.change_signup(actor=person, signup="closed"),
    ):
        with pytest.raises(errors.NotFound):
            verb()
    assert Server.objects.get().signup == "open"
    assert Invitation.objects.count() == 1


def test_the_first_account_can_always_be_made(db, client):
    Server.objects.create(signup="closed")
    assert "Create the first account" in client.get("/accounts/signup/").text
    assert sign_up(client).status_code == 302
    assert sign_in(Client(), "anna").status_code == 302
