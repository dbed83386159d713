"""Links: made, opened, withdrawn. What one shows is said by its row and by nothing else: not by who opens it."""

from datetime import datetime, timedelta
from itertools import takewhile
from typing import Final

from django.contrib.auth.hashers import check_password, make_password
from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone
from django.utils.crypto import constant_time_compare, salted_hmac

from chat import errors
from chat.models import Audience, Conversation, File, FileUse, Link, Response, User
from chat.store import clock, conversations, history, messages, server, sql

DAYS: Final = (1, 7, 30, 365)
MOST: Final = 50  # links to one conversation
SLICE: Final = 200  # that one transaction removes
PASSWORD_LENGTH: Final = (8, 128)
KEYS: Final = "links"
"""The session's key for what shows that a browser knows the passwords of links: link → `key_for`."""
GONE: Final = "This link shows nothing."


def of(conversation: Conversation) -> QuerySet[Link]:
    """All to this conversation that have not run out, the newest first."""
    return Link.objects.filter(conversation=conversation).exclude(expires__lte=timezone.now()).order_by("-created", "pk")


def may_be_public() -> bool:
    return server.current().public_links


@transaction.atomic
def make(
    *, actor: User, conversation_id: str, live: bool, audience: str, days: int | None, password: str = "", names: bool = False
) -> Link:
    """A new one, for `days`, or until it is withdrawn (None). A snapshot ends with the last reply that has ended."""
    conversation = conversations.lock(actor=actor, conversation_id=conversation_id, action="conversation.manage")
    if audience not in Audience.values or (audience == Audience.TEAM and conversation.team.personal_of_id is not None):
        raise errors.InvalidInput("Choose who may open it.", param="audience")
    if audience == Audience.ANYONE and not may_be_public():
        raise errors.Refused("Links that anyone can open are not allowed on this server.", next="Make one for the team.")
    if days is not None and days not in DAYS:
        raise errors.InvalidInput("Choose how long it stays good.", param="days")
    least, most = PASSWORD_LENGTH
    if password and not least <= len(password) <= most:
        raise errors.InvalidInput(f"A password has {least} to {most} characters.", param="password")
    if of(conversation).count() >= MOST:
        raise errors.Refused(f"There are {MOST} links to this conversation.", next="Withdraw one that is not needed.")
    return Link.objects.create(
        conversation=conversation,
        head=None if live else _last_ended(conversation),
        title="" if live else conversation.title,
        audience=audience,
        names=names,
        password=make_password(password) if password else "",
        expires=timezone.now() + timedelta(days=days) if days is not None else None,
    )


def _last_ended(conversation: Conversation) -> Response:
    """Where a snapshot of what its owner sees ends: before the first reply in it that is still to grow."""
    end = messages.head(conversation, conversation.owner)
    ids = history.path(end.pk)[0] if end is not None else []
    running = set(Response.objects.filter(pk__in=ids, status__in=Response.RUNNING).values_list("pk", flat=True))
    ended = list(takewhile(lambda pk: pk not in running, ids))
    if not ended:
        raise errors.Conflict("There is no reply yet that a snapshot could show.", next="Wait for its end, or make a live link.")
    return Response.objects.get(pk=ended[-1])


def purge(now: datetime | None = None) -> int | None:
    """Remove some of those that have run out. How many; None when there are none."""
    some = list(Link.objects.filter(expires__lte=now or clock.now()).values_list("pk", flat=True)[:SLICE])
    return Link.objects.filter(pk__in=some).delete()[0] if some else None


@transaction.atomic
def revoke(*, actor: User, conversation_id: str, link_id: str) -> None:
    """It shows nothing from now on; pages that are open are emptied within two seconds."""
    conversation = conversations.find(actor=actor, conversation_id=conversation_id, action="conversation.manage")
    gone, _ = Link.objects.filter(conversation=conversation, pk=link_id).delete()
    if not gone:
        raise errors.NotFound("This link is withdrawn already.")


def find(*, actor: User | None, link_id: str) -> Link:
    """The link, if this person, or a visitor (None), may open it; NotFound otherwise. Its password is asked for apart."""
    found = Link.objects.readable_by(actor).filter(pk=link_id).select_related("conversation__owner", "conversation__team").first()
    if found is None:
        raise errors.NotFound(GONE, next="Ask whoever sent it to you for a new one.")
    return found


def key_for(link: Link, password: str) -> str | None:
    """What whoever knows the password keeps to show that, "" where there is none; None when it is wrong."""
    return proof(link) if not link.password or check_password(password, link.password) else None


def opens(link: Link, key: str) -> bool:
    """Whether this is what `key_for` gave, for this link as it is now."""
    return not link.password or constant_time_compare(key, proof(link))


def proof(link: Link) -> str:
    return salted_hmac("chat.link", f"{link.pk}:{link.password}").hexdigest() if link.password else ""


def seen(link: Link) -> None:
    """Somebody was shown it."""
    Link.objects.filter(pk=link.pk).update(views=F("views") + 1)


def branch(link: Link) -> list[str]:
    """Ids of the Responses that it shows, from the first."""
    end = link.head or messages.head(link.conversation, link.conversation.owner)
    ids = history.path(end.pk)[0] if end is not None else []
    if link.conversation.removals.exists():  # it ends before what has been deleted, or is on its way out
        answers = Response.objects.filter(pk__in=ids, conversation=link.conversation, input__conversation=link.conversation)
        ids = list(takewhile(set(answers.values_list("pk", flat=True)).__contains__, ids))
    return ids


def file(link: Link, file_id: str) -> FileUse:
    """One that goes with a message that it shows, under the name that it has there; NotFound for any other."""
    shown = FileUse.objects.filter(item__responses__in=branch(link), item__conversation=link.conversation)
    found = shown.filter(file=file_id, file__state=File.State.HERE).select_related("file").order_by("item__created").first()
    if found is None:
        raise errors.NotFound("This file is not here any more.")
    return found


def moved(ids: list[str], *, after: int) -> set[str]:
    """Those of these Responses of which something came after this position of their conversation."""
    return {pk for (pk,) in sql.rows("SELECT id FROM chat_response WHERE id {one_of} AND position > %s", ids, after)}
