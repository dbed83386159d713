"""Addresses that people name, of images and documents: what is there is fetched by this server and then treated as an upload. No
provider and no browser goes there.
"""

import io
from typing import Final, NamedTuple

from asgiref.sync import async_to_sync

from chat import errors
from chat.egress import fetching
from chat.files import sniff
from chat.models import User
from chat.runs import passing, uploads
from chat.runs.shares import Share
from chat.runs.uploads import Put
from chat.store import pool
from chat.store.talk import Talk, TalkFile

AT_ONCE: Final = 8  # addresses that one process fetches; each holds up to `fetching.MOST` bytes, twice where they are packed
EACH: Final = 2  # of these for one person


class Brought(NamedTuple):
    data: bytes
    name: str


_ways: Final = Share(
    EACH,
    "Other addresses of yours are still being fetched.",
    all=AT_ONCE,
    ours="This server fetches too many addresses just now.",
)


def bring(*, actor: User, url: str, images_only: bool = False) -> Brought:
    """The bytes of an image, or of a document, at this address. It takes up to 15 s; no connection to the database waits with it.

    AddressRefused or FarEndFailed, with a sentence; InvalidInput, where something else is there; Busy.
    """
    with _ways.one(actor):
        pool.give_back()
        found = async_to_sync(fetching.fetch)(url.strip(), whose=actor.pk)
        data = found.unpacked()
    kinds = ("image",) if images_only else ("image", "document")
    if sniff.form_of(data[: sniff.HEAD]).kind not in kinds:
        what = "image" if images_only else "image or document"
        raise errors.InvalidInput(f"At that address of {found.host} is a page or a text, no {what}.", next=WHERE)
    return Brought(data, found.name)


WHERE: Final = "Copy the address of the image itself: in most browsers, by a click on it with the right button."


def take(*, actor: User, url: str, composer: str = "") -> Put:
    """As `uploads.take`, of what is at this address."""
    data, name = bring(actor=actor, url=url)
    return uploads.take(actor=actor, source=io.BytesIO(data), name=name, composer=composer)


def pass_on(*, actor: User, talk: Talk | None, url: str) -> TalkFile:
    """As `passing.put`, for a temporary conversation."""
    data, name = bring(actor=actor, url=url)
    return passing.put(actor=actor, talk=talk, source=io.BytesIO(data), name=name)
