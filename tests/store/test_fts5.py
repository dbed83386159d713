"""Words that were removed leave SQLite's index, whatever is written meanwhile; it is made anew in pieces, and search goes on."""

from collections.abc import Iterator

import pytest
from django.db import connection, transaction

from chat.models import Departure, Response, SearchEntry
from chat.store import conversations, departures, fts5, messages, search, traces
from chat.store.fts5 import Level
from tests.cast import Cast

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(connection.vendor != "sqlite", reason="Postgres' index forgets by itself"),
]


def index_holds(word: str) -> bool:
    """A word that begins like the one before it is kept without its first letters."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT block FROM chat_search_data")
        return any(word[1:].encode() in bytes(block) for (block,) in cursor.fetchall())


def levels() -> list[Level]:
    with connection.cursor() as cursor:
        return fts5.levels(cursor)


def lacking() -> bool:
    with connection.cursor() as cursor:
        return fts5.lacking(cursor)


def found(cast: Cast, query: str) -> int:
    return len([hit for hit in search.find(actor=cast.owner, query=query) if hit.item_id])


def send(cast: Cast, text: str) -> str:
    return messages.send(actor=cast.owner, conversation_id=None, text=text).conversation.pk


def remove(conversation_id: str) -> None:
    SearchEntry.objects.filter(conversation=conversation_id).delete()


def steps(most: int = 200) -> Iterator[int]:
    """Whatever is between two steps of one merge."""
    step = 0
    while fts5.merge():
        step += 1
        yield step
        assert step < most, "a merge comes to its end"


def fill(cast: Cast, *, messages: int = 12, words: int = 4000) -> None:
    """More than one step merges: each message is a part of the index with more pages than one merges."""
    for number in range(messages):
        send(cast, " ".join(f"w{number}x{each}" for each in range(words)))
    for _ in steps():
        pass


@pytest.mark.parametrize("between", [1, 2, 3])
def test_words_that_were_removed_leave_the_index_while_others_write(cast: Cast, between: int) -> None:
    fill(cast)
    gone = send(cast, "Zyzzyva")
    remove(gone)
    assert index_holds("zyzzyva")
    for step in steps(most=40):
        for number in range(between):
            send(cast, f"Meanwhile {step} {number}")
    assert not index_holds("zyzzyva")
    assert found(cast, "w3x17") == 1


def test_words_of_somebody_who_has_left_leave_it_though_another_part_came_between(cast: Cast) -> None:
    """Between the first two steps somebody begins a conversation, and the model entitles it."""
    fill(cast)
    messages.send(actor=cast.stranger, conversation_id=None, text="Zyzzyva")
    Response.objects.update(status="completed")
    for _ in steps():
        pass
    departures.begin(actor=cast.stranger)
    said = False
    while departures.step():
        if not said and any(level.merging for level in levels()):
            said = True
            conversations.entitle(conversation_id=send(cast, "Meanwhile"), title="A title")
    assert said
    assert not Departure.objects.exists()
    assert not index_holds("zyzzyva")


def test_what_is_removed_while_a_merge_is_under_way_leaves_it_too(cast: Cast) -> None:
    """Somebody else's merge: it has passed by what was removed since it began."""
    fill(cast)
    remove(send(cast, "Another"))
    late = send(cast, "Zyzzyva")
    assert fts5.merge("for somebody")
    remove(late)
    while fts5.merge("for somebody else"):
        pass
    assert not index_holds("zyzzyva")


def test_a_step_that_was_rolled_back_is_done_again(cast: Cast) -> None:
    fill(cast)
    remove(send(cast, "Zyzzyva"))
    with transaction.atomic():
        assert fts5.merge()
        transaction.set_rollback(True)
    fts5.begin_again()  # as a departure does that breaks
    for _ in steps():
        pass
    assert not index_holds("zyzzyva")


def test_what_is_removed_while_traces_go_leaves_one_of_its_own(transactional_db: None, cast: Cast) -> None:
    fill(cast)
    remove(send(cast, "Another"))
    late = send(cast, "Zyzzyva")
    traces.leave()
    assert traces.step()
    remove(late)
    traces.leave()
    for _ in range(2):
        while traces.step():
            pass
    assert not index_holds("zyzzyva")


def test_an_index_that_was_merged_often_is_made_anew_before_it_breaks(cast: Cast) -> None:
    fill(cast, messages=4, words=1000)
    for number in range(6):
        remove(send(cast, f"Message {number}"))
        for _ in steps():
            pass
    grown = len(levels())
    assert grown > 5
    while fts5.merge(most_levels=5):
        pass
    assert len(levels()) < grown
    assert found(cast, "w3x17") == 1


def test_it_is_made_anew_in_pieces_and_search_finds_all_meanwhile(cast: Cast) -> None:
    fill(cast, messages=3, words=50)
    old, named, *_ = (send(cast, f"Zyzzyva {number} {'x' * 190_000}") for number in range(6))
    send(cast, "Newest quokka")
    assert fts5.merge(most_levels=0)
    assert lacking()
    sizes = []
    while fts5.merge(most_levels=0):
        with connection.cursor() as cursor:
            sizes.append(cursor.execute("SELECT COUNT(*) FROM chat_search_docsize").fetchone()[0])
        assert [found(cast, query) for query in ("quokka newest", "zyzzyva", "w1x7 w1x8", "w1x7 zyzzyva")] == [1, 6, 1, 0]
        if len(sizes) == 1:  # what it lacks is changed and removed like anything else
            conversations.rename(actor=cast.owner, conversation_id=named, title="Renamed")
            remove(old)
            send(cast, "Zyzzyva again")
    assert not lacking()
    assert len(sizes) >= 3
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO chat_search (chat_search, rank) VALUES ('integrity-check', 1)")  # against all entries
    assert [hit.title for hit in search.find(actor=cast.owner, query="renamed")] == ["Renamed"]


def test_a_process_that_died_has_another_go_on_where_it_was(transactional_db: None, cast: Cast) -> None:
    fill(cast, messages=3, words=50)
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO chat_search (chat_search) VALUES ('delete-all')")
    send(cast, "Newest")
    assert lacking()
    traces.leave()  # as every process begins
    while traces.step():
        pass
    assert not lacking()
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO chat_search (chat_search, rank) VALUES ('integrity-check', 1)")
