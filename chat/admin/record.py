"""The record of what owners and admins did: for the owner of the server all of it, for whoever looks after teams what concerns
those. Taking it along is on it, too.
"""

from typing import Any, Final

from django.contrib import admin
from django.http import HttpRequest, HttpResponse, QueryDict
from django.utils import timezone
from django.views.decorators.http import require_POST

from chat import errors
from chat.admin import log_form
from chat.admin.log_page import LogPage
from chat.admin.reading import actor
from chat.live.streamed import Streamed, as_file
from chat.models import AdminAct
from chat.policy import can, teams_managed_by
from chat.store import keyset, listed, record, trail
from chat.store.trail import Filters

FIELDS: Final = ("who", "what", "whom", "team", "from", "to")
FORMS: Final = {"csv": "text/csv; charset=utf-8", "jsonl": "application/x-ndjson; charset=utf-8"}
LONGEST: Final = 150  # characters of what is typed


@admin.register(AdminAct)
class Record(LogPage):
    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        values = typed(request.GET)
        teams = teams_managed_by(actor(request)).order_by("name", "pk").values_list("pk", "name")[: log_form.TEAMS]
        kept = {"title": "Record", "values": values, "asked": any(values.values()), "teams": list(teams)}
        kept |= {"words": record.WORDS, "owns": can(actor(request), "server.manage", None)}
        return self.page_or_error(request, "panel/record.html", lambda: self.listing(request, values), **kept)

    def listing(self, request: HttpRequest, values: dict[str, str]) -> dict[str, Any]:
        viewer, filters = actor(request), read(request, values)
        cursor = listed.cursor(viewer, request.GET.get("before", "")[:200])
        question = trail.question(viewer, filters)
        rows, page = trail.page(viewer, question, cursor)
        here = log_form.Asked(values, listed.Filters(), cursor)
        return {
            "rows": rows,
            "next": here.address(before=listed.written(viewer, page.next)) if page.next else "",
            "looked": page.looked,
            "count": "" if cursor else log_form.said(keyset.count(question), "act", "acts"),
            "first": here.address(),
        }

    def routes(self) -> list[Any]:
        return [self.route("export/", require_POST(self.export), "export")]

    def export(self, request: HttpRequest) -> Streamed:
        viewer, form = actor(request), request.POST.get("form", "")
        if form not in FORMS:
            raise errors.InvalidInput("Choose CSV or JSON lines.", param="form")
        filters = read(request, typed(request.POST))
        trail.begin(viewer, filters, form)
        name = f"parley-record-{timezone.localdate()}.{form}"
        return as_file(trail.exported(viewer, filters, form), name=name, kind=FORMS[form])


def typed(data: QueryDict) -> dict[str, str]:
    return {name: data.get(name, "").strip()[: LONGEST + 1] for name in FIELDS}


def read(request: HttpRequest, values: dict[str, str]) -> Filters:
    """InvalidInput for what is none of our form's, NotFound for what is out of reach."""
    viewer = actor(request)
    for name, value in values.items():
        if not value.isprintable() or len(value) > LONGEST or (name == "what" and value not in ("", *record.WORDS)):
            raise errors.InvalidInput("The record cannot be narrowed by that.", param=name)
    return Filters(
        who=trail.somebody(viewer, values["who"]) if values["who"] else "",
        whom=trail.somebody(viewer, values["whom"]) if values["whom"] else "",
        what=values["what"],
        team=listed.team(viewer, values["team"]) if values["team"] else None,
        since=log_form.moment(values["from"]),
        until=log_form.moment(values["to"], end=True),
    )
