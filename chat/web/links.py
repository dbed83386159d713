"""Links: made and withdrawn by the conversation's owner; and the page of one, for whoever has it."""

from typing import Final, TypeVar

from allauth.core.internal import ratelimit
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from chat import errors
from chat.live import links as shown
from chat.models import Link, User
from chat.store import conversations, links
from chat.store.links import KEYS
from chat.web import sharing
from chat.web.decorators import PersonRequest, person_required
from chat.web.link_form import LinkForm
from chat.web.serving import served

Answer = TypeVar("Answer", bound=HttpResponseBase)
TOO_MANY: Final = "Too many wrong passwords. Wait five minutes, then try again."


@require_POST
@person_required
def make(request: PersonRequest, conversation_id: str) -> HttpResponse:
    conversation = conversations.find(actor=request.user, conversation_id=conversation_id, action="conversation.manage")
    form = LinkForm(request.POST, conversation=conversation)
    if form.is_valid():
        try:
            links.make(actor=request.user, conversation_id=conversation_id, **form.wanted)
        except (errors.InvalidInput, errors.Refused, errors.Conflict) as error:
            form.add_error(None, f"{error.message} {error.next}")
        else:
            messages.success(request, "The link is made.")
            return redirect(reverse("share", args=[conversation_id], fragment="links"))
    return sharing.shown(request, conversation, status=422, link_form=form)


@require_POST
@person_required
def revoke(request: PersonRequest, conversation_id: str, link_id: str) -> HttpResponse:
    conversations.find(actor=request.user, conversation_id=conversation_id, action="conversation.manage")
    try:
        links.revoke(actor=request.user, conversation_id=conversation_id, link_id=link_id)
    except errors.NotFound as gone:
        messages.info(request, gone.message)
    else:
        messages.success(request, "The link is withdrawn.")
    return redirect(reverse("share", args=[conversation_id], fragment="links"))


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def page(request: HttpRequest, link_id: str) -> HttpResponse:
    """What the link shows, after its password where it has one."""
    visitor = request.user if isinstance(request.user, User) else None
    try:
        link = links.find(actor=visitor, link_id=link_id)
    except errors.NotFound as gone:
        return kept_out_of_sight(render(request, "links/gone.html", {"error": gone}, status=404))
    if not links.opens(link, request.session.get(KEYS, {}).get(link.pk, "")):
        return kept_out_of_sight(asked(request, link))
    if request.method == "POST":
        return redirect(link.url)
    return kept_out_of_sight(opened(request, link, visitor))


@require_safe
def file(request: HttpRequest, link_id: str, file_id: str, width: int = 0) -> HttpResponseBase:
    """A file that goes with a message that the link shows; NotFound for any other, and before its password was given."""
    link = links.find(actor=request.user if isinstance(request.user, User) else None, link_id=link_id)
    if not links.opens(link, request.session.get(KEYS, {}).get(link.pk, "")):
        raise errors.NotFound(links.GONE)
    found = links.file(link, file_id)
    return kept_out_of_sight(served(request, found.file, width, name=found.name))


def opened(request: HttpRequest, link: Link, visitor: User | None) -> HttpResponse:
    text = request.GET.get("part", "")
    number = int(text) if text.isascii() and text.isdigit() and 0 < len(text) < 7 else None
    part = shown.part(link, number)
    if request.method == "GET" and number is None and (visitor is None or visitor.pk != link.conversation.owner_id):
        links.seen(link)
    return render(request, "links/page.html", {"link": link, "part": part, "grows": link.live and part.later is None})


def asked(request: HttpRequest, link: Link) -> HttpResponse:
    """The page that asks for the password; the right one is kept with the session."""
    if request.method != "POST":
        return render(request, "links/password.html", {"link": link})
    usage = ratelimit.consume(request, app="allauth.account", action="link", key=link.pk)
    if not usage:
        return render(request, "links/password.html", {"link": link, "problem": TOO_MANY}, status=429)
    key = links.key_for(link, request.POST.get("password", "")[: links.PASSWORD_LENGTH[1]])
    if key is None:
        return render(request, "links/password.html", {"link": link, "problem": "This is not the password."}, status=422)
    usage.rollback()  # wrong ones count
    request.session[KEYS] = {**request.session.get(KEYS, {}), link.pk: key}
    return redirect(link.url)


def kept_out_of_sight(response: Answer) -> Answer:
    """No search engine lists it. (That no other site is told the address is every page's `Referrer-Policy`.)"""
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    return response
