"""The socket: for the right person, from the right page, downstream only."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest
from channels.testing import WebsocketCommunicator
from django.conf import settings

from chat.doorbell import Ring, hub
from chat.live.consumer import Reader
from chat.live.origin import ExactOrigin
from chat.live.watch import readers
from chat.models import User
from chat.store import conversations, messages, pool, sign_ins, sql, wake
from project.asgi import router
from tests.cast import Cast, assemble

ORIGIN = settings.PARLEY_URL.encode()
PATIENCE = 10.0  # seconds


@pytest.fixture
async def people(transactional_db: None) -> Cast:
    return await pool.for_readers(assemble)


class Page(WebsocketCommunicator):  # type: ignore[misc]
    """A socket as a signed-in page opens it."""

    def __init__(self, user: User, conversation_id: str, after: object = 0) -> None:
        super().__init__(Reader.as_asgi(), f"/ws/c/{conversation_id}/?after={after}")
        self.scope["user"] = user
        self.scope["url_route"] = {"kwargs": {"conversation_id": conversation_id}}

    async def receive_output(self, timeout: float = 0) -> Any:
        """What comes next; a busy machine has its time."""
        return await super().receive_output(max(timeout, PATIENCE))

    async def closed_with(self) -> int:
        while (message := await self.receive_output())["type"] != "websocket.close":
            pass
        return int(message["code"])


@pytest.fixture
async def open_page() -> AsyncIterator[Any]:
    pages: list[Page] = []

    async def open_(user: User, conversation_id: str, after: object = 0) -> Page:
        page = Page(user, conversation_id, after)
        pages.append(page)
        assert (await page.connect())[0]
        return page

    yield open_
    for page in pages:
        await page.disconnect()


async def begin(owner: User) -> messages.Begun:
    return await pool.for_runs(messages.send, actor=owner, conversation_id=None, text="Hello")


async def test_what_was_missed_comes_first_and_then_what_joins(people: Cast, open_page: Any) -> None:
    begun = await begin(people.owner)
    page = await open_page(people.owner, begun.conversation.pk)
    missed = json.loads(await page.receive_from())
    assert missed["position"] == begun.conversation.position
    assert "Hello" in missed["content"]
    position = missed["position"]
    hub.ring(Ring(begun.conversation.pk, position + 1, position + 3, ("payload",)))
    assert await page.receive_from() == "payload"


async def test_doubled_and_late_rings_are_dropped(people: Cast, open_page: Any) -> None:
    begun = await begin(people.owner)
    at = begun.conversation.position
    page = await open_page(people.owner, begun.conversation.pk, at)
    for first, last, payload in ((at + 1, at + 2, "one"), (at + 1, at + 2, "one"), (at - 1, at, "old"), (at + 3, at + 3, "two")):
        hub.ring(Ring(begun.conversation.pk, first, last, (payload,)))
    assert [await page.receive_from(), await page.receive_from()] == ["one", "two"]
    assert await page.receive_nothing()


async def joined(conversation_id: str) -> None:
    """Its one page has read the log."""
    (reader,) = hub.listeners[conversation_id]
    assert isinstance(reader, Reader)
    async with asyncio.timeout(PATIENCE):
        while reader.forwarding is not None:
            await asyncio.sleep(0.01)


async def test_the_title_that_the_model_found_comes_as_it_is(people: Cast, open_page: Any) -> None:
    begun = await begin(people.owner)
    page = await open_page(people.owner, begun.conversation.pk, begun.conversation.position)
    await joined(begun.conversation.pk)
    wake.attach(asyncio.get_running_loop())
    try:
        await pool.for_runs(conversations.entitle, conversation_id=begun.conversation.pk, title="Tides", content="<i>Tides</i>")
        at = begun.conversation.position + 1
        assert json.loads(await page.receive_from()) == {"position": at, "content": "<i>Tides</i>"}
    finally:
        wake.attach(None)


async def test_a_gap_sends_the_reader_to_the_log(people: Cast, open_page: Any) -> None:
    begun = await begin(people.owner)
    at = begun.conversation.position
    page = await open_page(people.owner, begun.conversation.pk)
    await page.receive_from()
    await pool.for_runs(conversations.rename, actor=people.owner, conversation_id=begun.conversation.pk, title="From the log")
    hub.ring(Ring(begun.conversation.pk, at + 9, at + 9, ("not this",)))
    assert "From the log" in json.loads(await page.receive_from())["content"]


async def test_a_lost_ring_is_made_good_by_the_look(people: Cast, open_page: Any) -> None:
    begun = await begin(people.owner)
    page = await open_page(people.owner, begun.conversation.pk)
    await page.receive_from()
    await pool.for_runs(conversations.rename, actor=people.owner, conversation_id=begun.conversation.pk, title="Silently")
    await readers.look()
    assert await page.receive_nothing()
    await readers.look()
    assert "Silently" in json.loads(await page.receive_from())["content"]


async def test_the_stranger_is_told_that_nothing_is_there(people: Cast, open_page: Any) -> None:
    begun = await begin(people.owner)
    page = await open_page(people.stranger, begun.conversation.pk)
    assert await page.closed_with() == 4404


async def test_a_suspended_persons_socket_is_closed_by_the_next_look(people: Cast, open_page: Any) -> None:
    begun = await begin(people.owner)
    page = await open_page(people.owner, begun.conversation.pk, begun.conversation.position)
    await pool.for_runs(lambda: User.objects.filter(pk=people.owner.pk).update(suspended=True))
    await readers.look()
    assert await page.closed_with() == 4401


async def test_whoever_signed_out_somewhere_is_asked_again_who_they_are(people: Cast, open_page: Any) -> None:
    begun = await begin(people.owner)
    page = await open_page(people.owner, begun.conversation.pk, begun.conversation.position)
    await pool.for_runs(lambda: User.objects.filter(pk=people.owner.pk).update(auth_epoch=7))
    await readers.look()
    assert await page.closed_with() == 4012


async def test_whoever_is_signed_out_everywhere_by_the_owner_is_asked_again_too(people: Cast, open_page: Any) -> None:
    mine = await pool.for_runs(messages.send, actor=people.mate, conversation_id=None, text="Hello")
    page = await open_page(people.mate, mine.conversation.pk, mine.conversation.position)
    await pool.for_runs(sign_ins.end_all, actor=people.owner, person=people.mate)
    await readers.look()
    assert await page.closed_with() == 4012


async def test_whoever_comes_while_a_look_is_under_way_is_not_judged_by_it(people: Cast, open_page: Any) -> None:
    begun = await begin(people.owner)
    mine = await pool.for_runs(messages.send, actor=people.mate, conversation_id=None, text="Hello")
    there = await open_page(people.owner, begun.conversation.pk)
    await there.receive_from()
    go_on = threading.Event()
    busy = [asyncio.ensure_future(pool.for_readers(go_on.wait, 10)) for _ in range(settings.RUN_THREADS)]
    looking = asyncio.create_task(readers.look())
    await asyncio.sleep(0)  # it has taken down who is here, and waits for a thread
    page = await open_page(people.mate, mine.conversation.pk)
    go_on.set()
    await asyncio.gather(looking, *busy)
    assert "Hello" in json.loads(await page.receive_from())["content"]
    assert await page.receive_nothing()


async def test_a_page_that_speaks_is_hung_up_on(people: Cast, open_page: Any) -> None:
    begun = await begin(people.owner)
    page = await open_page(people.owner, begun.conversation.pk, begun.conversation.position)
    await page.send_to(text_data="hello?")
    assert await page.closed_with() == 4008


@pytest.mark.parametrize("after", ["-1", "abc", "1e3", "9" * 40, "", "٣"])
async def test_a_hand_made_cursor_means_from_the_start(people: Cast, open_page: Any, after: str) -> None:
    begun = await begin(people.owner)
    page = await open_page(people.owner, begun.conversation.pk, after)
    assert "Hello" in json.loads(await page.receive_from())["content"]


async def test_nobody_is_told_to_sign_in(transactional_db: None) -> None:
    headers = [(b"origin", ORIGIN), (b"host", b"localhost:8000")]
    application = ExactOrigin(router.application_mapping["websocket"].application, origins=settings.CSRF_TRUSTED_ORIGINS)
    page = WebsocketCommunicator(application, f"/ws/c/conv_{'0' * 32}/", headers=headers)
    assert (await page.connect())[0]
    assert (await page.receive_output())["code"] == 4401


@pytest.mark.parametrize(
    "origin",
    [
        None,
        b"http://localhost",
        b"https://localhost:8000",
        b"http://evil.example",
        b"null",
        b"http://localhost:8000.evil.example",
    ],
)
async def test_another_origin_gets_no_socket(transactional_db: None, origin: bytes | None) -> None:
    headers = [(b"host", b"localhost:8000"), *([(b"origin", origin)] if origin else [])]
    page = WebsocketCommunicator(router.application_mapping["websocket"], f"/ws/c/conv_{'0' * 32}/", headers=headers)
    assert not (await page.connect())[0]


async def test_a_socket_that_breaks_is_closed_so_that_the_page_comes_back(people: Cast, open_page: Any) -> None:
    begun = await begin(people.owner)
    broken: Any = SimpleNamespace(pk=people.owner.pk, is_authenticated=True, auth_epoch=0)
    page = await open_page(broken, begun.conversation.pk)
    assert await page.closed_with() == 4012


async def test_an_address_that_is_none_is_closed(transactional_db: None) -> None:
    page = WebsocketCommunicator(router.application_mapping["websocket"], "/ws/nope/", headers=[(b"origin", ORIGIN)])
    assert not (await page.connect())[0]


async def test_while_it_cannot_be_told_who_may_read_nothing_is_forwarded(people: Cast, open_page: Any) -> None:
    """The database is away in the moment in which somebody comes back whose share was taken away."""
    begun = await begin(people.owner)
    at = begun.conversation.position
    await pool.for_runs(sql.run, "ALTER TABLE chat_mention RENAME TO chat_mention_away")
    await pool.for_runs(sql.run, "ALTER TABLE chat_conversation RENAME TO chat_conversation_away")
    try:
        page = await open_page(people.stranger, begun.conversation.pk, at)
        hub.ring(Ring(begun.conversation.pk, at + 1, at + 1, ("a secret",)))
        message = await page.receive_output()
        assert (message["type"], message.get("code")) == ("websocket.close", 4012), message
    finally:
        await pool.for_runs(sql.run, "ALTER TABLE chat_conversation_away RENAME TO chat_conversation")
        await pool.for_runs(sql.run, "ALTER TABLE chat_mention_away RENAME TO chat_mention")
