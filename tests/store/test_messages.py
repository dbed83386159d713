"""What a person says becomes a tree: nothing is overwritten, nothing is said twice."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from chat import errors
from chat.models import Conversation, Item, Response
from chat.store import conversations, history, messages, responses, sql, turns
from chat.store.log import Batch
from chat.store.responses import Ending
from tests.cast import Cast, person


def ended(response: Response, status: str = "completed") -> Response:
    Response.objects.filter(pk=response.pk).update(status=status)
    response.refresh_from_db()
    return response


def test_a_first_message_begins_a_conversation_titled_with_its_first_words(cast: Cast) -> None:
    begun = messages.send(actor=cast.owner, conversation_id=None, text="How do tides work?\nIn short.")
    assert begun.conversation.title == "How do tides work? In short."
    assert begun.conversation.head == begun.response
    assert begun.response.status == "queued"
    assert begun.conversation.team.personal_of == cast.owner


def test_the_same_client_id_again_is_the_same_message(cast: Cast) -> None:
    first = messages.send(actor=cast.owner, conversation_id=None, text="Once", client_id="abc")
    again = messages.send(actor=cast.owner, conversation_id=None, text="Once", client_id="abc")
    assert (again.response, again.new) == (first.response, False)
    assert Response.objects.count() == 1


def test_what_follows_a_reply_that_was_stopped_before_it_began_waits_for_the_one_above(cast: Cast) -> None:
    first = messages.send(actor=cast.owner, conversation_id=None, text="One")
    conversation_id = first.conversation.pk
    assert responses.take(first.response.pk) is not None
    second = messages.send(actor=cast.owner, conversation_id=conversation_id, text="Two")
    third = messages.send(actor=cast.owner, conversation_id=conversation_id, text="Three")
    responses.request_cancel(actor=cast.owner, conversation_id=conversation_id, response_id=second.response.pk)
    assert responses.take(third.response.pk) is None
    ended(first.response)
    assert messages.next_due(first.response) == [third.response.pk]
    assert responses.take(third.response.pk) is not None


def test_one_persons_client_id_does_not_stand_in_the_way_of_another(cast: Cast) -> None:
    messages.send(actor=cast.owner, conversation_id=None, text="Mine", client_id="abc")
    assert messages.send(actor=cast.mate, conversation_id=None, text="Mine too", client_id="abc").new


def test_a_message_sent_while_a_reply_is_written_waits_behind_it(cast: Cast) -> None:
    first = messages.send(actor=cast.owner, conversation_id=None, text="One")
    second = messages.send(actor=cast.owner, conversation_id=first.conversation.pk, text="Two")
    assert second.response.input is not None
    assert second.response.input.previous == first.response
    assert messages.next_due(first.response) == [second.response.pk]


def test_editing_makes_a_second_version_in_the_same_place(cast: Cast) -> None:
    first = messages.send(actor=cast.owner, conversation_id=None, text="Old")
    ended(first.response)
    assert first.response.input is not None
    edited = messages.edit(actor=cast.owner, conversation_id=first.conversation.pk, item_id=first.response.input.pk, text="New")
    (exchange,) = history.exchanges([edited.response.pk])
    assert len(exchange.item_versions) == 2
    assert messages.head(edited.conversation, cast.owner) == edited.response
    assert Item.objects.get(pk=first.response.input.pk).wire["content"] == [{"type": "input_text", "text": "Old"}]


def test_regenerating_asks_the_same_message_again(cast: Cast) -> None:
    first = messages.send(actor=cast.owner, conversation_id=None, text="Again")
    ended(first.response)
    second = messages.regenerate(actor=cast.owner, conversation_id=first.conversation.pk, response_id=first.response.pk)
    assert second.response.input == first.response.input
    (exchange,) = history.exchanges([second.response.pk])
    assert exchange.response_versions == [first.response.pk, second.response.pk]


def test_a_reply_that_is_being_written_cannot_be_regenerated_or_continued(cast: Cast) -> None:
    begun = messages.send(actor=cast.owner, conversation_id=None, text="Wait")
    for verb in (messages.regenerate, messages.carry_on):
        with pytest.raises(errors.Conflict):
            verb(actor=cast.owner, conversation_id=begun.conversation.pk, response_id=begun.response.pk)


def test_a_cut_reply_is_continued_after_a_hidden_item(cast: Cast) -> None:
    begun = messages.send(actor=cast.owner, conversation_id=None, text="Long")
    ended(begun.response, "incomplete")
    on = messages.carry_on(actor=cast.owner, conversation_id=begun.conversation.pk, response_id=begun.response.pk)
    assert on.response.continues == begun.response
    assert on.response.input is not None
    assert (on.response.input.hidden, on.response.input.role, on.response.input.previous) == (True, "developer", begun.response)


def test_choosing_a_version_shows_what_was_said_last_below_it(cast: Cast) -> None:
    first = messages.send(actor=cast.owner, conversation_id=None, text="One")
    ended(first.response)
    below = messages.send(actor=cast.owner, conversation_id=first.conversation.pk, text="Two")
    ended(below.response)
    messages.regenerate(actor=cast.owner, conversation_id=first.conversation.pk, response_id=first.response.pk)
    conversations.choose_branch(actor=cast.owner, conversation_id=first.conversation.pk, response_id=first.response.pk)
    assert messages.head(first.conversation, cast.owner) == below.response


@pytest.mark.parametrize("text", ["", "   \n\t", "\n\n"])
def test_nothing_is_not_sent(cast: Cast, text: str) -> None:
    with pytest.raises(errors.InvalidInput):
        messages.send(actor=cast.owner, conversation_id=None, text=text)
    assert not Conversation.objects.exists()


def test_too_much_is_refused_and_says_how_much_is_allowed(cast: Cast) -> None:
    with pytest.raises(errors.TooLarge, match="200 KB is the most"):
        messages.send(actor=cast.owner, conversation_id=None, text="é" * 150_000)


@pytest.mark.parametrize("text", ["NUL \x00 inside", "half a pair \ud800 here", "é ü 漢字 🏳️‍🌈 \u202e"])
def test_any_characters_can_be_sent(cast: Cast, text: str) -> None:
    assert messages.send(actor=cast.owner, conversation_id=None, text=text).new


def test_a_stranger_finds_nothing_to_write_to(cast: Cast) -> None:
    begun = messages.send(actor=cast.owner, conversation_id=None, text="Private")
    ended(begun.response)
    where = {"actor": cast.stranger, "conversation_id": begun.conversation.pk}
    assert begun.response.input is not None
    with pytest.raises(errors.NotFound):
        messages.send(**where, text="Hello")
    with pytest.raises(errors.NotFound):
        messages.edit(**where, item_id=begun.response.input.pk, text="Hello")
    with pytest.raises(errors.NotFound):
        messages.regenerate(**where, response_id=begun.response.pk)
    with pytest.raises(errors.NotFound):
        conversations.choose_branch(**where, response_id=begun.response.pk)
    with pytest.raises(errors.NotFound):
        conversations.delete(**where)


def test_ids_of_another_conversation_are_missing_ones(cast: Cast) -> None:
    mine = messages.send(actor=cast.owner, conversation_id=None, text="Mine")
    theirs = messages.send(actor=cast.stranger, conversation_id=None, text="Theirs")
    ended(theirs.response)
    assert theirs.response.input is not None
    with pytest.raises(errors.NotFound):
        messages.regenerate(actor=cast.owner, conversation_id=mine.conversation.pk, response_id=theirs.response.pk)
    with pytest.raises(errors.NotFound):
        messages.edit(actor=cast.owner, conversation_id=mine.conversation.pk, item_id=theirs.response.input.pk, text="x")


@pytest.mark.django_db(transaction=True)
def test_twenty_messages_at_once_make_one_chain_without_gaps() -> None:
    owner = person("parallel")
    begun = messages.send(actor=owner, conversation_id=None, text="First")
    failures: list[Exception] = []

    def say(number: int) -> None:
        try:
            messages.send(actor=owner, conversation_id=begun.conversation.pk, text=f"Message {number}")
        except Exception as error:  # collected for the assertion
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=say, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    conversation = Conversation.objects.get(pk=begun.conversation.pk)
    ids, earlier = history.path(str(conversation.head_id))
    assert (len(ids), earlier) == (21, None)
    assert conversation.position == 42


@pytest.mark.django_db(transaction=True)
def test_the_same_message_from_ten_threads_is_one_message() -> None:
    owner = person("doubled")
    begun: list[str] = []

    def say() -> None:
        try:
            begun.append(messages.send(actor=owner, conversation_id=None, text="Same", client_id="same").response.pk)
        finally:
            connection.close()

    threads = [threading.Thread(target=say) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(begun) == 10
    assert len(set(begun)) == 1
    assert Conversation.objects.count() == 1


def test_the_same_client_id_with_another_text_is_another_message(cast: Cast) -> None:
    first = messages.send(actor=cast.owner, conversation_id=None, text="Lost answer", client_id="abc")
    second = messages.send(actor=cast.owner, conversation_id=first.conversation.pk, text="Typed more", client_id="abc")
    assert second.new
    assert second.response != first.response


def test_a_title_has_no_markdown_in_it(cast: Cast) -> None:
    assert messages.send(actor=cast.owner, conversation_id=None, text="Is **bold** `code`?").conversation.title == "Is bold code?"


def test_a_cut_reply_is_not_continued_once_the_conversation_has_gone_on(cast: Cast) -> None:
    first = messages.send(actor=cast.owner, conversation_id=None, text="One")
    ended(first.response, "incomplete")
    messages.send(actor=cast.owner, conversation_id=first.conversation.pk, text="Two")
    with pytest.raises(errors.Conflict):
        messages.carry_on(actor=cast.owner, conversation_id=first.conversation.pk, response_id=first.response.pk)
    (exchange,) = history.exchanges([first.response.pk])
    assert exchange.followed


def test_regenerating_twice_at_once_makes_one_new_reply(cast: Cast) -> None:
    first = messages.send(actor=cast.owner, conversation_id=None, text="One")
    ended(first.response)
    where = {"actor": cast.owner, "conversation_id": first.conversation.pk, "response_id": first.response.pk}
    begun, again = messages.regenerate(**where), messages.regenerate(**where)
    assert (again.response, again.new) == (begun.response, False)


def test_whoever_reads_another_version_writes_on_there(cast: Cast) -> None:
    first = messages.send(actor=cast.owner, conversation_id=None, text="Old")
    ended(first.response)
    assert first.response.input_id is not None
    messages.edit(actor=cast.owner, conversation_id=first.conversation.pk, item_id=first.response.input_id, text="New")
    conversations.follow(conversation=first.conversation, viewer=cast.owner, through=first.response)
    more = messages.send(actor=cast.owner, conversation_id=first.conversation.pk, text="More")
    assert more.response.input is not None
    assert more.response.input.previous == first.response


def test_purging_removes_what_was_deleted_long_ago_and_nothing_else(cast: Cast) -> None:
    gone = messages.send(actor=cast.owner, conversation_id=None, text="Gone")
    for number in range(5):
        messages.send(actor=cast.owner, conversation_id=gone.conversation.pk, text=f"Gone {number}")
    kept = messages.send(actor=cast.owner, conversation_id=None, text="Kept")
    just = messages.send(actor=cast.owner, conversation_id=None, text="Just deleted")
    conversations.delete(actor=cast.owner, conversation_id=gone.conversation.pk)
    conversations.delete(actor=cast.owner, conversation_id=just.conversation.pk)
    Conversation.objects.filter(pk=gone.conversation.pk).update(deleted=timezone.now() - timedelta(minutes=11))
    assert conversations.purge() == 1
    assert set(Conversation.objects.values_list("pk", flat=True)) == {kept.conversation.pk, just.conversation.pk}
    assert Item.objects.count() == 2


def test_a_lease_that_ended_with_a_whole_second_is_known_again(cast: Cast) -> None:
    """SQLite's clock writes the fraction of such a moment, Python does not, and SQLite compares texts."""
    begun = messages.send(actor=cast.owner, conversation_id=None, text="One")
    assert responses.take(begun.response.pk) is not None
    lease = "UPDATE chat_response SET lease_until = %s WHERE id = %s"
    sql.run(lease, "2026-01-01 10:00:05.000", begun.response.pk)
    (found,) = responses.abandoned(alone=False)
    assert responses.requeue(found)


