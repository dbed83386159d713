"""A browser is told only as long as whoever wanted it is signed in there."""

import pytest
from django.conf import LazySettings
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from chat.models import Conversation, Mention, Push, PushSubscription
from chat.store import push, sign_ins
from tests.accounts.conftest import sign_in
from tests.cast import PASSWORD, Cast
from tests.notifications.browser import Browser
from tests.notifications.conftest import say
from tests.notifications.test_subscribing import PUBLIC, subscribe

NEW = {"oldpassword": PASSWORD, "password1": "nineteen blue horses", "password2": "nineteen blue horses"}


@pytest.fixture
def laptop(people: Cast) -> Client:
    """Olivia's, which wants to be told."""
    client = Client()
    sign_in(client, "olivia")
    subscribe(client, Browser(PUBLIC))
    return client


def told(people: Cast, conversation: Conversation) -> int:
    say(people.mate, conversation, "@olivia, look")
    return len(push.claim())


def test_not_after_the_session_is_over(people: Cast, conversation: Conversation, laptop: Client) -> None:
    Session.objects.all().delete()
    assert told(people, conversation) == 0
    assert push.of(people.owner) == []


def test_not_after_the_password_was_changed_elsewhere(people: Cast, conversation: Conversation, laptop: Client) -> None:
    phone = Client()
    sign_in(phone, "olivia")
    phone.post("/accounts/password/change/", NEW)
    assert not PushSubscription.objects.exists()


def test_but_where_it_was_changed(people: Cast, conversation: Conversation, laptop: Client) -> None:
    laptop.post("/accounts/password/change/", NEW)
    assert told(people, conversation) == 1


def test_also_after_the_secret_was_renewed(
    people: Cast, conversation: Conversation, laptop: Client, settings: LazySettings
) -> None:
    settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], "another secret"
    before = laptop.session.session_key
    laptop.get("/settings/")
    assert laptop.session.session_key != before
    assert told(people, conversation) == 1
    assert sign_ins.end_others(actor=people.owner, here=None) == 1
    assert laptop.get("/settings/").status_code == 302


def test_not_after_all_sign_ins_were_ended(people: Cast) -> None:
    client = Client()
    sign_in(client, "mateo")
    subscribe(client, Browser(PUBLIC))
    sign_ins.end_all(actor=people.owner, person=people.mate)
    assert not PushSubscription.objects.exists()


def test_nobody_is_told_of_what_names_somebody_else(people: Cast, conversation: Conversation, laptop: Client) -> None:
    """A process of an older version, or a race, left it behind."""
    say(people.owner, conversation, "@mateo, look")
    browser, mention = PushSubscription.objects.get(), Mention.objects.get(user=people.mate)
    Push.objects.create(subscription=browser, mention=mention, due=timezone.now())
    assert push.claim() == []
    assert not Push.objects.exists()
