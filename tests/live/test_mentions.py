"""A page that is open says within a look that one is mentioned elsewhere; what one looks at is seen."""

import json
from typing import Any

import pytest

from chat.live.watch import readers
from chat.models import Conversation, User
from chat.store import conversations, links, mentions, messages, pool, sharing
from tests.cast import Cast
from tests.live.test_company import begin, joined
from tests.live.test_link_reader import LinkPage
from tests.live.test_socket import Page, open_page, people  # noqa: F401


async def look() -> None:
    await readers.mentions.look(readers.all)


async def told(page: Page) -> str:
    message = json.loads(await page.receive_from())
    assert "position" not in message
    return str(message["content"])


def mark(conversation: Conversation) -> str:
    return f'hx-target="#mentioned-{conversation.pk}"'


def count(number: int) -> str:
    return f'hx-target=".mention-count" hx-swap="innerHTML">{number or ""}<'


def elsewhere(user: User) -> Conversation:
    return messages.send(actor=user, conversation_id=None, text="Elsewhere").conversation


async def say(user: User, conversation: Conversation, text: str) -> None:
    await pool.for_readers(messages.send, actor=user, conversation_id=conversation.pk, text=text)


@pytest.fixture
async def conversation(people: Cast) -> Conversation:  # noqa: F811
    return await pool.for_readers(begin, people)


async def test_all_open_pages_of_who_is_named_say_so_and_say_when_it_is_seen(
    people: Cast,  # noqa: F811
    open_page: Any,  # noqa: F811
    conversation: Conversation,
) -> None:
    other = await pool.for_readers(elsewhere, people.owner)
    pages = [await joined(open_page, people.owner, other) for _ in range(2)]
    theirs = await joined(open_page, people.mate, conversation)
    await look()
    await say(people.mate, conversation, "@olivia, look")
    await look()
    for page in pages:
        said = await told(page)
        assert mark(conversation) in said
        assert count(1) in said
    await look()
    await pool.for_readers(mentions.seen, [(people.owner.pk, conversation.pk)])
    await look()
    for page in pages:
        said = await told(page)
        assert mark(conversation) not in said
        assert count(0) in said
    assert await theirs.receive_nothing(0.05)


async def test_who_looks_at_it_has_seen_it(people: Cast, open_page: Any, conversation: Conversation) -> None:  # noqa: F811
    page = await joined(open_page, people.owner, conversation)
    await look()
    await say(people.mate, conversation, "@olivia, look")
    await look()
    assert await page.receive_nothing(0.05)
    assert await pool.for_readers(mentions.unseen, people.owner) == frozenset()


async def test_a_page_that_comes_back_is_told_also_that_there_is_nothing(
    people: Cast,  # noqa: F811
    open_page: Any,  # noqa: F811
    conversation: Conversation,
) -> None:
    other = await pool.for_readers(elsewhere, people.owner)
    await say(people.mate, conversation, "@olivia, look")
    page = await joined(open_page, people.owner, other)
    await look()
    assert count(1) in await told(page)
    await page.disconnect()
    await pool.for_readers(mentions.seen, [(people.owner.pk, conversation.pk)])
    page = await joined(open_page, people.owner, other)
    await look()
    assert count(0) in await told(page)


async def test_what_is_deleted_is_not_waited_for(people: Cast, open_page: Any, conversation: Conversation) -> None:  # noqa: F811
    page = await joined(open_page, people.mate, await pool.for_readers(elsewhere, people.mate))
    await say(people.owner, conversation, "@mateo, look")
    await look()
    assert count(1) in await told(page)
    await pool.for_readers(conversations.delete, actor=people.owner, conversation_id=conversation.pk)
    await look()
    assert count(0) in await told(page)


async def test_who_was_never_named_hears_nothing(people: Cast, open_page: Any, conversation: Conversation) -> None:  # noqa: F811
    page = await joined(open_page, people.stranger, await pool.for_readers(elsewhere, people.stranger))
    await say(people.mate, conversation, "@stella, look")
    await look()
    assert await page.receive_nothing(0.05)


async def test_who_loses_it_sees_it_no_more(people: Cast, open_page: Any, conversation: Conversation) -> None:  # noqa: F811
    other = await pool.for_readers(elsewhere, people.mate)
    await say(people.owner, conversation, "@mateo, look")
    page = await joined(open_page, people.mate, other)
    await look()
    assert count(1) in await told(page)
    await pool.for_readers(sharing.with_team, actor=people.owner, conversation_id=conversation.pk, access="")
    await page.disconnect()  # whose standing has changed is asked anew
    page = await joined(open_page, await pool.for_readers(User.objects.get, pk=people.mate.pk), other)
    await look()
    assert count(0) in await told(page)


async def test_who_reads_the_page_of_a_link_has_not_looked(people: Cast, conversation: Conversation) -> None:  # noqa: F811
    make = {"conversation_id": conversation.pk, "live": True, "audience": "team", "days": None}
    link = await pool.for_readers(links.make, actor=people.owner, **make)
    page = LinkPage(link.pk, people.mate, "after=0&first=0")
    assert (await page.connect())[0]
    await say(people.owner, conversation, "@mateo, look")
    await look()
    assert await pool.for_readers(mentions.unseen, people.mate) == {conversation.pk}
    await page.disconnect()