def test_each_turn_keeps_its_own_name_at_the_provider(cast: Cast) -> None:
    begun = messages.send(actor=cast.owner, conversation_id=None, text="One")
    first = responses.take(begun.response.pk)
    assert first is not None
    lost = turns.begin(first, index=0, provider="a", model="m")
    Response.objects.filter(pk=first.pk).update(status="queued", epoch=first.epoch + 1)
    second = responses.take(first.pk)
    assert second is not None
    kept = turns.begin(second, index=0, provider="a", model="m")
    batch = Batch(second.pk, second.epoch, second.conversation_id, 0, [b"{}"])
    assert responses.end(batch, Ending(status="completed", upstream_id="resp_theirs"))
    for turn, name in ((lost, ""), (kept, "resp_theirs")):
        turn.refresh_from_db()
        assert (turn.upstream_id, turn.ended is not None) == (name, True)


def test_the_same_id_in_another_conversation_is_another_message(cast: Cast) -> None:
    one = messages.send(actor=cast.owner, conversation_id=None, text="Hello", client_id="c")
    other = messages.send(actor=cast.owner, conversation_id=None, text="Something else", client_id="d")
    again = messages.send(actor=cast.owner, conversation_id=other.conversation.pk, text="Hello", client_id="c")
    assert again.conversation == other.conversation
    assert again.response != one.response


