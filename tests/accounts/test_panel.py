import pytest

from chat.models import User


@pytest.fixture
def panel(people, client):
    client.force_login(people.owner)
    return client


PAGES = ["/admin/", "/admin/chat/user/", "/admin/login/", "/admin/auth/group/", "/admin/nothing/", "/admin/password_change/"]


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("who", ["mate", "stranger"])
def test_for_everybody_but_the_owner_there_is_nothing_here(people, client, who, path):
    client.force_login(getattr(people, who))
    assert client.get(path).status_code == 404


def test_a_flag_on_a_person_opens_nothing(people, client):
    User.objects.filter(pk=people.stranger.pk).update(is_staff=True, is_superuser=True)
    client.force_login(people.stranger)
    assert client.get("/admin/").status_code == 404


@pytest.mark.parametrize("path", ["/admin/", "/admin/chat/user/"])
def test_anonymous_people_sign_in_where_everybody_does(db, client, path):
    assert client.get(path)["Location"] == f"/accounts/login/?next={path}"


def test_the_panel_has_no_sign_in_of_its_own(people, client):
    answer = client.post("/admin/login/", {"username": "olivia", "password": "correct horse battery"})
    assert answer["Location"] == "/accounts/login/?next=/admin/"
    assert "_auth_user_id" not in client.session


def test_the_owner_finds_people(panel):
    assert "People" in panel.get("/admin/").text
    page = panel.get("/admin/chat/user/?q=stel").text
    assert "stella@example.org" in page
    assert "mateo@example.org" not in page


def test_nothing_that_somebody_wrote_is_shown(people, panel):
    User.objects.filter(pk=people.stranger.pk).update(instructions="my secret instructions")
    page = panel.get(f"/admin/chat/user/{people.stranger.pk}/change/")
    assert page.status_code == 200
    assert "secret instructions" not in page.text
    assert "Conversation" not in panel.get("/admin/").text


def act(panel, action: str, *people: User):
    return panel.post("/admin/chat/user/", {"action": action, "_selected_action": [person.pk for person in people]}, follow=True)


def test_the_owner_suspends_and_lets_in_again(people, panel):
    assert "Stella is suspended." in act(panel, "suspend", people.stranger).text
    assert User.objects.get(pk=people.stranger.pk).suspended
    assert "Stella is let in again." in act(panel, "unsuspend", people.stranger).text
    assert not User.objects.get(pk=people.stranger.pk).suspended
    history = panel.get(f"/admin/chat/user/{people.stranger.pk}/history/").text
    assert "Suspended" in history


def test_the_owner_is_never_suspended(people, panel):
    assert "The owner of this server cannot be suspended." in act(panel, "suspend", people.owner, people.mate).text
    assert not User.objects.get(pk=people.owner.pk).suspended
    assert User.objects.get(pk=people.mate.pk).suspended


def test_people_are_neither_added_nor_changed_nor_deleted_here(people, panel):
    assert panel.get("/admin/chat/user/add/").status_code == 403
    assert panel.post(f"/admin/chat/user/{people.stranger.pk}/delete/", {"post": "yes"}).status_code == 403
    assert panel.post(f"/admin/chat/user/{people.stranger.pk}/change/", {"username": "other"}).status_code == 403
    assert User.objects.get(pk=people.stranger.pk).username == "stella"


@pytest.mark.parametrize("path", ["/admin/auth/group/", "/admin/account/emailaddress/"])
def test_what_other_apps_brought_along_is_closed(panel, path):
    assert panel.get(path).status_code in (403, 404)


def test_the_panel_has_a_strict_policy_of_its_own(panel):
    policy = panel.get("/admin/chat/user/")["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


def test_passwords_are_changed_where_everybody_changes_them(panel):
    assert panel.get("/admin/password_change/")["Location"] == "/accounts/password/change/"


def test_signing_out_of_the_panel_is_signing_out(panel):
    panel.get("/admin/logout/")
    assert "_auth_user_id" in panel.session
    assert panel.post("/admin/logout/")["Location"] == "/accounts/login/"
    assert "_auth_user_id" not in panel.session
