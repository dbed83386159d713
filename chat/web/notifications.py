"""/settings/notifications/: which browsers are told when somebody mentions one; and the script that shows it there."""

from functools import cache

from allauth.core.internal import ratelimit
from asgiref.sync import async_to_sync
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST, require_safe

from chat import egress, errors, runs
from chat.protocol import webpush
from chat.store import push, sign_ins
from chat.web.decorators import PersonRequest, person_required
from chat.web.fields import value


@require_GET
@person_required
def page(request: PersonRequest) -> HttpResponse:
    context = {
        "key": webpush.public(push.key()),
        "browsers": push.of(request.user),
        "here": request.session.get(push.HERE),
    }
    return render(request, "settings/notifications.html", context)


@require_POST
@person_required
def subscribe(request: PersonRequest) -> HttpResponse:
    """What the browser's push service gave it. Where that is nowhere we go, it is said, and nothing is sent there."""
    endpoint = value(request.POST, "endpoint", most=egress.LONGEST + 1)
    if _too_often(request):
        return redirect("notifications")
    try:
        _check(endpoint)
        made = push.subscribe(
            actor=request.user,
            endpoint=endpoint,
            p256dh=value(request.POST, "p256dh"),
            auth=value(request.POST, "auth"),
            session=request.session.session_key or "",
            device=sign_ins.device(request.headers.get("User-Agent", "")),
        )
    except errors.ParleyError as error:
        messages.error(request, f"{error.message} {error.next}")
    else:
        request.session[push.HERE] = made.pk
        messages.success(request, "This browser is notified from now on.")
    return redirect("notifications")


def _check(endpoint: str) -> None:
    """AddressRefused also for a name that cannot be found: nobody learns which names mean something inside."""
    try:
        async_to_sync(egress.check)(endpoint)
    except errors.FarEndFailed:
        raise errors.AddressRefused from None


def _too_often(request: HttpRequest) -> bool:
    if ratelimit.consume(request, app="allauth.account", action="push"):
        return False
    messages.error(request, "That was often. Wait five minutes, then try again.")
    return True


@require_POST
@person_required
def remove(request: PersonRequest, subscription: int) -> HttpResponse:
    try:
        push.unsubscribe(actor=request.user, subscription=subscription)
    except errors.NotFound as gone:
        messages.info(request, gone.message)
    else:
        messages.success(request, "That browser is notified no more.")
    return redirect("notifications")


@require_POST
@person_required
def try_out(request: PersonRequest, subscription: int) -> HttpResponse:
    if _too_often(request):
        return redirect("notifications")
    try:
        runs.try_push(actor=request.user, subscription=subscription)
    except errors.NotFound as gone:
        messages.info(request, gone.message)
    else:
        messages.success(request, "A notification is on its way.")
    return redirect("notifications")


@require_safe
def worker(request: HttpRequest) -> HttpResponse:
    """At the root, where it may speak for the whole site, and under a name that stays: browsers look here for a newer one."""
    return HttpResponse(_worker(), content_type="text/javascript; charset=utf-8", headers={"Cache-Control": "no-cache"})


@cache
def _worker() -> str:
    return (settings.BASE_DIR / "static" / "js" / "push-worker.js").read_text(encoding="utf-8")


@require_safe
def manifest(request: HttpRequest) -> HttpResponse:
    """What a phone needs to put Parley on its home screen; Apple's notify nobody without."""
    return render(request, "manifest.json", content_type="application/manifest+json")
