"""Where is this kept? One's own ledger of what providers keep."""

from collections.abc import Iterable
from typing import Any, Final

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from chat import errors
from chat.live import keeping
from chat.models import Kept
from chat.store import ledger
from chat.store.ledger import Held
from chat.web.decorators import PersonRequest, person_required
from chat.web.fields import value

MOST: Final = 50


def held(found: Iterable[Held]) -> list[dict[str, Any]]:
    """For templates: each with the name of its place."""
    return [{"place": keeping.place(one.server), "of": one} for one in found]


@require_safe
@person_required
def page(request: PersonRequest) -> HttpResponse:
    """Every object, what was kept last first."""
    cursor = value(request.GET, "before", most=20)
    if cursor and not (cursor.isascii() and cursor.isdigit() and len(cursor) < 19):
        raise errors.InvalidInput("There is no such page.", next="Begin at the first.")
    rows = ledger.page(request.user, before=int(cursor) if cursor else None, most=MOST + 1)
    context = {
        "kept": [_shown(row) for row in rows[:MOST]],
        "more_url": f"?before={rows[MOST - 1].pk}" if len(rows) > MOST else "",
        "held": held(ledger.held_by(request.user)),
    }
    return render(request, "storing/kept.html", context)


def _shown(row: Kept) -> dict[str, Any]:
    there = row.conversation if row.conversation is not None and row.conversation.deleted is None else None
    place = {"place": keeping.place(row.server), "expires": ledger.expires_at(row.server)}
    return {"row": row, "conversation": there, **place}
