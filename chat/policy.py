"""Who may do what: one function, one table. A route or socket action without a row fails the tests."""

from collections.abc import Callable
from typing import Final, Literal

from django.db.models import Exists, F, OuterRef, Q, QuerySet

from chat.models import Conversation, File, Link, Membership, Participant, Project, Response, Server, Team, User
from chat.models.conversations import READING, ConversationQuerySet
from chat.models.projects import ProjectQuerySet

Action = Literal[
    "conversation.read",
    "conversation.write",
    "conversation.manage",
    "link.read",
    "file.read",
    "file.manage",
    "project.read",
    "project.manage",
    "team.read",
    "team.manage",
    "team.own",
    "server.manage",
    "panel.enter",
    "person.see",
    "person.manage",
    "response.see",
    "conversation.see",
]
Rule = Callable[[User, object], bool]


CONVERSATIONS: dict[str, Callable[[User], ConversationQuerySet]] = {
    "conversation.read": Conversation.objects.readable_by,
    "conversation.write": Conversation.objects.writable_by,
    "conversation.manage": Conversation.objects.owned_by,
}


def within_reach(actor: User, action: Action) -> ConversationQuerySet:
    """All with which this person may do that."""
    return CONVERSATIONS[action](actor)


MANAGING: Final = (Membership.Role.OWNER, Membership.Role.ADMIN)


def teams_managed_by(actor: User) -> QuerySet[Team]:
    """The teams of several that this person looks after; all of them for the owner of the server."""
    teams = Team.objects.filter(personal_of=None)
    if not _comes_in(actor):
        return teams.none()
    if _owns_server(actor, None):
        return teams
    return teams.filter(pk__in=Membership.objects.filter(user=actor, role__in=MANAGING).values("team"))


def people_seen_by(actor: User) -> QuerySet[User]:
    """Whoever is in one of those teams; everybody for the owner of the server. Nobody who has deleted their account."""
    there = User.objects.filter(departure=None).exclude(is_active=False, username__startswith="left-")
    if _comes_in(actor) and _owns_server(actor, None):
        return there
    return there.filter(pk__in=Membership.objects.filter(team__in=teams_managed_by(actor)).values("user"))


def responses_logged_for(actor: User) -> QuerySet[Response]:
    """Replies that the log shows this person: of the teams that they look after; all of them to the owner of the server."""
    if not _comes_in(actor):
        return Response.objects.none()
    everything = Response.objects.all()
    return everything if _owns_server(actor, None) else everything.filter(team__in=teams_managed_by(actor))


def conversations_logged_for(actor: User) -> ConversationQuerySet:
    """The same of conversations; none that is deleted."""
    if not _comes_in(actor):
        return Conversation.objects.none()
    there = Conversation.objects.present()
    return there if _owns_server(actor, None) else there.filter(team__in=teams_managed_by(actor))


def _comes_in(actor: User) -> bool:
    return actor.is_active and not actor.suspended


def who_may_read(conversation: Conversation) -> QuerySet[User]:
    """The same from the other side: all who may read this one."""
    people = User.objects.filter(is_active=True, suspended=False)
    if conversation.deleted is not None:
        return people.filter(pk=conversation.owner_id)
    team = Membership.objects.filter(team=conversation.team_id)
    given = Participant.objects.filter(conversation=conversation, access__in=READING, user__in=team.values("user"))
    they = Q(pk=conversation.owner_id) | Q(pk__in=given.values("user"))
    if conversation.team_access in READING:
        they |= Q(pk__in=team.exclude(role=Membership.Role.GUEST).values("user"))
    return people.filter(they)


def reads() -> Q:
    """The same for many at once: of rows with a `user` and a `conversation` that is not deleted, those where that person may read
    that one.
    """
    member = Membership.objects.filter(user=OuterRef("user"), team=OuterRef("conversation__team"))
    given = Participant.objects.filter(user=OuterRef("user"), conversation=OuterRef("conversation"), access__in=READING)
    they = Q(conversation__owner=F("user")) | Q(Exists(given), Exists(member))
    they |= Q(Exists(member.exclude(role=Membership.Role.GUEST)), conversation__team_access__in=READING)
    return Q(user__is_active=True, user__suspended=False, conversation__deleted=None) & they


def _among(action: Action) -> Rule:
    """One of those."""

    def rule(actor: User, object_: object) -> bool:
        return isinstance(object_, Conversation) and within_reach(actor, action).filter(pk=object_.pk).exists()

    return rule


def _in_team(*roles: str) -> Rule:
    """Who is in the team as one of these; the owner of the server is in all of them."""

    def rule(actor: User, object_: object) -> bool:
        if not isinstance(object_, Team):
            return False
        return object_.memberships.filter(user=actor, role__in=roles).exists() or _owns_server(actor, None)

    return rule


def _opens(actor: User | None, object_: object) -> bool:
    return isinstance(object_, Link) and Link.objects.readable_by(actor).filter(pk=object_.pk).exists()


def _reads_file(actor: User, object_: object) -> bool:
    return isinstance(object_, File) and File.objects.readable_by(actor).filter(pk=object_.pk).exists()


def _owns_file(actor: User, object_: object) -> bool:
    return isinstance(object_, File) and File.objects.owned_by(actor).filter(pk=object_.pk).exists()


def _in_project(found: Callable[[User], ProjectQuerySet]) -> Rule:
    def rule(actor: User, object_: object) -> bool:
        return isinstance(object_, Project) and found(actor).filter(pk=object_.pk).exists()

    return rule


