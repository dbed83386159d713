"""That what has expired is removed: when all of it was gone last, and what went. For the owner of the server."""

from typing import Any

from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_safe

from chat.admin.reading import Reading, actor
from chat.models import Purge
from chat.runs.purge import WORDS
from chat.store import purges

SHOWN = 24


@admin.register(Purge)
class Upkeep(Reading):
    def within_reach(self, request: HttpRequest) -> Any:
        return purges.of(actor(request))

    @method_decorator(require_safe)
    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        found = list(self.within_reach(request)[:SHOWN])
        last = found[0] if found else None
        shown = [(one, said(one)) for one in found]
        bounds = {"undo": settings.UNDO_MINUTES, "retention": settings.RESPONSE_RETENTION_DAYS}
        context = {**bounds, "last": last, "said": said(last) if last else "", "late": purges.is_late(last), "purges": shown}
        return self.page(request, "panel/upkeep.html", title="Upkeep", **context)


def said(purge: Purge) -> str:
    """What went, in words."""
    went = [f"{count:,} {WORDS.get(name, name)}" for name, count in purge.counts.items() if count]
    return ", ".join(went) or "nothing had expired"
