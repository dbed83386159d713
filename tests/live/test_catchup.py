"""What a reader missed comes from the log, by its cursor, as this reader may see it."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from chat.live import transcript
from chat.live.catchup import catch_up
from chat.models import Conversation, Response
from chat.protocol.types import Json
from chat.store import conversations, log, messages, responses
from chat.store.log import Batch
from chat.store.responses import Ending
from tests.cast import Cast


def test_a_reader_at_the_end_gets_nothing(cast: Cast) -> None:
    begun = messages.send(actor=cast.owner, conversation_id=None, text="Hello")
    caught = catch_up(begun.conversation.pk, cast.owner, begun.conversation.position)
    assert (caught.content, caught.position, caught.gone) == ("", begun.conversation.position, False)


def test_a_new_entry_comes_after_the_one_it_follows(cast: Cast) -> None:
    first = messages.send(actor=cast.owner, conversation_id=None, text="First")
    after = first.conversation.position
    second = messages.send(actor=cast.owner, conversation_id=first.conversation.pk, text="Second <b>")
    caught = catch_up(first.conversation.pk, cast.owner, after)
    assert caught.position == second.conversation.position
    assert f"> #entry-{first.response.pk}:last-child" in caught.content
    assert "Second &lt;b&gt;" in caught.content
    assert "First" not in caught.content


def test_another_version_brings_the_whole_branch(cast: Cast) -> None:
    first = messages.send(actor=cast.owner, conversation_id=None, text="First")
    Response.objects.update(status="completed")
    after = first.conversation.position
    assert first.response.input_id is not None
    messages.edit(actor=cast.owner, conversation_id=first.conversation.pk, item_id=first.response.input_id, text="Better")
    caught = catch_up(first.conversation.pk, cast.owner, after)
    assert 'hx-target="#items"' in caught.content
    assert "Better" in caught.content
    assert "2/2" in caught.content


def test_a_title_changed_elsewhere_is_told(cast: Cast) -> None:
    begun = messages.send(actor=cast.owner, conversation_id=None, text="First")
    conversations.rename(actor=cast.owner, conversation_id=begun.conversation.pk, title="Tides & moons")
    caught = catch_up(begun.conversation.pk, cast.owner, begun.conversation.position)
    assert "Tides &amp; moons" in caught.content


def test_a_cursor_from_the_future_is_healed_with_everything(cast: Cast) -> None:
    begun = messages.send(actor=cast.owner, conversation_id=None, text="First")
    caught = catch_up(begun.conversation.pk, cast.owner, 999_999)
    assert caught.position == begun.conversation.position
    assert "First" in caught.content


def test_the_stranger_and_the_deleted_get_nothing(cast: Cast) -> None:
    begun = messages.send(actor=cast.owner, conversation_id=None, text="First")
    assert catch_up(begun.conversation.pk, cast.stranger, 0).gone
    conversations.delete(actor=cast.owner, conversation_id=begun.conversation.pk)
    assert catch_up(begun.conversation.pk, cast.owner, 0).gone


def test_a_page_is_of_the_moment_at_which_its_conversation_was_read(cast: Cast) -> None:
    begun = messages.send(actor=cast.owner, conversation_id=None, text="First")
    earlier = begun.conversation.position
    conversations.rename(actor=cast.owner, conversation_id=begun.conversation.pk, title="Later")
    assert transcript.page(begun.conversation, cast.owner, most=5).position == earlier
    assert log.news(begun.conversation.pk, after=0, upto=earlier)[-1]["type"] == "parley:entry.added"


WORDS = ("Tides ", "follow ", "the moon.")


def written(response: Response, first: int, *events: Json) -> Batch:
    data = [json.dumps({"sequence_number": first + number, **event}).encode() for number, event in enumerate(events)]
    return Batch(response.pk, response.epoch, response.conversation_id, first, data)


def begun_reply(cast: Cast) -> Response:
    """A reply that is being written, with its first word in the log."""
    begun = messages.send(actor=cast.owner, conversation_id=None, text="Why tides?")
    response = responses.take(begun.response.pk)
    assert response is not None
    item: Json = {"type": "message", "id": "msg_1", "role": "assistant", "status": "in_progress", "content": []}
    part: Json = {"type": "output_text", "text": "", "annotations": []}
    at: Json = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    log.append(
        [
            written(
                response,
                0,
                {"type": "response.output_item.added", "output_index": 0, "item": item},
                {"type": "response.content_part.added", "part": part, **at},
                {"type": "response.output_text.delta", "delta": WORDS[0], **at},
            )
        ]
    )
    return response


def end_reply(response: Response) -> None:
    text: Json = {"type": "output_text", "text": "".join(WORDS), "annotations": []}
    item: Json = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [text]}
    deltas = [{"type": "response.output_text.delta", "delta": word, "item_id": "msg_1", "content_index": 0} for word in WORDS[1:]]
    assert responses.end(written(response, 3, *deltas), Ending("completed", [item])) is not None


def test_a_page_shows_a_growing_reply_as_it_was_at_its_position(cast: Cast) -> None:
    response = begun_reply(cast)
    assert response.conversation_id is not None
    shown = transcript.page(Conversation.objects.get(pk=response.conversation_id), cast.owner, most=5)
    assert shown.entries[0].response.items[0].text == WORDS[0]


def test_a_reply_that_ends_while_a_page_is_made_is_shown_whole_with_the_cursor_of_its_end(cast: Cast) -> None:
    response = begun_reply(cast)
    conversation = Conversation.objects.get(pk=response.conversation_id)  # read before the end …
    end_reply(response)
    shown = transcript.page(conversation, cast.owner, most=5)  # … and its reply after it
    assert shown.entries[0].response.items[0].text == "".join(WORDS)
    assert shown.position == Conversation.objects.get(pk=conversation.pk).position


def test_a_title_found_while_a_page_is_made_is_on_the_page_that_passes_it(cast: Cast) -> None:
    response = begun_reply(cast)
    conversation = Conversation.objects.get(pk=response.conversation_id)
    end_reply(response)
    conversations.entitle(conversation_id=conversation.pk, title="Tides and moons")
    shown = transcript.page(conversation, cast.owner, most=5)
    named = log.news(conversation.pk, after=0)[-1]
    assert named["type"] == "parley:title.changed"
    assert catch_up(conversation.pk, cast.owner, shown.position).content == ""
    assert conversation.title == "Tides and moons"


def test_a_title_is_told_with_a_whole_branch_too(cast: Cast) -> None:
    begun = messages.send(actor=cast.owner, conversation_id=None, text="First")
    conversations.rename(actor=cast.owner, conversation_id=begun.conversation.pk, title="Tides & moons")
    assert "Tides &amp; moons" in catch_up(begun.conversation.pk, cast.owner, 999_999).content


def test_a_reply_that_ends_while_a_growing_one_is_read_is_no_empty_one(cast: Cast) -> None:
    response = begun_reply(cast)
    before = Conversation.objects.get(pk=response.conversation_id).position
    end_reply(response)
    with pytest.raises(log.Passed):
        log.read(response.pk, upto=before)


def test_what_waited_when_its_conversation_was_deleted_is_shown_as_ended_once_that_is_back(cast: Cast) -> None:
    begun = messages.send(actor=cast.owner, conversation_id=None, text="First")
    where = {"actor": cast.owner, "conversation_id": begun.conversation.pk}
    conversations.delete(**where)
    conversations.restore(**where)
    caught = catch_up(begun.conversation.pk, cast.owner, begun.conversation.position)
    assert begun.response.pk in caught.content


def test_a_message_sent_while_a_reader_catches_up_comes_with_the_next_news(cast: Cast) -> None:
    begun = messages.send(actor=cast.owner, conversation_id=None, text="First")
    conversation_id, after = begun.conversation.pk, begun.conversation.position
    conversations.rename(actor=cast.owner, conversation_id=conversation_id, title="Tides")
    sent: list[messages.Begun] = []

    def send_in_between(execute: Callable[..., Any], sql: str, *arguments: Any) -> Any:
        """Just before the reader's process asks which replies have moved."""
        if not sent and "FROM chat_response" in sql and "position >" in sql:
            sent.append(messages.send(actor=cast.owner, conversation_id=conversation_id, text="Second"))
        return execute(sql, *arguments)

    with connection.execute_wrapper(send_in_between):
        caught = catch_up(conversation_id, cast.owner, after)
    assert sent[0].response.pk not in caught.content
    assert "Second" in catch_up(conversation_id, cast.owner, caught.position).content
