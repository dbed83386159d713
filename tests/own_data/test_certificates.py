"""What was deleted ends in a certificate: a signed list of what was removed, here and there, once nothing is left."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import CASCADE, ForeignObjectRel, Model
from django.test import Client
from django.utils import timezone

from chat import errors
from chat.files import storage
from chat.models import Certificate, Conversation, Kept, Response, Turn, User
from chat.runs import files, uploads
from chat.store import certificates, conversations, departures, ledger, messages, removals, responses, sharing, turns
from chat.store.attached import Held
from chat.store.messages import Begun
from chat.web.certificates import WORDS
from tests.cast import Cast, put_in
from tests.conftest import signed_in
from tests.own_data.conftest import clear, talk, team_of

SERVER = "https://api.openai.com/v1"


def keep(begun: Begun, number: int = 1, **more: Any) -> Kept:
    now = timezone.now()
    fields = {"next_try": now, "created": now, "expires": now + timedelta(days=30), "upstream_id": f"resp_{number}", **more}
    conversation = begun.conversation
    return Kept.objects.create(conversation=conversation, owner=conversation.owner, server=SERVER, **fields)


def delete_there() -> None:
    """What the process does, with a provider that obeys."""
    Kept.objects.filter(state="due").update(next_try=timezone.now() - timedelta(seconds=1))  # SQLite's clock counts milliseconds
    for claim in ledger.claim(SERVER, most=100):
        ledger.gone(claim)
    certificates.finish()


def bytes_go() -> None:
    """What the process does with files that nothing uses."""
    while files.purge(timezone.now()) is not None:
        pass
    certificates.finish()


def purge(begun: Begun) -> None:
    while conversations.purge_slice(begun.conversation.pk):
        pass
    certificates.finish()


def address(client: Client, page: str = "/settings/data/") -> str:
    """Where the page says that the certificate is to be had."""
    (found,) = client.get(page).context["certificates"]
    return f"/settings/data/certificates/{found.pk}/"


def test_a_conversation_that_is_gone_here_and_there_leaves_its_owner_a_certificate(people: Cast) -> None:
    begun = talk(people.mate, "My quokkawhisper", "A wombatologist replies")
    talk(people.mate, "More", "Yes", into=begun.conversation.pk)
    for number in (1, 2):
        keep(begun, number)
    keep(begun, 3, state="expired", ended=timezone.now())
    purge(begun)
    client = signed_in(people.mate)
    page = client.get("/settings/data/").text
    assert "something of it is still to go" in page
    assert "/settings/data/certificates/" not in page
    found = Certificate.objects.get()
    assert client.get(f"/settings/data/certificates/{found.pk}/").status_code == 404
    delete_there()
    where = address(client)
    text = client.get(f"{where}download/").text
    body = json.loads(text)
    assert (body["of"], body["id"]) == ("conversation", begun.conversation.pk)
    assert {name: body["rows_here"][name] for name in ("Conversation", "Response", "Item", "SearchEntry")} == {
        "Conversation": 1,
        "Response": 2,
        "Item": 4,
        "SearchEntry": 5,
    }
    assert body["objects_elsewhere"] == 3
    assert [(one["id"], one["state"], one["proof"]) for one in body["elsewhere"]] == [
        ("resp_1", "gone", "DELETE, then GET answered 404"),
        ("resp_2", "gone", "DELETE, then GET answered 404"),
        ("resp_3", "expired", "its time there was over"),
    ]
    assert body["began"] <= body["removed_here"] <= body["removed_everywhere"]
    readable = client.get(where).text
    assert "Response at OpenAI: DELETE, then GET answered 404" in readable
    for words in (text, readable):
        assert "quokka" not in words
        assert "wombat" not in words
    for other in (people.stranger, people.owner):
        for path in (where, f"{where}download/"):
            assert signed_in(other).get(path).status_code == 404


def test_copies_of_files_are_on_it_but_for_those_that_another_conversation_uses(people: Cast) -> None:
    used: dict[str, Begun] = {}
    there = [put_in(people.mate, data, f"{data!r}.png", kind="image", type="image/png") for data in (b"one", b"both")]
    for name, uses in {"first": there, "second": there[1:]}.items():
        held = [Held(put_in(people.mate, b"both" if use is there[1] else b"one", "x").pk) for use in uses]
        used[name] = messages.send(actor=people.mate, conversation_id=None, text="Look", held=held)
        Response.objects.filter(pk=used[name].response.pk).update(status="completed")
    for use in there:
        keep(used["first"], kind="file", file=use.file, upstream_id=f"file-{use.file.name}")
    purge(used["first"])
    delete_there()
    (certificate,) = Certificate.objects.all()
    assert [(one["kind"], one["id"]) for one in json.loads(certificate.text)["elsewhere"]] == [("file", "file-b'one'.png")]
    assert certificates.verify(certificate.text)
    page = signed_in(people.mate).get(address(signed_in(people.mate))).text
    assert "File at OpenAI: DELETE, then GET answered 404" in page
    left = Kept.objects.get(state="kept")
    assert (left.conversation_id, left.file_id) == (used["second"].conversation.pk, there[1].file_id)
    departures.begin(actor=people.mate)
    clear()
    delete_there()
    bytes_go()
    text = Certificate.objects.get(kind="person").text
    assert "file-b'both'.png" in text
    assert not Kept.objects.exclude(state="gone").exists()


def test_a_copy_that_stands_in_what_others_have_goes_with_its_file_and_is_on_the_certificate_of_whose_that_is(
    people: Cast,
) -> None:
    use = put_in(people.mate, b"mine", "mine.png", kind="image", type="image/png")
    theirs = messages.send(actor=people.owner, conversation_id=None, text="Look")
    Response.objects.filter(pk=theirs.response.pk).update(status="completed")
    keep(theirs, kind="file", file=use.file, upstream_id="file-mine")
    departures.begin(actor=people.mate)
    clear()
    delete_there()
    bytes_go()
    assert "file-mine" in Certificate.objects.get(kind="person").text
    assert Kept.objects.get(upstream_id="file-mine").state == "gone"


def test_it_waits_for_the_bytes_of_files_that_nothing_else_uses(people: Cast) -> None:
    one, both = (put_in(people.mate, data, f"{number}.txt") for number, data in enumerate((b"One.", b"Both.")))
    begun = messages.send(actor=people.mate, conversation_id=None, text="Look", held=[Held(one.pk), Held(both.pk)])
    again = Held(put_in(people.mate, b"Both.", "again.txt").pk)
    other = messages.send(actor=people.mate, conversation_id=None, text="Look", held=[again])
    Response.objects.update(status="completed")
    purge(begun)
    assert Certificate.objects.get().done is None
    bytes_go()
    body = json.loads(Certificate.objects.get().text)
    assert (body["rows_here"]["FileUse"], body["rows_here"]["File"]) == (2, 1)
    with pytest.raises(errors.NotFound):
        storage.read(uploads.place(one.file))
    assert storage.read(uploads.place(both.file)) == b"Both."
    departures.begin(actor=people.mate)
    clear()
    certificates.finish()
    assert Certificate.objects.get(kind="person").done is None
    bytes_go()
    assert json.loads(Certificate.objects.get(kind="person").text)["rows_here"]["File"] == 1
    assert other.conversation.pk != begun.conversation.pk
    assert (
        "images and files, with their bytes: 1"
        in signed_in(people.owner).get(address(signed_in(people.owner), "/settings/server/")).text.lower()
    )


def test_it_waits_for_the_files_of_a_message_that_was_deleted_before(people: Cast) -> None:
    begun = talk(people.mate, "Hello", "Yes")
    use = put_in(people.mate, b"One.", "one.txt")
    into = begun.conversation.pk
    second = messages.send(actor=people.mate, conversation_id=into, text="Look", held=[Held(use.pk)])
    Response.objects.update(status="completed")
    removals.remove(actor=people.mate, conversation_id=into, item_id=str(second.response.input_id))
    purge(begun)
    assert Certificate.objects.get().done is None
    bytes_go()
    assert json.loads(Certificate.objects.get().text)["rows_here"]["File"] == 1


def test_a_forged_byte_is_told(people: Cast, settings: Any) -> None:
    begun = talk(people.mate, "Hello", "Yes")
    keep(begun)
    purge(begun)
    delete_there()
    text = Certificate.objects.get().text
    assert certificates.verify(text)
    for at in range(0, len(text), 7):
        forged = text[:at] + chr(ord(text[at]) ^ 1) + text[at + 1 :]
        assert not certificates.verify(forged), at
    for wrong in (f"{text} ", text[:-1], "", "[]", "null", '{"signature": 1}', "[" * 100_000, text.replace("gone", "kept")):
        assert not certificates.verify(wrong)
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "another-key-that-is-long-enough-0123", [settings.SECRET_KEY]
    assert certificates.verify(text)
    settings.SECRET_KEY_FALLBACKS = []
    assert not certificates.verify(text)
    where = address(signed_in(people.mate))
    assert "not what this server has signed" in signed_in(people.mate).get(where).text


def test_an_account_that_is_gone_leaves_the_owner_of_the_server_one_without_words(people: Cast) -> None:
    gone: User = people.stranger
    begun, other = talk(gone, "My quokkawhisper", "A wombatologist replies"), talk(people.mate, "Ours", "Yes")
    keep(begun)
    keep(other, 2)
    pk = gone.pk
    departures.begin(actor=gone)
    clear()
    certificates.finish()
    assert not User.objects.filter(pk=pk).exists()
    olivia = signed_in(people.owner)
    assert "something of it is still to go" in olivia.get("/settings/server/").text
    delete_there()
    where = address(olivia, "/settings/server/")
    text = olivia.get(f"{where}download/").text
    body = json.loads(text)
    assert certificates.verify(text)
    assert (body["of"], body["id"], [one["id"] for one in body["elsewhere"]]) == ("person", str(pk), ["resp_1"])
    assert body["rows_here"]["User"] == body["rows_here"]["Conversation"] == body["rows_here"]["Response"] == 1
    assert "An account" in olivia.get(where).text
    for word in ("quokka", "wombat", "stella"):
        assert word not in text.lower()
    assert signed_in(people.mate).get(where).status_code == 404
    assert Kept.objects.get(upstream_id="resp_2").state == "kept"


def test_what_a_certificate_is_to_list_stays_until_it_is_written(people: Cast) -> None:
    begun = talk(people.mate, "Hello", "Yes")
    long_ago = timezone.now() - timedelta(days=40)
    keep(begun, 1, state="gone", ended=long_ago)
    keep(begun, 2)
    purge(begun)
    ledger.purge()
    assert Kept.objects.count() == 2
    delete_there()
    ledger.purge()
    assert [row.upstream_id for row in Kept.objects.all()] == ["resp_2"]
    assert json.loads(Certificate.objects.get().text)["objects_elsewhere"] == 2
    Certificate.objects.update(done=timezone.now() - timedelta(days=certificates.DAYS + 1))
    assert certificates.purge(timezone.now()) == 1
    assert not Certificate.objects.exists()


@pytest.mark.parametrize("removed", [True, False])
def test_a_message_that_was_deleted_before_is_counted_with_its_conversation(people: Cast, removed: bool) -> None:
    begun = talk(people.mate, "Hello", "Yes")
    after = talk(people.mate, "More", "Yes", into=begun.conversation.pk)
    if removed:
        removals.remove(actor=people.mate, conversation_id=begun.conversation.pk, item_id=str(after.response.input_id))
    purge(begun)
    counted = Certificate.objects.get().here
    assert (counted["Response"], counted["Item"]) == (2, 4)


def test_what_is_noted_after_its_message_was_deleted_is_its_conversations(people: Cast) -> None:
    author = people.mate
    begun = talk(author, "Alpaca", "Yes")
    after = messages.send(actor=author, conversation_id=begun.conversation.pk, text="Bison")
    taken = responses.take(after.response.pk)
    assert taken is not None
    turn = turns.begin(taken, index=0, provider="openai", model="m", server=SERVER)
    removals.remove(actor=author, conversation_id=begun.conversation.pk, item_id=str(after.response.input_id))
    keeping = ledger.Keeping(turn.pk, SERVER, "", "resp_1", begun.conversation.pk)
    turns.note(turn.pk, upstream_id="resp_1", kept=keeping)
    assert "1 response still at" in signed_in(author).get("/settings/data/kept/").text
    purge(begun)
    certificates.finish()
    assert Certificate.objects.get().done is None
    delete_there()
    assert json.loads(Certificate.objects.get().text)["objects_elsewhere"] == 1


def test_the_certificate_of_a_person_waits_for_what_they_had_deleted_before(people: Cast) -> None:
    gone: User = people.stranger
    begun = talk(gone, "Hello", "Yes")
    keep(begun)
    purge(begun)
    departures.begin(actor=gone)
    clear()
    certificates.finish()
    assert Kept.objects.get().state == "due"
    assert Certificate.objects.get(kind="person").done is None
    delete_there()
    body = json.loads(Certificate.objects.get(kind="person").text)
    assert [one["id"] for one in body["elsewhere"]] == ["resp_1"]


def test_the_instructions_of_who_has_left_go_at_the_provider_too(people: Cast) -> None:
    """They went with what was asked in a conversation of somebody else's, which stays."""
    team = team_of(people.mate, people.stranger)
    pk = talk(people.mate, "Elk", "Yes").conversation.pk
    sharing.move(actor=people.mate, conversation_id=pk, team_id=team.pk)
    sharing.with_team(actor=people.mate, conversation_id=pk, access="write")
    User.objects.filter(pk=people.stranger.pk).update(instructions="Call me Wilhelmina.")
    begun = talk(User.objects.get(pk=people.stranger.pk), "Fox", "Yes", into=pk)
    mine = Response.objects.exclude(pk=begun.response.pk).get()
    for number, response in enumerate((begun.response, mine), 1):
        turn = Turn.objects.create(response=response, index=9, epoch=9, provider="openai", upstream_id=f"resp_{number}")
        keep(begun, number, turn=turn)
    departures.begin(actor=people.stranger)
    clear()
    certificates.finish()
    assert dict(Kept.objects.values_list("upstream_id", "state")) == {"resp_1": "due", "resp_2": "kept"}
    assert Certificate.objects.get(kind="person").done is None
    delete_there()
    assert Certificate.objects.get(kind="person").done


def test_each_table_of_which_rows_can_go_has_words_on_the_page() -> None:
    """Also those of requests to read, of messages that were deleted before, of an account's own things."""

    found: set[type[Model]] = set()
    left: list[type[Model]] = [User, Conversation]
    while left:
        model = left.pop()
        found.add(model)
        rels = [field for field in model._meta.get_fields(include_hidden=True) if isinstance(field, ForeignObjectRel)]
        left += {rel.related_model for rel in rels if getattr(rel, "on_delete", None) is CASCADE} - found
    named = {model._meta.label.removeprefix("chat.") for model in found if not model._meta.auto_created}
    assert {"Opening", "Removal"} <= named <= set(WORDS)
