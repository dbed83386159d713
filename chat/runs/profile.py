"""What is known of a person, without anything that would let somebody in."""

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession

from chat.models import Invitation, Link, Membership, Project, User
from chat.protocol.types import Json
from chat.store import sign_ins


def of(person: User) -> Json:
    """As it is written into an export."""
    return {
        "username": person.username,
        "name": person.name,
        "joined": _moment(person.date_joined),
        "last_sign_in": _moment(person.last_login),
        "emails": [
            {"address": one.email, "primary": one.primary, "confirmed": one.verified}
            for one in EmailAddress.objects.filter(user=person).order_by("pk")
        ],
        "preferences": {
            "default_model": person.default_model,
            "instructions": person.instructions,
            "theme": person.theme,
        },
        "teams": [
            {"id": one.team_id, "name": one.team.name, "role": one.role, "since": _moment(one.created)}
            for one in Membership.objects.filter(user=person, team__personal_of=None).select_related("team").order_by("pk")
        ],
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
    }


def _moment(moment: object) -> str | None:
    return None if moment is None else f"{moment:%Y-%m-%dT%H:%M:%SZ}"
