"""A message deleted with all that follows it: gone from everywhere at once, had back for some minutes, then gone for good."""

import sqlite3
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from chat import errors
from chat.models import Branch, Conversation, Item, Kept, Link, LogRow, Mention, Removal, Response, SearchEntry, Turn, User
from chat.store import (
    conversations,
    departures,
    links,
    mentions,
    messages,
    moving,
    removals,
    responses,
    search,
    sharing,
    storing,
)
from chat.store.messages import Begun
from tests.cast import Cast, World, gather
from tests.conftest import signed_in
from tests.own_data.conftest import answer, clear, conversations_of, fetched, opened, talk


@pytest.fixture
def world(db: None) -> World:
    return gather()


@pytest.fixture
def author(cast: Cast) -> User:
    return cast.mate


def items_of(response: Response) -> dict[str, str]:
    return {"conversation_id": str(response.conversation_id), "item_id": str(response.input_id)}


def path(response: Response, verb: str) -> str:
    return f"/c/{response.conversation_id}/items/{response.input_id}/{verb}/"


def keep(response: Response) -> Kept:
    now = timezone.now()
    turn = Turn.objects.create(response=response, index=9, epoch=9, provider="openai", upstream_id=response.pk)
    where = {"conversation": response.conversation, "turn": turn, "server": "https://m.example", "upstream_id": response.pk}
    return Kept.objects.create(**where, next_try=now, created=now, expires=now + timedelta(days=30))


def over() -> None:
    """The time for undo."""
    Removal.objects.update(created=timezone.now() - timedelta(hours=1))
    while removals.purge() is not None:
        pass


def three(author: User) -> list[Begun]:
    """Three exchanges, one after the other."""
    first = talk(author, "Alpacas", "Yes, alpacas")
    return [first, *(talk(author, f"{word}s", f"Yes, {word}s", into=first.conversation.pk) for word in ("Bison", "Capybara"))]


def test_it_asks_first_hides_all_that_follows_and_gives_it_back(author: User) -> None:
    one, two, three_ = three(author)
    client, where = signed_in(author), one.conversation.url
    keep(two.response)
    page = " ".join(client.get(path(two.response, "delete")).text.split())
    assert "Bisons" in page
    assert "2 replies, and what was said after them" in page
    assert "which keeps 1 of these replies" in page
    assert "Capybaras" in client.get(where).text
    after = client.post(path(two.response, "delete"), follow=True)
    assert after.redirect_chain[-1][0] == where
    assert "A message was deleted at" in after.text
    for word in ("Bisons", "Capybaras"):
        assert word not in client.get(where).text
        assert search.find(actor=author, query=word) == []
        assert word not in "".join(opened(fetched(client)).values())
    assert client.get(f"{where}?at={three_.response.input_id}").status_code == 200
    assert client.get(path(three_.response, "edit")).status_code == 404
    regenerate = f"{where}responses/{three_.response.pk}/regenerate/"
    assert client.post(regenerate).status_code == client.post(f"{where}version/?response={three_.response.pk}").status_code == 404
    assert client.post(path(two.response, "restore"), follow=True).status_code == 200
    assert "Capybaras" in client.get(where).text
    assert search.find(actor=author, query="Capybaras")
    assert client.post(path(two.response, "restore")).status_code == 404


def test_the_conversation_goes_on_where_it_was_left(author: User) -> None:
    one, two, _ = three(author)
    removals.remove(actor=author, **items_of(two.response))
    again = talk(author, "Dingos", "Yes, dingos", into=one.conversation.pk)
    assert again.response.input is not None
    assert again.response.input.previous_id == one.response.pk
    removals.restore(actor=author, **items_of(two.response))
    text = signed_in(author).get(one.conversation.url).text
    assert "Capybaras" in text
    assert "2/2" in text or "1/2" in text  # another version of what was said after the first
    cut = Response.objects.filter(pk=one.response.pk)
    assert cut.get().status == "completed"


