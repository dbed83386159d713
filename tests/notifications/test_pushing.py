"""What is due is brought to the browser's push service: sealed, signed, once, and not for ever."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django.utils import timezone

from chat import providers
from chat.models import Conversation, Item, Mention, Push, PushSubscription
from chat.protocol import webpush
from chat.runs import pushes, verbs
from chat.runs.executor import executor
from chat.store import conversations, mentions, messages, pool, presence, push, sharing, wake
from tests.cast import Cast
from tests.far_end import far_end
from tests.notifications.browser import Browser
from tests.notifications.conftest import say, session_of
from tests.scripted import ScriptedServer

TEXT = "The secret of the quarks, @olivia, is blue."


@pytest.fixture
def people(transactional_db: None, people: Cast) -> Cast:
    return people


@pytest.fixture
async def browser(people: Cast, settings: LazySettings) -> AsyncIterator[Browser]:
    """Olivia's."""
    made = Browser()
    async with far_end(made.answer) as (port, _):
        settings.EGRESS_ALLOW = [f"127.0.0.1:{port}"]
        made.endpoint = f"http://127.0.0.1:{port}/push/abc"
        session = await pool.for_readers(session_of, people.owner)
        given = {**made.subscription(), "session": session}
        await pool.for_readers(push.subscribe, actor=people.owner, device="Firefox on Linux", **given)
        yield made


@pytest.fixture
async def sending(settings: LazySettings, scripted: ScriptedServer) -> AsyncIterator[None]:
    """A process that executes runs. It looks by itself once a minute: what is sent sooner, it was told of."""
    settings.OPENAI_BASE_URL, settings.OPENAI_API_KEY, settings.RUN_SWEEP = scripted.base_url, "key", 60
    providers.reset()
    wake.attach(asyncio.get_running_loop())
    executor.open()
    yield
    await executor.close()
    await asyncio.to_thread(pool.disconnect)
    wake.attach(None)


async def send_due() -> None:
    for parcel in await pool.for_readers(pushes.pack):
        await pushes.deliver(parcel)


async def left() -> int:
    return await pool.for_readers(Push.objects.count)


async def hurry() -> None:
    """Some minutes pass."""
    await pool.for_readers(lambda: Push.objects.update(due=timezone.now() - timedelta(seconds=1)))


async def until(condition: Callable[[], Any]) -> None:
    async with asyncio.timeout(10):
        while not await pool.for_readers(condition):
            await asyncio.sleep(0.02)


async def test_a_mention_comes_to_the_browser(people: Cast, conversation: Conversation, browser: Browser, sending: None) -> None:
    begun = await pool.for_readers(verbs.send, actor=people.mate, conversation_id=conversation.pk, text=TEXT)
    await browser.next()
    assert browser.opened() == {
        "title": "Mateo mentioned you",
        "body": "Quarks",
        "url": f"{conversation.url}?at={begun.response.input_id}",
        "tag": conversation.pk,
    }
    sent = browser.headers()
    assert (sent["content-encoding"], sent["ttl"]) == ("aes128gcm", "86400")
    assert "cookie" not in sent
    assert browser.asked[0].startswith(b"POST /push/abc HTTP/1.1\r\n")
    assert b"quarks" not in browser.asked[0].lower()
    await until(lambda: not Push.objects.exists())
    assert len(browser.asked) == 1


async def test_it_says_who_sends_it(people: Cast, conversation: Conversation, browser: Browser) -> None:
    await pool.for_readers(say, people.mate, conversation, TEXT)
    await send_due()
    claims, key = browser.signed()
    assert claims["aud"] == browser.endpoint.removesuffix("/push/abc")
    assert time.time() < claims["exp"] <= time.time() + 86_400
    assert claims["sub"].startswith("mailto:")
    assert key == webpush.public(await pool.for_readers(push.key))


async def test_one_can_be_tried(people: Cast, browser: Browser, sending: None) -> None:
    own = await pool.for_readers(PushSubscription.objects.get)
    await pool.for_readers(verbs.try_push, actor=people.owner, subscription=own.pk)
    await browser.next()
    assert browser.opened()["body"] == "Notifications work in this browser."


