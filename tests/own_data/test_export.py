"""Everything of one's own as a zip: asked for, made in the background, fetched by whoever it is of."""

import itertools
import json
import subprocess
import tracemalloc
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from allauth.account.models import EmailAddress
from django.db import transaction
from django.db.models import F
from django.test import Client
from django.utils import timezone

from chat.models import Conversation, Export, ExportChunk, Item, Membership, PushSubscription, Removal, Response, User
from chat.models import File as StoredFile
from chat.runs import archive
from chat.runs.archive import Names, _elsewhere, _whole
from chat.runs.purge import Purging
from chat.store import conversations, exports, messages, own, projects, removals, responses, sharing, teams
from chat.store import files as stored
from chat.store.attached import Held
from chat.store.log import Batch, append
from chat.store.messages import TextFile
from tests.accounts.conftest import simultaneously
from tests.cast import Cast, person, put_in
from tests.conftest import signed_in
from tests.own_data.conftest import (
    address,
    answer,
    clear,
    conversations_of,
    download,
    ending,
    fetched,
    opened,
    steps,
    talk,
    team_of,
    work,
)


@pytest.fixture
def stella(people: Cast) -> Client:
    return signed_in(people.stranger)


def test_it_holds_what_one_said_and_what_was_answered(people: Cast, stella: Client) -> None:
    begun = talk(people.stranger, "What is a quark?", "A **small** thing — très petit.")
    files = opened(fetched(stella))
    (found,) = conversations_of(files)
    assert found["items"][0]["item"] == Item.objects.get(pk=begun.response.input_id).wire
    (reply,) = found["responses"]
    assert (reply["status"], reply["input"], reply["usage"]["output_tokens"]) == ("completed", begun.response.input_id, 5)
    assert reply["output"] == [item.wire for item in Item.objects.filter(response=begun.response)]
    (text,) = ending(files, ".md")
    assert text.startswith("# What is a quark?")
    assert text.index("## Stella") < text.index("A **small** thing — très petit.")
    assert "Everything of Stella" in files["README.txt"]


def later() -> None:
    """The time for undo is over; everything that is to go goes."""
    long_ago = timezone.now() - timedelta(hours=1)
    Conversation.objects.exclude(deleted=None).update(deleted=F("deleted") - timedelta(hours=1))
    Removal.objects.update(created=F("created") - timedelta(hours=1))
    StoredFile.objects.exclude(removed=None).update(removed=F("removed") - timedelta(hours=1))
    Export.objects.filter(created__gt=long_ago).update(created=F("created") - timedelta(hours=1))
    for _ in Purging().pieces():
        pass


@pytest.mark.parametrize("what", ["conversation", "message", "others' message", "file"])
def test_what_is_deleted_for_good_is_in_no_export_any_more(people: Cast, stella: Client, what: str) -> None:
    team = team_of(people.stranger, people.mate)
    use = put_in(people.stranger, b"Canary of Wick.", "canary.txt")
    begun = messages.send(actor=people.stranger, conversation_id=None, text="Canary", held=[Held(use.pk)])
    answer(begun, "Tweet.")
    Conversation.objects.filter(pk=begun.conversation.pk).update(team=team, team_access="write")

    theirs = talk(people.mate, "Canary, too", "Tweet, tweet.", into=begun.conversation.pk)
    stella.post("/settings/data/exports/")
    signed_in(people.mate).post("/settings/data/exports/")
    work()
    there = begun.conversation.pk
    match what:
        case "conversation":
            conversations.delete(actor=people.stranger, conversation_id=there)
        case "message":
            removals.remove(actor=people.stranger, conversation_id=there, item_id=str(begun.response.input_id))
        case "others' message":
            removals.remove(actor=people.stranger, conversation_id=there, item_id=str(theirs.response.input_id))
        case _:
            stored.remove(actor=people.stranger, file_id=use.file_id)
    assert "Canary" in str(opened(download(stella)))
    later()
    page = stella.get("/settings/data/")
    assert "Something that it held was deleted" in page.text
    mine = Export.objects.get(owner=people.mate)
    assert (mine.state == "failed") is (what != "file")
    assert not ExportChunk.objects.exclude(export__state="ready").exists()
    assert opened(fetched(stella))
    later()
    assert stella.get("/settings/data/").context["export"].state == "ready"