def test_then_it_is_gone_for_good_here_and_due_at_the_provider(author: User) -> None:
    one, two, three_ = three(author)
    kept = [keep(begun.response) for begun in (one, two, three_)]
    snapshot = links.make(actor=author, conversation_id=one.conversation.pk, live=False, audience="anyone", days=None)
    removals.remove(actor=author, **items_of(two.response))
    Removal.objects.update(created=timezone.now() - timedelta(hours=1))
    with pytest.raises(errors.NotFound):  # pieces of it may be gone
        removals.restore(actor=author, **items_of(two.response))
    shown = signed_in(author).get(snapshot.url).text
    assert "alpacas" in shown
    assert "apybara" not in shown
    over()
    gone = [two.response.pk, three_.response.pk]
    assert not Response.objects.filter(pk__in=gone).exists()
    assert not Item.objects.filter(response__in=gone).exists()
    assert not Item.objects.filter(pk__in=[two.response.input_id, three_.response.input_id]).exists()
    assert not LogRow.objects.filter(response__in=gone).exists()
    assert not SearchEntry.objects.filter(text__icontains="capybara").exists()
    assert not Removal.objects.exists()
    assert [Kept.objects.get(pk=row.pk).state for row in kept] == ["kept", "due", "due"]
    assert Link.objects.get(pk=snapshot.pk).head == one.response
    assert Conversation.objects.get(pk=one.conversation.pk).head == one.response
    with pytest.raises(errors.NotFound):
        removals.restore(actor=author, **items_of(one.response))


def test_what_a_process_with_a_slow_clock_took_is_due_at_the_provider_too(author: User) -> None:
    one = talk(author, "Alpacas", "Yes")
    found = [talk(author, f"Bison {number}", "Yes", into=one.conversation.pk).response for number in range(removals.SLICE + 1)]
    Response.objects.filter(pk=found[1].pk).update(created=found[0].created - timedelta(seconds=1))
    kept = [keep(response).pk for response in found]
    removals.remove(actor=author, **items_of(found[0]))
    over()
    assert set(Kept.objects.filter(pk__in=kept).values_list("state", flat=True)) == {"due"}


def test_the_first_takes_everything_along_also_the_title_that_was_made_of_it(author: User) -> None:
    one, *_ = three(author)
    before = Conversation.objects.get(pk=one.conversation.pk).position
    for verb in (removals.remove, removals.restore, removals.remove):
        verb(actor=author, **items_of(one.response))
        assert ("lpacas" in signed_in(author).get(one.conversation.url).text) is (verb == removals.restore)
    news = LogRow.objects.filter(conversation=one.conversation, position__gt=before).order_by("pk")
    assert list(news.values_list("position", flat=True)) == list(range(before + 1, before + 7))  # or pages would miss some
    assert not Branch.objects.filter(conversation=one.conversation).exists()
    over()
    left = Conversation.objects.get(pk=one.conversation.pk)
    assert (left.title, left.head) == ("", None)
    assert search.find(actor=author, query="Alpacas") == []
    assert talk(author, "Again", "Yes", into=left.pk).response.pk


@pytest.mark.parametrize(
    ("who", "answers"),
    [("author", 302), ("writer", 302), ("reader", 403), ("team admin", 404), ("other team", 404), ("server owner", 404)],
)
def test_who_wrote_it_and_whose_conversation_it_is_may(world: World, who: str, answers: int) -> None:
    begun = talk(world.people["writer"], "Theirs", "Yes", into=world.conversation.pk)
    assert signed_in(world.people[who]).post(path(begun.response, "delete")).status_code == answers
    assert Removal.objects.exists() is (answers == 302)


