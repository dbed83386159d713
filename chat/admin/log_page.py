"""What the log's pages share: the reason that is asked for first, and the frame in which texts stand, under the strict policy."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Final

from csp.constants import NONE, SELF
from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.clickjacking import xframe_options_sameorigin

from chat import errors
from chat.admin.reading import Reading, actor
from chat.models import Conversation, LogMode, Opening
from chat.store import access
from chat.store.access import Place

MODES: Final = dict(LogMode.choices)
FRAME: Final = {
    "default-src": [NONE],
    "style-src": [SELF],
    "img-src": [SELF, "data:"],  # copies of what people sent: no address leads to those
    "form-action": [NONE],
    "base-uri": [NONE],
    "frame-ancestors": [SELF],
    "sandbox": ["allow-top-navigation-by-user-activation"],
}
PLAYED: Final = {**FRAME, "script-src": [SELF], "sandbox": [*FRAME["sandbox"], "allow-scripts"]}


class LogPage(Reading):
    """A noun of the log. Its list is a page of ours, not Django's: that would count a million rows."""

    def within_reach(self, request: HttpRequest) -> Any:
        """None: its pages find what they show through the actor."""
        return self.model._default_manager.none()

    def framed(self, where: str, view: Callable[..., Any], name: str, *, plays: bool = False) -> Any:
        """A route for a text in a frame: what the model and people wrote, where no script of the panel's runs."""

        @xframe_options_sameorigin
        @wraps(view)
        def shown(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            try:
                answer: HttpResponse = view(request, *args, **kwargs)
            except (errors.Refused, errors.InvalidInput) as error:
                answer = render(request, "frames/closed.html", {"error": error}, status=error.status)
            return answer

        return self.route(where, shown, name, policy=PLAYED if plays else FRAME)

    def place(self, viewer: Any, place: Place, *, exports: bool = False) -> dict[str, Any]:
        """What the page says of reading there, or of taking the texts along."""
        now = access.standing(viewer, place, exports=exports)
        return {
            "standing": now,
            "alone": access.alone(viewer, place),
            "everywhere": place is None,
            "refused": None if now.open or now.waits else access.refused(viewer, place, exports=exports),
            "mode": MODES[LogMode(now.mode)].lower(),
            "reasons": Opening.Reason.choices,
            "minutes": settings.ACCESS_MINUTES,
            "consent": settings.ACCESS_CONSENT,
        }

    def ask(self, request: HttpRequest, place: Place, *, exports: bool = False) -> None:
        """Open it, or say what stands against that."""
        sent: dict[str, Any] = {name: request.POST.get(name, "").replace("\x00", "") for name in ("reason", "note")}
        try:
            opening = access.ask(actor=actor(request), place=place, exports=exports, **sent)
        except (errors.Refused, errors.InvalidInput) as error:
            messages.error(request, f"{error.message} {error.next}")
        else:
            if opening.state == Opening.State.ASKED:
                messages.info(request, "Somebody else has to consent now. Your request waits for 24 hours.")

    def page_or_error(self, request: HttpRequest, template: str, make: Callable[[], dict[str, Any]], **kept: Any) -> HttpResponse:
        """The page; with the sentence that says why there is nothing on it, where what the address asks for cannot be."""
        try:
            answer = self.page(request, template, **{**kept, **make()})
        except (errors.InvalidInput, errors.NotFound) as error:
            answer = self.page(request, template, **kept, error=error)
            answer.status_code = error.status
        return answer


def present(conversation: Conversation | None) -> Conversation:
    if conversation is None or conversation.deleted is not None:
        raise Http404
    return conversation
