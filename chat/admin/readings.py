"""Who has read whose conversations, for the owner of the server: the chain that `manage.py verify_access_log` checks."""

from typing import Any

from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse

from chat.admin.reading import Reading, actor
from chat.models import AccessRow
from chat.policy import can, conversations_logged_for
from chat.store import readings


@admin.register(AccessRow)
class Readings(Reading):
    def within_reach(self, request: HttpRequest) -> Any:
        return self.model._default_manager.none()  # the list is found otherwise

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        if not can(actor(request), "server.manage", None):
            raise Http404
        before = request.GET.get("before", "")
        if before and not (before.isascii() and before.isdecimal() and len(before) < 19):
            raise Http404
        rows, more = readings.page(before=int(before) if before else None)
        there = conversations_logged_for(actor(request)).filter(pk__in={one.conversation for one in rows})
        context = {"there": set(there.values_list("pk", flat=True)), "next": rows[-1].number if more else None}
        return self.page(request, "panel/readings.html", title="Who has read", rows=rows, **context)
