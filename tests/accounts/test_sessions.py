"""Sessions are Django's own, however they are looked up."""

from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.contrib.sessions.backends import db
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from chat.store.sessions import SessionStore, person
from tests.cast import Cast


def key_of(client: Client) -> str:
    return client.cookies[settings.SESSION_COOKIE_NAME].value


def test_a_session_that_has_run_out_lets_nobody_in(cast: Cast, owner: Client) -> None:
    assert owner.get("/settings/").status_code == 200
    sessions = Session.objects.filter(session_key=key_of(owner))
    sessions.update(expire_date=timezone.now() - timedelta(milliseconds=5))
    assert owner.get("/settings/").status_code == 302


def test_one_that_is_about_to_run_out_still_does(cast: Cast, owner: Client) -> None:
    Session.objects.update(expire_date=timezone.now() + timedelta(seconds=5))
    assert owner.get("/settings/").status_code == 200


def test_those_that_django_has_made_are_read_and_the_other_way_round(cast: Cast) -> None:
    theirs, ours = db.SessionStore(), SessionStore()
    theirs["of"] = ours["of"] = "“somebody”"
    theirs.save()
    ours.save()
    assert SessionStore(theirs.session_key)["of"] == db.SessionStore(ours.session_key)["of"] == "“somebody”"


def test_a_key_of_nobody_is_an_empty_session(cast: Cast) -> None:
    for key in ("x" * 32, "'; DROP TABLE chat_user; --", "%s {now}", "ü" * 40):
        session = SessionStore(key)
        assert not list(session.keys())
        assert session.session_key is None


@pytest.mark.parametrize("kept", [True, False])
def test_a_rotated_secret_with_the_old_one_kept_signs_nobody_out_of_pages_or_sockets(
    cast: Cast, owner: Client, settings: Any, kept: bool
) -> None:
    key = key_of(owner)
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY] if kept else []
    settings.SECRET_KEY = "another key for tests alone, fedcba9876543210"
    assert (person(key) == cast.owner) is kept
    assert (owner.get("/settings/").status_code == 200) is kept
    if kept:  # and from then on the new one is enough
        settings.SECRET_KEY_FALLBACKS = []
        assert owner.get("/settings/").status_code == 200
        assert person(key_of(owner)) == cast.owner
