"""Files: in a composer, with a message, as long as something uses them; then neither row nor bytes are left."""

import shutil
from collections.abc import Callable
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from django.db.models.signals import post_save

from chat import errors
from chat.files import storage
from chat.models import Conversation, File, FileUse, Item, Purge
from chat.runs import files as removing
from chat.runs import uploads
from chat.runs.purge import Purging
from chat.store import attached, clock, conversations, files, messages, orphans, removals
from chat.store.attached import Held
from chat.store.messages import Begun
from tests.accounts.conftest import simultaneously
from tests.cast import Cast, person, put_in


def say(actor: Any, *uses: FileUse, text: str = "Look", into: str | None = None, client_id: str = "") -> Begun:
    held = [Held(use.pk) for use in uses]
    return messages.send(actor=actor, conversation_id=into, text=text, held=held, client_id=client_id)


def clear() -> None:
    """Everything that has expired, as the process removes it."""
    for remove in (conversations.purge, removals.purge, removing.purge):
        while remove(clock.now()) is not None:
            pass


def there(file: File) -> bool:
    try:
        return bool(storage.read(uploads.place(file)))
    except errors.NotFound:
        return False


def late(use: FileUse) -> None:
    FileUse.objects.filter(pk=use.pk).update(expires=clock.now())


def test_it_goes_with_one_message_once(cast: Cast) -> None:
    use = put_in(cast.owner)
    begun = say(cast.owner, use)
    said = Item.objects.get(pk=begun.response.input_id)
    assert said.wire["content"][1] == {"type": "input_file", "file_id": use.file.pk, "filename": "quark.txt"}
    assert [one.file_id for one in said.uses.all()] == [use.file.pk]
    with pytest.raises(errors.Conflict, match="not here any more"):
        say(cast.owner, use, text="Again", into=begun.conversation.pk)
    assert Item.objects.count() == 1


def test_nobody_sends_what_waits_in_anothers_composer(cast: Cast) -> None:
    use = put_in(cast.owner)
    with pytest.raises(errors.Conflict) as foreign:
        say(cast.stranger, use)
    with pytest.raises(errors.Conflict) as missing:
        messages.send(actor=cast.stranger, conversation_id=None, text="Look", held=[Held("use_" + "0" * 32)])
    assert str(foreign.value) == str(missing.value)
    files.let_go(actor=cast.stranger, use_id=use.pk)
    assert say(cast.owner, use).new


def test_sent_twice_it_is_sent_once_and_a_message_may_be_files_alone(cast: Cast) -> None:
    use = put_in(cast.owner)
    first = say(cast.owner, use, text="", client_id="one")
    again = say(cast.owner, use, text="", client_id="one")
    assert (again.new, again.response.pk) == (False, first.response.pk)
    assert first.conversation.title == "quark.txt"
    assert FileUse.objects.count() == 1


def test_another_wording_keeps_the_files(cast: Cast) -> None:
    use, more = put_in(cast.owner), put_in(cast.owner, b"A lepton.", "lepton.txt")
    begun = say(cast.owner, use)
    where: Any = {"conversation_id": begun.conversation.pk, "item_id": begun.response.input_id}
    edited = messages.edit(actor=cast.owner, **where, text="Look again", held=[Held(more.pk)])
    said = Item.objects.get(pk=edited.response.input_id)
    assert [part["filename"] for part in said.wire["content"][1:]] == ["quark.txt", "lepton.txt"]
    assert {one.name for one in said.uses.all()} == {"quark.txt", "lepton.txt"}
    assert use.file.uses.count() == 2


def test_how_closely_an_image_is_looked_at_is_said(cast: Cast) -> None:
    use = put_in(cast.owner, kind="image", type="image/png", width=8, height=8)
    parts = [attached.parts([use], [Held(use.pk, detail)])[0] for detail in ("high", "nonsense")]
    assert [part["detail"] for part in parts] == ["high", "auto"]


def test_the_same_bytes_are_one_file_for_each_owner(cast: Cast) -> None:
    one, other, theirs = put_in(cast.owner), put_in(cast.owner, name="Q.txt"), put_in(cast.stranger)
    assert one.file_id == other.file_id != theirs.file_id
    assert (one.name, other.name) == ("quark.txt", "Q.txt")
    assert files.quota(cast.owner).used == len(b"A quark.")


def test_what_has_no_room_is_refused_with_what_is_left(cast: Cast, settings: Any) -> None:
    settings.FILES_QUOTA_MB = 1
    put_in(cast.owner, room=900_000)
    with pytest.raises(errors.TooLarge, match=r"of your 1 MB only 100 KB are left"):
        put_in(cast.owner, b"Another.", room=200_000)
    put_in(cast.stranger, room=900_000)
    files.remove(actor=cast.owner, file_id=File.objects.get(owner=cast.owner).pk)
    with pytest.raises(errors.TooLarge) as full:  # or whoever has it back would have more than there is
        put_in(cast.owner, b"Another.", room=200_000)
    assert "count for 10 minutes more" in full.value.next


@pytest.mark.django_db(transaction=True)
def test_put_in_many_times_at_once_the_quota_holds(settings: Any) -> None:
    settings.FILES_QUOTA_MB = 1
    owner = person("olivia")
    found = simultaneously(4, lambda number: put_in(owner, bytes([number]) * 9, room=400_000))
    assert sorted(type(one) is errors.TooLarge for one in found) == [False, False, True, True]
    assert files.quota(owner).used == 800_000


