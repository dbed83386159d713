"""`manage.py probe`: a table to be read, kept with its date."""

from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from chat import providers
from chat.models import Probe
from chat.store import probes
from tests.scripted import ScriptedServer

pytestmark = pytest.mark.django_db(transaction=True)


def connect(settings: Any, url: str) -> None:
    settings.OPENAI_BASE_URL, settings.OPENAI_API_KEY = url, "sk-test-0123456789"
    providers.reset()


def printed(**options: str) -> str:
    out = StringIO()
    call_command("probe", stdout=out, **options)
    return out.getvalue()


def test_it_prints_what_was_found_and_keeps_it(settings: Any, scripted: ScriptedServer) -> None:
    scripted.models = ("scripted", "other")
    connect(settings, scripted.base_url)
    try:
        text = printed(model="other")
    finally:
        scripted.models = ("scripted",)
    assert f"{scripted.base_url}, model other" in text
    lines = {line.split("  ")[0]: line for line in text.splitlines()}
    assert " yes " in lines["Speaks the Responses API"]
    assert " yes " in lines["Keeps replies"]
    assert any(" no " in line for line in lines.values())
    (kept,) = Probe.objects.all()
    assert (kept.server, kept.model, kept.by, kept.state) == (scripted.base_url, "other", None, "ready")
    assert probes.capabilities(scripted.base_url)["store"] is True
    assert max(map(len, text.splitlines())) < 130


def test_a_server_that_does_not_answer_is_said_kept_and_an_error_for_scripts(settings: Any) -> None:
    connect(settings, "http://127.0.0.1:9/v1")
    out = StringIO()
    with pytest.raises(CommandError, match="told nothing"):
        call_command("probe", stdout=out)
    assert "The model server cannot be reached." in out.getvalue()
    assert Probe.objects.count() == 1


def test_the_bundled_model_is_known_without_being_started(settings: Any) -> None:
    settings.OPENAI_BASE_URL = settings.OPENAI_API_KEY = ""
    providers.reset()
    assert "the bundled model" in printed()
    assert probes.capabilities("the bundled model")["store"] is False
