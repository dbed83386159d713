"""What a composer says before an image goes to a model that cannot see it, and the words in it, to be sent instead."""

from typing import Final

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_POST, require_safe

from chat import files as bytes_of
from chat import providers
from chat.runs import capabilities, words
from chat.store import files
from chat.web.conversations import MODEL_LENGTH
from chat.web.decorators import PersonRequest, person_required
from chat.web.fields import value

MOST: Final = 20  # images of one composer that are named


@require_safe
@person_required
def line(request: PersonRequest) -> HttpResponse:
    """Nothing, where the model that is chosen sees images, or none waits."""
    model = value(request.GET, "model", most=MODEL_LENGTH) or providers.default_model()
    ids = [pk.replace("\x00", "")[:40] for pk in request.GET.getlist("files")[:MOST]]
    images = [use for use in files.waiting(request.user, ids) if use.file.is_image]
    sight = capabilities.sight(providers.current(), model) if images else capabilities.Sight()
    context = {"model": model, "sight": sight, "images": images if bytes_of.ocr_here() else []}
    return render(request, "files/sight.html", context if sight.can is False else {})


@require_POST
@person_required
def put_in_words(request: PersonRequest, use_id: str) -> HttpResponse:
    """What is written in an image that waits, as a text beside it: its line in the composer."""
    put = words.put_in(actor=request.user, use_id=use_id)
    return render(request, "files/held.html", {"use": put.use, "file": put.use.file, "changed": put.changed})
