"""Django's handler for HTTP, at the price of one thread a request: a hop into a thread costs as much as a query."""

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from asgiref.sync import ThreadSensitiveContext, sync_to_async
from django.core.handlers.asgi import ASGIHandler

from chat.web.passing_bodies import MemoryAlone, Once, Whole

KEPT = 8  # threads, each with its connection to the database, that wait for the next request


class Handler(ASGIHandler):
    """All middleware and the view run in one go, in a thread that the next request takes over."""

    def __init__(self) -> None:
        self.idle: deque[ThreadPoolExecutor] = deque()
        super().__init__()

    def load_middleware(self, is_async: bool = False) -> None:
        """As for a server without asyncio; Django would take each middleware into the thread and back by itself."""
        super().load_middleware(is_async=False)
        self._middleware_chain: Any = sync_to_async(self._middleware_chain, thread_sensitive=True)

    async def read_body(self, receive: Any) -> Any:
        """Django passes a large one through a file. What was read into memory for that reason stays there."""
        return receive.body if isinstance(receive, Whole) else await super().read_body(receive)

    def create_request(self, scope: Any, body_file: Any) -> Any:
        """No file in such a body passes through another either."""
        request, error = super().create_request(scope, body_file)
        if request is not None and isinstance(body_file, Once):
            request.upload_handlers = [MemoryAlone(request)]
        return request, error

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        thread = self.idle.pop() if self.idle else ThreadPoolExecutor(1, thread_name_prefix="requests")
        try:
            async with ThreadSensitiveContext(executor=thread):
                await super().__call__(scope, receive, send)
        finally:
            if len(self.idle) < KEPT:
                self.idle.append(thread)
            else:
                thread.shutdown(wait=False)
