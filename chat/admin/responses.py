"""Replies in the panel: the log's list, and one of them, with its text in a frame for whoever has said why."""

import json
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST, require_safe

from chat import errors
from chat.admin import log_form, texts, timeline
from chat.admin.log_page import LogPage, present
from chat.admin.reading import actor, address
from chat.models import Response
from chat.store import access, costs, keyset, listed, logged


@admin.register(Response)
class Responses(LogPage):
    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        values = log_form.typed(request.GET)
        kept = {"title": "Responses", **log_form.context(request, values)}
        return self.page_or_error(request, "panel/responses.html", lambda: self.listing(request, values), **kept)

    def listing(self, request: HttpRequest, values: dict[str, str]) -> dict[str, Any]:
        asked, viewer = log_form.read(request, values), actor(request)
        question = listed.responses(viewer, asked.filters)
        rows, page = listed.page_of_responses(question, asked.cursor)
        after = asked.address(before=listed.written(viewer, page.next)) if page.next else ""
        count = "" if asked.cursor else log_form.said(keyset.count(question), "reply", "replies")
        book = costs.book()
        return {
            "rows": [texts.Row.of(one, book) for one in rows],
            "currency": settings.PRICE_CURRENCY,
            "next": after,
            "looked": page.looked,
            "count": count,
            "first": asked.address(),
            "export": asked.address(of="responses"),
        }

    def routes(self) -> list[Any]:
        one = "<str:response_id>/"
        return [
            self.route(f"{one}change/", require_safe(self.look), "change"),
            self.route(f"{one}open/", require_POST(self.open), "open"),
            self.framed(f"{one}text/", require_GET(self.text), "text"),
            self.framed(f"{one}raw/", require_GET(self.raw), "raw"),
            self.framed(f"{one}replay/", require_GET(self.replay), "replay", plays=True),
        ]

    def look(self, request: HttpRequest, response_id: str) -> HttpResponse:
        one = listed.response(actor(request), response_id)
        deleted = one.conversation is not None and one.conversation.deleted is not None
        context: dict[str, Any] = {"closed": "Its owner has deleted this conversation." if deleted else logged.closed(one)}
        if not context["closed"]:
            context |= self.place(actor(request), one.conversation)
        context["currency"] = settings.PRICE_CURRENCY
        shown = {
            "row": texts.Row.of(one, costs.book()),
            "timeline": timeline.of(one),
            "replays": request.GET.get("show") == "replay",
        }
        return self.page(request, "panel/response.html", title="Response", one=one, **shown, **context)

    def open(self, request: HttpRequest, response_id: str) -> HttpResponse:
        one = listed.response(actor(request), response_id)
        self.ask(request, present(one.conversation))
        return redirect(self.address("change", one.pk))

    def opened(self, request: HttpRequest, response_id: str, what: access.What) -> tuple[access.Allowed, Response]:
        """Its text, once the look is on record; Refused where there is none."""
        one = listed.response(actor(request), response_id)
        conversation = present(one.conversation)
        if reason := logged.closed(one):
            raise errors.Refused(reason, next="What is shown beside this is all.")
        allowed = access.read(actor=actor(request), place=conversation, what=what, about=one.pk, address=address(request))
        return allowed, one

    def text(self, request: HttpRequest, response_id: str) -> HttpResponse:
        allowed, one = self.opened(request, response_id, "response")
        return render(request, "frames/response.html", {"entries": texts.entries(allowed, one.conversation, [one.pk])})

    def raw(self, request: HttpRequest, response_id: str) -> HttpResponse:
        allowed, one = self.opened(request, response_id, "raw")
        (found,) = logged.exchanges(allowed, present(one.conversation), [one.pk])
        data = json.dumps(logged.as_data(found), indent=2, ensure_ascii=False)
        headers = {"X-Content-Type-Options": "nosniff", "Cache-Control": "private, no-store"}
        return HttpResponse(data, content_type="application/json; charset=utf-8", headers=headers)

    def replay(self, request: HttpRequest, response_id: str) -> HttpResponse:
        allowed, one = self.opened(request, response_id, "replay")
        return render(request, "frames/replay.html", {"streams": texts.streams(logged.replayed(allowed, one))})
