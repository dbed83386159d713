"""Sockets from our own pages only: the exact origin, scheme and port included (Channels' own validator ignores both)."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from channels.security.websocket import WebsocketDenier

Application = Callable[[Any, Any, Any], Awaitable[Any]]


class ExactOrigin:
    def __init__(self, application: Application, *, origins: Sequence[str]) -> None:
        self.application = application
        self.origins = {origin.encode("ascii") for origin in origins}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> Any:
        origins = [value for name, value in scope.get("headers", []) if name == b"origin"]
        if len(origins) == 1 and origins[0] in self.origins:
            return await self.application(scope, receive, send)
        return await WebsocketDenier()(scope, receive, send)