@pytest.mark.parametrize("status", [404, 410])
async def test_a_browser_that_wants_no_more_is_forgotten(
    people: Cast, conversation: Conversation, browser: Browser, status: int
) -> None:
    browser.answers = [status]
    await pool.for_readers(say, people.mate, conversation, TEXT)
    await send_due()
    assert not await pool.for_readers(PushSubscription.objects.exists)
    assert await left() == 0


async def test_a_push_service_that_is_away_is_tried_again_later(
    people: Cast, conversation: Conversation, browser: Browser
) -> None:
    browser.answers = [503, 429, 201]
    await pool.for_readers(say, people.mate, conversation, TEXT)
    await send_due()
    await send_due()
    assert (len(browser.asked), await left()) == (1, 1)
    for expected in (1, 0):
        await hurry()
        await send_due()
        assert await left() == expected
    assert browser.opened(0) == browser.opened(2)


async def test_and_not_for_ever(people: Cast, conversation: Conversation, browser: Browser) -> None:
    browser.answers = [500]
    for number in range(push.MOST_FAILED):
        await pool.for_readers(say, people.mate, conversation, TEXT)
        assert [one.failed for one in await pool.for_readers(list, PushSubscription.objects.all())] == [number]
        for _ in range(len(push.PAUSES) + 1):
            await hurry()
            await send_due()
        assert await left() == 0
    assert len(browser.asked) == push.MOST_FAILED * (len(push.PAUSES) + 1)
    assert not await pool.for_readers(PushSubscription.objects.exists)


async def test_a_browser_is_not_forgotten_for_a_name_that_could_not_be_looked_up(
    people: Cast, conversation: Conversation, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*args: object, **kwargs: object) -> None:
        raise socket.gaierror(socket.EAI_AGAIN, "temporary failure in name resolution")

    await pool.for_readers(lambda: PushSubscription.objects.update(endpoint="https://push.example.org/abc", failed=4))
    monkeypatch.setattr(socket, "getaddrinfo", away)
    await pool.for_readers(say, people.mate, conversation, TEXT)
    for tries in range(len(push.PAUSES) + 1):
        assert [one.tries for one in await pool.for_readers(list, Push.objects.all())] == [tries]
        await hurry()
        await send_due()
    assert (await left(), (await pool.for_readers(PushSubscription.objects.get)).failed) == (0, 4)


async def test_what_is_refused_is_not_sent_again(people: Cast, conversation: Conversation, browser: Browser) -> None:
    browser.answers = [400, 201]
    for failed in (1, 0):
        await pool.for_readers(say, people.mate, conversation, TEXT)
        await send_due()
        assert (await left(), (await pool.for_readers(PushSubscription.objects.get)).failed) == (0, failed)


async def test_what_nobody_brings_to_an_end_has_one(people: Cast, conversation: Conversation, browser: Browser) -> None:
    await pool.for_readers(say, people.mate, conversation, TEXT)
    for _ in range(len(push.PAUSES) + 2):
        assert len(await pool.for_readers(push.claim)) == 1
        await hurry()
    assert await pool.for_readers(push.claim) == []
    assert await left() == 0


async def test_what_cannot_be_sealed_holds_up_no_other(people: Cast, conversation: Conversation, browser: Browser) -> None:
    session = await pool.for_readers(session_of, people.owner)
    broken = {"user": people.owner, "session": session, "endpoint": "https://9.9.9.9/", "p256dh": "x", "auth": "y"}
    await pool.for_readers(lambda: PushSubscription.objects.create(**broken))
    await pool.for_readers(say, people.mate, conversation, TEXT)
    await send_due()
    assert (len(browser.asked), await left()) == (1, 0)


async def test_an_address_that_leads_inside_by_now_is_never_contacted(
    people: Cast, conversation: Conversation, browser: Browser, settings: LazySettings
) -> None:
    settings.EGRESS_ALLOW = []
    await pool.for_readers(say, people.mate, conversation, TEXT)
    await send_due()
    assert browser.asked == []
    assert not await pool.for_readers(PushSubscription.objects.exists)


