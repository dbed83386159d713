"""/mentions/: where one is named."""

from typing import Final

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from chat.models import Mention
from chat.store import mentions, messages
from chat.web import sidebar
from chat.web.decorators import PersonRequest, person_required

MOST: Final = 100
FIRST_WORDS: Final = 160  # characters


@require_safe
@person_required
def page(request: PersonRequest) -> HttpResponse:
    found = [_shown(mention) for mention in mentions.newest(request.user, most=MOST)]
    return render(request, "mentions/page.html", {"mentions": found, "most": MOST, "sidebar": sidebar.build(request)})


def _shown(mention: Mention) -> dict[str, object]:
    said = " ".join(messages.words(mention.item.wire).split())
    author = mention.item.author
    return {
        "url": f"{mention.conversation.url}?at={mention.item_id}",
        "who": author.shown_name if author else "Somebody who has left",
        "title": mention.conversation.title,
        "words": said if len(said) <= FIRST_WORDS else f"{said[:FIRST_WORDS]}…",
        "when": mention.created,
        "seen": mention.seen is not None,
    }