def test_it_says_who_one_is_and_nothing_that_lets_somebody_in(people: Cast) -> None:
    from tests.accounts.test_second_step import set_up, signed_in_afresh

    client = signed_in_afresh("stella")
    secret = set_up(client)
    team_of(people.owner, people.stranger)
    User.objects.filter(pk=people.stranger.pk).update(instructions="Be brief.", storing="off")
    projects.create(actor=people.stranger, name="My novel", instructions="In verse.")
    projects.create(actor=people.owner, name="Not mine", instructions="Whatever.")
    left = teams.create(actor=people.owner, name="Left")
    Membership.objects.create(team=left, user=people.stranger, role="member")
    projects.create(actor=people.stranger, name="Mine once", instructions="Not to be read any more.", team_id=left.pk)
    teams.leave(actor=people.stranger, team_id=left.pk)
    data = fetched(client)
    account = json.loads(opened(data)["account.json"])
    assert (account["username"], account["preferences"]["instructions"]) == ("stella", "Be brief.")
    assert account["preferences"]["storing"] == "off"
    assert [(team["name"], team["role"]) for team in account["teams"]] == [("Physics", "member")]
    assert [(project["name"], project["instructions"]) for project in account["projects"]] == [("My novel", "In verse.")]
    assert len(account["sign_ins"]) == 1
    whole = "".join(opened(data).values())
    assert secret not in whole
    assert User.objects.get(pk=people.stranger.pk).password not in whole


def test_what_one_keeps_of_others_and_where_one_is_named_is_in_it_as_far_as_one_may_read_it(people: Cast, stella: Client) -> None:
    mine = people.stranger
    team = team_of(people.owner, mine)
    open_to_all, closed = talk(people.owner, "Begin", "Yes"), talk(people.owner, "Begin", "Yes")
    for begun in (open_to_all, closed):
        sharing.move(actor=people.owner, conversation_id=begun.conversation.pk, team_id=team.pk)
        sharing.with_team(actor=people.owner, conversation_id=begun.conversation.pk, access="write")
        talk(mine, "I am in", "Yes", into=begun.conversation.pk)
        talk(people.owner, "See @stella", "Yes", into=begun.conversation.pk)
        conversations.toggle(actor=mine, conversation_id=begun.conversation.pk, field="pinned")
    sharing.with_team(actor=people.owner, conversation_id=closed.conversation.pk, access="")
    push = {"endpoint": "https://push.example/secret", "p256dh": "keykey", "auth": "authauth", "device": "Firefox on Linux"}
    PushSubscription.objects.create(user=mine, **push)
    EmailAddress.objects.filter(user=mine).delete()
    User.objects.filter(pk=mine.pk).update(email="only@example.org")
    text = opened(fetched(stella))["account.json"]
    account = json.loads(text)
    assert [one["conversation"] for one in account["marks_elsewhere"]] == [open_to_all.conversation.pk]
    assert [(one["by"], one["conversation"]) for one in account["mentions"]] == [("Olivia", open_to_all.conversation.pk)]
    assert [(one["device"], one["service"]) for one in account["notified_browsers"]] == [("Firefox on Linux", "push.example")]
    assert not any(secret in text for secret in ("secret", "keykey", "authauth"))
    assert [(one["address"], one["confirmed"]) for one in account["emails"]] == [("only@example.org", False)]


def test_all_versions_are_in_the_json_and_the_one_that_is_seen_in_the_text(people: Cast, stella: Client) -> None:
    begun = talk(people.stranger, "First wording", "First reply")
    again = messages.regenerate(actor=people.stranger, conversation_id=begun.conversation.pk, response_id=begun.response.pk)
    answer(again, "Second reply")
    item_id = str(begun.response.input_id)
    edited = messages.edit(actor=people.stranger, conversation_id=begun.conversation.pk, item_id=item_id, text="Other wording")
    answer(edited, "Third reply")
    conversations.choose_branch(actor=people.stranger, conversation_id=begun.conversation.pk, response_id=again.response.pk)
    files = opened(fetched(stella))
    (found,), (text,) = conversations_of(files), ending(files, ".md")
    assert [one["item"]["content"][0]["text"] for one in found["items"]] == ["First wording", "Other wording"]
    assert [one["output"][0]["content"][0]["text"] for one in found["responses"]] == [
        "First reply",
        "Second reply",
        "Third reply",
    ]
    assert found["branch"] == again.response.pk
    assert "Second reply" in text
    assert not any(other in text for other in ("First reply", "Third reply", "Other wording"))


