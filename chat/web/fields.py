"""Values as they come: from addresses and forms, bounded, without what no database stores; and no field that no form has."""

from collections.abc import Callable
from typing import Any, Final

from django.http import HttpRequest, HttpResponse, QueryDict
from django.urls.converters import IntConverter, StringConverter
from django.utils.deprecation import MiddlewareMixin

from chat import errors, policy
from chat.store import conversations, files, projects, server, teams
from chat.web.errors import shown

COMPOSER: Final = "text model client_id attachments address store"
FIELDS: Final = {
    **dict.fromkeys(("home", "messages", "project"), f"{COMPOSER} files detail"),
    **dict.fromkeys(("files", "temporary_files", "temporary_new_files"), "file address index"),
    **dict.fromkeys(("temporary_new", "temporary_messages"), "text model client_id attachments address files detail"),
    "temporary_regenerate": "model",
    "temporary_keep": "store",
    "edit": "text client_id keep attachments files",
    "regenerate": "model",
    "version": "response",
    "rename": "title",
    **dict.fromkeys(("share_person", "share_team"), "access"),
    "move": "team",
    "link_make": "kind audience days password names",
    "link": "password",
    "projects": "name instructions team",
    "project_change": "name instructions",
    "project_of": "project",
    "subscribe": "endpoint p256dh auth",
    "settings": "name default_model instructions storing theme",
    "server_settings": "signup team_creation public_links storing storing_settled log_mode temporary",
    "team_storing": "storing storing_settled",
    "team_log_mode": "log_mode",
    "switch_storing": "store",
    "invite": "email uses days",
    "team_invite": "email uses days role",
    **dict.fromkeys(("new_team", "team_rename"), "name"),
    **dict.fromkeys(("hand_over_server", "delete_account"), "username"),
    "team_role": "role",
    "team_domain": "domain",
}
"""Route name → the fields that may be posted to it; to any other of our routes, none."""


class FieldsMiddleware(MiddlewareMixin):
    """What posts a field that its form has not got is refused before anything is stored: whoever means it expects it to do
    something. django-allauth's and the panel's forms take what they know.
    """

    def process_view(self, request: HttpRequest, view: Callable[..., Any], args: Any, kwargs: Any) -> HttpResponse | None:
        match = request.resolver_match
        if request.method != "POST" or match is None or match.namespaces or match.url_name not in policy.ROUTES:
            return None
        unknown = {*request.POST, *request.FILES} - {"csrfmiddlewaretoken", *FIELDS.get(match.url_name, "").split()}
        if not unknown or (not request.user.is_authenticated and policy.ROUTES[match.url_name] not in VISITED):
            return None  # who has not signed in is sent to do that first
        try:
            found(request.user, policy.ROUTES[match.url_name], kwargs)
        except errors.ParleyError as error:
            return shown(request, error)
        name = min(unknown)[:60]
        return shown(request, errors.InvalidInput(f"This form has no field “{name}”.", next="Reload the page and try again."))


VISITED: Final = (policy.PUBLIC, "link.read")


def found(actor: Any, action: Any, ids: dict[str, Any]) -> None:
    """What the address names, for this person: NotFound and Refused as the view would have it. A stranger learns of no form."""
    match str(action).partition(".")[0]:
        case "conversation":
            conversations.find(actor=actor, conversation_id=ids["conversation_id"], action=action)
        case "team":
            teams.find(actor=actor, team_id=ids["team_id"], action=action)
        case "file":
            files.find(actor=actor, file_id=ids["file_id"], action=action)
        case "project":
            projects.find(actor=actor, project_id=ids["project_id"], action=action)
        case "server":
            server.manage(actor)


class IdConverter(StringConverter):
    """One of our ids in an address; anything else is no address of ours."""

    regex = "[a-z]{2,12}_[0-9a-f]{32}"


class NumberConverter(IntConverter):
    """The number of a row: none is longer, and databases take no longer ones."""

    regex = "[0-9]{1,18}"


def value(data: QueryDict, name: str, *, most: int = 300) -> str:
    """The value of a field, "" when it was not sent."""
    return data.get(name, "").replace("\x00", "")[:most].strip()
