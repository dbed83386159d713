"""/mentions/: where one is named."""

from typing import Final

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from chat.models import Mention
from chat.store import mentions, wording
from chat.web import sidebar
from chat.web.decorators import PersonRequest, person_required

MOST: Final = 100
FIRST_WORDS: Final = 160  # characters


@require_safe
@person_required
def page(request: PersonRequest) -> HttpResponse:
    found = mentions.newest(request.user, most=MOST)
    context = {
        "mentions": [_shown(wordings) for wordings in found],
        "most": MOST if sum(map(len, found)) == MOST else None,
        "sidebar": sidebar.build(request),
    }
    return render(request, "mentions/page.html", context)


def _shown(wordings: list[Mention]) -> dict[str, object]:
    mention = wordings[0]
    said = " ".join(wording.words(mention.item.wire).split())
    author = mention.item.author
    return {
        "url": f"{mention.conversation.url}?at={mention.item_id}",
        "who": author.shown_name if author else "Somebody who has left",
        "title": mention.conversation.title,
        "words": said if len(said) <= FIRST_WORDS else f"{said[:FIRST_WORDS]}…",
        "when": mention.created,
        "seen": all(wording.seen is not None for wording in wordings),
    }