def test_texts_that_came_with_messages_are_files(people: Cast, stella: Client) -> None:
    evil = (TextFile("../../etc/passwd", "one"), TextFile("con.txt", "two"), TextFile("CON.txt", "three"))
    talk(people.stranger, "Read these", "Done.", files=evil)
    files = opened(fetched(stella))
    attached = {name.rpartition("/")[2]: text for name, text in files.items() if name.startswith("files/")}
    assert attached == {"etc passwd": "one", "_con.txt": "two", "_CON 2.txt": "three"}
    (text,) = ending(files, ".md")
    assert "Attached: [con.txt](<../files/" in text


EVIL = ["../../x", "C:\\Windows\\a?*|<>", "a\u202egpj.exe", "NUL", "  . . ", "x" * 200, "ｆｕ\u0301 é", "a\nb\tc", "🦎" * 60]


def test_files_are_in_it_with_their_messages_and_beside_them(people: Cast, stella: Client) -> None:
    mine = people.stranger
    sent, waits, removed = (put_in(mine, name.encode(), f"{name}.txt") for name in ("sent", "waits", "removed"))
    begun = messages.send(actor=mine, conversation_id=None, text="Look", held=[Held(sent.pk), Held(removed.pk)])
    stored.remove(actor=mine, file_id=removed.file_id)
    put_in(people.owner, b"theirs", "theirs.txt")
    files = opened(fetched(stella))
    where = {name: text for name, text in files.items() if name.startswith("files/")}
    assert sorted(where.values()) == ["sent", "waits"]
    (place,) = [name for name, text in where.items() if text == "sent"]
    assert begun.conversation.pk in place
    assert where["files/not in a message of yours/waits.txt"] == "waits"
    (text,) = ending(files, ".md")
    assert "Attached: [sent.txt](<../files/" in text
    assert "removed.txt" not in text


