"""Files that go with a message: taken out of the composer in the transaction that says it, each once."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from django.conf import settings

from chat import errors
from chat.models import File, FileUse, Item, User
from chat.protocol.types import Json
from chat.store import sql

DETAILS: Final = ("auto", "low", "high", "original")


class Held(NamedTuple):
    """A file that waits in a composer, by its use; `detail`: how closely a model is to look at it, where it is an image."""

    use_id: str
    detail: str = "auto"


def counted(number: int) -> None:
    """TooLarge, where a message does not take so many files."""
    if number > settings.FILES_PER_MESSAGE:
        raise errors.TooLarge(f"A message takes {settings.FILES_PER_MESSAGE} files.", next="Send the others in the next one.")


def wanted(actor: User, held: Sequence[Held]) -> list[FileUse]:
    """These, in this order: such as wait in this person's composer, and such as they have sent (for who sends twice)."""
    counted(len(held))
    ids = list(dict.fromkeys(one.use_id for one in held))
    if not ids:
        return []
    there = FileUse.objects.filter(pk__in=ids, file__state=File.State.HERE).select_related("file", "item")
    found = {use.pk: use for use in there if actor.pk in (use.author_id, use.item.author_id if use.item else None)}
    if len(found) < len(ids):
        raise _gone()
    return [found[pk] for pk in ids]


def _gone() -> errors.Conflict:
    return errors.Conflict("A file is not here any more: they wait for an hour.", next="Remove it, and add it again.")


def parts(uses: Sequence[FileUse], held: Sequence[Held]) -> list[Json]:
    """What the message says of them, under our ids; `agents` makes of them what a provider takes."""
    details = {one.use_id: one.detail if one.detail in DETAILS else "auto" for one in held}
    return [_part(use, details[use.pk]) for use in uses]


def _part(use: FileUse, detail: str) -> Json:
    if use.file.is_image:
        return {"type": "input_image", "file_id": use.file_id, "detail": detail, "filename": use.name}
    return {"type": "input_file", "file_id": use.file_id, "filename": use.name}


CLAIM: Final = """UPDATE chat_fileuse SET item_id = %s, "index" = %s, author_id = NULL, expires = NULL, place = ''
WHERE id = %s AND item_id IS NULL"""


def claim(item: Item, uses: Sequence[FileUse]) -> None:
    """They go with this message from now on; Conflict where one has gone, or goes with another, meanwhile."""
    ids = ids_of(item.wire)
    for use in uses:
        if not sql.run(CLAIM, item.pk, ids.index(use.file_id), use.pk):
            raise _gone()


def let_go(uses: Sequence[FileUse]) -> None:
    """Those of them that wait are wanted no longer."""
    if uses:
        FileUse.objects.filter(pk__in=[use.pk for use in uses], item=None).delete()


def hand_on(old: Item, new: Item) -> None:
    """What goes with one goes with the other, too, where that still names it."""
    ids = ids_of(new.wire)
    stay = [use for use in old.uses.all() if use.file_id in ids]
    uses = [FileUse(file_id=use.file_id, item=new, name=use.name, index=ids.index(use.file_id)) for use in stay]
    FileUse.objects.bulk_create(uses)


def detail_of(wire: Json, file_id: str) -> str:
    """How closely this file of it is to be looked at."""
    content = wire.get("content")
    named = (
        [part for part in content if isinstance(part, dict) and part.get("file_id") == file_id]
        if isinstance(content, list)
        else []
    )
    return str(named[0].get("detail") or "auto") if named else "auto"


def ids_of(wire: Json) -> list[str]:
    """Our ids of the files that go with it."""
    content = wire.get("content")
    found = [part.get("file_id") for part in content if isinstance(part, dict)] if isinstance(content, list) else []
    return [pk for pk in found if isinstance(pk, str)]
