"""What waits in a composer, as its lines show it: also after a reload, on another device, and when sending has failed."""

from typing import NamedTuple

from django.urls import reverse

from chat.live.views import FILES, FileView
from chat.models import File, Item, User
from chat.protocol.types import Json
from chat.runs.uploads import Put
from chat.store import attached, files, talk_files, wording
from chat.store.talk import Talk, TalkFile


class Line(NamedTuple):
    """`id`: what the composer names it by; `base`: what the addresses of its bytes begin with; `changed`: as `Put`; `at`:
    where it stands among the others.
    """

    id: str
    name: str
    file: File
    remove_url: str
    base: str = FILES
    changed: str = ""
    at: int = 0

    @property
    def small_url(self) -> str:
        """A picture of it, "" where there is none."""
        shown = FileView(self.name, self.file.is_image, self.file, self.base)
        return shown.small_url if self.file.is_image or self.file.thumbnails else ""


def line(put: Put) -> Line:
    return Line(
        put.use.pk, put.use.name, put.use.file, reverse("let_go", args=[put.use.pk]), changed=put.changed, at=put.use.index
    )


def of_place(actor: User, place: str) -> list[Line]:
    return [line(Put(use, "")) for use in files.held(actor, place)]


def base(talk: Talk | None) -> str:
    """What the addresses of files begin with that are in this conversation, or in a new one."""
    return f"{talk.url if talk is not None else '/t/'}files/"


def passing(talk: Talk | None, file: TalkFile) -> Line:
    where = base(talk)
    return Line(file.id, file.name, file.row(), f"{where}{file.id}/remove/", where, file.changed, file.index or 0)


def of_talk(actor: User, talk: Talk | None) -> list[Line]:
    return [passing(talk, file) for file in talk_files.waiting(actor, talk)]


class Came(NamedTuple):
    """A file that came with a message; without `file` it is a text in it, or `gone`."""

    name: str
    file: File | None
    small_url: str = ""
    gone: bool = False


def came_with(item: Item) -> list[Came]:
    """In the order in which the message names them."""
    known = files.known(attached.ids_of(item.wire))
    return [_came(part, known.get(str(part.get("file_id")))) for part in wording.file_parts(item)]


def _came(part: Json, file: File | None) -> Came:
    name = str(part["filename"])
    if file is None:
        return Came(name, None, gone="file_id" in part)
    return Came(name, file, Line("", name, file, "").small_url)
