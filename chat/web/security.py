"""/settings/security/: how somebody signs in, and where they are signed in now."""

from typing import Any

from allauth.mfa.models import Authenticator
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from chat import errors
from chat.store import sign_ins
from chat.web.decorators import PersonRequest, person_required


@require_GET
@person_required
def page(request: PersonRequest) -> HttpResponse:
    return render(
        request,
        "settings/security.html",
        {**methods(request), "sign_ins": sign_ins.of(request.user, here=request.session.session_key)},
    )


def methods(request: PersonRequest) -> dict[str, Any]:
    """What this person has beside a password: an authenticator app or not, passkeys, how many recovery codes are left."""
    found: dict[str, Any] = {"app": None, "passkeys": [], "codes": None}
    for authenticator in Authenticator.objects.filter(user=request.user).order_by("created_at"):
        match authenticator.type:
            case Authenticator.Type.TOTP:
                found["app"] = authenticator
            case Authenticator.Type.WEBAUTHN:
                found["passkeys"].append(authenticator)
            case _:
                found["codes"] = len(authenticator.wrap().get_unused_codes())
    return found


@require_POST
@person_required
def end(request: PersonRequest, sign_in: int) -> HttpResponse:
    try:
        sign_ins.end(actor=request.user, sign_in=sign_in)
    except errors.NotFound as gone:
        messages.info(request, gone.message)
    else:
        messages.success(request, "That browser is signed out.")
    return redirect("security")


@require_POST
@person_required
def end_others(request: PersonRequest) -> HttpResponse:
    count = sign_ins.end_others(actor=request.user, here=request.session.session_key)
    messages.success(request, "You are signed in here only." if count else "You were signed in here only.")
    return redirect("security")
