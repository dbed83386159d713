"""What providers keep: the totals of the ledger, for the owner of the server of all, for whoever looks after teams of those."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_safe

from chat.admin.log_page import LogPage
from chat.admin.reading import actor
from chat.live import keeping
from chat.models import Kept
from chat.policy import can
from chat.store import ledger, listed, totals
from chat.store.totals import Reason, Total

KINDS = {"response": ("reply", "replies"), "file": ("file", "files"), "container": ("container", "containers")}
KINDS |= {"vector_store": ("vector store", "vector stores"), "conversation": ("conversation", "conversations")}
STATES = {"kept": "kept", "due": "being deleted", "remains": "cannot be deleted"}


@admin.register(Kept)
class KeptElsewhere(LogPage):
    @method_decorator(require_safe)
    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        viewer, named = actor(request), request.GET.get("team", "")
        team = listed.team(viewer, named[:60]) if named else None
        found = totals.of(viewer, team)
        context = {
            "rows": [row(one) for one in sorted(found, key=lambda one: (one.server, one.kind, list(STATES).index(one.state)))],
            "first": min((one.first for one in found if ledger.expires_at(one.server)), default=None),
            "last": max((one.last for one in found if ledger.expires_at(one.server)), default=None),
            "team": team,
            "teams": [(one, number(one.count, more=one.more)) for one in totals.by_team(viewer)],
            "most": totals.TEAMS if totals.cut(viewer) else 0,
            "owns": can(viewer, "server.manage", None),
        }
        return self.page(request, "panel/kept.html", title="Kept elsewhere", **context)


def row(one: Total) -> dict[str, Any]:
    names = KINDS.get(one.kind, (one.kind, one.kind))
    return {
        "of": one,
        "told": ledger.expires_at(one.server),
        "place": keeping.place(one.server),
        "count": f"{number(one.count, more=one.more, about=one.about)} {names[one.count != 1]}",
        "state": STATES.get(one.state, one.state),
        "reasons": [why(each, one.state) for each in one.reasons],
    }


def number(count: int, *, more: bool, about: bool = False) -> str:
    return f"{'more than ' if more else 'about ' if about else ''}{count:,}"


def why(reason: Reason, state: str) -> str:
    """In a sentence: what waits for its turn, or what the last try met."""
    if not reason.said:
        return f"{reason.count:,} {'waits' if reason.count == 1 else 'wait'} to be deleted." if state == "due" else ""
    tried = "tried once" if reason.tries == 1 else f"tried up to {reason.tries:,} times"
    return f"{reason.count:,}, {tried}: {reason.said}"
