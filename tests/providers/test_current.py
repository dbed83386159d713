"""The server's one provider, by its settings."""

import pytest
from pytest_django import Settings

from chat import providers
from chat.providers.llama import LlamaProvider
from chat.providers.openai import OpenAIProvider
from tests.scripted import ScriptedServer


def connect(settings: Settings, *, url: str = "", key: str = "", model: str = "") -> None:
    settings.OPENAI_BASE_URL, settings.OPENAI_API_KEY, settings.PARLEY_MODEL = url, key, model
    providers.reset()


def test_nothing_set_means_the_bundled_model(settings: Settings) -> None:
    connect(settings)
    assert isinstance(providers.current(), LlamaProvider)
    assert providers.is_bundled()
    assert providers.default_model() == "smollm2-135m-instruct"
    assert providers.current() is providers.current()


def test_a_key_alone_means_openai(settings: Settings) -> None:
    connect(settings, key="sk-test-0123456789")
    assert isinstance(providers.current(), OpenAIProvider)
    assert not providers.is_bundled()


async def test_models_are_asked_for_once_a_minute(settings: Settings, scripted: ScriptedServer) -> None:
    connect(settings, url=scripted.base_url)
    assert await providers.models() == ["scripted"]
    assert await providers.models() == ["scripted"]
    assert len(scripted.requests) == 1
    assert providers.default_model() == "scripted"


async def test_a_chosen_default_is_offered_even_if_the_server_does_not_name_it(
    settings: Settings, scripted: ScriptedServer
) -> None:
    connect(settings, url=scripted.base_url, model="mine")
    assert await providers.models() == ["mine", "scripted"]
    assert providers.default_model() == "mine"


@pytest.mark.parametrize("model", ["", "mine"])
async def test_a_server_that_is_away_leaves_the_default(settings: Settings, model: str) -> None:
    connect(settings, url="http://127.0.0.1:9/v1", model=model)
    assert await providers.models() == ([model] if model else [])


async def test_closing_gives_back_everything(settings: Settings, scripted: ScriptedServer) -> None:
    connect(settings, url=scripted.base_url)
    first = providers.current()
    await providers.models()
    await providers.close()
    assert providers.current() is not first


@pytest.mark.parametrize("on", [True, False])
def test_background_mode_is_the_owners_word(settings: Settings, on: bool) -> None:
    settings.OPENAI_BACKGROUND = on
    connect(settings, key="sk-test-0123456789")
    assert providers.current().background is on
    connect(settings)
    assert not providers.current().background