def _looks_after_somebody(actor: User, object_: object) -> bool:
    return _owns_server(actor, None) or teams_managed_by(actor).exists()


def _sees(actor: User, object_: object) -> bool:
    return isinstance(object_, User) and people_seen_by(actor).filter(pk=object_.pk).exists()


def _owns_server(actor: User, object_: object) -> bool:
    return Server.objects.filter(pk=1, owner=actor).exists()


def _logged(actor: User, object_: object) -> bool:
    return isinstance(object_, Response) and responses_logged_for(actor).filter(pk=object_.pk).exists()


def _conversation_logged(actor: User, object_: object) -> bool:
    return isinstance(object_, Conversation) and conversations_logged_for(actor).filter(pk=object_.pk).exists()


RULES: dict[Action, Rule] = {
    "conversation.read": _among("conversation.read"),
    "conversation.write": _among("conversation.write"),
    "conversation.manage": _among("conversation.manage"),
    "link.read": _opens,
    "file.read": _reads_file,
    "file.manage": _owns_file,
    "project.read": _in_project(Project.objects.readable_by),
    "project.manage": _in_project(Project.objects.manageable_by),
    "team.read": _in_team(*Membership.Role.values),
    "team.manage": _in_team(*MANAGING),
    "team.own": _in_team(Membership.Role.OWNER),
    "server.manage": _owns_server,
    "panel.enter": _looks_after_somebody,
    "person.see": _sees,
    "person.manage": _owns_server,
    "response.see": _logged,
    "conversation.see": _conversation_logged,
}

PUBLIC, SIGNED_IN = "public", "signed in"
_READ, _WRITE, _MANAGE = "conversation.read", "conversation.write", "server.manage"
_OWN = "conversation.manage"
ROUTES: dict[str, str] = {
    **dict.fromkeys(("home", "conversations", "archived", "search", "provider", "settings", "security"), SIGNED_IN),
    **dict.fromkeys(("mentions", "notifications", "subscribe", "unsubscribe", "try_push"), SIGNED_IN),
    **dict.fromkeys(("end_sign_in", "end_other_sign_ins", "totp_qr"), SIGNED_IN),
    **dict.fromkeys(("data", "export", "download_export", "delete_export", "delete_account", "kept"), SIGNED_IN),
    **dict.fromkeys(("certificate", "download_certificate"), SIGNED_IN),
    **dict.fromkeys(("temporary_new", "temporary", "temporary_socket", "temporary_messages", "temporary_stop"), SIGNED_IN),
    **dict.fromkeys(("temporary_regenerate", "temporary_continue", "temporary_keep", "temporary_end"), SIGNED_IN),
    **{f"temporary_{of}{name}": SIGNED_IN for of in ("", "new_") for name in ("files", "file", "thumbnail", "let_go")},
    **{f"temporary_{of}{name}": SIGNED_IN for of in ("", "new_") for name in ("sight", "words")},
    **dict.fromkeys(("temporary_outside_image", "temporary_outside_image_whole"), SIGNED_IN),
    **dict.fromkeys(("conversation", "items", "socket", "version", "pin", "archive", "leave"), _READ),
    **dict.fromkeys(
        ("messages", "edit", "regenerate", "continue", "stop", "typing", "delete_message", "restore_message"), _WRITE
    ),
    **dict.fromkeys(("rename", "delete", "restore", "share", "share_person", "share_team", "move", "hand_over"), _OWN),
    **dict.fromkeys(("link_make", "link_revoke", "switch_storing"), _OWN),
    **dict.fromkeys(("storing", "outside_image", "outside_image_whole"), _READ),
    **dict.fromkeys(("readings_of",), _OWN),
    **dict.fromkeys(("readings",), SIGNED_IN),
    **dict.fromkeys(("team_storing",), "team.manage"),
    **dict.fromkeys(("team_log_mode",), "team.own"),
    **dict.fromkeys(("link", "link_socket", "link_file", "link_thumbnail"), "link.read"),
    **dict.fromkeys(("files", "let_go", "sight", "words"), SIGNED_IN),
    **dict.fromkeys(("file", "thumbnail", "view_file"), "file.read"),
    **dict.fromkeys(("remove_file", "restore_file"), "file.manage"),
    **dict.fromkeys(("server_settings", "hand_over_server", "invite", "resend_invitation", "revoke_invitation"), _MANAGE),
    **dict.fromkeys(("projects",), SIGNED_IN),
    **dict.fromkeys(("project",), "project.read"),
    **dict.fromkeys(("project_change", "project_remove"), "project.manage"),
    **dict.fromkeys(("project_of",), _OWN),
    **dict.fromkeys(("new_team", "accept_invitation"), SIGNED_IN),
    **dict.fromkeys(("team", "team_conversations", "team_leave"), "team.read"),
    **dict.fromkeys(("team_rename", "team_role", "team_remove", "team_invite", "team_resend", "team_revoke"), "team.manage"),
    **dict.fromkeys(("team_hand_over", "team_end"), "team.own"),
    **dict.fromkeys(("team_domain",), _MANAGE),
    **dict.fromkeys(("invitation", "push_worker", "manifest"), PUBLIC),
}
"""Route name → the action that it takes, or PUBLIC, or SIGNED_IN (own data only). allauth's and the admin's own are
tested apart.
"""


def can(actor: User | None, action: Action, object_: object) -> bool:
    """Whether this person may do this to that. Nobody suspended or inactive may do anything; a visitor (None) opens links."""
    if actor is None:
        return action == "link.read" and _opens(None, object_)
    return _comes_in(actor) and RULES[action](actor, object_)
