"""Files that people put in: found through the actor, counted in their owner's quota, had back. Rows alone: `runs.uploads` puts
the bytes where they belong, `runs.files` takes them away.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, Max, OuterRef, Q, Sum, Window
from django.db.models.functions import Now, RowNumber

from chat import errors
from chat.models import Conversation, File, FileText, FileUse, User
from chat.models.files import sized
from chat.policy import Action
from chat.store import clock, rows, sql

LATE: Final = 3600  # seconds after which one that waits for its bytes gets none any more
WAITS: Final = 3600  # seconds for which a file that was put in waits to be sent
MOST_WAITING: Final = 200  # of one person, in all composers
NAME_LENGTH: Final = 200
PLACE_LENGTH: Final = 40
State = File.State
LATER: Final = "they count for {} minutes more, while they can be had back."
GONE: Final = "This file does not exist, or it is not yours."


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of bytes once they were looked at. `room`: what they take with thumbnails, whose widths are told."""

    digest: str
    kind: str
    type: str
    name: str
    size: int
    room: int
    width: int | None = None
    height: int | None = None
    frames: int | None = None
    pages: int | None = None
    thumbnails: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Begun:
    """A file that is to be put in. Without `use` it waits for its bytes; with one, they are there already."""

    file: File
    use: FileUse | None = None


@dataclass(frozen=True, slots=True)
class Quota:
    """Bytes that somebody's files take, and may take."""

    used: int
    most: int

    @property
    def left(self) -> int:
        return max(0, self.most - self.used)

    def __str__(self) -> str:
        return f"{sized(self.used)} of {sized(self.most)}"


def find(*, actor: User, file_id: str, action: Action = "file.read") -> File:
    """The file, if this person may do that with it; NotFound otherwise."""
    mine = File.objects.owned_by(actor).exclude(state__in=(State.COMING, State.GOING))
    found = (mine if action == "file.manage" else File.objects.readable_by(actor)).filter(pk=file_id).first()
    if found is None:
        raise errors.NotFound(GONE)
    return found


def quota(actor: User) -> Quota:
    there = File.objects.owned_by(actor).exclude(state=State.GOING)
    return Quota(there.aggregate(bytes=Sum("room"))["bytes"] or 0, settings.FILES_QUOTA_MB * 1_000_000)


@transaction.atomic
def begin(*, actor: User, facts: Facts, place: str = "", index: int | None = None) -> Begun:
    """Put in what has these facts: a row that waits for its bytes (`arrive`), or a use of the one that is there, in the composer
    of this place, as the `index`th there (None: the last). TooLarge where the quota is full.
    """
    _lock(actor)
    if FileUse.objects.filter(author=actor).count() >= MOST_WAITING:
        raise errors.Conflict(f"{MOST_WAITING} files wait to be sent.", next="Send or remove some of them first.")
    if (here := _here(actor, facts.digest)) is not None:
        return Begun(here, _hold(actor, here, facts.name, place, index))
    there = quota(actor)
    if facts.room > there.left:
        raise errors.TooLarge(
            f"“{facts.name}” takes {sized(facts.room)}, and of your {sized(there.most)} only {sized(there.left)} are left.",
            next=f"Delete files that you need no longer, under “Images and files”; {LATER.format(settings.UNDO_MINUTES)}",
        )
    known = {name: getattr(facts, name) for name in Facts.__slots__}
    known |= {"thumbnails": list(facts.thumbnails), "next_try": clock.now() + timedelta(seconds=LATE)}
    return Begun(File.objects.create(owner=actor, **known))


def _lock(actor: User) -> None:
    """Whoever counts what this person has waits for whoever adds to it."""
    sql.rows("SELECT id FROM chat_user WHERE id = %s", actor.pk, lock="FOR NO KEY UPDATE")


def _here(actor: User, digest: str) -> File | None:
    """The file with these bytes, locked: it does not go before it is used."""
    return File.objects.select_for_update().here().filter(owner=actor, digest=digest).first()


