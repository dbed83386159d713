"""The access log is one chain: whatever is changed in it, put in or taken out is found, and people may go."""

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from chat.models import AccessDetail, AccessHead, AccessRow, User
from chat.store import access, chain
from tests.accounts.conftest import simultaneously
from tests.cast import Cast, assemble
from tests.log.conftest import Log
from tests.own_data.conftest import clear


def note(reader: User, **facts: Any) -> AccessRow:
    with transaction.atomic():
        facts = {"reader": reader.pk, "what": "raw", "conversation": "conv_1", "owner": 1, **facts}
        (row,) = chain.ACCESS.append(by=reader, entries=[(facts, {"note": "n", "from": "::1"})])
        found: AccessRow = row
        return found


def verified(**options: Any) -> str:
    out = StringIO()
    call_command("verify_access_log", stdout=out, **options)
    return out.getvalue()


def change(query: str, *values: Any) -> None:
    """As somebody with a way into the database would."""
    with connection.cursor() as cursor:
        cursor.execute(query, values)


def swap() -> None:
    change("UPDATE chat_accessrow SET number = -1 WHERE number = 2")
    change("UPDATE chat_accessrow SET number = 2 WHERE number = 3")
    change("UPDATE chat_accessrow SET number = 3 WHERE number = -1")


CHANGES = {
    "a word": (2, lambda: change("UPDATE chat_accessrow SET body = REPLACE(body, 'raw', 'row') WHERE number = 2")),
    "whom it is found by": (2, lambda: change("UPDATE chat_accessrow SET owner = 7 WHERE number = 2")),
    "the middle": (2, lambda: change("DELETE FROM chat_accessrow WHERE number = 2")),
    "the end": (4, lambda: change("DELETE FROM chat_accessrow WHERE number = 4")),
    "everything": (1, lambda: change("DELETE FROM chat_accessrow")),
    "the order": (2, swap),
    "what cannot be read": (3, lambda: change("UPDATE chat_accessrow SET body = '[]' WHERE number = 3")),
    "a reason": (1, lambda: AccessDetail.objects.filter(pk=1).update(text="{}")),
    "a reason of somebody who is here": (1, lambda: AccessDetail.objects.filter(pk=1).delete()),
    "a row behind the end": (4, lambda: AccessHead.objects.update(number=3, hash=AccessRow.objects.get(pk=3).hash)),
    "the head": (4, lambda: AccessHead.objects.update(hash="0")),
    "the head's number": (3, lambda: AccessHead.objects.update(number=3)),
}


def test_whatever_is_changed_is_found_and_where(cast: Cast) -> None:
    assert "0 rows are" in verified()
    for reader in (cast.owner, gone := User.objects.create(username="gone"), gone, gone):
        last = note(reader)
    assert f"4 rows are as they were written. The last hash is {last.hash}." in verified()
    User.objects.filter(pk=gone.pk).delete()  # their details go along; rows that are referred to stay
    for what, (number, act) in CHANGES.items():
        with transaction.atomic():
            if what == "everything":
                AccessDetail.objects.all().delete()
            act()
            with pytest.raises(CommandError, match=rf"Row {number} is broken"):
                verified()
            transaction.set_rollback(True)


def test_who_noted_a_hash_learns_that_the_end_was_cut_off_or_another_record_made(cast: Cast) -> None:
    """With a way into the database the head can be changed too."""
    note(cast.owner)
    gone = User.objects.create(username="gone")
    second, third = note(gone), note(gone)
    User.objects.filter(pk=gone.pk).delete()
    change("DELETE FROM chat_accessrow WHERE number = 3")
    change("UPDATE chat_accesshead SET number = 2, hash = %s", second.hash)
    assert "2 rows are" in verified()
    assert "2 rows are" in verified(noted=[second.hash])
    for hash_ in (third.hash, "0"):  # also before one that is there
        with pytest.raises(CommandError, match="the hash that was noted"):
            verified(noted=[hash_, second.hash])


def test_a_row_rewritten_with_its_hash_breaks_the_next(cast: Cast) -> None:
    first, second = note(cast.owner), note(cast.owner)
    body = first.body.replace("raw", "row")
    change("UPDATE chat_accessrow SET body = %s, hash = %s WHERE number = 1", body, chain.sha256("", body))
    with pytest.raises(CommandError, match=f"Row {second.number} is broken"):
        verified()


def test_our_own_code_changes_and_removes_none(cast: Cast) -> None:
    row = note(cast.owner)
    for attempt in (
        row.delete,
        AccessRow.objects.all().delete,
        lambda: AccessRow.objects.update(owner=2),
        lambda: AccessRow.objects.filter(pk=1).update(owner=2),
        row.save,
    ):
        with pytest.raises(TypeError):
            attempt()


def test_a_reader_who_leaves_takes_their_words_along_and_the_chain_holds(logged: Log) -> None:
    admin = logged.world.people["team admin"]
    logged.open("team admin", note="my numbat reason")
    access.read(actor=admin, place=logged.world.conversation, what="transcript", address="203.0.113.9")
    assert "numbat" in AccessDetail.objects.get().text
    from chat.store import departures

    departures.begin(actor=admin)
    clear()
    assert not AccessDetail.objects.exists()
    assert json.loads(AccessRow.objects.get().body)["reader"] == admin.pk
    assert "1 row is" in verified()
    text = logged.client("author").get("/settings/readings/").text
    assert "Somebody who has left" in text
    assert "numbat" not in text


def test_an_owner_who_leaves_leaves_the_chain_whole(logged: Log) -> None:
    logged.open("team admin")
    access.read(actor=logged.world.people["team admin"], place=logged.world.conversation, what="transcript")
    from chat.store import departures

    departures.begin(actor=logged.world.people["author"])
    clear()
    assert not User.objects.filter(pk=logged.world.people["author"].pk).exists()
    assert "1 row is" in verified()


@pytest.mark.django_db(transaction=True)
def test_many_at_once_make_one_chain() -> None:
    people = assemble()
    everybody = [people.owner, people.mate, people.stranger] * 4
    made = simultaneously(len(everybody), lambda number: note(everybody[number]))
    assert sorted(row.number for row in made) == list(range(1, 13))
    assert "12 rows are" in verified()