def test_nobody_else_who_writes_there_may_and_nobody_but_they_have_it_back(world: World) -> None:
    writer, author = world.people["writer"], world.people["author"]
    first = world.response
    for verb in ("get", "post"):
        answer = getattr(signed_in(writer), verb)(path(first, "delete"))
        assert (answer.status_code, "somebody else’s" in answer.text) == (409, True)
    removals.remove(actor=author, **items_of(first))
    assert signed_in(writer).post(path(first, "restore")).status_code == 409
    assert "A message was deleted" not in signed_in(writer).get(world.conversation.url).text
    assert path(first, "restore") in signed_in(author).get(world.conversation.url).text
    assert signed_in(world.people["other team"]).post(path(first, "restore")).status_code == 404


def test_whoever_was_there_sees_what_is_left(world: World) -> None:
    writer, author = world.people["writer"], world.people["author"]
    pk = world.conversation.pk
    there = talk(writer, f"@{author.username} Elk", "Yes, elk", into=pk)
    aside = messages.edit(actor=author, conversation_id=pk, item_id=str(there.response.input_id), text="Fox")
    conversations.choose_branch(actor=writer, conversation_id=pk, response_id=there.response.pk)
    removals.remove(actor=writer, **items_of(there.response))
    text = signed_in(writer).get(world.conversation.url).text
    assert "Fox" in text
    assert "Elk" not in text
    assert mentions.unseen_by([author.pk]) == {}
    assert Conversation.objects.get(pk=pk).head_id == aside.response.pk


def test_what_is_being_written_below_is_stopped_and_comes_back_nowhere(world: World) -> None:
    author, pk = world.people["author"], world.conversation.pk
    running, waiting = talk(author, "Gnu", into=pk), None
    taken = responses.take(running.response.pk)
    assert taken is not None
    waiting = talk(author, "Hare", into=pk)
    removed = removals.remove(actor=author, **items_of(running.response))
    assert sorted(removed.running) == sorted([running.response.pk, waiting.response.pk])
    assert Response.objects.get(pk=waiting.response.pk).status == "cancelled"
    assert responses.verdicts({taken.pk: responses.Held(taken.epoch, author.auth_epoch)}) == {taken.pk: "cancelled"}
    finished = finish(taken, "Yes, gnus")
    assert finished is not None
    assert search.find(actor=author, query="gnus") == []
    assert "gnus" not in signed_in(author).get(world.conversation.url).text
    over()
    assert not Item.objects.filter(response=taken).exists()


def finish(taken: Response, text: str) -> int | None:
    wire: Any = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": text}]}
    batch = responses.Batch(taken.pk, taken.epoch, taken.conversation_id, 0, [b'{"type": "response.completed"}'])
    return responses.end(batch, responses.Ending("cancelled", [wire]))


def test_it_is_not_had_back_into_a_conversation_that_stores_now_what_was_not_to_be(author: User) -> None:
    begun = messages.send(actor=author, conversation_id=None, text="Ibex", store=False)
    answer(begun, "Yes")
    where = {"actor": author, "conversation_id": begun.conversation.pk}
    removals.remove(actor=author, **items_of(begun.response))
    storing.switch(**where, on=True)
    client = signed_in(author)
    refused = client.post(path(begun.response, "restore"))
    assert (refused.status_code, "Replies are stored here now" in refused.text) == (409, True)
    storing.switch(**where, on=False)
    assert client.post(path(begun.response, "restore")).status_code == 302


def test_of_two_that_lie_in_each_other_each_comes_back_where_it_was(author: User) -> None:
    one, two, three_ = three(author)
    removals.remove(actor=author, **items_of(three_.response))
    removals.remove(actor=author, **items_of(two.response))
    with pytest.raises(errors.NotFound):
        removals.restore(actor=author, **items_of(three_.response))
    removals.restore(actor=author, **items_of(two.response))
    assert "apybara" not in signed_in(author).get(one.conversation.url).text
    removals.restore(actor=author, **items_of(three_.response))
    assert "Capybaras" in signed_in(author).get(one.conversation.url).text


