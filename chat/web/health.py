"""Whether this process lives, whether it can serve, and whether the model server answers."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from django.db import Error as DatabaseError
from django.db import connection
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from chat import providers
from chat.runs.process import process
from chat.store import pool
from chat.web.decorators import PersonRequest, person_required

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
PATIENCE = 0.04  # seconds that /readyz waits for the database before it says what it knew last
HEADERS = [
    (b"content-type", b"text/plain; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; script-src 'self'; frame-ancestors 'none'"),
    (b"referrer-policy", b"same-origin"),
    (b"x-content-type-options", b"nosniff"),
]


class Health:
    """/livez and /readyz, answered before Django: no session, no thread, no queue stands before them."""

    def __init__(self, application: Callable[[Scope, Receive, Send], Awaitable[None]]) -> None:
        self.application = application
        self.look: asyncio.Task[bool] | None = None
        self.known = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/livez":
            await answer(send, 200, "alive")
        elif scope["path"] == "/readyz":
            await answer(send, *await self.ready())
        else:
            await self.application(scope, receive, send)

    async def ready(self) -> tuple[int, str]:
        """One look at the database at a time, however many ask: one that hangs holds one thread, and counts as no."""
        if process.draining:
            return 503, "about to stop"
        if self.look is None:
            self.look = asyncio.create_task(pool.for_readers(database_answers))
            self.look.add_done_callback(self._looked)
            await asyncio.wait((self.look,), timeout=1 if not self.known else PATIENCE)
            if self.look is not None:
                self.known = False
        return (200, "ready") if self.known else (503, "the database does not answer")

    def _looked(self, look: asyncio.Task[bool]) -> None:
        self.look = None
        self.known = not look.cancelled() and look.exception() is None and look.result()


def database_answers() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return False
    return True


async def answer(send: Send, status: int, sentence: str) -> None:
    await send({"type": "http.response.start", "status": status, "headers": HEADERS})
    await send({"type": "http.response.body", "body": f"{sentence}\n".encode()})


def provider_context() -> dict[str, Any]:
    status = providers.current().status()
    return {"provider": {"state": status.state, "sentence": status.sentence, "bundled": providers.is_bundled()}}


@require_safe
@person_required
def provider(request: PersonRequest) -> HttpResponse:
    """The model server's state, polled while it is not ready."""
    return render(request, "conversations/provider.html", provider_context())
