"""Files on their way in: looked at and made harmless, a row that says that they come, their bytes, and then they are there."""

import io
from typing import BinaryIO, Final, NamedTuple

from chat import errors
from chat import files as bytes_of
from chat.files import Taken, storage
from chat.models import File, FileUse, User
from chat.runs.shares import Share
from chat.store import files, pool
from chat.store.files import Facts

EACH: Final = 20  # files of one person that are looked at, or wait for that, in one process


class Put(NamedTuple):
    """A file that waits in a composer; `changed`: what was done to it, in a sentence for people, or ""."""

    use: FileUse
    changed: str


turns: Final = Share(EACH, "Your other files are still being looked at.")


def looked_at(*, actor: User, source: BinaryIO, name: str) -> Taken:
    """What `files.take_in` makes of it, for one who waits for that without a connection to the database."""
    with turns.one(actor):
        pool.give_back()
        return bytes_of.take_in(_in_memory(source) or source, name=name, whose=actor.pk)


def _in_memory(source: BinaryIO) -> bytes | None:
    """All of one that is in memory anyway, as it lies there: read piece by piece it would be there twice."""
    file = getattr(source, "file", source)
    return file.getvalue() if isinstance(file, io.BytesIO) else None


def take(*, actor: User, source: BinaryIO, name: str, composer: str = "", index: int | None = None) -> Put:
    """Have this file wait in the composer of this place, as the `index`th there (None: the last). Refused, with a sentence, where
    it is none that anybody may put in, or where this person has no room left.
    """
    taken = looked_at(actor=actor, source=source, name=name)
    facts = facts_of(taken)
    begun = files.begin(actor=actor, facts=facts, place=composer, index=index)
    if begun.use is not None:
        _heal(begun.file, taken)
        return Put(begun.use, taken.changed)
    try:
        _put(begun.file, taken)
    except BaseException:
        files.abandon(begun.file.pk)
        raise
    try:
        use = files.arrive(actor=actor, file_id=begun.file.pk, name=facts.name, place=composer, index=index)
        return Put(use, taken.changed)
    except errors.Conflict:  # it took so long that its row went, and what lay there by then with it
        for where in places(begun.file):
            storage.delete(where)
        raise


def _put(file: File, taken: Taken) -> None:
    for width, data in {0: taken.data, **taken.thumbnails}.items():
        storage.put(place(file, width), data)


def _heal(file: File, taken: Taken) -> None:
    """Its row says that it is there. Where its bytes were lost (a disk, an old copy of one), here they are again."""
    try:
        storage.size(place(file))
    except errors.NotFound:
        _put(file, taken)


def place(file: File, width: int = 0) -> str:
    """Where its bytes lie, or those of the thumbnail of this width: by its row, so that the same bytes put in anew while these go
    lie elsewhere.
    """
    return storage.key(file.pk, file.digest, width=width)


def places(file: File) -> list[str]:
    return [place(file, width) for width in (0, *file.thumbnails)]


def facts_of(taken: Taken) -> Facts:
    return Facts(
        digest=taken.digest,
        kind=taken.kind,
        type=taken.type,
        name=taken.name,
        size=len(taken.data),
        room=len(taken.data) + sum(map(len, taken.thumbnails.values())),
        width=taken.width or None,
        height=taken.height or None,
        frames=taken.frames or None,
        pages=taken.pages or None,
        thumbnails=tuple(sorted(taken.thumbnails)),
    )