@pytest.mark.parametrize("how", ["conversation", "account"])
def test_it_goes_with_its_conversation_and_with_its_author(author: User, how: str) -> None:
    one, two, _ = three(author)
    kept = keep(two.response)
    removals.remove(actor=author, **items_of(two.response))
    if how == "account":
        departures.begin(actor=author)
        clear()
    else:
        while conversations.purge_slice(one.conversation.pk):
            pass
    assert not Item.objects.filter(pk=two.response.input_id).exists()
    assert not Response.objects.filter(pk=two.response.pk).exists()
    assert Kept.objects.get(pk=kept.pk).state == "due"


def test_an_export_holds_nothing_of_it(world: World) -> None:
    author, writer = world.people["author"], world.people["writer"]
    theirs = talk(writer, "Jackal", "Yes", into=world.conversation.pk)
    removals.remove(actor=writer, **items_of(theirs.response))
    for person in (author, writer):
        files = opened(fetched(signed_in(person)))
        assert "Jackal" not in "".join(files.values())
    assert conversations_of(opened(fetched(signed_in(author))))


def test_the_message_is_its_own_conversations(world: World) -> None:
    author = world.people["author"]
    other = talk(author, "Kiwi", "Yes")
    where = f"/c/{world.conversation.pk}/items/{other.response.input_id}/delete/"
    assert signed_in(author).post(where).status_code == 404
    reply = Item.objects.get(response=other.response)
    assert signed_in(author).post(f"/c/{other.conversation.pk}/items/{reply.pk}/delete/").status_code == 404
    sharing.with_team(actor=author, conversation_id=world.conversation.pk, access="read")
    assert Removal.objects.count() == 0


def test_what_is_on_its_way_out_cannot_be_had_back(author: User) -> None:
    one, two, _ = three(author)
    removals.remove(actor=author, **items_of(two.response))
    Removal.objects.update(created=timezone.now() - timedelta(minutes=10, seconds=1))
    with pytest.raises(errors.NotFound):
        removals.restore(actor=author, **items_of(two.response))
    assert "Bisons" not in signed_in(author).get(one.conversation.url).text


def test_what_was_to_be_stored_nowhere_is_no_title_of_what_is_stored(cast: Cast) -> None:
    author = cast.mate
    begun = messages.send(actor=author, conversation_id=None, text="My canarysentence", store=False)
    answer(begun, "Yes")
    where = {"actor": author, "conversation_id": begun.conversation.pk}
    removals.remove(actor=author, **items_of(begun.response))
    storing.switch(**where, on=True)
    talk(author, "Something else", "Yes", into=begun.conversation.pk)
    assert "canary" not in Conversation.objects.get(pk=begun.conversation.pk).title
    over()
    assert not SearchEntry.objects.filter(text__icontains="canary").exists()


def test_a_title_goes_with_the_words_that_it_was_made_of(cast: Cast) -> None:
    author = cast.mate
    begun = talk(author, "My canarysentence", "Yes")
    pk = begun.conversation.pk
    other = messages.edit(actor=author, conversation_id=pk, item_id=str(begun.response.input_id), text="Nothing odd")
    answer(other, "Yes")
    link = links.make(actor=author, conversation_id=pk, live=False, audience="anyone", days=None)
    conversations.entitle(conversation_id=pk, title="About a canarysentence")
    removals.remove(actor=author, **items_of(begun.response))
    over()
    assert Conversation.objects.get(pk=pk).title == "Nothing odd"
    assert not SearchEntry.objects.filter(text__icontains="canary").exists()
    assert Link.objects.get(pk=link.pk).title == "Nothing odd"
    late = {"conversation_id": pk, "title": "About a canarysentence"}  # asked for before it was deleted
    assert not conversations.entitle(**late, after=begun.response.pk)
    assert conversations.entitle(conversation_id=pk, title="Nothing", after=other.response.pk)
    conversations.untitle(begun.conversation, instead="Nothing odd")
    conversations.rename(actor=author, conversation_id=pk, title="Mine")
    removals.remove(actor=author, **items_of(other.response))
    over()
    assert Conversation.objects.get(pk=pk).title == "Mine"


