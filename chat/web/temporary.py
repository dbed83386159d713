"""Temporary conversations: in memory alone, for one person. What is posted here is bounded before Django (`bodies`)."""

from secrets import token_hex
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django_htmx.http import HttpResponseClientRedirect

from chat import errors
from chat.live import temporary as shown
from chat.models import User
from chat.models.files import sized
from chat.runs import passing
from chat.runs import temporary as runs
from chat.runs.temporary import Said
from chat.store import storing, talks
from chat.store.talk import Talk
from chat.web import waiting
from chat.web.attachments import Composer, of_talk
from chat.web.conversations import chosen_model as chosen
from chat.web.conversations import chosen_store, home_team, message_fields, refill, shared_context
from chat.web.decorators import PersonRequest, no_content, person_required, unspoken

PAGE = "temporary/page.html"


@require_http_methods(["GET", "HEAD", "POST"])
@person_required
@unspoken
def begin(request: PersonRequest) -> HttpResponse:
    """A new one: the page, and its first message."""
    if request.method != "POST":
        return render(request, PAGE, page_context(request, None), status=404 if talks.switched_off() else 200)
    composer = of_talk(request.user, None)
    try:
        talks.heed()
        talk = runs.begin(actor=request.user, said=said(request, composer))
    except errors.ParleyError as error:
        return refill(request, error, lambda: page_context(request, None), composer, page=PAGE)
    return _to(request, talk.url)


@require_safe
@person_required
@unspoken
def page(request: PersonRequest, temporary_id: str) -> HttpResponse:
    talk = talks.find(actor=request.user, talk_id=temporary_id)
    return render(request, PAGE, page_context(request, talk))


def page_context(request: PersonRequest, talk: Talk | None) -> dict[str, Any]:
    """Sidebar, composer, what was said, and how long it stays; where there are none here, why."""
    common = shared_context(request, None)
    mine: dict[str, Any] = {"talk": talk, "temporary": True, "post_url": "/t/", "draft_key": "", "why_not": ""}
    mine |= {"put_in_url": waiting.base(talk)}
    mine |= {"at_once": sized(settings.MEMORY_BODY_BYTES)}
    mine |= {"closed": settings.TEMPORARY_CLOSED_MINUTES, "silence": settings.TEMPORARY_SILENCE_MINUTES}
    if talk is None:
        why_not = talks.why_not()
        return {**common, **mine, "why_not": why_not, "held": [] if why_not else _held(request.user, None)}
    model = talk.document.model or common["model"]
    known = common["models"] if model in common["models"] else [model, *common["models"]]
    return {
        **common,
        **mine,
        **shown.context(talk, request.user),
        "held": _held(request.user, talk),
        "switched_off": talks.switched_off(),
        "post_url": f"{talk.url}messages/",
        "model": model,
        "models": known,
    }


def _held(actor: User, talk: Talk | None) -> list[waiting.Line]:
    """What waits in its composer; nothing while that cannot be told: what was typed is shown all the same."""
    try:
        return waiting.of_talk(actor, talk)
    except errors.Conflict:
        return []


@require_POST
@person_required
@unspoken
def say(request: PersonRequest, temporary_id: str) -> HttpResponse:
    """What was for one that has gone meanwhile stands in the composer of a new one."""
    talk, composer = None, of_talk(request.user, None)
    try:
        talk = talks.find(actor=request.user, talk_id=temporary_id)
        composer = of_talk(request.user, talk)
        runs.say(actor=request.user, talk_id=temporary_id, said=said(request, composer))
    except errors.ParleyError as error:
        return refill(request, error, lambda: page_context(request, talk), composer, page=PAGE)
    if request.htmx:
        return render(request, "conversations/client_id.html", {"client_id": token_hex(16), "out_of_band": True})
    return redirect(talk.url)


@require_POST
@person_required
@unspoken
def again(request: PersonRequest, temporary_id: str, response_id: str) -> HttpResponse:
    runs.again(actor=request.user, talk_id=temporary_id, response_id=response_id, model=chosen(request))
    return _done(request, temporary_id)


@require_POST
@person_required
@unspoken
def carry_on(request: PersonRequest, temporary_id: str, response_id: str) -> HttpResponse:
    runs.carry_on(actor=request.user, talk_id=temporary_id, response_id=response_id)
    return _done(request, temporary_id)


@require_POST
@person_required
@unspoken
def stop(request: PersonRequest, temporary_id: str, response_id: str) -> HttpResponse:
    runs.stop(actor=request.user, talk_id=temporary_id, response_id=response_id)
    return _done(request, temporary_id)


@require_http_methods(["GET", "HEAD", "POST"])
@person_required
@unspoken
def keep(request: PersonRequest, temporary_id: str) -> HttpResponse:
    """What keeping it means, and doing it."""
    talk = talks.find(actor=request.user, talk_id=temporary_id)
    if request.method == "POST":
        kept = passing.keep(actor=request.user, talk_id=temporary_id, store=chosen_store(request))
        return redirect(kept.url)
    rule = storing.rule(person_id=request.user.pk, team_id=home_team(request))
    context = {"talk": talk, "rule": rule, "days": settings.RESPONSE_RETENTION_DAYS}
    return render(request, "temporary/keep.html", context)


@require_POST
@person_required
@unspoken
def end(request: PersonRequest, temporary_id: str) -> HttpResponse:
    """Let go of all of it."""
    talks.end(actor=request.user, talk_id=temporary_id)
    messages.success(request, "The temporary conversation has ended; nothing of it is left.")
    return redirect("home")


def said(request: PersonRequest, composer: Composer) -> Said:
    fields: Said = message_fields(request, composer)  # type: ignore[assignment]
    return fields


def _to(request: PersonRequest, url: str) -> HttpResponse:
    if request.htmx:
        return HttpResponseClientRedirect(url)
    answer = redirect(url)
    answer.status_code = 303
    return answer


def _done(request: PersonRequest, temporary_id: str) -> HttpResponse:
    return no_content() if request.htmx else redirect("temporary", temporary_id)
