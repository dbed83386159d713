"""A message in which somebody is named, while their browser is removed or changes hands: both come to their end."""

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings
from django.db import connection, connections

from chat.models import Conversation, Item, Mention, Push, PushSubscription
from chat.store import push
from tests.cast import Cast
from tests.notifications.browser import Browser
from tests.notifications.conftest import say, session_of

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(settings.ON_SQLITE, reason="there, one writes at a time"),
]


@pytest.fixture
def people(transactional_db: None, people: Cast) -> Cast:
    return people


@pytest.fixture
def browser(people: Cast) -> PushSubscription:
    """Olivia's."""
    given = {**Browser("https://9.9.9.9/push/1").subscription(), "session": session_of(people.owner)}
    return push.subscribe(actor=people.owner, device="Firefox on Linux", **given)


class Meanwhile:
    """Somebody does something else before the first statement that begins so, which goes on once they are done or wait for us."""

    def __init__(self, statement: str, act: Callable[[], object]) -> None:
        self.statement, self.act, self.errors = statement, act, list[Exception]()
        self.thread: threading.Thread | None = None

    def __call__(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if self.thread is None and sql.startswith(self.statement):
            self.thread = threading.Thread(target=self.run)
            self.thread.start()
            until = time.monotonic() + 10
            while self.thread.is_alive() and not waits() and time.monotonic() < until:
                self.thread.join(0.02)
        return execute(sql, params, many, context)

    def run(self) -> None:
        try:
            self.act()
        except Exception as error:
            self.errors.append(error)
        finally:
            connections.close_all()

    def ended(self) -> bool:
        """Well, both."""
        assert self.thread is not None
        self.thread.join(10)
        return not self.thread.is_alive() and not self.errors


def waits() -> bool:
    """As it is now: within a transaction Postgres tells what it was at the first time."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_clear_snapshot()")
        cursor.execute("SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")
        return cursor.fetchone() is not None


def test_a_browser_that_is_removed_loses_no_message(people: Cast, conversation: Conversation, browser: PushSubscription) -> None:
    meanwhile = Meanwhile('INSERT INTO "chat_push"', lambda: push.unsubscribe(actor=people.owner, subscription=browser.pk))
    with connection.execute_wrapper(meanwhile):
        message = say(people.mate, conversation, "@olivia, look")
    assert meanwhile.ended()
    assert Item.objects.filter(pk=message.pk).exists()
    assert Mention.objects.filter(item=message, user=people.owner).exists()
    assert (PushSubscription.objects.count(), Push.objects.count()) == (0, 0)


def test_a_message_keeps_no_browser_from_being_removed(
    people: Cast, conversation: Conversation, browser: PushSubscription
) -> None:
    for removes in (lambda: push.unsubscribe(actor=people.owner, subscription=browser.pk), lambda: push.forget_all(people.owner)):
        PushSubscription(**{field.attname: getattr(browser, field.attname) for field in browser._meta.fields}).save()
        meanwhile = Meanwhile('DELETE FROM "chat_pushsubscription"', lambda: say(people.mate, conversation, "@olivia, look"))
        with connection.execute_wrapper(meanwhile):
            removes()
        assert meanwhile.ended()
        assert (PushSubscription.objects.count(), Push.objects.count()) == (0, 0)
    assert Mention.objects.filter(user=people.owner).count() == 2


def test_a_browser_that_changes_hands_meanwhile_is_not_told(
    people: Cast, conversation: Conversation, browser: PushSubscription
) -> None:
    keys = Browser(browser.endpoint).subscription()
    session = session_of(people.mate)
    meanwhile = Meanwhile(
        'INSERT INTO "chat_push"', lambda: push.subscribe(actor=people.mate, device="", session=session, **keys)
    )
    with connection.execute_wrapper(meanwhile):
        say(people.mate, conversation, "@olivia, look")
    assert meanwhile.ended()
    assert [one.user for one in PushSubscription.objects.all()] == [people.mate]
    assert push.claim() == []
