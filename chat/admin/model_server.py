"""What the model server was found to do, and asking it again. For the owner of the server."""

from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_safe

from chat import providers
from chat.admin.reading import Reading, actor
from chat.models import Probe
from chat.providers.probing import CAPABILITIES
from chat.store import probes, server

OLDER = 20
WARNING = (
    "About 25 small requests go to {server}, over some seconds up to a few minutes; it bills them like any others. "
    "What they make there is deleted again. Nobody’s words are in them."
)


@admin.register(Probe)
class ModelServer(Reading):
    def within_reach(self, request: HttpRequest) -> Any:
        return probes.of(actor(request))

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        return self.look(request)

    def routes(self) -> list[Any]:
        return [
            self.route("now/", require_http_methods(["GET", "HEAD", "POST"])(self.now), "now"),
            self.route("<int:number>/change/", require_safe(self.older), "change"),
        ]

    def look(self, request: HttpRequest) -> HttpResponse:
        """The newest of the server that is connected now."""
        there = self.within_reach(request).filter(state=Probe.State.READY)
        return self.shown(request, there.filter(server=providers.server()).first())

    def older(self, request: HttpRequest, number: int) -> HttpResponse:
        return self.shown(request, probes.find(actor=actor(request), number=number))

    def shown(self, request: HttpRequest, probe: Probe | None) -> HttpResponse:
        every = self.within_reach(request)
        newest = every.first()
        under_way = every.filter(state__in=Probe.UNFINISHED).first()
        context = {
            "title": "Model server",
            "server": providers.server(),
            "probe": probe,
            "rows": rows(probe) if probe is not None else [],
            "obeyed": obeyed(),
            "under_way": under_way,
            "left": under_way is not None and probes.is_left(under_way),
            "failed": newest if newest is not None and newest.state == Probe.State.FAILED else None,
            "older": [one for one in every.filter(state=Probe.State.READY)[:OLDER] if probe is None or one.pk != probe.pk],
        }
        return self.page(request, "panel/model_server.html", **context)

    def now(self, request: HttpRequest) -> HttpResponse:
        """Ask: what it costs is said before."""
        server.manage(actor(request))
        back = self.address("changelist")
        if request.method != "POST":
            warning = WARNING.format(server=providers.server())
            return self.page(
                request, "panel/sure.html", title="Probe the model server", warning=warning, label="Probe now", back=back
            )
        if not probes.request(actor=actor(request), server=providers.server()):
            messages.info(request, "The model server is being asked already.")
        return redirect(back)


def obeyed() -> str:
    """What follows from the newest probe, or from the operator's word that stands above it."""
    if settings.OPENAI_BACKGROUND is not None:
        word = "on" if settings.OPENAI_BACKGROUND else "off"
        return f"Replies that are stored go on in the background or not as OPENAI_BACKGROUND says, which is {word}."
    found = probes.capabilities(providers.server())
    if found.get("background") and found.get("reattach"):
        return "So replies that are stored go on there in the background: one whose process here dies is taken up where it was."
    return "So replies are not asked for in the background: one whose process here dies is marked as interrupted."


def rows(probe: Probe) -> list[dict[str, object]]:
    """Its lines, in the order of the list; what an older version asked about stands last."""
    order = [*(name for name in CAPABILITIES if name in probe.found), *(name for name in probe.found if name not in CAPABILITIES)]
    return [{"words": CAPABILITIES.get(name, name), **probe.found[name]} for name in order]
