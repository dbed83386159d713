import pytest
from django.test import AsyncClient

from chat import errors
from chat.models import User
from chat.store import accounts
from tests.accounts.conftest import sign_in


def test_a_suspended_person_cannot_sign_in_and_is_told_so(people, client):
    accounts.suspend(actor=people.owner, person=people.stranger)
    answer = sign_in(client, "stella")
    assert answer["Location"] == "/accounts/inactive/"
    assert "This account is suspended" in client.get(answer["Location"]).text
    assert "_auth_user_id" not in client.session


def test_an_inactive_person_cannot_sign_in_either(people, client):
    User.objects.filter(pk=people.stranger.pk).update(is_active=False)
    assert sign_in(client, "stella")["Location"] == "/accounts/inactive/"


def test_a_wrong_password_does_not_tell_that_an_account_is_suspended(people, client):
    accounts.suspend(actor=people.owner, person=people.stranger)
    assert "suspended" not in sign_in(client, "stella", "wrong").text


def test_suspension_signs_out_at_the_next_request(people, client):
    client.force_login(people.stranger)
    accounts.suspend(actor=people.owner, person=people.stranger)
    assert client.get("/settings/")["Location"] == "/accounts/inactive/"
    assert "_auth_user_id" not in client.session


def test_suspension_ends_a_page_that_htmx_asks_for_a_part_of(people, client):
    client.force_login(people.stranger)
    accounts.suspend(actor=people.owner, person=people.stranger)
    assert client.get("/settings/", headers={"HX-Request": "true"})["HX-Redirect"] == "/accounts/inactive/"


@pytest.mark.django_db(transaction=True)
async def test_suspension_holds_under_asgi_too():
    stella = await User.objects.acreate_user("stella")
    client = AsyncClient()
    await client.aforce_login(stella)
    assert (await client.get("/settings/")).status_code == 200
    await User.objects.filter(pk=stella.pk).aupdate(suspended=True)
    answer = await client.get("/settings/")
    assert answer["Location"] == "/accounts/inactive/"


def test_suspension_raises_the_epoch_once_and_can_be_taken_back(people):
    assert accounts.suspend(actor=people.owner, person=people.stranger) is True
    assert accounts.suspend(actor=people.owner, person=people.stranger) is False
    stella = User.objects.get(pk=people.stranger.pk)
    assert (stella.suspended, stella.auth_epoch) == (True, 1)
    assert accounts.unsuspend(actor=people.owner, person=people.stranger) is True
    assert not User.objects.get(pk=people.stranger.pk).suspended


def test_the_owner_cannot_be_suspended(people):
    with pytest.raises(errors.Refused):
        accounts.suspend(actor=people.owner, person=people.owner)


@pytest.mark.parametrize("who", ["mate", "stranger"])
def test_nobody_else_can_suspend(people, who):
    with pytest.raises(errors.NotFound):
        accounts.suspend(actor=getattr(people, who), person=people.mate)
    with pytest.raises(errors.NotFound):
        accounts.unsuspend(actor=getattr(people, who), person=people.mate)
