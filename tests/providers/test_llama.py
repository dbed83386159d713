"""The real bundled model, in its own process. Its words vary; what is held here does not."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.conf import settings

from chat import errors
from chat.management.commands import llama as command
from chat.protocol import events
from chat.protocol.events import Event
from chat.protocol.sse import Decoder
from chat.protocol.types import Request
from chat.providers.llama import CONTEXT, INSTRUCTIONS, MODEL, LlamaProvider, honest, prepared
from chat.providers.supervisor import Supervisor
from tests.providers.test_supervisor import gone, wait

COMMAND = [sys.executable, str(settings.BASE_DIR / "manage.py"), "llama"]
STREAMS = Path(__file__).parent / "streams"


@pytest.fixture(scope="module")
def bundled() -> Iterator[LlamaProvider]:
    supervisor = Supervisor(COMMAND, backoff=(0.1, 1.0))
    supervisor.start()
    wait(lambda: supervisor.address, within=60)
    yield LlamaProvider(supervisor)
    supervisor.stop()


@pytest.fixture
def llama(bundled: LlamaProvider) -> LlamaProvider:
    """The one model of all tests here, when it answers: the test before this one may have killed it."""
    wait(lambda: answers(bundled), within=60)
    return bundled


def answers(llama: LlamaProvider) -> bool:
    try:
        return llama._supervisor.address is not None and http(llama, "/v1/models").status_code == 200
    except (httpx.TransportError, AssertionError):  # it ends, or has just ended
        return False


def asked(question: str, **more: Any) -> Request:
    return Request(model="", input=[{"role": "user", "content": question}], **more)


async def read(llama: LlamaProvider, request: Request) -> list[Event]:
    async with aclosing(llama.stream(request)) as found:
        return [event async for event in found]


def said(found: list[Event]) -> str:
    return "".join(event.delta for event in found if isinstance(event, events.OutputTextDelta))


def http(llama: LlamaProvider, path: str, *, key: bool = True, **more: Any) -> httpx.Response:
    address = llama._supervisor.address
    assert address
    headers = {"Origin": "http://elsewhere.example", **({"Authorization": f"Bearer {address.key}"} if key else {})}
    return httpx.get(f"http://127.0.0.1:{address.port}{path}", headers=headers, **more)


async def test_it_knows_the_capital_of_france(llama: LlamaProvider) -> None:
    found = await read(llama, asked("What is the capital of France?"))
    assert "Paris" in said(found)
    assert isinstance(found[-1], events.ResponseCompleted)


async def test_a_reply_cut_by_its_limit_is_incomplete(llama: LlamaProvider) -> None:
    found = await read(llama, asked("Tell a long story about a fox.", max_output_tokens=8))
    assert isinstance(found[-1], events.ResponseIncomplete)
    assert found[-1].response.incomplete_details is not None
    assert found[-1].response.incomplete_details.reason == "max_output_tokens"


async def test_a_schema_is_kept_to(llama: LlamaProvider) -> None:
    schema = {
        "type": "object",
        "properties": {"city": {"enum": ["Paris", "Rome"]}},
        "required": ["city"],
        "additionalProperties": False,
    }
    found = await read(llama, asked("Name a city.", text={"format": {"type": "json_schema", "name": "city", "schema": schema}}))
    assert any(city in said(found) for city in ("Paris", "Rome"))
    assert said(found).strip().startswith("{")


async def test_too_long_a_conversation_is_said_to_be_that(llama: LlamaProvider) -> None:
    with pytest.raises(errors.ContextTooLong):
        await read(llama, asked("word " * 9000))


async def test_images_are_refused_before_they_are_sent(llama: LlamaProvider) -> None:
    image = {"type": "input_image", "image_url": "data:image/png;base64,AA"}
    with pytest.raises(errors.ModelCannotSee):
        await read(llama, Request(input=[{"role": "user", "content": [image]}]))


async def test_what_its_server_cannot_read_is_not_sent(llama: LlamaProvider) -> None:
    items: list[Any] = [
        {"type": "reasoning", "id": "rs_1", "summary": []},
        {"type": "web_search_call", "id": "ws_1"},
        {"type": "message", "role": "developer", "content": "Be kind."},
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "What is the capital of France?"}]},
    ]
    request = Request(input=items, include=["reasoning.encrypted_content"], store=False, truncation="auto", max_output_tokens=30)
    assert said(await read(llama, request))


async def test_stop_frees_the_model_at_once(llama: LlamaProvider) -> None:
    async def begin() -> None:
        async with aclosing(llama.stream(asked("Tell a very long story about a king."))) as found:
            async for event in found:
                if isinstance(event, events.OutputTextDelta):
                    return

    await asyncio.gather(*[begin() for _ in range(4)])
    await asyncio.sleep(0.5)
    before = processor_time(llama)
    await asyncio.sleep(0.5)
    assert processor_time(llama) - before < 0.15


def processor_time(llama: LlamaProvider) -> float:
    fields = Path(f"/proc/{llama._supervisor.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.parametrize("path", ["/v1/models", "/slots", "/props", "/metrics"])
async def test_nobody_without_the_key_sees_anything(llama: LlamaProvider, path: str) -> None:
    assert http(llama, path, key=False).status_code == 401


async def test_prompts_cannot_be_seen_and_no_other_origin_may_read(llama: LlamaProvider) -> None:
    assert http(llama, "/slots").status_code == 501
    assert http(llama, "/v1/models").headers.get("access-control-allow-origin", "") == ""
    assert http(llama, "/v1/models").json()["data"][0]["id"] == "smollm2-135m-instruct"


async def test_killed_between_two_questions_it_answers_the_next(llama: LlamaProvider) -> None:
    pid = llama._supervisor.pid
    assert pid
    os.kill(pid, signal.SIGKILL)
    assert said(await read(llama, asked("What is the capital of Italy?")))
    assert llama.status().state == "ready"


async def test_killed_in_mid_reply_it_says_so(llama: LlamaProvider) -> None:
    seen = 0
    with pytest.raises(errors.Unreachable):  # noqa: PT012 - the kill happens inside the stream
        async with aclosing(llama.stream(asked("Tell a very long story about a king."))) as found:
            async for event in found:
                seen += isinstance(event, events.OutputTextDelta)
                if seen == 3 and llama._supervisor.pid:
                    os.kill(llama._supervisor.pid, signal.SIGKILL)
    assert seen >= 3
    wait(lambda: llama.status().state == "ready", within=60)


async def test_while_it_cannot_start_people_are_told() -> None:
    one = LlamaProvider(Supervisor([sys.executable, "-c", "import time; time.sleep(60)"]), patience=0.2)
    with pytest.raises(errors.Unreachable, match="loading"):
        await read(one, asked("hello"))
    await one.close()


def test_it_dies_with_its_parent_and_says_nothing_of_what_it_read(tmp_path: Path) -> None:
    parent = (
        "import sys, time, httpx; from chat.providers.supervisor import Supervisor\n"
        f"one = Supervisor({COMMAND!r}); one.start()\n"
        "while not one.address: time.sleep(0.05)\n"
        "url, headers = f'http://127.0.0.1:{one.address.port}/v1/responses', {'Authorization': f'Bearer {one.address.key}'}\n"
        "httpx.post(url, json={'input': 'zebra ' * 9000}, headers=headers)\n"
        "httpx.post(url, content=b'{\"zebra', headers=headers)\n"
        "httpx.post(url, json={'input': 'zebra', 'max_output_tokens': 2}, headers=headers)\n"
        "print(one.pid, flush=True); time.sleep(60)"
    )
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings", "PARLEY_VAR": str(tmp_path)}
    with (
        (tmp_path / "log").open("wb") as log,
        subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE, stderr=log, env=environment) as process,
    ):
        assert process.stdout
        child = int(process.stdout.readline())
        process.kill()
    wait(lambda: gone(child), within=2)
    assert "zebra" not in (tmp_path / "log").read_text()


def test_started_by_hand_it_explains_itself(tmp_path: Path) -> None:
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings", "PARLEY_VAR": str(tmp_path)}
    done = subprocess.run(
        COMMAND, capture_output=True, text=True, timeout=30, stdin=subprocess.DEVNULL, env=environment, check=False
    )
    assert done.returncode == 1
    assert "PARLEY_LLAMA_KEY must be set" in done.stderr


def test_its_defaults_yield_to_what_was_asked() -> None:
    plain = prepared(asked("hello"))
    assert (plain.temperature, plain.top_p, plain.instructions) == (0.2, 0.9, INSTRUCTIONS)
    set_by_hand = prepared(asked("hello", temperature=0.0, top_p=1.0, instructions="Speak like a pirate.", max_output_tokens=7))
    assert (set_by_hand.temperature, set_by_hand.top_p, set_by_hand.max_output_tokens) == (0.0, 1.0, 7)
    assert set_by_hand.instructions == "Speak like a pirate."
    assert prepared(asked("hello")).body()["model"] == "smollm2-135m-instruct"


def test_its_own_stream_claims_completed_and_is_corrected() -> None:
    decoder = Decoder()
    sent = decoder.feed((STREAMS / "llama_cpp_length.sse").read_bytes()) + decoder.end()
    last = [event for one in sent if (event := events.from_sse(one))][-1]
    assert isinstance(last, events.ResponseCompleted)
    assert isinstance(honest(last, asked("x", max_output_tokens=12)), events.ResponseIncomplete)
    assert honest(last, asked("x", max_output_tokens=13)) is last


def test_the_command_and_the_provider_speak_of_the_same_model() -> None:
    """Two places on purpose: the command must not import what the provider needs."""
    assert (command.MODEL, command.CONTEXT) == (MODEL, CONTEXT)
