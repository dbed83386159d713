import re

import pytest
from django.test import Client

from chat.models import Invitation, Server, User
from chat.store import invitations


@pytest.fixture
def owner(people, client) -> Client:
    client.force_login(people.owner)
    return client


@pytest.mark.parametrize("who", ["mate", "stranger"])
def test_for_everybody_but_the_owner_there_is_nothing_here(people, client, who):
    made, _ = invitations.make(actor=people.owner, days=7, uses=1)
    client.force_login(getattr(people, who))
    answers = [
        client.get("/settings/server/"),
        client.post("/settings/server/", {"signup": "closed"}),
        client.post("/settings/server/invitations/", {"uses": 1, "days": 7}),
        client.post(f"/settings/server/invitations/{made.pk}/revoke/"),
    ]
    assert [answer.status_code for answer in answers] == [404] * 4
    assert Server.objects.get().signup == "open"
    assert Invitation.objects.count() == 1


def test_anonymous_people_are_asked_to_sign_in(db, client):
    assert client.get("/settings/server/")["Location"] == "/accounts/login/?next=/settings/server/"


def test_the_owner_decides_who_may_sign_up(owner):
    assert "Saved." in owner.post("/settings/server/", {"signup": "invited", "team_creation": "owner"}, follow=True).text
    found = Server.objects.get()
    assert (found.signup, found.team_creation) == ("invited", "owner")


WRONG = [{}, {"signup": ""}, {"signup": "everybody"}, {"signup": "open", "team_creation": "nobody"}]


@pytest.mark.parametrize("form", WRONG)
def test_a_policy_that_does_not_exist_is_refused(owner, form):
    assert owner.post("/settings/server/", form).status_code == 422
    assert Server.objects.get().signup == "open"


def test_an_invitation_link_is_shown_once_and_works(owner):
    page = owner.post("/settings/server/invitations/", {"email": "", "uses": 2, "days": 30})
    [link] = re.findall(r"http://localhost:8000(/invitations/[^<\s]+/)", page.text)
    assert "no-store" in page["Cache-Control"]
    assert link not in owner.get("/settings/server/").text
    assert Client().get(link)["Location"] == "/accounts/signup/"


def test_open_invitations_are_listed_and_can_be_withdrawn(owner):
    owner.post("/settings/server/invitations/", {"email": "anna@example.org", "uses": 1, "days": 7})
    assert "anna@example.org" in owner.get("/settings/server/").text
    path = f"/settings/server/invitations/{Invitation.objects.get().pk}/revoke/"
    assert "The invitation is withdrawn." in owner.post(path, follow=True).text
    assert "This invitation is gone already." in owner.post(path, follow=True).text
    assert "anna@example.org" not in owner.get("/settings/server/").text


@pytest.mark.parametrize(
    "form", [{"uses": 0}, {"uses": 101}, {"uses": "many"}, {"days": 3650}, {"days": ""}, {"email": "not an address"}]
)
def test_an_invitation_that_cannot_be_is_refused_beside_the_field(owner, form):
    answer = owner.post("/settings/server/invitations/", {"email": "", "uses": 1, "days": 7, **form})
    assert answer.status_code == 422
    assert f'id="id_{next(iter(form))}_error"' in answer.text
    assert not Invitation.objects.exists()


def test_the_bundled_model_says_that_it_is_very_small_and_how_to_connect_a_better_one(owner, settings):
    settings.OPENAI_BASE_URL = ""
    page = owner.get("/settings/server/").text
    assert "SmolLM2" in page
    assert "very small" in page
    assert "OPENAI_BASE_URL" in page


def test_the_address_of_the_model_server_is_shown_without_what_is_secret_in_it(owner, settings):
    settings.OPENAI_BASE_URL, settings.OPENAI_API_KEY = "https://user:hunter2@models.example/v1?key=hunter3", "sk-hunter4"
    page = owner.get("/settings/server/").text
    assert "https://models.example/v1" in page
    assert "hunter" not in page


def test_an_invitation_gets_a_new_link_and_the_old_one_is_no_longer_good(owner):
    def link(answer) -> str:
        [found] = re.findall(r"http://localhost:8000(/invitations/[^<\s]+/)", answer.text)
        return found

    first = link(owner.post("/settings/server/invitations/", {"uses": 1, "days": 7}))
    second = link(owner.post(f"/settings/server/invitations/{Invitation.objects.get().pk}/resend/"))
    assert Client().get(first).status_code == 404
    assert Client().get(second)["Location"] == "/accounts/signup/"
    assert "This invitation is gone already." in owner.post(f"/settings/server/invitations/inv_{'0' * 32}/resend/").text


HAND_OVER = "/settings/server/hand-over/"


def test_the_server_is_handed_over_to_somebody_who_can_come_in(people, owner):
    before = [User.objects.get(pk=one.pk).auth_epoch for one in (people.owner, people.stranger)]
    assert "Stella owns this server now." in owner.post(HAND_OVER, {"username": "Stella"}, follow=True).text
    assert Server.objects.get().owner == people.stranger
    assert owner.get("/settings/server/").status_code == owner.post(HAND_OVER, {"username": "olivia"}).status_code == 404
    after = [User.objects.get(pk=one.pk).auth_epoch for one in (people.owner, people.stranger)]
    assert [one + 1 for one in before] == after
    owner.force_login(people.stranger)
    assert owner.get("/settings/server/").status_code == 200


@pytest.mark.parametrize("name", ["", "nobody", "olivia", "mateo"])
def test_it_is_handed_over_to_nobody_else(people, owner, name):
    User.objects.filter(pk=people.mate.pk).update(suspended=True)
    answer = owner.post(HAND_OVER, {"username": name})
    assert answer.status_code == 422
    assert 'id="id_username_error"' in answer.text
    assert Server.objects.get().owner == people.owner


@pytest.mark.parametrize("who", ["mate", "stranger"])
def test_nobody_else_hands_it_over(people, client, who):
    client.force_login(getattr(people, who))
    assert client.post(HAND_OVER, {"username": "stella"}).status_code == 404
    assert Server.objects.get().owner == people.owner
