"""What is written in an image, put into the composer as a text, for a model that cannot see; what stands in a document, for one
that takes no files.
"""

import io
from collections.abc import Callable
from enum import Enum
from threading import Lock

from chat import errors
from chat import files as bytes_of
from chat.files import storage
from chat.models import File, FileText, User
from chat.runs import passing, sending, uploads
from chat.runs.uploads import Put, turns
from chat.store import files, pool, talk_files
from chat.store.talk import Talk, TalkFile

_read_now: set[str] = set()
_lock = Lock()


class Unread(Enum):
    """Why there is no text of a document: somebody else here is just about to read it, or a child came to no end with it."""

    JUST_NOW = "just now"
    NO_END = "no end"


def put_in(*, actor: User, use_id: str) -> Put:
    """The words of an image that waits in this person's composer wait there, too. It takes up to a minute. NotFound, and
    InvalidInput where nothing is written in it, or where this server reads no images.
    """
    use = next(iter(files.waiting(actor, [use_id])), None)
    if use is None or not use.file.is_image:
        raise errors.NotFound(files.GONE)
    source = _written_in(actor, lambda: storage.read(uploads.place(use.file)))
    return uploads.take(actor=actor, source=source, name=f"{use.name}.txt", composer=use.place)


def pass_on(*, actor: User, talk: Talk | None, file_id: str) -> TalkFile:
    """The same in a temporary conversation: in memory alone."""
    file = next((one for one in talk_files.waiting(actor, talk) if one.id == file_id and one.is_image), None)
    if file is None:
        raise errors.NotFound(talk_files.GONE)
    source = _written_in(actor, lambda: talk_files.whole(talk_files.place(actor, talk), file_id))
    return passing.put(actor=actor, talk=talk, source=source, name=f"{file.name}.txt")


def _written_in(actor: User, read: Callable[[], bytes]) -> io.BytesIO:
    with turns.one(actor):
        data = read()
        pool.give_back()
        text = bytes_of.text_in_image(data)
    if not text.strip():
        raise errors.InvalidInput("No text was found in this image.", next="Choose a model that sees images.")
    return io.BytesIO(text.encode())


def read(*, actor: User, file: File) -> FileText | Unread:
    """What a model would read of this document, found now and kept. It takes up to a minute. Busy, FilesAway, NotFound."""
    if sending.is_put_off(file):
        return Unread.NO_END
    with _lock:
        if file.pk in _read_now:
            return Unread.JUST_NOW
        _read_now.add(file.pk)
    try:
        with turns.one(actor):
            pool.give_back()
            pages = sending.pages_of(file)
        if pages is None:
            return Unread.NO_END
        text = sending.joined(pages)
        files.keep_text(file.pk, text.text, cut=text.cut)
        return text
    finally:
        with _lock:
            _read_now.discard(file.pk)
