"""What a composer says before files go to a model that cannot take them as they are: an image that it does not see, a document
that it reads as text, and the words in an image, to be sent instead.
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from chat import errors, providers
from chat import files as bytes_of
from chat.models import FileText, FileUse, User
from chat.runs import capabilities, sending, words
from chat.runs.words import Unread
from chat.store import files, talk_files, talks
from chat.web import waiting
from chat.web.conversations import MODEL_LENGTH
from chat.web.decorators import PersonRequest, person_required, unspoken
from chat.web.fields import value

MOST: Final = 20  # files of one composer that are told of


class Document(NamedTuple):
    """One that is read as text: whether there is any, None where that is still being found out; `cut`: the page on which it is
    cut; `unread`: it could not be read in time.
    """

    name: str
    text: bool | None
    pages: int | None = None
    cut: int | None = None
    unread: bool = False


class Readable(NamedTuple):
    """An image whose words can be had at `url`."""

    name: str
    url: str


@require_safe
@person_required
def line(request: PersonRequest) -> HttpResponse:
    """Nothing, where the model that is chosen takes everything that waits as it is."""
    ids = named(request)
    uses = sorted(files.waiting(request.user, ids), key=lambda use: ids.index(use.pk))
    images = [use for use in uses if use.file.is_image]
    can = capabilities.found(providers.current())
    documents = _read(request.user, [use for use in uses if capabilities.reads(can, use.file.kind, use.file.type)])
    return _said(request, images, documents, [Readable(use.name, reverse("words", args=[use.pk])) for use in images])


@require_safe
@person_required
@unspoken
def line_passing(request: PersonRequest, temporary_id: str | None = None) -> HttpResponse:
    """The same in a temporary conversation, where documents have been read when they came."""
    talk = talks.find(actor=request.user, talk_id=temporary_id) if temporary_id is not None else None
    ids, can = named(request), capabilities.found(providers.current())
    held = [file for file in talk_files.waiting(request.user, talk) if file.id in ids]
    documents = [
        Document(file.name, bool(file.characters), file.pages, file.cut, file.unread)
        for file in held
        if capabilities.reads(can, file.kind, file.type)
    ]
    images = [file for file in held if file.is_image]
    readable = [Readable(file.name, f"{waiting.base(talk)}{file.id}/words/") for file in images]
    return _said(request, images, documents, readable)


def named(request: PersonRequest) -> list[str]:
    """What the composer holds."""
    return [pk.replace("\x00", "")[:40] for pk in request.GET.getlist("files")[:MOST]]


def _said(
    request: PersonRequest, images: Sequence[object], documents: Sequence[Document], readable: Sequence[Readable]
) -> HttpResponse:
    model = value(request.GET, "model", most=MODEL_LENGTH) or providers.default_model()
    sight = capabilities.sight(providers.current(), model) if images else capabilities.Sight()
    context: dict[str, Any] = {"documents": documents, "again": any(one.text is None for one in documents)}
    if sight.can is False:
        context |= {"model": model, "sight": sight, "images": readable if bytes_of.ocr_here() else []}
    return render(request, "files/sight.html", context)


def _read(actor: User, uses: Sequence[FileUse]) -> list[Document]:
    """Documents, of which one is read now, where that has not been done: the page asks again for the others."""
    known = files.texts([use.file_id for use in uses])
    found, reads = [], True
    for use in uses:
        text: FileText | Unread = known.get(use.file_id) or Unread.JUST_NOW
        if isinstance(text, Unread) and reads:
            reads = sending.is_put_off(use.file)
            try:
                text = words.read(actor=actor, file=use.file)
            except (errors.FilesAway, errors.NotFound):
                continue
            except errors.Busy:  # the page asks again
                pass
        found.append(_document(use, text))
    return found


def _document(use: FileUse, text: FileText | Unread) -> Document:
    match text:
        case Unread.JUST_NOW:
            return Document(use.name, None)
        case Unread.NO_END:
            return Document(use.name, False, unread=True)
        case _:
            return Document(use.name, bool(text.text), use.file.pages, text.cut)


@require_POST
@person_required
def put_in_words(request: PersonRequest, use_id: str) -> HttpResponse:
    """What is written in an image that waits, as a text beside it: its line in the composer."""
    put = words.put_in(actor=request.user, use_id=use_id)
    return render(request, "files/held.html", {"line": waiting.line(put)})


@require_POST
@person_required
@unspoken
def put_in_words_passing(request: PersonRequest, file_id: str, temporary_id: str | None = None) -> HttpResponse:
    """The same in a temporary conversation."""
    talk = talks.find(actor=request.user, talk_id=temporary_id) if temporary_id is not None else None
    file = words.pass_on(actor=request.user, talk=talk, file_id=file_id)
    return render(request, "files/held.html", {"line": waiting.passing(talk, file)})