async def test_a_slow_push_service_holds_up_no_other(
    people: Cast, conversation: Conversation, browser: Browser, sending: None, settings: LazySettings
) -> None:
    gate = asyncio.Event()

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> None:
        await gate.wait()

    async with far_end(slow) as (port, asked):
        settings.EGRESS_ALLOW = ["127.0.0.0/8"]
        session = await pool.for_readers(session_of, people.mate)
        for number in range(push.AT_ONCE):
            given = {**Browser(f"http://127.0.0.1:{port}/{number}").subscription(), "session": session}
            await pool.for_readers(push.subscribe, actor=people.mate, device="", **given)
        await pool.for_readers(verbs.send, actor=people.owner, conversation_id=conversation.pk, text="@mateo")
        await until(lambda: len(asked) == push.EACH)
        own = await pool.for_readers(lambda: PushSubscription.objects.get(user=people.owner))
        async with asyncio.timeout(pushes.SECONDS - 2):
            await pool.for_readers(verbs.try_push, actor=people.owner, subscription=own.pk)
            await browser.next()
        assert len(asked) == push.EACH
        gate.set()


async def test_of_several_processes_one_sends_it(people: Cast, browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(push, "EACH", push.AT_ONCE)
    own = await pool.for_readers(PushSubscription.objects.get)
    now = timezone.now()
    await pool.for_readers(lambda: Push.objects.bulk_create(Push(subscription=own, due=now) for _ in range(push.AT_ONCE)))
    claims = await asyncio.gather(*(pool.for_readers(push.claim) for _ in range(8)))
    claimed = [due.id for claim in claims for due in claim]
    assert len(claimed) == len(set(claimed)) == push.AT_ONCE


async def test_what_nobody_needs_is_not_taken_for_the_end(
    people: Cast, conversation: Conversation, browser: Browser, sending: None
) -> None:
    own = await pool.for_readers(PushSubscription.objects.get)
    await pool.for_readers(say, people.mate, conversation, TEXT)
    mention = await pool.for_readers(Mention.objects.get)
    await pool.for_readers(has_seen_it, people, conversation)
    some = [Push(subscription=own, mention=mention, due=timezone.now()) for _ in range(3 * push.EACH)]
    await pool.for_readers(lambda: Push.objects.bulk_create(some))
    await pool.for_readers(verbs.try_push, actor=people.owner, subscription=own.pk)
    await browser.next()
    if browser.opened()["tag"] != "test":  # it went before that was seen; all others are after
        await browser.next()
    assert browser.opened()["tag"] == "test"


async def test_what_a_process_left_behind_is_taken_up(people: Cast, conversation: Conversation, browser: Browser) -> None:
    await pool.for_readers(say, people.mate, conversation, TEXT)
    assert len(await pool.for_readers(push.claim)) == 1
    assert await pool.for_readers(push.claim) == []
    await hurry()
    assert [due.tries for due in await pool.for_readers(push.claim)] == [2]


def looks(people: Cast, conversation: Conversation) -> None:
    presence.note([(conversation.pk, people.owner.pk)])


def looks_at_another_branch(people: Cast, conversation: Conversation) -> None:
    conversations.show(conversation, people.owner, conversation.head)
    looks(people, conversation)


async def test_who_looks_at_another_branch_is_notified(people: Cast, conversation: Conversation, browser: Browser) -> None:
    await pool.for_readers(conversation.refresh_from_db)
    await pool.for_readers(say_aside, people, conversation)
    await pool.for_readers(looks_at_another_branch, people, conversation)
    await send_due()
    assert len(browser.asked) == 1


def say_aside(people: Cast, conversation: Conversation) -> None:
    first = Item.objects.get(conversation=conversation, role="user")
    messages.edit(actor=people.mate, conversation_id=conversation.pk, item_id=first.pk, text=TEXT)


def has_seen_it(people: Cast, conversation: Conversation) -> None:
    mentions.seen([(people.owner.pk, conversation.pk)])


def reads_it_no_more(people: Cast, conversation: Conversation) -> None:
    sharing.with_team(actor=people.mate, conversation_id=conversation.pk, access="")


@pytest.mark.parametrize("who", [looks, has_seen_it, reads_it_no_more])
async def test_some_need_no_notification(
    people: Cast, conversation: Conversation, browser: Browser, who: Callable[[Cast, Conversation], None]
) -> None:
    await pool.for_readers(say, people.mate, conversation, TEXT)
    await pool.for_readers(who, people, conversation)
    await send_due()
    assert browser.asked == []
    assert (await left(), await pool.for_readers(Mention.objects.count)) == (0, 1)
