"""Files of temporary conversations: found through their owner, put in for a composer, taken along when something is said. Their
bytes are where the conversation is, and go with it.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Final

from pydantic import JsonValue

from chat import errors
from chat.models import User
from chat.models.files import sized
from chat.protocol.types import Json
from chat.store import attached, temporary_files
from chat.store.attached import DETAILS, Held
from chat.store.talk import Talk, TalkFile
from chat.store.temporary import Away, away, home
from chat.store.temporary_files import Full

GONE: Final = "This file is not here any more."
MOST: Final = 200  # files of one place


def new(actor: User) -> str:
    """The place of what this person adds to a temporary conversation that has not begun."""
    return temporary_files.new(actor.pk)


def place(actor: User, talk: Talk | None) -> str:
    return talk.id if talk is not None else new(actor)


def there(place: str) -> dict[str, TalkFile]:
    """All files of a place, in the order in which they were chosen, by their ids."""
    try:
        found = [TalkFile.model_validate_json(facts) for facts in home().files.facts(place).values()]
    except Away:
        raise away() from None
    return {file.id: file for file in sorted(found, key=lambda file: (file.index or 0, file.added))}


def waiting(actor: User, talk: Talk | None) -> list[TalkFile]:
    """Those that wait in its composer."""
    said = talk.document.files if talk is not None else {}
    return [file for file in there(place(actor, talk)).values() if file.id not in said]


def find(actor: User, talk: Talk | None, file_id: str) -> TalkFile:
    """One of a conversation that was found, or of this person's new one; NotFound where it is not there."""
    found = there(place(actor, talk)).get(file_id)
    if found is None:
        raise errors.NotFound(GONE)
    return found


def put(actor: User, talk: Talk | None, file: TalkFile, pieces: Mapping[str, bytes]) -> None:
    """Have it wait in a composer, as the last one where it does not say where. TooLarge, where there is no room; NotFound,
    where the conversation has gone meanwhile.
    """
    where = place(actor, talk)
    if len(known := there(where)) >= MOST:
        raise errors.Conflict(f"{MOST} files are in this conversation.", next="Begin another one for more.")
    if file.index is None:
        file.index = max(((one.index or 0) + 1 for one in known.values()), default=0)
    held = temporary_files.Held(actor.pk, file.model_dump_json(exclude_defaults=True).encode(), pieces)
    try:
        if not home().files.put(where, file.id, held):
            raise errors.NotFound("This conversation has ended.")
    except Full as full:
        raise _full(file, mine=full.mine) from None
    except Away:
        raise away() from None


def _full(file: TalkFile, *, mine: bool) -> errors.TooLarge:
    each, _ = temporary_files.limits()
    if mine:
        return errors.TooLarge(
            f"“{file.name}” has {sized(file.size)}; of the {sized(each)} for your files in temporary conversations less is left.",
            next="End such a conversation, or keep it; a file that you have not sent can be removed.",
        )
    return errors.TooLarge("There is no room for files in temporary conversations at the moment.", next="Try again later.")


def read(place: str, file_id: str, name: str = "0") -> Iterator[bytes]:
    """A piece of one, in chunks: "0" is all of it, the others are its thumbnails by width, and "text". May raise Away."""
    return home().files.piece(place, file_id, name)


def streamed(place: str, file_id: str, name: str = "0") -> Iterator[bytes]:
    """The same, for who is answered with it: NotFound where it is not there, before anything is sent."""
    pieces = read(place, file_id, name)
    try:
        first = next(pieces, b"")
    except Away:
        raise away() from None
    if not first:
        raise errors.NotFound(GONE)
    return chain([first], pieces)


def whole(place: str, file_id: str, name: str = "0") -> bytes:
    """All of it; NotFound where it is not there."""
    try:
        found = b"".join(read(place, file_id, name))
    except Away:
        raise away() from None
    if not found:
        raise errors.NotFound(GONE)
    return found


def let_go(actor: User, talk: Talk | None, file_id: str) -> None:
    """It is taken out of a composer; that it is gone already is as good. One that was sent stays."""
    if talk is None or file_id not in talk.document.files:
        try:
            home().files.drop(place(actor, talk), file_id)
        except Away:
            raise away() from None


def wanted(held: Sequence[Held], there: Mapping[str, TalkFile]) -> tuple[dict[str, TalkFile], list[Json]]:
    """These of the files that are there, and what the message says of them."""
    attached.counted(len(held))
    details = {one.use_id: one.detail if one.detail in DETAILS else "auto" for one in held}
    if any(pk not in there for pk in details):
        raise errors.Conflict("A file is not here any more.", next="Remove it, and add it again.")
    named = {pk: there[pk] for pk in details}
    return named, [_part(file, details[pk]) for pk, file in named.items()]


def _part(file: TalkFile, detail: str) -> Json:
    if file.is_image:
        return {"type": "input_image", "file_id": file.id, "detail": detail, "filename": file.name}
    return {"type": "input_file", "file_id": file.id, "filename": file.name}


def by_digest(wire: Json, files: Mapping[str, TalkFile]) -> Json:
    """A message that names its files by what is in them."""
    content = wire.get("content")
    parts = content if isinstance(content, list) else []
    known = {pk: file.digest for pk, file in files.items() if file.digest}
    return {**wire, "content": [_named_so(part, known) for part in parts]}


def _named_so(part: JsonValue, known: Mapping[str, str]) -> JsonValue:
    if not isinstance(part, dict) or not (digest := known.get(str(part.get("file_id")))):
        return part
    return {**part, "file_id": digest}
