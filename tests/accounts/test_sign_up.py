import pytest
from allauth.account.models import EmailAddress
from django.test import Client

from chat.models import Membership, Server, Team, User
from chat.store import invitations, server
from tests import cast
from tests.accounts.conftest import sign_up, simultaneously

pytestmark = pytest.mark.django_db


def test_the_first_account_owns_the_server_and_the_second_does_not(client):
    assert sign_up(client).status_code == 302
    sign_up(Client(), "berta")
    assert Server.objects.get().owner.username == "anna"


def test_signing_up_signs_in_and_leads_to_a_new_conversation(client):
    response = sign_up(client)
    assert response["Location"] == "/"
    assert client.get("/settings/").status_code == 200


def test_everybody_gets_a_team_of_their_own(client):
    sign_up(client)
    team = Team.objects.get()
    assert team.personal_of.username == "anna"
    assert Membership.objects.get(team=team).role == Membership.Role.OWNER


def test_an_empty_server_says_that_the_first_account_owns_it(client):
    assert "The first account owns it" in client.get("/accounts/signup/").text
    assert "Nobody has an account here yet" in client.get("/accounts/login/").text
    sign_up(client)
    assert "The first account owns it" not in Client().get("/accounts/signup/").text


def test_nothing_typed_is_lost_but_the_passwords(client):
    page = sign_up(client, email="anna@example.org", password2="something else").text
    assert 'value="anna"' in page
    assert 'value="anna@example.org"' in page
    assert cast.PASSWORD not in page
    assert User.objects.count() == 0


def test_errors_stand_beside_their_fields_and_are_tied_to_them(client):
    page = sign_up(client, password1="12345678", password2="12345678").text
    assert 'id="id_password1_error"' in page
    assert 'aria-invalid="true"' in page
    assert 'aria-describedby="id_password1_helptext id_password1_error"' in page
    assert 'role="alert"' in page


def test_names_are_one_whatever_the_case_and_the_typed_case_is_shown(client):
    sign_up(client, "Anna")
    anna = User.objects.get()
    assert (anna.username, anna.shown_name) == ("anna", "Anna")
    assert "This username is taken" in sign_up(Client(), "ANNA").text
    assert User.objects.count() == 1


def test_a_name_cannot_pass_for_an_address(client):
    assert "cannot contain @" in sign_up(client, "boss@example.org").text


def test_compatibility_letters_do_not_make_a_second_name(client):
    sign_up(client, "fin")
    assert "This username is taken" in sign_up(Client(), "\ufb01n").text


def test_an_address_belongs_to_one_account(client):
    sign_up(client, email="anna@example.org")
    assert "Another account has this e-mail address" in sign_up(Client(), "berta", email="ANNA@example.org").text


def test_a_sign_up_that_fails_leaves_nothing(client):
    sign_up(client)
    owner = User.objects.get()
    server.change_signup(actor=owner, signup="invited")
    invitation, token = invitations.make(actor=owner, days=7, uses=1, email="berta@example.org")
    berta = Client()
    berta.get(f"/invitations/{token}/")
    assert "This invitation is for berta@example.org" in sign_up(berta, "berta", email="carla@example.org").text
    assert (User.objects.count(), Team.objects.count(), EmailAddress.objects.count()) == (1, 1, 0)
    invitation.refresh_from_db()
    assert invitation.uses_left == 1


def test_a_server_whose_owner_is_gone_does_not_fall_to_the_next_who_signs_up(client):
    sign_up(client)
    sign_up(Client(), "berta")
    User.objects.get(username="anna").delete()
    sign_up(Client(), "carla")
    assert Server.objects.get().owner is None


def test_an_account_from_the_command_line_is_completed_when_it_signs_in(client):
    User.objects.create_superuser("root", password=cast.PASSWORD)
    client.post("/accounts/login/", {"login": "root", "password": cast.PASSWORD})
    assert Server.objects.get().owner.username == "root"
    assert Team.objects.get().personal_of.username == "root"


@pytest.mark.django_db(transaction=True)
def test_thirty_simultaneous_first_sign_ups_make_one_owner_and_thirty_accounts():
    """A limit's lock is waited for one second, then the answer is "too many": who gets that tries again."""

    def until_let_in(number: int) -> int:
        tries = (sign_up(Client(), f"person{number:02}").status_code for _ in range(20))
        return next((status for status in tries if status != 429), 429)

    statuses = simultaneously(30, until_let_in)
    assert statuses == [302] * 30
    assert User.objects.count() == Team.objects.count() == Membership.objects.count() == 30
    assert Server.objects.filter(owner__isnull=False).count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_with_the_same_name_at_once_make_one_account_and_one_sentence():
    answers = simultaneously(6, lambda _: sign_up(Client()))
    assert sorted(answer.status_code for answer in answers) == [200] * 5 + [302]
    assert all("This username is taken" in answer.text for answer in answers if answer.status_code == 200)
    assert User.objects.count() == 1
