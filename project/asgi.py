"""The process: HTTP and sockets by one application, and what must run beside them from the first moment to the last."""

import os
from collections.abc import Awaitable, Callable
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")

import django  # noqa: E402

django.setup(set_prefix=False)  # before anything that needs the models

from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from django.conf import settings  # noqa: E402

from chat import providers  # noqa: E402
from chat.live.origin import ExactOrigin  # noqa: E402
from chat.live.person import Person  # noqa: E402
from chat.live.routing import websocket_urlpatterns  # noqa: E402
from chat.live.watch import readers  # noqa: E402
from chat.runs.process import process  # noqa: E402
from chat.web.handler import Handler  # noqa: E402
from chat.web.health import Health  # noqa: E402
from chat.web.passing_bodies import Passing  # noqa: E402

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

sockets = ExactOrigin(Person(URLRouter(websocket_urlpatterns)), origins=settings.CSRF_TRUSTED_ORIGINS)
router = ProtocolTypeRouter({"http": Health(Passing(Handler())), "websocket": sockets})


class Application:
    """Opens once, at the server's start (`lifespan`) or with the first request where a server has none (daphne); closes
    at its end.
    """

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.lifespan(receive, send)
            return
        self.open()
        await router(scope, receive, send)

    def open(self) -> None:
        process.open(executes=not settings.WORKER_APART, reads=True, work=(readers.watch, providers.keep))

    async def lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                self.open()
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                await process.drain()
                await process.close()
                await send({"type": "lifespan.shutdown.complete"})
                return


application = Application()
