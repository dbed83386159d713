"""Errors as pages: a small alert where htmx asked, a whole page otherwise. The same sentence in both."""

import sys
from typing import Any

from django.conf import settings
from django.core.exceptions import DisallowedHost, TooManyFieldsSent, TooManyFilesSent
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.http.multipartparser import MultiPartParserError
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.deprecation import MiddlewareMixin

from chat.errors import InvalidInput, ParleyError, TooLarge

PAGES = {400, 403, 404, 500}


class ErrorsMiddleware(MiddlewareMixin):
    """Turns what the rooms below raise on purpose into an answer."""

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        return shown(request, exception) if isinstance(exception, ParleyError) else None


def shown(request: HttpRequest, error: ParleyError) -> HttpResponse:
    context = {"message": error.message, "next": error.next}
    if request.headers.get("HX-Request"):
        return render(request, "conversations/error.html", context, status=error.status)
    page = error.status if error.status in PAGES else 400 if error.status < 500 else 500
    return render(request, f"errors/{page}.html", context, status=error.status)


BACK = "Nothing was sent, and what you typed is still there."
PLAINLY = "Nothing was sent. Go back; it depends on the browser whether what you typed is still there."


def bad_request(request: HttpRequest, exception: Any = None) -> HttpResponse:
    """What Django refuses to read: none of our views has seen it."""
    back = BACK if request.headers.get("HX-Request") else PLAINLY
    match exception:
        case TooManyFilesSent():
            return shown(request, TooLarge(f"A message takes {settings.FILES_PER_MESSAGE} files.", next=f"{back} Choose fewer."))
        case TooManyFieldsSent():
            return shown(request, TooLarge("This form has more in it than the server takes.", next=f"{back} Send less at once."))
        case MultiPartParserError():
            said = "What came could not be read: the name of a file is too long, or some of it was lost on the way."
            return shown(request, InvalidInput(said, next=f"{back} Give the file a shorter name, and try again."))
    context = {}
    if isinstance(exception, DisallowedHost):
        context["message"] = "This server does not answer to that address."
        context["next"] = "Whoever runs it sets PARLEY_URL to the address that people type."
    return render(request, "errors/400.html", context, status=400)


def refused(request: HttpRequest, exception: Any = None) -> HttpResponse:
    return render(request, "errors/403.html", status=403)


def not_found(request: HttpRequest, exception: Any = None) -> HttpResponse:
    return render(request, "errors/404.html", status=404)


AWAY = {
    "status": "503",
    "message": "The database does not answer at the moment.",
    "next": "Nothing is lost. Try again in a moment.",
}


def server_error(request: HttpRequest) -> HttpResponse:
    """Whatever broke. While the database is away nothing is asked of it: not even who is looking."""
    if not isinstance(sys.exc_info()[1], OperationalError | InterfaceError):
        return render(request, "errors/500.html", status=500)
    page = "conversations/error.html" if request.headers.get("HX-Request") else "errors/500.html"
    return HttpResponse(render_to_string(page, AWAY), status=503, headers={"Retry-After": "2"})


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    error = ParleyError(
        "This page had been open too long, or cookies are blocked.", next="Reload it and try again; what you typed is still here."
    )
    if getattr(request, "htmx", False):
        return render(request, "conversations/error.html", {"message": error.message, "next": error.next}, status=403)
    return render(request, "errors/403.html", {"message": error.message, "next": error.next}, status=403)
