"""Where somebody is signed in: seen on the security page, ended one by one."""

from datetime import timedelta

import pytest
from allauth.usersessions.models import UserSession
from django.test import Client
from django.utils import timezone

from chat import errors
from chat.models import User
from chat.store import sign_ins
from tests.accounts.conftest import sign_in
from tests.cast import PASSWORD, Cast

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
SAFARI = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 Version/18.5 Safari/604.1"


def browser(agent: str, person: str = "olivia") -> Client:
    client = Client(headers={"user-agent": agent})
    assert sign_in(client, person).status_code == 302
    return client


def only(person: User) -> UserSession:
    return UserSession.objects.get(user=person)


def test_each_browser_is_listed_with_what_it_is_and_which_one_this_is(people: Cast) -> None:
    here, _ = browser(FIREFOX), browser(SAFARI)
    text = here.get("/settings/security/").text
    assert "Firefox on Linux" in text
    assert "Safari on iPhone" in text
    assert text.count("· here") == 1


def test_one_that_is_ended_is_signed_out_and_the_others_are_not(people: Cast) -> None:
    here, there = browser(FIREFOX), browser(SAFARI)
    gone = UserSession.objects.get(user_agent=SAFARI)
    answer = here.post(f"/settings/security/{gone.pk}/end/", follow=True)
    assert "That browser is signed out." in answer.text
    assert "Safari" not in answer.text
    assert there.get("/settings/").status_code == 302
    assert here.get("/settings/").status_code == 200


def test_what_was_open_there_stops_too(people: Cast) -> None:
    """Sockets are closed when the epoch has grown, and come back only with a session."""
    here, _ = browser(FIREFOX), browser(SAFARI)
    before = User.objects.get(pk=people.owner.pk).auth_epoch
    here.post(f"/settings/security/{UserSession.objects.get(user_agent=SAFARI).pk}/end/")
    assert User.objects.get(pk=people.owner.pk).auth_epoch == before + 1


def test_all_others_are_ended_at_once(people: Cast) -> None:
    here, *others = browser(FIREFOX), browser(SAFARI), browser("curl/8")
    assert "You are signed in here only." in here.post("/settings/security/end-others/", follow=True).text
    assert [other.get("/settings/").status_code for other in others] == [302, 302]
    assert here.get("/settings/").status_code == 200
    assert "You were signed in here only." in here.post("/settings/security/end-others/", follow=True).text


def test_one_that_was_ended_already_is_said_so(people: Cast) -> None:
    here = browser(FIREFOX)
    assert "signed out already" in here.post("/settings/security/999999/end/", follow=True).text


def test_a_stranger_ends_nothing_of_mine(people: Cast) -> None:
    mine, stranger = browser(FIREFOX), browser(SAFARI, "stella")
    foreign = stranger.post(f"/settings/security/{only(people.owner).pk}/end/")
    missing = stranger.post("/settings/security/999999/end/")
    assert (foreign.status_code, foreign["Location"]) == (missing.status_code, missing["Location"])
    assert mine.get("/settings/").status_code == 200
    assert "Firefox" not in stranger.get("/settings/security/").text


def test_the_owner_of_the_server_alone_ends_all_of_somebody(people: Cast) -> None:
    stella = browser(SAFARI, "stella")
    for who in (people.mate, people.stranger):
        with pytest.raises(errors.NotFound):
            sign_ins.end_all(actor=who, person=people.stranger)
    assert stella.get("/settings/").status_code == 200
    assert sign_ins.end_all(actor=people.owner, person=people.stranger) == 1
    assert stella.get("/settings/").status_code == 302
    with pytest.raises(errors.Refused):
        sign_ins.end_all(actor=people.owner, person=people.owner)


def test_a_session_that_has_run_out_is_not_listed(people: Cast) -> None:
    here, there = browser(FIREFOX), browser(SAFARI)
    there.session.flush()
    assert "Safari" not in here.get("/settings/security/").text


def test_a_new_password_leaves_this_browser_alone(people: Cast) -> None:
    here, _ = browser(FIREFOX), browser(SAFARI)
    new = {"oldpassword": PASSWORD, "password1": "another horse battery", "password2": "another horse battery"}
    here.post("/accounts/password/change/", new)
    assert [each.device for each in sign_ins.of(people.owner, here=here.session.session_key)] == ["Firefox on Linux"]


def test_when_it_was_last_seen_is_noted_now_and_then(people: Cast) -> None:
    here = browser(FIREFOX)
    here.get("/settings/")
    hours_ago = timezone.now() - timedelta(hours=3)
    UserSession.objects.update(last_seen_at=hours_ago, ip="203.0.113.9")
    here.get("/settings/")
    assert only(people.owner).last_seen_at == hours_ago
    session = here.session
    session["seen"] -= 301
    session.save()
    here.get("/settings/")
    assert only(people.owner).last_seen_at > hours_ago
    assert only(people.owner).ip == "127.0.0.1"


def test_somebody_signed_in_before_this_was_kept_is_listed_with_the_next_page(people: Cast) -> None:
    here = browser(FIREFOX)
    UserSession.objects.all().delete()
    assert "Firefox on Linux" in here.get("/settings/security/").text


@pytest.mark.parametrize(
    ("agent", "device"),
    [
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0", "Edge on Windows"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1 Version/18 Safari/605.1", "Safari on Mac"),
        ("Mozilla/5.0 (Linux; Android 15; Pixel) AppleWebKit/537.36 Chrome/140.0 Mobile Safari/537.36", "Chrome on Android"),
        ("Mozilla/5.0 (iPad; CPU OS 18_5 like Mac OS X) AppleWebKit/605.1 CriOS/140.0 Mobile Safari/604.1", "Chrome on iPad"),
        ("curl/8.14.1", "Another program"),
        ("", "Another program"),
    ],
)
def test_an_agent_is_told_in_words(agent: str, device: str) -> None:
    assert sign_ins.device(agent) == device


def test_an_endless_agent_is_cut(people: Cast) -> None:
    here = browser("Firefox/" + "x" * 5000)
    session = here.session
    session["seen"] = 0
    session.save()
    assert here.get("/settings/security/").status_code == 200
