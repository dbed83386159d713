"""What a reader missed comes from the log, by its cursor, as this reader may see it."""

from chat.live import transcript
from chat.live.catchup import catch_up
from chat.models import Response
from chat.store import conversations, log, messages
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
