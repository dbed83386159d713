"""Every route has a row in the policy table; a stranger's answer is the one for what does not exist; nobody comes in unnamed."""

from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, get_resolver, reverse

from chat import policy
from chat.store import messages
from tests.cast import Cast
from tests.conftest import signed_in

ALLAUTHS = ("account_", "mfa_")
OURS = [p for p in get_resolver().url_patterns if isinstance(p, URLPattern) and not (p.name or "").startswith(ALLAUTHS)]
OF_CONVERSATIONS = [p for p in OURS if "conversation_id" in str(p.pattern)]
MISSING = {"user_id": "0", "conversation_id": "conv_" + "0" * 32, "item_id": "msg_" + "0" * 32, "response_id": "resp_" + "0" * 32}


def address(pattern: URLPattern, ids: dict[str, str]) -> str:
    wanted = {name: value for name, value in ids.items() if name in pattern.pattern.converters}
    return reverse(str(pattern.name), kwargs=wanted)


def both(client: Client, path: str, **extra: Any) -> list[Any]:
    return [client.get(path, **extra), client.post(path, {"text": "x", "title": "x"}, **extra)]


def test_every_route_has_a_row_and_every_row_a_route() -> None:
    assert {pattern.name for pattern in OURS} | {"socket"} == set(policy.ROUTES)


@pytest.mark.parametrize("pattern", OF_CONVERSATIONS, ids=lambda pattern: str(pattern.name))
def test_a_foreign_conversation_answers_like_a_missing_one(cast: Cast, pattern: URLPattern) -> None:
    begun = messages.send(actor=cast.owner, conversation_id=None, text="Mine")
    ids = {"item_id": str(begun.response.input_id), "response_id": begun.response.pk, "user_id": str(cast.mate.pk)}
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
    if policy.ROUTES[str(pattern.name)] == policy.PUBLIC:
        return
    others = {"invitation_id": "inv_" + "0" * 32, "team_id": "team_" + "0" * 32, "sign_in": "0", "user_id": "0", "token": "x"}
    others["export_id"] = "exp_" + "0" * 32
    path = address(pattern, {**MISSING, **others})
    for response in both(Client(), path):
        assert response.status_code in (302, 405)
        assert response.status_code == 405 or response["Location"].startswith("/accounts/login/")
    for response in both(Client(), path, HTTP_HX_REQUEST="true"):
        assert response.status_code == 405 or response["HX-Redirect"].startswith("/accounts/login/")