def test_who_was_named_is_named_again_after_undo(world: World) -> None:
    writer, author, pk = world.people["writer"], world.people["author"], world.conversation.pk
    there = talk(writer, f"@{author.username} Elk", "Yes, elk", into=pk)
    assert mentions.unseen(author) == {pk}
    removals.remove(actor=writer, **items_of(there.response))
    assert mentions.unseen(author) == frozenset()
    assert mentions.unseen_by([author.pk]) == {}
    assert mentions.newest(author, most=9) == []
    assert mentions.seen([(author.pk, pk)]) == set()
    removals.restore(actor=writer, **items_of(there.response))
    assert mentions.unseen(author) == {pk}
    assert len(mentions.newest(author, most=9)) == 1
    removals.remove(actor=writer, **items_of(there.response))
    over()
    assert not Mention.objects.exists()


def test_nobody_comes_to_a_branch_that_was_deleted_a_moment_ago(cast: Cast) -> None:
    author = cast.mate
    begun = talk(author, "Alpaca", "Yes")
    pk = begun.conversation.pk
    after = talk(author, "Bison", "Yes", into=pk)
    messages.edit(actor=author, conversation_id=pk, item_id=str(after.response.input_id), text="Capybara")
    through = Response.objects.get(pk=after.response.pk)
    removals.remove(actor=author, **items_of(after.response))
    conversations.follow(conversation=Conversation.objects.get(pk=pk), viewer=author, through=through)
    assert Branch.objects.get(user=author).head.conversation_id == pk


def test_what_ended_while_its_message_was_deleted_is_found_once_that_is_back(cast: Cast) -> None:
    author = cast.mate
    begun = talk(author, "Alpaca", "Yes")
    after = messages.send(actor=author, conversation_id=begun.conversation.pk, text="Bison")
    taken = responses.take(after.response.pk)
    assert taken is not None
    removals.remove(actor=author, **items_of(after.response))
    assert finish(taken, "Yes, **gnus**") is not None
    removals.restore(actor=author, **items_of(after.response))
    assert "gnus" in signed_in(author).get(begun.conversation.url).text
    assert [hit.conversation_id for hit in search.find(actor=author, query="gnus")] == [begun.conversation.pk]


def undo(author: User, conversation: Conversation) -> list[str]:
    return [one["url"] for one in signed_in(author).get(conversation.url).context["undo"]]


def test_undo_is_offered_as_long_as_there_is_time_wherever_one_has_been_meanwhile(author: User) -> None:
    one, two, three_ = three(author)
    other = messages.edit(actor=author, **items_of(two.response), text="Dingos")
    for begun in (three_, other, two):
        removals.remove(actor=author, **items_of(begun.response))
    paths = {begun: path(begun.response, "restore") for begun in (two, three_, other)}
    text = signed_in(author).get(one.conversation.url).text
    assert text.count(">Undo</button>") == 2
    assert "Deleted before it: 1" in text
    assert undo(author, one.conversation) == [paths[two], paths[other]]  # the third lies in the second
    signed_in(author).post(paths[two])
    assert undo(author, one.conversation) == [paths[other], paths[three_]]
    for each in (paths[three_], paths[other]):
        assert signed_in(author).post(each).status_code == 302
    assert undo(author, one.conversation) == []
    removals.remove(actor=author, **items_of(two.response))
    Removal.objects.update(created=timezone.now() - timedelta(minutes=10, seconds=1))
    assert undo(author, one.conversation) == []


def test_a_deleted_conversation_can_be_had_back_as_long_as_there_is_time(cast: Cast) -> None:
    begun = talk(cast.mate, "Alpaca", "Yes")
    conversations.delete(actor=cast.mate, conversation_id=begun.conversation.pk)
    restore = f"{begun.conversation.url}restore/"
    assert restore in signed_in(cast.mate).get("/").text
    assert restore not in signed_in(cast.stranger).get("/").text
    Conversation.objects.update(deleted=timezone.now() - timedelta(minutes=10, seconds=1))
    assert restore not in signed_in(cast.mate).get("/").text


