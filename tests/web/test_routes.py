"""Every route has a row in the policy table; a stranger's answer is the one for what does not exist; nobody comes in unnamed."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import URLPattern, get_resolver, reverse

from chat import policy
from chat.markdown import images
from chat.models import Conversation, Invitation, Item, Link, Project, Response, Team
from chat.store import links, messages, projects, teams
from chat.web.fields import FIELDS
from tests.cast import OUTSIDE, Cast, put_in, says
from tests.conftest import signed_in

ALLAUTHS = ("account_", "mfa_")
OURS = [p for p in get_resolver().url_patterns if isinstance(p, URLPattern) and not (p.name or "").startswith(ALLAUTHS)]
OF_CONVERSATIONS = [p for p in OURS if "conversation_id" in str(p.pattern)]
PREFIXES = {
    "conversation_id": "conv",
    "item_id": "msg",
    "response_id": "resp",
    "link_id": "link",
    "export_id": "exp",
    "certificate_id": "cert",
    "project_id": "proj",
    "file_id": "file",
    "use_id": "use",
    "temporary_id": "temp",
    "output_id": "msg",
}
MISSING = {"user_id": "0", "width": "320", "index": "0", "digest": "0" * 32}
MISSING |= {name: f"{prefix}_" + "0" * 32 for name, prefix in PREFIXES.items()}

OTHERS = {"invitation_id": "inv_" + "0" * 32, "team_id": "team_" + "0" * 32, "token": "x"}
OTHERS |= dict.fromkeys(("sign_in", "subscription", "user_id"), "0")


def address(pattern: URLPattern, ids: dict[str, str]) -> str:
    wanted = {name: value for name, value in ids.items() if name in pattern.pattern.converters}
    return reverse(str(pattern.name), kwargs=wanted)


def both(client: Client, path: str, **extra: Any) -> list[Any]:
    return [client.get(path, **extra), client.post(path, {"text": "x", "title": "x"}, **extra)]


def test_every_route_has_a_row_and_every_row_a_route() -> None:
    assert {pattern.name for pattern in OURS} | {"socket", "link_socket", "temporary_socket"} == set(policy.ROUTES)


@pytest.mark.parametrize("pattern", OF_CONVERSATIONS, ids=lambda pattern: str(pattern.name))
def test_a_foreign_conversation_answers_like_a_missing_one(cast: Cast, pattern: URLPattern) -> None:
    begun = messages.send(actor=cast.owner, conversation_id=None, text="Mine")
    link = links.make(actor=cast.owner, conversation_id=begun.conversation.pk, live=True, audience="anyone", days=7)
    ids = {"item_id": str(begun.response.input_id), "response_id": begun.response.pk, "link_id": link.pk}
    ids["user_id"] = str(cast.mate.pk)
    ids |= {"output_id": says(begun.response, f"![A quark]({OUTSIDE})").pk, "digest": images.digest(OUTSIDE)}
    theirs = {"conversation_id": begun.conversation.pk, **ids}
    client = signed_in(cast.stranger)
    for htmx in ({}, {"HTTP_HX_REQUEST": "true"}):
        foreign = both(client, address(pattern, theirs), **htmx)
        missing = both(client, address(pattern, MISSING), **htmx)
        for one, other in zip(foreign, missing, strict=True):
            assert one.status_code == other.status_code in (404, 405)
            assert without_token(one) == without_token(other)


def without_token(response: Any) -> bytes:
    token = response.context.get("csrf_token") if response.context else None
    content: bytes = response.content
    return content.replace(str(token).encode(), b"") if token else content


@pytest.mark.parametrize("pattern", OURS, ids=lambda pattern: str(pattern.name))
def test_nobody_comes_in_unnamed(db: None, pattern: URLPattern) -> None:
    if policy.ROUTES[str(pattern.name)] in (policy.PUBLIC, "link.read"):
        return
    path = address(pattern, {**MISSING, **OTHERS})
    for response in both(Client(), path):
        assert response.status_code in (302, 405)
        assert response.status_code == 405 or response["Location"].startswith("/accounts/login/")
    for response in both(Client(), path, HTTP_HX_REQUEST="true"):
        assert response.status_code == 405 or response["HX-Redirect"].startswith("/accounts/login/")


@pytest.mark.parametrize("pattern", OURS, ids=lambda pattern: str(pattern.name))
def test_a_field_that_a_form_has_not_got_is_refused_before_anything_is_stored(cast: Cast, pattern: URLPattern) -> None:
    begun = messages.send(actor=cast.owner, conversation_id=None, text="Mine")
    team = teams.create(actor=cast.owner, name="Physics")
    project = projects.create(actor=cast.owner, name="Quarks")
    here = {"conversation_id": begun.conversation.pk, "team_id": team.pk, "project_id": project.pk}
    here["file_id"] = put_in(cast.owner).file.pk
    ids = {**MISSING, **OTHERS, **here}
    sent = {name: "x" for name in FIELDS.get(str(pattern.name), "").split() if name not in ("attachments", "file")}
    client, before = signed_in(cast.owner), rows()
    for extra in ({"owner": "2"}, {"photo": SimpleUploadedFile("a.txt", b"x")}):
        answer = client.post(address(pattern, ids), {**sent, **extra})
        assert answer.status_code == 400
        assert f"This form has no field “{next(iter(extra))}”." in answer.text
    assert rows() == before


OF_PARTS = ["edit", "delete_message", "restore_message", "regenerate", "continue", "stop", "link_revoke", "version"]


@pytest.mark.parametrize("name", [*OF_PARTS, "project_of", "move"])
def test_a_foreign_id_in_ones_own_conversation_is_a_missing_one(cast: Cast, name: str) -> None:
    theirs = messages.send(actor=cast.owner, conversation_id=None, text="Theirs")
    link = links.make(actor=cast.owner, conversation_id=theirs.conversation.pk, live=True, audience="anyone", days=7)
    project, team = projects.create(actor=cast.owner, name="Quarks"), teams.create(actor=cast.owner, name="Physics")
    mine = messages.send(actor=cast.stranger, conversation_id=None, text="Mine").conversation
    foreign = {"item_id": str(theirs.response.input_id), "response_id": theirs.response.pk, "link_id": link.pk}
    attached = {"version": {"response": theirs.response.pk}, "project_of": {"project": project.pk}, "move": {"team": team.pk}}
    (pattern,) = (each for each in OURS if each.name == name)
    client, before = signed_in(cast.stranger), rows()
    sent = dict.fromkeys(FIELDS.get(name, "").split(), "x") | attached.get(name, {})
    answer = client.post(address(pattern, {**foreign, "conversation_id": mine.pk}), sent)
    if name in ("move", "link_revoke"):  # they say so on the page
        assert answer.status_code == 302
    else:
        assert answer.status_code == 404
    assert rows() == before


def rows() -> list[Any]:
    """Everything that people have made."""
    return [
        list(model.objects.order_by("pk").values()) for model in (Conversation, Item, Response, Team, Project, Link, Invitation)
    ]