def test_what_is_not_sent_goes_after_an_hour(cast: Cast) -> None:
    use = put_in(cast.owner)
    clear()
    assert there(use.file)
    late(use)
    clear()
    assert not File.objects.exists()
    assert not there(use.file)


def test_two_messages_share_it_until_the_last_has_gone(cast: Cast) -> None:
    one, other = put_in(cast.owner), put_in(cast.owner)
    conversation_ids = [say(cast.owner, use).conversation.pk for use in (one, other)]
    for pk, left in zip(conversation_ids, (True, False), strict=True):
        conversations.delete(actor=cast.owner, conversation_id=pk)
        clear()
        assert there(one.file)  # for as long as that can be taken back
        Conversation.objects.filter(pk=pk).update(deleted=clock.now() - timedelta(hours=1))
        clear()
        assert (there(one.file), File.objects.exists()) == (left, left)


def test_the_same_bytes_put_in_while_the_old_ones_go_stay(cast: Cast) -> None:
    use = put_in(cast.owner)
    late(use)
    while orphans.purge() is not None:
        pass
    assert File.objects.get().state == File.State.GOING
    again = put_in(cast.owner)
    assert again.file_id != use.file_id
    clear()
    assert there(again.file)
    assert list(File.objects.all()) == [again.file]


@pytest.mark.django_db(transaction=True)
def test_it_is_put_in_again_just_when_it_goes() -> None:
    owner = person("olivia")
    for _ in range(5):
        use = put_in(owner)
        late(use)
        acts: list[Callable[[], object]] = [clear, lambda: put_in(owner)]
        assert simultaneously(2, lambda number, acts=acts: acts[number]() and None) == [None, None]
        assert there(FileUse.objects.get(item=None, expires__gt=clock.now()).file)
        FileUse.objects.all().delete()
        clear()


def test_whose_bytes_never_came_gives_its_room_back(cast: Cast) -> None:
    facts = files.Facts(digest="0" * 64, kind="text", type="text/plain", name="late.txt", size=5, room=5)
    begun = files.begin(actor=cast.owner, facts=facts)
    clear()
    assert files.quota(cast.owner).used == 5
    File.objects.update(next_try=clock.now())
    clear()
    assert files.quota(cast.owner).used == 0
    with pytest.raises(errors.Conflict, match="took too long"):
        files.arrive(actor=cast.owner, file_id=begun.file.pk, name="late.txt")


@pytest.mark.django_db(transaction=True)
def test_bytes_that_come_after_their_row_was_given_up_are_not_left(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path / "files"
    owner = person("olivia")

    def much_later(created: bool, **_: object) -> None:
        transaction.on_commit(lambda: (File.objects.update(next_try=clock.now()), clear()) if created else None)

    post_save.connect(much_later, sender=File)
    try:
        with pytest.raises(errors.Conflict, match="took too long"):
            uploads.take(actor=owner, source=BytesIO(b"A quark."), name="quark.txt")
    finally:
        post_save.disconnect(much_later, sender=File)
    assert not File.objects.exists()
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_whose_bytes_were_lost_is_whole_again_once_it_is_put_in_again(cast: Cast) -> None:
    use = uploads.take(actor=cast.owner, source=BytesIO(b"A quark."), name="quark.txt").use
    storage.delete(uploads.place(use.file))
    assert uploads.take(actor=cast.owner, source=BytesIO(b"A quark."), name="quark.txt").use.file_id == use.file_id
    assert storage.read(uploads.place(use.file)) == b"A quark."


def test_a_folder_that_cannot_be_looked_into_holds_up_nothing_else(cast: Cast, settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path / "files"
    use = put_in(cast.owner)
    late(use)
    shutil.rmtree(tmp_path / "files" / ".unfinished")
    (tmp_path / "files" / ".unfinished").write_text("a file where a folder should be")
    list(Purging().pieces())
    assert Purge.objects.exists()  # all has been gone through
    assert not there(use.file)


def test_where_each_was_used_is_said_however_often_another_was(cast: Cast) -> None:
    once = put_in(cast.owner, b"A lepton.", "lepton.txt")
    say(cast.owner, once)
    item = Item.objects.get(pk=say(cast.owner, often := put_in(cast.owner)).response.input_id)
    FileUse.objects.bulk_create(FileUse(file=often.file, item=item, name="quark.txt") for _ in range(150))
    found = files.places(cast.owner, files.newest(actor=cast.owner, most=9), most=1)
    assert {pk: len(uses) for pk, uses in found.items()} == {once.file_id: 1, often.file_id: 1}


def test_what_its_owner_removes_is_gone_from_messages_and_can_be_had_back(cast: Cast) -> None:
    use = put_in(cast.owner)
    say(cast.owner, use)
    for action in (files.remove, files.restore):
        with pytest.raises(errors.NotFound):
            action(actor=cast.stranger, file_id=use.file_id)
    files.remove(actor=cast.owner, file_id=use.file_id)
    with pytest.raises(errors.NotFound):
        files.find(actor=cast.owner, file_id=use.file_id)
    clear()
    files.restore(actor=cast.owner, file_id=use.file_id)
    assert there(files.find(actor=cast.owner, file_id=use.file_id))
    files.remove(actor=cast.owner, file_id=use.file_id)
    File.objects.update(removed=clock.now() - timedelta(hours=1))
    with pytest.raises(errors.NotFound, match="too late"):
        files.restore(actor=cast.owner, file_id=use.file_id)
    clear()
    assert not there(use.file)
    assert not FileUse.objects.exists()
    assert "quark.txt" in str(Item.objects.get().wire)
