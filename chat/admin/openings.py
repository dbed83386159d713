"""Reasons to read: what waits for somebody's consent, and the search of texts, which wants a reason of its own."""

from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from chat import errors
from chat.admin.log_page import LogPage
from chat.admin.reading import actor, address
from chat.models import Opening, Team
from chat.policy import can, teams_managed_by
from chat.store import access, listed, log_search


@admin.register(Opening)
class Openings(LogPage):
    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        waiting = access.asked(actor(request))[:100]
        return self.page(request, "panel/requests.html", title="Requests to read", waiting=waiting, viewer=actor(request))

    def routes(self) -> list[Any]:
        return [
            self.route("<str:opening_id>/decide/", require_POST(self.decide), "decide"),
            self.route("search/", require_safe(self.search), "search"),
            self.route("search/open/", require_POST(self.open), "open"),
            self.framed("search/found/", require_POST(self.results), "found"),
        ]

    def decide(self, request: HttpRequest, opening_id: str) -> HttpResponse:
        grant = request.POST.get("grant") == "yes"
        try:
            one = access.decide(actor=actor(request), opening_id=listed.key(opening_id), grant=grant)
        except errors.Refused as error:
            messages.error(request, f"{error.message} {error.next}")
        else:
            done = "may read it now" if grant else "may not read it"
            messages.success(request, f"{one.reader.shown_name} {done}.")
        return redirect(self.address("changelist"))

    def where(self, request: HttpRequest, named: str) -> Team | None:
        """What is searched: a team of theirs, or everything, for the owner of the server; NotFound for any other."""
        if named:
            return listed.team(actor(request), named)
        return None

    def search(self, request: HttpRequest) -> HttpResponse:
        """Where something can be searched for, and the reason that is asked for there first."""
        viewer, named = actor(request), request.GET.get("team", "")
        everything = can(viewer, "server.manage", None)
        teams = list(teams_managed_by(viewer).order_by("name", "pk")[:200])
        if not named and not everything and len(teams) == 1:
            named = teams[0].pk
        chosen = named or everything
        context: dict[str, Any] = {"teams": teams, "team": named, "everything": everything, "chosen": chosen}
        if chosen:
            place = self.where(request, named)
            context |= self.place(viewer, place)
            context["where"] = place
        return self.page(request, "panel/search.html", title="Search texts", **context)

    def open(self, request: HttpRequest) -> HttpResponse:
        named = request.POST.get("team", "")
        self.ask(request, self.where(request, named))
        return redirect(f"{self.address('search')}{f'?team={named}' if named else ''}")

    def results(self, request: HttpRequest) -> HttpResponse:
        viewer, words = actor(request), request.POST.get("q", "").replace("\x00", "").strip()[:300]
        place = self.where(request, request.POST.get("team", ""))
        if not words:
            raise errors.InvalidInput("Say what to look for.", next="Write it above.")
        allowed = access.read(actor=viewer, place=place, what="search", address=address(request), words=words)
        places, over = log_search.find(allowed, team=place, query=words)
        conversations = list({one.conversation.pk: one.conversation for one in places}.values())
        access.found(actor=viewer, opening_id=allowed.opening, conversations=conversations, address=address(request))
        return render(request, "frames/found.html", {"places": places, "words": words, "over": over})