def _hold(actor: User, file: File, name: str, place: str, index: int | None) -> FileUse:
    until, place = clock.now() + timedelta(seconds=WAITS), place[:PLACE_LENGTH]
    if index is None:
        last = FileUse.objects.filter(author=actor, item=None, place=place).aggregate(last=Max("index"))["last"]
        index = 0 if last is None else last + 1
    name = name[:NAME_LENGTH] or file.name
    return FileUse.objects.create(file=file, author=actor, name=name, index=index, expires=until, place=place)


@transaction.atomic
def arrive(*, actor: User, file_id: str, name: str, place: str = "", index: int | None = None) -> FileUse:
    """Its bytes are where they belong: from now on it is there, and waits in a composer."""
    _lock(actor)
    coming = File.objects.select_for_update().filter(pk=file_id, owner=actor, state=State.COMING).first()
    if coming is None:
        raise errors.Conflict("This took too long.", next="Add the file again.")
    here = _here(actor, coming.digest)  # the same bytes came twice at once
    coming.state, coming.next_try = State.HERE if here is None else State.GOING, None
    coming.save(update_fields=["state", "next_try"])
    return _hold(actor, here or coming, name, place, index)


def abandon(file_id: str) -> None:
    """Its bytes could not be put there: what there is of them goes."""
    File.objects.filter(pk=file_id, state=State.COMING).update(state=State.GOING, next_try=None)


@transaction.atomic
def let_go(*, actor: User, use_id: str) -> None:
    """It is taken out of a composer; that it is gone already is as good."""
    FileUse.objects.filter(pk=use_id, author=actor, item=None).delete()


def waiting(actor: User, use_ids: Collection[str]) -> list[FileUse]:
    """Those of these that wait in this person's composer."""
    return list(FileUse.objects.filter(pk__in=use_ids, author=actor, item=None, file__state=State.HERE).select_related("file"))


def held(actor: User, place: str) -> list[FileUse]:
    """What waits in this person's composer of a place, in the order in which it was chosen."""
    mine = FileUse.objects.filter(author=actor, item=None, place=place, expires__gt=Now(), file__state=State.HERE)
    return list(mine.select_related("file").order_by("index", "expires", "pk")) if place else []


def newest(*, actor: User, query: str = "", before: str = "", images: bool | None = None, most: int) -> list[File]:
    """One's own, the last one first; `query`: words of their names or texts; `before`: only those that come after this one."""
    found = File.objects.owned_by(actor).here().order_by("-created", "-pk")
    for word in query.split()[:12]:
        named = FileUse.objects.filter(file=OuterRef("pk"), name__icontains=word)
        read = FileText.objects.filter(pk=OuterRef("pk"), text__icontains=word)
        found = found.filter(Q(name__icontains=word) | Exists(named) | Exists(read))
    if images is not None:
        found = found.filter(kind=File.Kind.IMAGE) if images else found.exclude(kind=File.Kind.IMAGE)
    last = File.objects.owned_by(actor).filter(pk=before).first() if before else None
    if last is not None:
        found = found.filter(created__lte=last.created).exclude(created=last.created, pk__gte=last.pk)
    return list(found[:most])


def places(actor: User, files: Iterable[File], *, most: int) -> dict[str, list[FileUse]]:
    """Where each of them goes with a message that this person may read, the last one first; `most` of each."""
    there = Conversation.objects.readable_by(actor).present()
    uses = FileUse.objects.filter(file__in=[file.pk for file in files], item__conversation__in=there.values("pk"))
    number = Window(RowNumber(), partition_by="file", order_by=("-item__created", "pk"))
    found: dict[str, list[FileUse]] = {}
    for use in uses.annotate(number=number).filter(number__lte=most).select_related("item__conversation").order_by("number"):
        found.setdefault(use.file_id, []).append(use)
    return found


def name_for(actor: User, file: File) -> str:
    """What it is called where this person finds it: its owner may call it something else elsewhere."""
    if file.owner_id == actor.pk:
        return file.name
    there = places(actor, [file], most=1).get(file.pk)
    return there[0].name if there else "file"


