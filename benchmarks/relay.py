"""A bare Channels relay, to measure Parley against: it stores nothing, renders nothing, knows nobody.

`python -m benchmarks.relay PORT MODEL_SERVER`: a socket sends a prompt and gets the deltas, a message each, by the same server
with the same options as Parley's, from the same model server by the same client.
"""

import asyncio
import contextlib
import json
import sys

import aiohttp
import django
import uvicorn
from django.conf import settings

settings.configure(SECRET_KEY="bare", ALLOWED_HOSTS=["*"], INSTALLED_APPS=["channels"], CHANNEL_LAYERS={})
django.setup()

from channels.generic.websocket import AsyncWebsocketConsumer  # noqa: E402
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from django.urls import path  # noqa: E402

MODEL_SERVER = sys.argv[2] if len(sys.argv) > 2 else ""
SESSION: list[aiohttp.ClientSession] = []


def session() -> aiohttp.ClientSession:
    """One for the process, made on its loop."""
    if not SESSION:
        SESSION.append(aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)))
    return SESSION[0]


class Relay(AsyncWebsocketConsumer):  # type: ignore[misc]
    async def connect(self) -> None:
        self.task: asyncio.Task[None] | None = None
        await self.accept()

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        self.task = asyncio.create_task(self._relay(text_data or ""))

    async def disconnect(self, code: int) -> None:
        if self.task is not None:
            self.task.cancel()

    async def _relay(self, prompt: str) -> None:
        item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": prompt}]}
        body = {"model": "bench", "stream": True, "input": [item]}
        async with session().post(f"{MODEL_SERVER}/responses", json=body) as answer:
            async for line in answer.content:
                if line.startswith(b"data: ") and (event := json.loads(line[6:]))["type"] == "response.output_text.delta":
                    await self.send(text_data=json.dumps({"delta": event["delta"]}))
        await self.send(text_data=json.dumps({"done": True}))


class Server(uvicorn.Server):
    async def startup(self, sockets: object = None) -> None:
        await super().startup()
        print("ready", flush=True)


def main() -> None:
    application = ProtocolTypeRouter({"websocket": URLRouter([path("ws/", Relay.as_asgi())])})
    config = uvicorn.Config(
        application,
        port=int(sys.argv[1]),
        loop="uvloop",
        ws="websockets-sansio",
        ws_max_size=4096,
        ws_per_message_deflate=False,
        lifespan="off",
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=1,
    )
    with contextlib.suppress(KeyboardInterrupt):
        Server(config).run()


if __name__ == "__main__":
    main()
