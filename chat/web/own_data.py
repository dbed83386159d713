"""/settings/data/: everything of one's own to be taken along, and the account to be deleted."""

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.internal.flows import reauthentication
from allauth.core.exceptions import ReauthenticationRequired
from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.http import HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST, require_safe

from chat import errors
from chat.live.streamed import as_file
from chat.models import Export
from chat.store import certificates, departures, exports, files, ledger
from chat.web.certificates import MOST
from chat.web.decorators import PersonRequest, person_required
from chat.web.kept import held


class DepartureForm(forms.Form):
    username = forms.CharField(
        label="Your username, to be sure",
        max_length=150,
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}),
    )


@person_required
@require_safe
def page(request: PersonRequest) -> HttpResponse:
    """The page; where htmx asks, only how far the export is."""
    if request.htmx:
        return render(request, "settings/data/export.html", {"export": exports.of(request.user)})
    context = {
        "export": exports.of(request.user),
        "quota": files.quota(request.user),
        "bucket": bool(settings.FILES_BUCKET),
        "held": held(ledger.held_by(request.user)),
        "certificates": certificates.newest(request.user, "conversation", most=MOST),
    }
    return render(request, "settings/data.html", context)


@require_POST
@person_required
def export(request: PersonRequest) -> HttpResponse:
    exports.request(actor=request.user)
    return redirect("data")


@require_GET
@person_required
def download(request: PersonRequest, export_id: str) -> StreamingHttpResponse:
    found = exports.find(actor=request.user, export_id=export_id)
    request.META.pop("HTTP_ACCEPT_ENCODING", None)  # a zip is compressed: nothing is to be done to it on the way
    name = f"parley-{request.user.username}-{found.created:%Y-%m-%d}.zip"
    return as_file(_chunks(found), name=name, kind="application/zip", size=found.bytes)


def _chunks(found: Export) -> Iterator[bytes]:
    index = 0
    while (chunk := exports.chunk(found, index)) is not None:
        yield chunk
        index += 1


@require_POST
@person_required
def remove(request: PersonRequest, export_id: str) -> HttpResponse:
    try:
        exports.remove(actor=request.user, export_id=export_id)
    except errors.NotFound as gone:
        messages.info(request, gone.message)
    else:
        messages.success(request, "The export is deleted.")
    return redirect("data")


@person_required
@require_http_methods(["GET", "HEAD", "POST"])
def delete(request: PersonRequest) -> HttpResponse:
    """The account. Whoever asks has just shown that it is them; what was sent before that is never done afterwards."""
    request.session.pop(reauthentication.STATE_SESSION_KEY, None)
    if reauthentication.is_reauthentication_required(request, app=""):
        if request.method == "POST":  # allauth would keep it, and carry it out whenever they show that it is them
            return HttpResponseRedirect(request.path, status=HTTPStatus.SEE_OTHER)
        raise ReauthenticationRequired
    if request.method != "POST":
        return asked(request, DepartureForm())
    form = DepartureForm(request.POST)
    if form.is_valid() and form.cleaned_data["username"].strip().casefold() != request.user.username.casefold():
        form.add_error("username", "This is not your username.")
    if not form.is_valid():
        return asked(request, form, status=422)
    address, name = request.user.email, request.user.username
    try:
        departures.begin(actor=request.user)
    except errors.Refused as refusal:
        form.add_error(None, f"{refusal.message} {refusal.next}")
        return asked(request, form, status=422)
    adapter = get_adapter(request)
    adapter.send_notification_mail("account/email/account_deleted", request.user, {"name": name}, email=address)
    logout(request)
    messages.success(request, "Your account is deleted.")
    answer = redirect("account_login")
    answer.headers["Clear-Site-Data"] = '"storage"'
    return answer


def asked(request: PersonRequest, form: DepartureForm, *, status: int = 200) -> HttpResponse:
    context: dict[str, Any] = {"form": form, "bonds": departures.bonds(request.user)}
    context["left"] = departures.inheritance(request.user)
    return render(request, "settings/data/delete.html", context, status=status)
