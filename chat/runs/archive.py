"""What an export holds: its files, in order, each in pieces that are read from the database when their turn comes.

That takes a while. A conversation may be its owner's no longer meanwhile: what is read later goes into no file, and the one that
has been begun says so.
"""

import json
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple, TypeVar
from urllib.parse import quote

from django.conf import settings
from django.template.loader import render_to_string
from django.utils import timezone

from chat import errors
from chat.files import storage
from chat.live import transcript
from chat.models import Conversation, Item, Response, User
from chat.models import File as Stored
from chat.protocol.types import Json, dump_item
from chat.runs import profile, reading, uploads
from chat.runs.filenames import Folder, safe
from chat.store import attached, messages, own, wording
from chat.store.files import known as known_files

T = TypeVar("T")
MANY: Final = 100  # messages; a file with more is written so that it may pass 2 GB: each may have 4 MB
CUT: Final = "This conversation was deleted or became somebody else’s meanwhile. What follows was left out."


class Piece(NamedTuple):
    """A part of a file, a text or bytes, and how many messages have been read with it."""

    text: str
    messages: int = 0
    raw: bytes = b""

    @property
    def data(self) -> bytes:
        return self.raw or self.text.encode(errors="backslashreplace")


@dataclass(frozen=True, slots=True)
class File:
    name: str
    modified: datetime
    pieces: Iterable[Piece]
    large: bool = False


class Names:
    """People as they are shown, asked once for each."""

    def __init__(self, owner: User) -> None:
        self.owner, self._known = owner, {owner.pk: owner.shown_name}

    def of(self, user_id: int | None) -> str | None:
        """None for somebody who has left."""
        if user_id is not None and user_id not in self._known:
            found = User.objects.filter(pk=user_id).first()
            self._known[user_id] = found.shown_name if found else ""
        return self._known.get(user_id or 0) or None


def files(owner: User) -> Iterator[File]:
    """All files of this person's export. One is read to its end before the next."""
    now, names = timezone.now(), Names(owner)
    readme = render_to_string("exports/readme.txt", {"name": owner.shown_name, "home": settings.PARLEY_URL, "now": now})
    yield File("README.txt", now, [Piece(readme)])
    yield File("account.json", now, [Piece(f"{_json(profile.of(owner), indent=2)}\n")])
    for conversation_id in own.conversation_ids(owner):
        yield from _conversation(conversation_id, names)
    folder, places = Folder(), dict[tuple[str, int], str]()
    for page in own.elsewhere(owner):
        yield from _attachments(page, "files/written elsewhere", folder, places)
    folder = Folder()
    for file in own.files_beside(owner):
        yield _stored(file, f"files/not in a message of yours/{folder.place(safe(file.name, instead='file'))}", file.created)
    yield File("written-elsewhere.json", now, _elsewhere(owner), large=True)


def _conversation(conversation_id: str, names: Names) -> Iterator[File]:
    """None of one that is not its owner's, and no more as soon as it is not."""
    conversation = own.conversation(names.owner, conversation_id)
    if conversation is None:
        return
    title = safe(conversation.title, instead="Conversation")
    name = f"{conversation.created:%Y-%m-%d} {title} {conversation.pk}"
    modified, folder, places = conversation.active, Folder(), dict[tuple[str, int], str]()
    for page in own.with_files(conversation):
        if not own.still(names.owner, conversation_id):
            return
        yield from _attachments(page, f"files/{name}", folder, places)
    large = conversation.responses.count() > MANY
    if (conversation := own.conversation(names.owner, conversation_id)) is not None:
        yield File(f"conversations/{name}.json", modified, _whole(conversation, names), large)
    if (conversation := own.conversation(names.owner, conversation_id)) is not None:
        yield File(f"conversations/{name}.md", modified, _readable(conversation, names, places), large)


def _attachments(page: list[Item], where: str, folder: Folder, places: dict[tuple[str, int], str]) -> Iterator[File]:
    """The files that came with these messages; `places` is told where each is."""
    known = known_files([pk for item in page for pk in attached.ids_of(item.wire)])
    for item in page:
        for number, part in enumerate(wording.file_parts(item)):
            stored = known.get(str(part.get("file_id")))
            if stored is None and part.get("type") != "input_text":
                continue  # it was removed
            name = f"{where}/{folder.place(safe(str(part['filename']), instead='file'))}"
            places[item.pk, number] = name
            text = [Piece(str(part.get("text") or ""))]
            yield File(name, item.created, text) if stored is None else _stored(stored, name, item.created)


def _stored(file: Stored, name: str, created: datetime) -> File:
    return File(name, created, _bytes(file))


def _bytes(file: Stored) -> Iterator[Piece]:
    """None of one that was removed this moment."""
    with suppress(errors.NotFound):
        for chunk in storage.chunks(uploads.place(file)):
            yield Piece("", raw=chunk)


