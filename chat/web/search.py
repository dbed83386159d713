"""Search over one's own messages and titles."""

from dataclasses import dataclass
from datetime import datetime

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.http import urlencode
from django.views.decorators.http import require_safe

from chat.store import search
from chat.web import sidebar
from chat.web.decorators import PersonRequest, person_required
from chat.web.fields import value


@dataclass(frozen=True, slots=True)
class Result:
    url: str
    title: str
    pieces: list[search.Piece]
    when: datetime


@require_safe
@person_required
def page(request: PersonRequest) -> HttpResponse:
    """The page, or only the results where htmx asked."""
    q = value(request.GET, "q")
    results = [_result(hit, q) for hit in search.find(actor=request.user, query=q)]
    context = {"q": q, "results": results}
    if request.htmx:
        return render(request, "conversations/results.html", context)
    return render(request, "conversations/search.html", {**context, "searching": True, "sidebar": sidebar.build(request)})


def _result(hit: search.Hit, q: str) -> Result:
    query = {"q": q, **({"at": hit.item_id} if hit.item_id else {})}
    return Result(f"/c/{hit.conversation_id}/?{urlencode(query)}", hit.title, hit.pieces, hit.active)
