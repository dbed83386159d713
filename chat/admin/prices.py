"""Prices of models in the panel, for the owner of the server: entered, changed, removed, each on record."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_safe

from chat import errors
from chat.admin.reading import Reading, actor
from chat.models import Price
from chat.store import overview, prices
from chat.store.prices import Typed, plain

FIELDS = ("model", "from_date", "input", "output", "cached_input")
LONGEST = 300  # characters of a field: more than any may have
ASKED = ["GET", "HEAD", "POST"]


@admin.register(Price)
class Prices(Reading):
    def within_reach(self, request: HttpRequest) -> Any:
        return prices.within_reach(actor(request))

    def get_urls(self) -> list[Any]:
        one = "<int:price_id>/"
        return [
            self.route("", require_safe(self.all), "changelist"),
            self.route("add/", require_http_methods(ASKED)(self.add), "add"),
            self.route(f"{one}change/", require_http_methods(ASKED)(self.change), "change"),
            self.route(f"{one}remove/", require_http_methods(ASKED)(self.remove), "remove"),
        ]

    def all(self, request: HttpRequest) -> HttpResponse:
        day = overview.today()
        found, holding = list(self.within_reach(request)), dict[str, int]()
        for one in found:  # the newest first
            if one.from_date <= day:
                holding.setdefault(one.model, one.pk)
        rows = [(one, plain(one.input), _cached(one), plain(one.output), holding.get(one.model) == one.pk) for one in found]
        missing = overview.without_price(actor=actor(request))
        context = {"rows": rows, "missing": missing, "today": day, "currency": settings.PRICE_CURRENCY}
        return self.page(request, "panel/prices.html", title="Prices", **context)

    def add(self, request: HttpRequest) -> HttpResponse:
        self.within_reach(request)
        if request.method != "POST":
            typed = Typed(model=request.GET.get("model", "")[:LONGEST], from_date=overview.today().isoformat())
            return self.ask(request, typed, title="Add a price")
        return self.save(request, lambda typed: prices.add(actor=actor(request), typed=typed), title="Add a price")

    def change(self, request: HttpRequest, price_id: int) -> HttpResponse:
        one = prices.found(actor=actor(request), price_id=price_id)
        title = f"Change the price of {one.model}"
        if request.method != "POST":
            return self.ask(request, Typed.of(one), title=title)
        return self.save(request, lambda typed: prices.change(actor=actor(request), price_id=price_id, typed=typed), title=title)

    def remove(self, request: HttpRequest, price_id: int) -> HttpResponse:
        one = prices.found(actor=actor(request), price_id=price_id)
        if request.method != "POST":
            warning = "What was used from that day on costs what the price before it says, or nothing that is known."
            context = {"title": f"Remove the price of {one}", "warning": warning, "label": "Remove", "chosen": [one]}
            return self.page(request, "panel/sure.html", object=one, back=self.address("changelist"), **context)

        def verb() -> str:
            gone = prices.remove(actor=actor(request), price_id=price_id)
            return f"The price of {gone} is removed: {_said(gone)}."

        self.act(request, verb)
        return redirect(self.address("changelist"))

    def ask(self, request: HttpRequest, typed: Typed, *, title: str, error: Any = None) -> HttpResponse:
        context = {"typed": typed, "error": error, "back": self.address("changelist"), "currency": settings.PRICE_CURRENCY}
        answer = self.page(request, "panel/price.html", title=title, **context)
        answer.status_code = 422 if error else 200
        return answer

    def save(self, request: HttpRequest, verb: Callable[[Typed], Price], *, title: str) -> HttpResponse:
        """Done, or the form again with what is wrong in it."""
        typed = Typed(**{name: request.POST.get(name, "").strip()[:LONGEST] for name in FIELDS})
        try:
            one = verb(typed)
        except errors.InvalidInput as error:
            return self.ask(request, typed, title=title, error=error)
        messages.success(request, f"The price of {one} is {_said(one)}.")
        return redirect(self.address("changelist"))


def _cached(one: Price) -> str:
    return "as read" if one.cached_input is None else plain(one.cached_input)


def _said(one: Price) -> str:
    cached = "" if one.cached_input is None else f", {plain(one.cached_input)} for those read from a cache"
    whole = f"{plain(one.input)} for 1,000,000 tokens read{cached}, {plain(one.output)} for those written"
    return f"{whole} ({settings.PRICE_CURRENCY})"
