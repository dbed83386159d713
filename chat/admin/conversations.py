"""Conversations in the panel: the log's list, and one of them as a transcript with its branches, for whoever has said why."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST, require_safe

from chat import errors
from chat.admin import log_form, texts
from chat.admin.log_page import LogPage
from chat.admin.reading import actor, address
from chat.models import Conversation
from chat.store import access, keyset, listed, logged
from chat.store.keyset import Question


@admin.register(Conversation)
class Conversations(LogPage):
    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        values = {**log_form.typed(request.GET), **dict.fromkeys(log_form.OF_REPLIES, "")}
        kept = {"title": "Conversations", **log_form.context(request, values)}
        return self.page_or_error(request, "panel/conversations.html", lambda: self.listing(request, values), **kept)

    def listing(self, request: HttpRequest, values: dict[str, str]) -> dict[str, Any]:
        asked, viewer = log_form.read(request, values), actor(request)
        question: Question = listed.conversations(viewer, asked.filters)
        rows, page = listed.page_of_conversations(question, asked.cursor)
        after = asked.address(before=listed.written(viewer, page.next)) if page.next else ""
        count = "" if asked.cursor else log_form.said(keyset.count(question), "conversation", "conversations")
        return {
            "rows": rows,
            "next": after,
            "looked": page.looked,
            "count": count,
            "first": asked.address(),
            "export": asked.address(of="conversations"),
        }

    def routes(self) -> list[Any]:
        one = "<str:conversation_id>/"
        return [
            self.route(f"{one}change/", require_safe(self.look), "change"),
            self.route(f"{one}open/", require_POST(self.open), "open"),
            self.framed(f"{one}text/", require_GET(self.text), "text"),
        ]

    def look(self, request: HttpRequest, conversation_id: str) -> HttpResponse:
        one = listed.conversation(actor(request), conversation_id)
        at = self.at(request, one)
        context = {"at": at, "exactly": "exactly" in request.GET, "one": one, **self.place(actor(request), one)}
        return self.page(request, "panel/conversation.html", title="Conversation", **context)

    def at(self, request: HttpRequest, conversation: Conversation) -> str:
        """The Response that the address names, if it is one of this conversation's; NotFound for any other."""
        named = request.GET.get("at", "")
        if named and not logged.holds(conversation, named):
            raise errors.NotFound
        return named

    def open(self, request: HttpRequest, conversation_id: str) -> HttpResponse:
        one = listed.conversation(actor(request), conversation_id)
        self.ask(request, one)
        return redirect(self.address("change", one.pk))

    def text(self, request: HttpRequest, conversation_id: str) -> HttpResponse:
        one = listed.conversation(actor(request), conversation_id)
        at = self.at(request, one)
        allowed = access.read(actor=actor(request), place=one, what="transcript", about=at or one.pk, address=address(request))
        ids, earlier = logged.branch(allowed, one, at=at, exactly="exactly" in request.GET)
        context = {"entries": texts.entries(allowed, one, ids), "earlier": earlier, "title": logged.title(allowed, one)}
        return render(request, "frames/transcript.html", {**context, "conversation": one})