def test_what_is_being_removed_for_good_cannot_be_had_back(cast: Cast) -> None:
    """Undo pressed on an old page, while its replies go in slices."""
    talk = messages.send(actor=cast.owner, conversation_id=None, text="Hello").conversation
    conversations.delete(actor=cast.owner, conversation_id=talk.pk)
    Conversation.objects.update(deleted=timezone.now() - timedelta(minutes=10, seconds=1))
    with pytest.raises(errors.NotFound):
        conversations.restore(actor=cast.owner, conversation_id=talk.pk)
    assert conversations.purge() == 1
    assert not Conversation.objects.filter(pk=talk.pk).exists()


def test_what_has_been_had_back_meanwhile_is_not_removed(cast: Cast) -> None:
    talk = messages.send(actor=cast.owner, conversation_id=None, text="Hello").conversation
    conversations.delete(actor=cast.owner, conversation_id=talk.pk)
    Conversation.objects.update(deleted=timezone.now() - timedelta(minutes=10, seconds=1))
    restored: list[str] = []

    def restore_in_between(execute: Callable[..., Any], sql: str, *arguments: Any) -> Any:
        """Just after the purge has made its list."""
        found = execute(sql, *arguments)
        if not restored and "deleted" in sql and sql.startswith("SELECT"):
            restored.append(talk.pk)
            Conversation.objects.update(deleted=None)
        return found

    with connection.execute_wrapper(restore_in_between):
        conversations.purge()
    assert restored
    assert Response.objects.filter(conversation=talk).exists()