def test_whatever_a_title_is_the_files_have_names_that_every_system_takes(people: Cast, stella: Client, tmp_path: Path) -> None:
    for title in EVIL:
        begun = talk(people.stranger, "Hello")
        Conversation.objects.filter(pk=begun.conversation.pk).update(title=title)
    data = fetched(stella)
    names = [name for name in opened(data) if name.startswith("conversations/")]
    assert len({name.casefold() for name in names}) == 2 * len(EVIL)
    for name in names:
        leaf = name.removeprefix("conversations/")
        assert not set(leaf) & set('<>:"/\\|?*')
        assert leaf.isprintable()
        assert len(leaf.encode()) < 200
    (tmp_path / "it.zip").write_bytes(data)
    done = subprocess.run(["unzip", "-q", "it.zip"], cwd=tmp_path, capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(list((tmp_path / "conversations").iterdir())) == 2 * len(EVIL)


def test_of_what_others_share_only_ones_own_words_are_in_it(people: Cast, stella: Client) -> None:
    team = team_of(people.owner, people.stranger)
    begun = talk(people.owner, "The owner speaks", "To the owner")
    sharing.move(actor=people.owner, conversation_id=begun.conversation.pk, team_id=team.pk)
    sharing.with_team(actor=people.owner, conversation_id=begun.conversation.pk, access="write")
    talk(people.stranger, "Stella joins in", "To Stella", into=begun.conversation.pk)
    theirs = opened(fetched(stella))
    assert not conversations_of(theirs)
    (mine,) = json.loads(theirs["written-elsewhere.json"])
    assert (mine["conversation"], mine["item"]["content"][0]["text"]) == (begun.conversation.pk, "Stella joins in")
    assert not any(other in "".join(theirs.values()) for other in ("The owner speaks", "To the owner", "To Stella"))
    User.objects.filter(pk=people.stranger.pk).update(instructions="Stella's secret wish")
    people.stranger.refresh_from_db()
    talk(people.stranger, "And again", "To Stella too", into=begun.conversation.pk)
    owners = opened(fetched(signed_in(people.owner)))
    (found,) = conversations_of(owners)
    assert [(one["author"], one["mine"]) for one in found["items"]] == [("Olivia", True), ("Stella", False), ("Stella", False)]
    assert "Stella joins in" in ending(owners, ".md")[0]
    assert "secret wish" not in "".join(owners.values())
    assert json.loads(owners["written-elsewhere.json"]) == []


def test_files_of_one_name_are_all_there(people: Cast, stella: Client) -> None:
    team = team_of(people.owner, people.stranger)
    begun = talk(people.owner, "Send them", "Yes")
    sharing.move(actor=people.owner, conversation_id=begun.conversation.pk, team_id=team.pk)
    sharing.with_team(actor=people.owner, conversation_id=begun.conversation.pk, access="write")
    for number in range(30):  # more than are read at once
        talk(people.stranger, "Here", into=begun.conversation.pk, files=(TextFile("notes.txt", str(number)),))
    for client in (stella, signed_in(people.owner)):
        found = {name: text for name, text in opened(fetched(client)).items() if name.startswith("files/")}
        assert sorted(map(int, found.values())) == list(range(30))


def test_what_was_deleted_is_not_in_it(people: Cast, stella: Client) -> None:
    begun = talk(people.stranger, "Forget this", "Forgotten")
    conversations.delete(actor=people.stranger, conversation_id=begun.conversation.pk)
    assert "Forg" not in "".join(opened(fetched(stella)).values())


def test_a_reply_that_runs_is_there_as_far_as_it_is_and_is_not_held_up(people: Cast, stella: Client) -> None:
    begun = talk(people.stranger, "Go on")
    taken = responses.take(begun.response.pk)
    assert taken is not None
    item = {"type": "message", "role": "assistant", "id": "msg_a", "status": "in_progress", "content": []}
    part = {"type": "output_text", "text": "", "annotations": []}
    events: list[dict[str, Any]] = [
        {"type": "response.output_item.added", "output_index": 0, "item": item},
        {"type": "response.content_part.added", "item_id": "msg_a", "output_index": 0, "content_index": 0, "part": part},
    ]
    delta = {"type": "response.output_text.delta", "item_id": "msg_a", "output_index": 0, "content_index": 0, "delta": "So far"}
    lines = [json.dumps({**event, "sequence_number": at}).encode() for at, event in enumerate([*events, delta])]
    assert append([Batch(taken.pk, taken.epoch, taken.conversation_id, 0, lines)])[taken.pk]
    stella.post("/settings/data/exports/")
    export = exports.take()
    assert export is not None
    for number, _ in enumerate(steps(export), start=3):  # between two steps nothing is locked: the run writes
        more = json.dumps({**delta, "sequence_number": number, "delta": "."}).encode()
        assert append([Batch(taken.pk, taken.epoch, taken.conversation_id, number, [more])])[taken.pk]
    files = opened(download(stella))
    (found,) = conversations_of(files)
    assert found["responses"][0]["status"] == "in_progress"
    assert found["responses"][0]["output"][0]["content"][0]["text"].startswith("So far")
    assert "So far" in ending(files, ".md")[0]


def test_asked_for_twice_it_is_one_and_a_new_one_takes_its_place(people: Cast, stella: Client) -> None:
    for _ in range(2):
        assert stella.post("/settings/data/exports/")["Location"] == "/settings/data/"
    assert Export.objects.count() == 1
    signed_in(people.owner).post("/settings/data/exports/")
    work()
    first, others = address(stella), address(signed_in(people.owner))
    stella.post("/settings/data/exports/")
    assert stella.get(first).status_code == 404
    work()
    clear()
    assert {address(stella), others} == {f"/settings/data/exports/{one.pk}/" for one in Export.objects.all()}


def left_at(piece: int, owner: User, leave: Callable[[], object]) -> dict[str, str]:
    """The files, if this person leaves when so many pieces have been read; none if there are not as many."""
    found: dict[str, list[str]] = {}
    number = 0
    with transaction.atomic():
        for file in archive.files(owner):
            texts = found[file.name] = []
            for part in file.pieces:
                texts.append(part.text)
                number += 1
                if number == piece:
                    leave()
        transaction.set_rollback(True)
    return {name: "".join(texts) for name, texts in found.items()} if number >= piece else {}


def test_what_is_ones_own_no_longer_is_read_no_further(people: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own, "AT_ONCE", 1)
    mine, boss = people.owner, people.mate
    team = team_of(boss, mine)
    begun = talk(mine, "First", "Reply", files=(TextFile("notes.txt", "noted"),))
    conversation = begun.conversation.pk
    talk(mine, "Second", "Reply", into=conversation, files=(TextFile("more.txt", "more"),))
    sharing.move(actor=mine, conversation_id=conversation, team_id=team.pk)
    sharing.with_team(actor=mine, conversation_id=conversation, access="write")

    def leave() -> None:
        teams.remove(actor=boss, team_id=team.pk, user_id=mine.pk)
        talk(boss, "SECRET", "SECRET", into=conversation, files=(TextFile("secret.txt", "SECRET"),))
        Conversation.objects.filter(pk=conversation).update(title="SECRET")

    seen = []
    for piece in itertools.count(1):
        files = left_at(piece, mine, leave)
        if not files:
            break
        assert not [name for name, text in files.items() if "SECRET" in name + text]
        seen += [bool(found.get("incomplete")) for found in conversations_of(files)]
        seen += ["What follows was left out." in text for text in ending(files, ".md")]
        for found in conversations_of(files):
            assert [one["item"]["content"][0]["text"] for one in found["items"]] == ["First", "Second"][: len(found["items"])]
    assert set(seen) == {True, False}


@pytest.mark.django_db(transaction=True)
def test_asked_for_from_several_tabs_at_once_it_is_one_export() -> None:
    somebody = person("olivia")
    made = simultaneously(4, lambda _: exports.request(actor=somebody))
    assert {export.pk for export in made} == {Export.objects.get().pk}


def test_a_stranger_finds_no_export(people: Cast, stella: Client) -> None:
    fetched(stella)
    path, other = address(stella), signed_in(people.owner)
    for missing in (path, "/settings/data/exports/exp_" + "0" * 32 + "/"):
        assert other.get(missing).status_code == 404
        assert "gone already" in other.post(f"{missing}delete/", follow=True).text
    assert address(stella) == path
    assert Client().get(path)["Location"].startswith("/accounts/login/")


def test_it_is_a_file_that_nobody_keeps_on_the_way(people: Cast, stella: Client) -> None:
    fetched(stella)
    answer = stella.get(address(stella), headers={"accept-encoding": "gzip"})
    assert answer["Content-Disposition"].startswith('attachment; filename="parley-stella-')
    assert (answer["Cache-Control"], answer["Content-Type"]) == ("private, no-store", "application/zip")
    assert "Content-Encoding" not in answer


def test_the_page_tells_how_far_it_is_with_and_without_javascript(people: Cast, stella: Client) -> None:
    assert "Make an export" in stella.get("/settings/data/").text
    talk(people.stranger, "One", "Two")
    stella.post("/settings/data/exports/")
    assert "begins in a moment" in stella.get("/settings/data/").text
    export = exports.take()
    assert export is not None
    exports.note(export, done=1, total=2, size=0)
    part = stella.get("/settings/data/", headers={"HX-Request": "true"})
    assert "1 of 2 messages" in part.text
    assert 'hx-trigger="every 1s"' in part.text
    assert "<html" not in part.text
    for _ in steps(export):
        pass
    page = stella.get("/settings/data/").text
    assert "Your export is ready" in page
    assert "every 1s" not in page


def test_one_that_is_deleted_is_gone_also_while_it_is_made(people: Cast, stella: Client) -> None:
    stella.post("/settings/data/exports/")
    export = exports.take()
    assert export is not None
    making = steps(export)
    next(making)
    assert "The export is deleted." in stella.post(f"/settings/data/exports/{export.pk}/delete/", follow=True).text
    with pytest.raises(exports.Gone):
        list(making)
    clear()
    assert not Export.objects.exists()
    fetched(stella)
    stella.post(f"{address(stella)}delete/")
    clear()
    assert not ExportChunk.objects.exists()


def test_what_has_expired_is_gone_and_its_bytes_too(people: Cast, stella: Client) -> None:
    fetched(stella)
    path = address(stella)
    assert Export.objects.filter(expires__gt=timezone.now() + timedelta(hours=23)).exists()
    clear()
    assert stella.get(path).status_code == 200
    Export.objects.update(expires=timezone.now() - timedelta(seconds=1))
    assert stella.get(path).status_code == 404
    clear()
    assert not Export.objects.exists()
    assert not ExportChunk.objects.exists()


def test_one_whose_process_died_is_taken_up_from_the_start_and_given_up_at_last(people: Cast, stella: Client) -> None:
    talk(people.stranger, "Hello", "World")
    stella.post("/settings/data/exports/")
    first = exports.take()
    assert first is not None
    ExportChunk.objects.create(export=first, index=0, bytes=b"half of it")
    assert exports.take() is None  # it lives
    Export.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    work()
    assert "World" in "".join(opened(download(stella)).values())
    with pytest.raises(exports.Gone):  # the process comes back
        exports.note(first, done=0, total=0, size=0, chunk=(0, b"late"))
    stella.post("/settings/data/exports/")
    for _ in range(exports.MOST_ATTEMPTS):
        assert exports.take(alone=True) is not None
    assert exports.take(alone=True) is None
    page = stella.get("/settings/data/").text
    assert "interrupted several times" in page
    assert "Make a new one" in page


def test_one_that_was_thought_dead_takes_nothing_from_what_another_made(people: Cast, stella: Client) -> None:
    talk(people.stranger, "Hello", "World")
    stella.post("/settings/data/exports/")
    first = exports.take()
    assert first is not None
    late = steps(first)  # its process hangs here
    Export.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    work()
    with pytest.raises(exports.Gone):
        list(late)
    assert "World" in "".join(opened(download(stella)).values())


def test_what_goes_while_it_is_read_leaves_the_files_whole(people: Cast, stella: Client) -> None:
    begun = talk(people.owner, "Ours", "Yes")
    wire: Any = {"type": "message", "role": "user", "content": []}
    elsewhere = [Item(conversation=begun.conversation, author=people.stranger, role="user", wire=wire) for _ in range(60)]
    mine = talk(people.stranger, "Mine", "Yes")
    said = [Item(conversation=mine.conversation, author=people.stranger, role="user", wire=wire) for _ in range(60)]
    Item.objects.bulk_create([*elsewhere, *said])
    replies = [Response(conversation=mine.conversation, input=said[0], author=people.stranger, status="completed") for _ in said]
    Response.objects.bulk_create(replies)
    names = Names(people.stranger)
    for pieces, rows, at in (
        (_elsewhere(people.stranger), elsewhere, 1),
        (_whole(mine.conversation, names), said[1:], 2),
        (_whole(mine.conversation, names), replies, 4),
    ):
        text = "".join(piece.text for piece in itertools.islice(pieces, at))
        type(rows[0])._base_manager.filter(pk__in=[row.pk for row in rows]).delete()
        json.loads(text + "".join(piece.text for piece in pieces))


def test_a_process_that_ends_in_good_order_gives_it_back(people: Cast, stella: Client) -> None:
    stella.post("/settings/data/exports/")
    for _ in range(exports.MOST_ATTEMPTS + 1):
        export = exports.take()
        assert export is not None
        exports.give_back(export)
    work()
    assert address(stella)


def test_two_thousand_messages_and_large_replies_are_never_in_memory_at_once(
    people: Cast, stella: Client, tmp_path: Path
) -> None:
    begun = talk(people.stranger, "Begin")
    conversation, previous = begun.conversation, begun.response
    items, replies, output = [], [], []
    for number in range(1000):
        wire: Any = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": f"{number}: " + "why " * 500}]}
        item = Item(conversation=conversation, previous=previous, author=people.stranger, role="user", wire=wire)
        previous = Response(conversation=conversation, input=item, author=people.stranger, status="completed")
        text = f"{number}: " + "because " * (250 if number % 250 else 250_000)
        said: Any = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": text}]}
        items.append(item)
        replies.append(previous)
        output.append(Item(conversation=conversation, response=previous, output_index=0, wire=said))
    for at in range(0, 1000, 50):
        for one, reply in zip(items[at : at + 50], replies[at : at + 50], strict=True):
            one.save(force_insert=True)
            reply.save(force_insert=True)
        Item.objects.bulk_create(output[at : at + 50])
    conversations.show(conversation, people.stranger, previous)
    del items, replies, output, wire, said, text
    stella.post("/settings/data/exports/")
    tracemalloc.start()
    work()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    (tmp_path / "it.zip").write_bytes(download(stella))
    assert subprocess.run(["unzip", "-tqq", tmp_path / "it.zip"], timeout=60).returncode == 0
    with ZipFile(tmp_path / "it.zip") as found:
        large = sum(info.file_size for info in found.infolist())
        text = next(found.read(name).decode() for name in found.namelist() if name.endswith(".md"))
    assert text.count("because") == 4 * 250_000 + 996 * 250
    assert large > 20_000_000
    assert peak < 15_000_000
