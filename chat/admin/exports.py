"""Exports of the log: what a list shows, taken along; at once where it is little, else made in the background."""

from typing import Any, Final

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from chat import errors
from chat.admin import log_form
from chat.admin.log_page import LogPage
from chat.admin.reading import actor, address
from chat.live.streamed import as_file
from chat.models import Export
from chat.models.ids import export_id as new_id
from chat.runs import log_file
from chat.store import exported, exports, keyset, listed, log_exports
from chat.store.log_exports import LISTS, Wanted

KINDS: Final = {"csv": "text/csv; charset=utf-8", "jsonl": "application/jsonl; charset=utf-8"}
ONLY_REPLIES: Final = ("conversation", "model", "status", "tool", "first", "total", "tokens", "cost", "counted")


@admin.register(Export)
class Exports(LogPage):
    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        rows = [self.line(request, one) for one in log_exports.of(actor(request))]
        making = any(row["one"].unfinished for row in rows)
        return self.page(request, "panel/exports.html", title="Exports", rows=rows, making=making)

    def line(self, request: HttpRequest, one: Export) -> dict[str, Any]:
        """How far it is; with texts, whether the time to read them is open."""
        asked = log_exports.wanted(one.asked)
        row: dict[str, Any] = {"one": one, "format": asked.format, "what": LISTS[asked.of][1]}
        if asked.texts and one.state == Export.State.READY and one.opening is not None:
            try:
                row |= self.place(actor(request), exported.place(one.opening), exports=True)
            except errors.NotFound:
                row["gone"] = True
        return row

    def routes(self) -> list[Any]:
        one = "<str:export_id>/"
        return [
            self.route("new/", require_safe(self.new), "new"),
            self.route("make/", require_POST(self.make), "make"),
            self.route("open/", require_POST(self.open), "open"),
            self.route(f"{one}open/", require_POST(self.open_again), "again"),
            self.route(f"{one}fetch/", require_POST(self.fetch), "fetch"),
            self.route(f"{one}remove/", require_POST(self.remove), "remove"),
        ]

    def new(self, request: HttpRequest) -> HttpResponse:
        """What would be taken along, and the reason that is asked for its texts first."""
        of, values = typed(request.GET)
        return self.page_or_error(request, "panel/export.html", lambda: self.offer(request, of, values), **about(of, values))

    def offer(self, request: HttpRequest, of: str, values: dict[str, str]) -> dict[str, Any]:
        who, asked = actor(request), self.asked(request, of, values, "jsonl")
        count = keyset.count(log_exports.question(who, asked))
        carried = [("of", of), *((name, value) for name, value in values.items() if value)]
        context: dict[str, Any] = {"carried": carried, "count": log_form.said(count, *LISTS[of]), "few": log_exports.FEW}
        try:
            context |= self.place(who, log_exports.place(who, asked), exports=True)
        except errors.InvalidInput as error:
            context["apart"] = error
        return context

    def asked(self, request: HttpRequest, of: str, values: dict[str, str], format: str) -> Wanted:
        return log_exports.want(actor(request), of=of, format=format, filters=log_form.read(request, values).filters)

    def make(self, request: HttpRequest) -> HttpResponseBase:
        of, values = typed(request.POST)
        try:
            asked = self.asked(request, of, values, request.POST.get("format", ""))
            return self.made(request, asked)
        except (errors.Refused, errors.Conflict) as error:
            messages.error(request, f"{error.message} {error.next}")
            return redirect(f"{self.address('new')}{log_form.written({'of': of, **values})}")
        except errors.InvalidInput as error:
            answer = self.page(request, "panel/export.html", error=error, **about(of, values))
            answer.status_code = error.status
            return answer

    def made(self, request: HttpRequest, asked: Wanted) -> HttpResponseBase:
        """Sent now, or a row that says that it is due."""
        who, from_ = actor(request), address(request)
        count = keyset.count(log_exports.question(who, asked))
        said = log_form.said(count, *LISTS[asked.of]).lower()
        if not log_exports.few(who, asked, count):
            log_exports.request(who, asked, count=count, said=said, address=from_)
            return redirect(self.address("changelist"))
        opening = log_exports.begin(who, asked, count=said)
        pieces = log_file.at_once(who, asked, opening, about=new_id(), address=from_)
        return as_file(pieces, name=named(asked), kind=KINDS[asked.format])

    def open(self, request: HttpRequest) -> HttpResponse:
        of, values = typed(request.POST)
        asked = self.asked(request, of, values, "jsonl")
        self.ask(request, log_exports.place(actor(request), asked), exports=True)
        return redirect(f"{self.address('new')}{log_form.written({'of': of, **values})}")

    def open_again(self, request: HttpRequest, export_id: str) -> HttpResponse:
        found = log_exports.find(actor=actor(request), export_id=export_id)
        if found.opening is None:
            raise errors.NotFound
        self.ask(request, exported.place(found.opening), exports=True)
        return redirect(self.address("changelist"))

    def fetch(self, request: HttpRequest, export_id: str) -> HttpResponseBase:
        try:
            found = log_exports.fetch(actor=actor(request), export_id=export_id, address=address(request))
        except errors.Refused as error:
            messages.error(request, f"{error.message} {error.next}")
            return redirect(self.address("changelist"))
        asked = log_exports.wanted(found.asked)
        request.META.pop("HTTP_ACCEPT_ENCODING", None)  # its length is told
        return as_file(log_exports.chunks(found.owner_id, found), name=named(asked), kind=KINDS[asked.format], size=found.bytes)

    def remove(self, request: HttpRequest, export_id: str) -> HttpResponse:
        exports.remove(actor=actor(request), export_id=listed.key(export_id), kind=Export.Kind.LOG)
        messages.success(request, "The export is deleted.")
        return redirect(self.address("changelist"))


def typed(data: QueryDict) -> tuple[str, dict[str, str]]:
    """Which list, and what it is narrowed by."""
    of, values = data.get("of", ""), log_form.typed(data)
    if of not in LISTS:
        raise errors.NotFound
    return of, values if of == "responses" else {**values, **dict.fromkeys(ONLY_REPLIES, "")}


def about(of: str, values: dict[str, str]) -> dict[str, Any]:
    """What the page says of it in any case."""
    back = reverse(f"admin:chat_{of[:-1]}_changelist") + log_form.written(values)
    return {"title": "Export", "of": of, "values": values, "narrowed": any(values.values()), "back": back}


def named(asked: Wanted) -> str:
    return f"parley-{asked.of}-{timezone.now():%Y-%m-%d}.{asked.format}"