@pytest.fixture
def few_variables() -> Iterator[None]:
    """A statement of SQLite's takes fewer than there are replies, as it is with 32,767 of them."""
    if connection.vendor != "sqlite":
        yield
        return
    before = connection.connection.setlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, moving.PIECE + 20)
    yield
    connection.connection.setlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, before)


def many(begun: Begun, count: int) -> None:
    """So many more answers to it."""
    where: Any = {"conversation": begun.conversation, "input": begun.response.input, "author": begun.response.author}
    Response.objects.bulk_create(
        [Response(**where, team=begun.conversation.team, status="completed") for _ in range(count)], batch_size=10
    )


def test_much_is_moved_in_pieces_and_a_process_that_died_leaves_none_behind(author: User, few_variables: None) -> None:
    one, two, _ = three(author)
    many(two, 2 * moving.PIECE)
    last = Response.objects.filter(conversation=one.conversation).latest("created", "pk")
    conversations.choose_branch(actor=author, conversation_id=one.conversation.pk, response_id=last.pk)
    item = two.response.input
    assert item is not None
    assert removals.extent(item).replies == 2 * moving.PIECE + 2
    link = links.make(actor=author, conversation_id=one.conversation.pk, live=False, audience="anyone", days=None)
    removals.remove(actor=author, **items_of(two.response))
    shown = signed_in(author).get(link.url).text
    assert ("alpacas" in shown, "Bisons" in shown) == (True, False)
    there = Response.objects.filter(conversation=one.conversation)
    assert there.count() == 1 + moving.PIECE + 2
    assert "Bisons" not in signed_in(author).get(one.conversation.url).text
    assert Branch.objects.get(user=author).head == one.response
    late = messages.regenerate(actor=author, conversation_id=one.conversation.pk, response_id=last.pk)
    with pytest.raises(errors.Conflict):
        removals.remove(actor=author, **items_of(one.response))
    while Removal.objects.exclude(going="").exists():
        assert removals.purge() == 0
    assert list(there.all()) == [one.response]
    assert Response.objects.get(pk=late.response.pk).status == "cancelled"
    assert Branch.objects.get(user=author).head == one.response
    removals.restore(actor=author, **items_of(two.response))
    assert there.count() == 1 + moving.PIECE
    assert not removals.purge_slice(Removal.objects.get().pk)  # by who had found it over in the moment before
    with pytest.raises(errors.Refused):  # what others said may not be back yet
        storing.switch(actor=author, conversation_id=one.conversation.pk, on=True, everything=True)
    Removal.objects.update(created=timezone.now() - timedelta(hours=1))
    while removals.purge() is not None:
        pass
    assert there.count() == 2 * moving.PIECE + 4
    assert not Removal.objects.exists()
    assert "Bisons" in signed_in(author).get(one.conversation.url).text


def test_a_conversation_that_goes_while_a_removal_is_purged_ends_no_purge(author: User) -> None:
    begun = talk(author, "Alpacas", "Yes")
    removals.remove(actor=author, **items_of(begun.response))
    Removal.objects.update(created=timezone.now() - timedelta(hours=1))

    def gone(execute: Any, query: str, *arguments: Any) -> Any:
        """When it is to be locked."""
        return execute(query.replace("chat_conversation WHERE", "chat_conversation WHERE 1 = 0 AND"), *arguments)

    with connection.execute_wrapper(gone):
        assert removals.purge() == 0


def test_much_is_gone_and_back_when_the_page_answers(author: User) -> None:
    one, two, three_ = three(author)
    many(two, 2 * moving.PIECE)
    client, there = signed_in(author), Response.objects.filter(conversation=one.conversation)
    client.post(path(two.response, "delete"))
    assert (there.count(), Removal.objects.get().going) == (1, "")
    client.post(path(two.response, "restore"))
    assert (there.count(), Removal.objects.exists()) == (2 * moving.PIECE + 3, False)
    assert Item.objects.filter(conversation=one.conversation, pk=three_.response.input_id).exists()