def _whole(conversation: Conversation, names: Names) -> Iterator[Piece]:
    """A conversation with all its versions, as JSON: valid also where it is cut short."""

    def still() -> bool:
        return own.still(names.owner, conversation.pk)

    yield Piece(f'{_json(_head(conversation, names))[:-1]}, "items": [')
    whole = yield from _listed(own.said(conversation), lambda item: _said(item, names), still)
    yield Piece('\n], "responses": [')
    if whole:
        whole = yield from _listed(own.answered(conversation), lambda pair: _answered(*pair, names), still)
    yield Piece("\n]}\n" if whole else '\n], "incomplete": true}\n')


def _listed(pages: Iterable[list[T]], shown: Callable[[T], Json], still: Callable[[], bool]) -> Generator[Piece, None, bool]:
    """The elements of a list. Whether these are all: none follows once the conversation is its owner's no longer."""
    separator = "\n"
    for page in filter(None, pages):  # of an empty one the rows have gone meanwhile
        text = separator + ",\n".join(_json(shown(each)) for each in page)
        if not still():
            return False
        yield Piece(text, len(page))
        separator = ",\n"
    return still()


def _head(conversation: Conversation, names: Names) -> Json:
    end = messages.head(conversation, names.owner)
    return {
        "object": "conversation",
        "id": conversation.pk,
        "title": conversation.title,
        "created_at": _seconds(conversation.created),
        "active_at": _seconds(conversation.active),
        "pinned_at": _seconds(conversation.pinned),
        "archived_at": _seconds(conversation.archived),
        "model": conversation.model,
        "store": conversation.store,
        "team": None if conversation.team.personal_of_id else conversation.team.name,
        "project": conversation.project.name if conversation.project else None,
        "team_access": conversation.team_access,
        "branch": end.pk if end else None,
    }


def _said(item: Item, names: Names) -> Json:
    return {
        "id": item.pk,
        "previous_response_id": item.previous_id,
        "author": names.of(item.author_id),
        "mine": item.author_id == names.owner.pk,
        "created_at": _seconds(item.created),
        "hidden": item.hidden,
        "item": item.wire,
    }


def _answered(response: Response, output: list[Item], names: Names) -> Json:
    """A reply. What its author had told all models is told to nobody else."""
    mine = response.author_id == names.owner.pk
    wires = [item.wire for item in output]
    if response.status == Response.Status.IN_PROGRESS:
        wires = [dump_item(item) for item in transcript.logged(response).output]
    failed: Json = {"code": response.error_code, "message": response.error_message}
    return {
        "id": response.pk,
        "object": "response",
        "created_at": _seconds(response.created),
        "started_at": _seconds(response.started),
        "first_token_at": _seconds(response.first_token),
        "completed_at": _seconds(response.ended),
        "status": response.status,
        "model": response.model,
        "store": response.store,
        "instructions": response.instructions if mine else None,
        "input": response.input_id,
        "continues": response.continues_id,
        "usage": response.usage,
        "error": failed if response.status == Response.Status.FAILED else None,
        "incomplete_details": {"reason": response.incomplete_reason} if response.incomplete_reason else None,
        "output": list(wires),
    }


def _readable(conversation: Conversation, names: Names, places: dict[tuple[str, int], str]) -> Iterator[Piece]:
    """The branch that its owner sees, as Markdown."""
    yield Piece(f"# {conversation.title or 'Conversation'}\n")
    for page in own.shown(conversation, names.owner):
        text = "".join(reading.exchange(exchange, _links(exchange.item, places)) for exchange in page)
        if not own.still(names.owner, conversation.pk):
            yield Piece(f"\n*{CUT}*\n")
            return
        yield Piece(text)


def _links(item: Item, places: dict[tuple[str, int], str]) -> list[tuple[str, str]]:
    """The files that came with a message, and where they are, seen from the conversation's own."""
    return [
        (str(part["filename"]), f"../{quote(places[item.pk, number])}")
        for number, part in enumerate(wording.file_parts(item))
        if (item.pk, number) in places
    ]


def _elsewhere(owner: User) -> Iterator[Piece]:
    separator = "["
    for page in filter(None, own.elsewhere(owner)):
        lines = (
            {"id": item.pk, "conversation": item.conversation_id, "created_at": _seconds(item.created), "item": item.wire}
            for item in page
        )
        yield Piece(f"{separator}\n" + ",\n".join(map(_json, lines)), len(page))
        separator = ","
    yield Piece("[]\n" if separator == "[" else "\n]\n")


def _json(value: object, *, indent: int | None = None) -> str:
    return json.dumps(value, ensure_ascii=False, indent=indent)


def _seconds(moment: datetime | None) -> int | None:
    return None if moment is None else int(moment.timestamp())
