import socket
from collections.abc import Iterator

import pytest

from chat import providers
from chat.models import User
from tests.scripted import ScriptedServer

FORM = {"name": "Stella Star", "default_model": "", "instructions": "Be brief.", "theme": "dark"}


@pytest.fixture
def stella(people, client) -> User:
    client.force_login(people.stranger)
    return people.stranger


@pytest.fixture
def two_models(settings) -> Iterator[None]:
    """A model server that offers two."""
    far_end = ScriptedServer(models=("tiny", "large")).start()
    settings.OPENAI_BASE_URL = far_end.base_url
    providers.reset()
    yield
    far_end.stop()
    providers.reset()


def now(person: User) -> User:
    return User.objects.get(pk=person.pk)


def test_everything_is_saved_at_once_and_said(stella, client, two_models):
    page = client.post("/settings/", {**FORM, "default_model": "large"}, follow=True)
    assert page.redirect_chain == [("/settings/", 302)]
    assert "Your settings are saved." in page.text
    saved = now(stella)
    assert (saved.name, saved.default_model, saved.instructions, saved.theme) == ("Stella Star", "large", "Be brief.", "dark")


def test_the_theme_takes_effect_on_the_next_page(stella, client, two_models):
    assert 'data-theme="system"' in client.get("/settings/").text
    assert 'data-theme="dark"' in client.post("/settings/", FORM, follow=True).text


def test_an_error_stands_beside_its_field_and_nothing_typed_is_lost(stella, client, two_models):
    answer = client.post("/settings/", {**FORM, "name": "x" * 101, "instructions": "Kept, though not saved."})
    assert answer.status_code == 422
    assert 'id="id_name_error"' in answer.text
    assert "Kept, though not saved." in answer.text
    assert "x" * 101 in answer.text
    assert now(stella).instructions == ""


def test_instructions_are_counted_as_the_browser_counts_them(stella, client, two_models):
    text = "line\r\n" * 1600
    assert client.post("/settings/", {**FORM, "instructions": text}).status_code == 302
    assert len(now(stella).instructions) == 7999
    assert "of 8,000 characters" in client.get("/settings/").text


def test_instructions_of_more_than_8000_characters_are_refused(stella, client, two_models):
    answer = client.post("/settings/", {**FORM, "instructions": "x" * 8001})
    assert "has 8001" in answer.text
    assert now(stella).instructions == ""


def test_a_model_that_is_not_offered_is_refused(stella, client, two_models):
    assert client.post("/settings/", {**FORM, "default_model": "gpt-secret"}).status_code == 422
    assert now(stella).default_model == ""


def test_a_model_that_is_not_offered_any_more_stays_chosen_until_it_is_changed(stella, client, two_models):
    User.objects.filter(pk=stella.pk).update(default_model="older")
    assert "older (not offered now)" in client.get("/settings/").text
    assert client.post("/settings/", {**FORM, "default_model": "older"}).status_code == 302
    assert now(stella).default_model == "older"


@pytest.mark.parametrize("form", [{"theme": "pink"}, {"theme": ""}, {"name": "two\nlines"}, {"name": "\u202eallets"}])
def test_what_cannot_be_is_refused(stella, client, two_models, form):
    assert client.post("/settings/", {**FORM, **form}).status_code == 422
    assert now(stella).name == stella.name


def test_other_fields_in_the_form_change_nothing(stella, client, two_models):
    client.post(
        "/settings/", {**FORM, "username": "olivia", "is_superuser": "on", "suspended": "on", "email": "olivia@example.org"}
    )
    saved = now(stella)
    assert (saved.username, saved.is_superuser, saved.suspended, saved.email) == ("stella", False, False, "stella@example.org")


def test_what_one_person_saves_nobody_else_has(people, stella, client, two_models):
    client.post("/settings/", FORM)
    assert now(people.mate).instructions == ""


def test_a_name_is_text_and_never_markup(stella, client, two_models):
    page = client.post("/settings/", {**FORM, "name": "<script>alert(1)</script>"}, follow=True).text
    assert "<script>alert" not in page


def test_anonymous_people_are_asked_to_sign_in(db, client):
    for answer in (client.get("/settings/"), client.post("/settings/", FORM)):
        assert answer["Location"] == "/accounts/login/?next=/settings/"


def test_only_the_owner_sees_the_way_to_the_server_settings(people, client, two_models):
    for person, seen in ((people.owner, True), (people.mate, False), (people.stranger, False)):
        client.force_login(person)
        assert ("/settings/server/" in client.get("/settings/").text) is seen


def test_the_page_does_not_wait_for_a_model_server_that_says_nothing(stella, client, settings):
    settings.MODELS_WAIT = 0.2
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings.OPENAI_BASE_URL = f"http://127.0.0.1:{silent.getsockname()[1]}/v1"
        providers.reset()
        assert "The server's default" in client.get("/settings/").text.replace("&#x27;", "'")


def test_the_page_works_while_the_model_server_is_away(stella, client, settings):
    settings.OPENAI_BASE_URL = "http://127.0.0.1:9/v1"
    providers.reset()
    assert client.post("/settings/", FORM).status_code == 302
