"""Where models answer. `current()` is the server's one provider, by its settings; none set means the bundled model."""

import asyncio
import sys
import threading
import time
from functools import cache
from hashlib import pbkdf2_hmac
from typing import Final

from django.conf import settings

from chat.errors import ParleyError
from chat.protocol.client import Client, Timeouts
from chat.providers import probing
from chat.providers.base import BUNDLED, Provider, Status
from chat.providers.llama import MODEL, LlamaProvider
from chat.providers.openai import OpenAIProvider
from chat.providers.supervisor import Supervisor

__all__ = [
    "Provider",
    "Status",
    "close",
    "current",
    "default_model",
    "is_bundled",
    "keep",
    "known_models",
    "models",
    "probe",
    "reset",
    "server",
]

FRESH: Final = 60.0  # seconds that a list of models is kept
AGAIN: Final = 5.0  # seconds until a list that could not be had is asked for again

_lock = threading.Lock()
_current: Provider | None = None
_names: list[str] = []
_until = 0.0


def is_bundled() -> bool:
    return not settings.OPENAI_BASE_URL and not settings.OPENAI_API_KEY


def current() -> Provider:
    """The provider, made once. Making it starts nothing; `status()` or a first `stream` starts the bundled model."""
    global _current
    with _lock:
        if _current is None:
            _current = _bundled() if is_bundled() else _openai()
        return _current


def default_model() -> str:
    """PARLEY_MODEL, or the first that the server named; "" while it has named none."""
    return settings.PARLEY_MODEL or (MODEL if is_bundled() else _names[0] if _names else "")


def known_models() -> list[str]:
    """What `models` gave last, without asking: pages do not wait for a model server. `keep` asks."""
    names = _names or ([MODEL] if is_bundled() else [])
    return [*([settings.PARLEY_MODEL] if settings.PARLEY_MODEL and settings.PARLEY_MODEL not in names else []), *names]


async def keep() -> None:
    """As long as the process serves: start the bundled model, and ask for the models' names before anybody needs them."""
    try:
        while True:
            current().status()
            await models()
            await asyncio.sleep(AGAIN)
    finally:
        await close()


async def models() -> list[str]:
    """The models to choose from, the default among them; kept for a minute. Never raises: what cannot be had is the default."""
    global _names, _until
    if time.monotonic() >= _until:
        try:
            _names, _until = await current().models(), time.monotonic() + FRESH
        except ParleyError:
            _until = time.monotonic() + AGAIN
    return known_models()


def server() -> str:
    """The address of the server's one provider, under which its probes are kept."""
    return BUNDLED if is_bundled() else _client().base_url


async def probe(
    *, model: str = "", told: probing.Told = probing.nobody, ledger: probing.Ledger | None = None
) -> tuple[str, probing.Found]:
    """Ask the server what it can (`probing.probe`), by connections of its own: the model, and what was found. What a busy
    server puts off is tried once more.
    """
    if is_bundled():
        return MODEL, probing.BUNDLED
    client = _client_with(Timeouts(connect=settings.MODEL_CONNECT, first_byte=40.0, between_bytes=20.0, get=15.0, pauses=(1.0,)))
    try:
        return await probing.probe(client, model=model or settings.PARLEY_MODEL, told=told, ledger=ledger)
    finally:
        await client.close()


async def close() -> None:
    """Give back connections and the bundled model's process."""
    provider = _current
    reset(stop=False)
    if provider is not None:
        await provider.close()


def reset(*, stop: bool = True) -> None:
    """Forget the provider and its models, and end the bundled model's process: for tests, and when settings change."""
    global _current, _names, _until
    with _lock:
        provider, _current, _names, _until = _current, None, [], 0.0
    if stop and isinstance(provider, LlamaProvider):
        provider.stop()


def _bundled() -> Provider:
    return LlamaProvider(Supervisor([sys.executable, str(settings.BASE_DIR / "manage.py"), "llama"]))


def _openai() -> Provider:
    account = _account(f"{settings.OPENAI_BASE_URL} {settings.OPENAI_API_KEY}")
    return OpenAIProvider(_client(), background=settings.OPENAI_BACKGROUND, account=account)


@cache
def _account(opened_by: str) -> str:
    """Slow, so that a short key cannot be guessed from it; not made with SECRET_KEY, which may be replaced."""
    return pbkdf2_hmac("sha256", opened_by.encode(), b"chat.providers.account", 100_000).hex()[:32]


def _client() -> Client:
    timeouts = Timeouts(
        connect=settings.MODEL_CONNECT,
        first_byte=settings.MODEL_FIRST_BYTE,
        between_bytes=settings.MODEL_SILENCE,
        pauses=settings.MODEL_PAUSES,
    )
    return _client_with(timeouts)


def _client_with(timeouts: Timeouts) -> Client:
    return Client(settings.OPENAI_BASE_URL or "https://api.openai.com/v1", settings.OPENAI_API_KEY, timeouts=timeouts)
