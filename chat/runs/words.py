"""What is written in an image, put into the composer as a text: for a model that cannot see."""

import io

from chat import errors
from chat import files as bytes_of
from chat.files import storage
from chat.models import User
from chat.runs import uploads
from chat.runs.uploads import Put, turns
from chat.store import files, pool


def put_in(*, actor: User, use_id: str) -> Put:
    """The words of an image that waits in this person's composer wait there, too. It takes up to a minute. NotFound, and
    InvalidInput where nothing is written in it, or where this server reads no images.
    """
    use = next(iter(files.waiting(actor, [use_id])), None)
    if use is None or not use.file.is_image:
        raise errors.NotFound(files.GONE)
    with turns.one(actor):
        data = storage.read(uploads.place(use.file))
        pool.give_back()
        text = bytes_of.text_in_image(data)
    if not text.strip():
        raise errors.InvalidInput("No text was found in this image.", next="Choose a model that sees images.")
    return uploads.take(actor=actor, source=io.BytesIO(text.encode()), name=f"{use.name}.txt")
