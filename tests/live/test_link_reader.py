"""The socket of a link's page: live ones grow, and once it is withdrawn the page shows nothing any more."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from channels.testing import WebsocketCommunicator
from django.conf import settings
from django.contrib.auth.models import AnonymousUser

from chat.doorbell import Ring, hub
from chat.live.link_reader import LinkReader
from chat.live.watch import readers
from chat.models import Conversation, Link, Membership, Team, User
from chat.store import links, messages, pool, sharing, sql, teams
from tests.cast import Cast, assemble

PATIENCE = 10.0  # seconds
VISITOR = AnonymousUser()


class LinkPage(WebsocketCommunicator):  # type: ignore[misc]
    """A socket as the page of a link opens it."""

    def __init__(self, link_id: str, user: User | AnonymousUser, query: str) -> None:
        super().__init__(LinkReader.as_asgi(), f"/ws/s/{link_id}/?{query}")
        self.scope["user"] = user
        self.scope["url_route"] = {"kwargs": {"link_id": link_id}}

    async def receive_output(self, timeout: float = 0) -> Any:
        return await super().receive_output(max(timeout, PATIENCE))

    async def news(self) -> str:
        return str(json.loads(await self.receive_from())["content"])

    async def closed_with(self) -> int:
        while (message := await self.receive_output())["type"] != "websocket.close":
            pass
        return int(message["code"])


@pytest.fixture
async def people(transactional_db: None) -> Cast:
    return await pool.for_readers(assemble)


@pytest.fixture
async def open_page() -> AsyncIterator[Any]:
    pages: list[LinkPage] = []

    async def open_(link: Link | str, *, user: User | AnonymousUser = VISITOR, query: str = "after=0") -> LinkPage:
        page = LinkPage(link if isinstance(link, str) else link.pk, user, query)
        pages.append(page)
        assert (await page.connect())[0]
        return page

    yield open_
    for page in pages:
        await page.disconnect()


def begin(people: Cast) -> Conversation:
    return messages.send(actor=people.owner, conversation_id=None, text="What is a quark?").conversation


def make(people: Cast, conversation: Conversation, **how: Any) -> Link:
    how = {"live": True, "audience": "anyone", "days": 7, **how}
    return links.make(actor=people.owner, conversation_id=conversation.pk, **how)


def into_team(people: Cast, conversation: Conversation) -> Team:
    team = teams.create(actor=people.owner, name="Physics")
    Membership.objects.create(team=team, user=people.mate, role="member")
    sharing.move(actor=people.owner, conversation_id=conversation.pk, team_id=team.pk)
    return team


async def test_a_live_page_gets_what_is_said_from_now_on(people: Cast, open_page: Any) -> None:
    conversation = await pool.for_runs(begin, people)
    link = await pool.for_runs(lambda: make(people, conversation))
    page = await open_page(link, query=f"after={conversation.position}&first=0")
    begun = await pool.for_runs(
        lambda: messages.send(actor=people.owner, conversation_id=conversation.pk, text="And a <lepton>?")
    )
    hub.ring(Ring(conversation.pk, 0, begun.conversation.position, ("SECRET payload",)))
    news = await page.news()
    assert "And a &lt;lepton&gt;?" in news
    assert "SECRET" not in news
    assert begun.response.pk not in news


async def test_a_page_that_is_behind_gets_everything_anew(people: Cast, open_page: Any) -> None:
    conversation = await pool.for_runs(begin, people)
    link = await pool.for_runs(lambda: make(people, conversation))
    assert "quark" in await (await open_page(link, query="after=0&first=0")).news()


async def test_withdrawn_it_is_emptied_and_closed_with_the_next_look(people: Cast, open_page: Any) -> None:
    conversation = await pool.for_runs(begin, people)
    link = await pool.for_runs(lambda: make(people, conversation))
    pages = [await open_page(link), await open_page(link, query=f"after={conversation.position}&first=0")]
    await readers.look()
    await pool.for_runs(lambda: links.revoke(actor=people.owner, conversation_id=conversation.pk, link_id=link.pk))
    await readers.look()
    for page in pages:
        assert "This link shows nothing any more." in await page.news()
        assert await page.closed_with() == 4404


async def test_who_leaves_the_team_is_asked_again_and_gets_no_more(people: Cast, open_page: Any) -> None:
    conversation = await pool.for_runs(begin, people)
    team = await pool.for_runs(into_team, people, conversation)
    link = await pool.for_runs(lambda: make(people, conversation, audience="team"))
    mate = await pool.for_runs(lambda: User.objects.get(pk=people.mate.pk))
    page = await open_page(link, user=mate)
    await pool.for_runs(lambda: teams.leave(actor=people.mate, team_id=team.pk))
    await readers.look()
    assert await page.closed_with() == 4012
    again = await open_page(link, user=mate)
    assert "This link shows nothing any more." in await again.news()
    assert await again.closed_with() == 4404


@pytest.mark.parametrize("why", ["missing", "for a team", "password"])
async def test_who_may_not_open_it_hears_nothing_of_it(people: Cast, open_page: Any, why: str) -> None:
    conversation = await pool.for_runs(begin, people)
    await pool.for_runs(into_team, people, conversation)
    how = {"for a team": {"audience": "team"}, "password": {"password": "the stars are fires"}}.get(why, {})
    link = await pool.for_runs(lambda: make(people, conversation, **how))
    page = await open_page("link_" + "0" * 32 if why == "missing" else link, user=VISITOR, query="after=0&first=0")
    assert "quark" not in await page.news()
    assert await page.closed_with() == 4404


async def test_there_is_a_limit_to_the_pages_of_one_link(people: Cast, open_page: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(settings, "SOCKETS_PER_LINK", 1)
    link = await pool.for_runs(lambda: make(people, begin(people)))
    await open_page(link)
    await readers.look()
    assert await (await open_page(link)).closed_with() == 4429


async def test_one_visitor_takes_no_more_than_a_share_of_the_places(people: Cast, open_page: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(settings, "SOCKETS_PER_VISITOR", 1)
    link = await pool.for_runs(lambda: make(people, begin(people)))
    await open_page(link)
    assert await (await open_page(link)).closed_with() == 4429
    elsewhere = LinkPage(link.pk, VISITOR, "after=0")
    elsewhere.scope["client"] = ["192.0.2.7", 1]
    assert (await elsewhere.connect())[0]
    await readers.look()
    assert await elsewhere.receive_nothing()
    await elsewhere.disconnect()


async def test_what_was_missed_while_the_database_was_away_comes_afterwards(people: Cast, open_page: Any) -> None:
    conversation = await pool.for_runs(begin, people)
    link = await pool.for_runs(lambda: make(people, conversation))
    page = await open_page(link, query=f"after={conversation.position}&first=0")
    (reader,) = (one for one in readers.all if one.link == link.pk)
    begun = await pool.for_runs(
        lambda: messages.send(actor=people.owner, conversation_id=conversation.pk, text="A lepton, @mateo?")
    )
    ring = Ring(conversation.pk, 0, begun.conversation.position)
    await pool.for_runs(sql.run, "ALTER TABLE chat_mention RENAME TO chat_mention_away")
    try:
        hub.ring(ring)
        while reader.forwarding is not None:
            await asyncio.sleep(0.01)
    finally:
        await pool.for_runs(sql.run, "ALTER TABLE chat_mention_away RENAME TO chat_mention")
    hub.ring(ring)
    assert "A lepton, @mateo?" in await page.news()
