"""Who else has a shared conversation open, and who types in it."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from chat import errors
from chat.live.watch import readers
from chat.models import Conversation, Presence, User
from chat.store import messages, pool, presence, sharing, teams
from tests.cast import Cast
from tests.live.test_socket import Page, open_page, people  # noqa: F401
from tests.teams.conftest import add


def begin(cast: Cast, *, access: str = "write") -> Conversation:
    """Olivia's conversation in a team with Mateo."""
    team = teams.create(actor=cast.owner, name="Physics")
    add(team, cast.mate)
    for one in (cast.owner, cast.mate):
        one.refresh_from_db()
    begun = messages.send(actor=cast.owner, conversation_id=None, text="Hello")
    sharing.move(actor=cast.owner, conversation_id=begun.conversation.pk, team_id=team.pk)
    if access:
        sharing.with_team(actor=cast.owner, conversation_id=begun.conversation.pk, access=access)
    for one in (cast.owner, cast.mate):
        one.refresh_from_db()
    return Conversation.objects.get(pk=begun.conversation.pk)


async def joined(open_page: Any, user: User, conversation: Conversation) -> Page:  # noqa: F811
    page: Page = await open_page(user, conversation.pk)
    await page.receive_from()
    return page


async def look() -> None:
    await readers.company.look(readers.all)


async def told(page: Page) -> str:
    message = json.loads(await page.receive_from())
    assert "position" not in message
    return str(message["content"])


async def test_each_is_told_who_else_is_here(people: Cast, open_page: Any) -> None:  # noqa: F811
    conversation = await pool.for_readers(begin, people)
    mine = await joined(open_page, people.owner, conversation)
    await look()
    assert "here" not in await told(mine)
    theirs = await joined(open_page, people.mate, conversation)
    await look()
    assert "Mateo is here" in await told(mine)
    assert "Olivia is here" in await told(theirs)
    await look()
    assert await mine.receive_nothing(0.05)


async def test_who_goes_is_gone(people: Cast, open_page: Any) -> None:  # noqa: F811
    conversation = await pool.for_readers(begin, people)
    mine = await joined(open_page, people.owner, conversation)
    theirs = await joined(open_page, people.mate, conversation)
    await look()
    assert "Mateo" in await told(mine)
    await theirs.disconnect()
    await look()
    assert "here" not in await told(mine)


async def test_who_types_is_said_to_the_others_and_not_for_long(people: Cast, open_page: Any) -> None:  # noqa: F811
    conversation = await pool.for_readers(begin, people)
    mine = await joined(open_page, people.owner, conversation)
    theirs = await joined(open_page, people.mate, conversation)
    await look()
    await told(mine)
    await told(theirs)
    await pool.for_readers(presence.typing, actor=people.mate, conversation_id=conversation.pk)
    await look()
    assert "Mateo is typing…" in await told(mine)
    assert await theirs.receive_nothing(0.05)
    await pool.for_readers(lambda: Presence.objects.update(typing_until=timezone.now() - timedelta(seconds=1)))
    await look()
    assert "Mateo is here" in await told(mine)


async def test_who_has_sent_it_types_no_more(people: Cast, open_page: Any) -> None:  # noqa: F811
    conversation = await pool.for_readers(begin, people)
    await pool.for_readers(presence.typing, actor=people.mate, conversation_id=conversation.pk)
    (somebody,) = (await pool.for_readers(presence.who, [conversation.pk]))[conversation.pk]
    assert somebody.typing
    await pool.for_readers(messages.send, actor=people.mate, conversation_id=conversation.pk, text="Done")
    (somebody,) = (await pool.for_readers(presence.who, [conversation.pk]))[conversation.pk]
    assert not somebody.typing


async def test_somebody_in_another_process_is_here_until_their_time_is_over(people: Cast, open_page: Any) -> None:  # noqa: F811
    conversation = await pool.for_readers(begin, people)
    mine = await joined(open_page, people.owner, conversation)
    await pool.for_readers(presence.note, [(conversation.pk, people.mate.pk)])
    await look()
    assert "Mateo is here" in await told(mine)
    long_ago = timezone.now() - timedelta(seconds=1)
    await pool.for_readers(lambda: Presence.objects.filter(user=people.mate).update(until=long_ago))
    await look()
    assert "here" not in await told(mine)


async def test_of_what_is_not_shared_nothing_is_kept(people: Cast, open_page: Any) -> None:  # noqa: F811
    conversation = await pool.for_readers(begin, people, access="")
    await joined(open_page, people.owner, conversation)
    await look()
    await pool.for_readers(presence.typing, actor=people.owner, conversation_id=conversation.pk)
    assert await pool.for_readers(Presence.objects.count) == 0


async def test_shared_while_it_is_open_it_begins(people: Cast, open_page: Any) -> None:  # noqa: F811
    conversation = await pool.for_readers(begin, people, access="")
    await joined(open_page, people.owner, conversation)
    (reader,) = readers.all
    assert not reader.shared
    await pool.for_readers(sharing.with_team, actor=people.owner, conversation_id=conversation.pk, access="read")
    await readers.look()
    page = await joined(open_page, await pool.for_readers(User.objects.get, pk=people.owner.pk), conversation)
    assert any(one.shared for one in readers.all)
    await page.disconnect()


def test_who_may_not_write_types_nothing(cast: Cast) -> None:
    conversation = begin(cast, access="read")
    with pytest.raises(errors.Refused):
        presence.typing(actor=cast.mate, conversation_id=conversation.pk)
    with pytest.raises(errors.NotFound):
        presence.typing(actor=cast.stranger, conversation_id=conversation.pk)


def test_many_who_go_at_once_are_gone(cast: Cast) -> None:
    conversation = begin(cast)
    presence.note([(conversation.pk, cast.mate.pk)])
    presence.forget([(f"conv_{number:032}", number) for number in range(1500)] + [(conversation.pk, cast.mate.pk)])
    assert not Presence.objects.exists()
