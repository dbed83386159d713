"""What is known of a person, without anything that would let somebody in."""

from urllib.parse import urlsplit

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from pydantic import JsonValue

from chat.models import Invitation, Link, Membership, Mention, Participant, Project, PushSubscription, User
from chat.policy import within_reach
from chat.protocol.types import Json
from chat.store import mentions, sign_ins


def of(person: User) -> Json:
    """As it is written into an export."""
    return {
        "username": person.username,
        "name": person.name,
        "joined": _moment(person.date_joined),
        "last_sign_in": _moment(person.last_login),
        "emails": _emails(person),
        "preferences": {
            "default_model": person.default_model,
            "instructions": person.instructions,
            "storing": person.storing,
            "theme": person.theme,
        },
        "teams": [
            {"id": one.team_id, "name": one.team.name, "role": one.role, "since": _moment(one.created)}
            for one in Membership.objects.filter(user=person, team__personal_of=None).select_related("team").order_by("pk")
        ],
        **_made(person),
        **_ways_in(person),
        **_elsewhere(person),
    }


def _made(person: User) -> Json:
    """Projects, links and invitations."""
    return {
        "projects": [
            {"id": one.pk, "name": one.name, "instructions": one.instructions, "made": _moment(one.created)}
            for one in Project.objects.readable_by(person).filter(made_by=person).order_by("created")
        ],
        "links": [
            {
                "id": one.pk,
                "conversation": one.conversation_id,
                "live": one.live,
                "audience": one.audience,
                "made": _moment(one.created),
                "expires": _moment(one.expires),
                "opened": one.views,
            }
            for one in Link.objects.filter(conversation__owner=person).order_by("created")
        ],
        "invitations": [
            {"email": one.email, "role": one.role, "made": _moment(one.created), "expires": _moment(one.expires)}
            for one in Invitation.objects.filter(invited_by=person).order_by("created")
        ],
    }


def _ways_in(person: User) -> Json:
    """Second steps, sign-ins, and the browsers that are notified: nothing with which somebody could come in."""
    return {
        "second_steps": [
            {"type": one.type, "name": one.data.get("name", ""), "added": _moment(one.created_at)}
            for one in Authenticator.objects.filter(user=person).order_by("created_at")
        ],
        "sign_ins": [
            {
                "device": sign_ins.device(one.user_agent),
                "browser": one.user_agent,
                "address": one.ip,
                "since": _moment(one.created_at),
                "last_seen": _moment(one.last_seen_at),
            }
            for one in UserSession.objects.filter(user=person).order_by("created_at")
        ],
        "notified_browsers": [
            {"device": one.device, "service": urlsplit(one.endpoint).hostname, "since": _moment(one.created)}
            for one in PushSubscription.objects.filter(user=person).order_by("created")
        ],
    }


def _emails(person: User) -> list[JsonValue]:
    """Also one that was only ever given on the command line."""
    known = list(EmailAddress.objects.filter(user=person).order_by("pk"))
    if person.email and person.email.casefold() not in (one.email.casefold() for one in known):
        known.append(EmailAddress(user=person, email=person.email, primary=not known))
    return [{"address": one.email, "primary": one.primary, "confirmed": one.verified} for one in known]


def _elsewhere(person: User) -> Json:
    """Where others' conversations are in this person's list, and where they are named; only in what they may still read."""
    readable = within_reach(person, "conversation.read").present()
    kept = Participant.objects.filter(user=person, conversation__in=readable).exclude(pinned=None, archived=None)
    named = Mention.objects.filter(mentions.THERE, user=person, conversation__in=readable).select_related("item__author")
    return {
        "marks_elsewhere": [
            {"conversation": one.conversation_id, "pinned": _moment(one.pinned), "archived": _moment(one.archived)}
            for one in kept.order_by("pk")
        ],
        "mentions": [
            {
                "by": one.item.author.shown_name if one.item.author else None,
                "conversation": one.conversation_id,
                "message": one.item_id,
                "when": _moment(one.created),
            }
            for one in named.defer("item__wire").order_by("created", "pk").iterator(chunk_size=500)
        ],
    }


def _moment(moment: object) -> str | None:
    return None if moment is None else f"{moment:%Y-%m-%dT%H:%M:%SZ}"