def neighbours(*, actor: User, file: File, conversation_id: str = "") -> tuple[str, str]:
    """Ids of the images before and after this one: of a conversation, or of one's own; "" where there is none."""
    ids = _said_in(actor, conversation_id) if conversation_id else _own_images(actor, file)
    at = ids.index(file.pk) if file.pk in ids else -1
    return ("", "") if at < 0 else (ids[at - 1] if at else "", ids[at + 1] if at + 1 < len(ids) else "")


def _said_in(actor: User, conversation_id: str) -> list[str]:
    there = Conversation.objects.readable_by(actor).present().filter(pk=conversation_id)
    uses = FileUse.objects.filter(item__conversation__in=there.values("pk"), file__kind=File.Kind.IMAGE, file__state=State.HERE)
    return list(dict.fromkeys(uses.order_by("item__created", "item", "index").values_list("file", flat=True)[:2_000]))


def _own_images(actor: User, file: File) -> list[str]:
    mine = File.objects.owned_by(actor).here().filter(kind=File.Kind.IMAGE)
    older = mine.filter(created__lte=file.created).exclude(created=file.created, pk__gt=file.pk).order_by("-created", "-pk")
    newer = mine.filter(created__gte=file.created).exclude(created=file.created, pk__lte=file.pk).order_by("created", "pk")
    return [*reversed(newer.values_list("pk", flat=True)[:1]), *older.values_list("pk", flat=True)[:2]]


@transaction.atomic
def remove(*, actor: User, file_id: str) -> File:
    """Out of sight at once, for everybody, also in messages; the bytes go when the time for undo is over (`orphans.purge`)."""
    found = find(actor=actor, file_id=file_id, action="file.manage")
    File.objects.filter(pk=found.pk, state=State.HERE).update(state=State.REMOVED, removed=clock.now())
    return found


@transaction.atomic
def restore(*, actor: User, file_id: str) -> File:
    """Have it back, where it was, as long as there is time for that."""
    _lock(actor)
    found = find(actor=actor, file_id=file_id, action="file.manage")
    if _here(actor, found.digest) is not None and found.state == State.REMOVED:
        raise errors.Conflict("You have put the same file in again since.", next="Use that one.")
    since = clock.now() - timedelta(minutes=settings.UNDO_MINUTES)
    back = File.objects.filter(pk=found.pk, state=State.REMOVED, removed__gte=since).update(state=State.HERE, removed=None)
    if not back:
        raise errors.NotFound("It is too late to have this file back.")
    return found


def undoable(*, actor: User, file_id: str) -> File | None:
    """One that was just removed."""
    since = clock.now() - timedelta(minutes=settings.UNDO_MINUTES)
    return File.objects.owned_by(actor).filter(pk=file_id, state=State.REMOVED, removed__gte=since).first()


AS_TEXT: Final = "SELECT file_id, text <> '', cut FROM chat_filetext WHERE file_id {one_of}"
FACTS: Final = "id {one_of} AND state = 'here'"


def known(file_ids: Sequence[str]) -> dict[str, File]:
    """Those of these that are there: for whoever has found the messages with which they go."""
    found = {file.pk: file for file in rows.fetch(File, FACTS, file_ids)} if file_ids else {}
    documents = [pk for pk, file in found.items() if not file.is_image]
    for pk, read, cut in sql.rows(AS_TEXT, documents) if documents else ():
        found[pk].as_text, found[pk].cut = bool(read), cut
    return found


def texts(file_ids: Sequence[str]) -> dict[str, FileText]:
    """What has been read in these for models that take no files."""
    return {text.pk: text for text in rows.fetch(FileText, "file_id {one_of}", file_ids)} if file_ids else {}


KEEP: Final = """INSERT INTO chat_filetext (file_id, text, cut) SELECT id, %s, %s FROM chat_file WHERE id = %s AND state = 'here'
ON CONFLICT DO NOTHING"""


def keep_text(file_id: str, text: str, *, cut: int | None) -> None:
    """Note it, as long as the file is there; it goes with it."""
    sql.run(KEEP, text.replace("\x00", "\ufffd"), cut, file_id)
