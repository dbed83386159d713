"""Who opens a socket: the session's person, found in the readers' threads, in one look.

Channels' own middleware does it in the one thread that all of a process's requests share: a slow query there would make every new
socket wait.
"""

from collections.abc import Awaitable, Callable
from http.cookies import CookieError, SimpleCookie
from typing import Any

from channels.security.websocket import WebsocketDenier
from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.db import Error as DatabaseError

from chat.store import pool
from chat.store.sessions import person

Application = Callable[[Any, Any, Any], Awaitable[Any]]


class Person:
    """Puts `user` into the scope, as Channels' consumers expect it."""

    def __init__(self, application: Application) -> None:
        self.application = application

    async def __call__(self, scope: Any, receive: Any, send: Any) -> Any:
        key = session_key(scope.get("headers", []))
        try:
            user = await pool.for_readers(person, key) if key else AnonymousUser()
        except DatabaseError:
            return await WebsocketDenier()(scope, receive, send)  # the page comes again
        return await self.application({**scope, "user": user}, receive, send)


def session_key(headers: list[tuple[bytes, bytes]]) -> str:
    """The session's key in the cookies, "" without one."""
    cookies: SimpleCookie = SimpleCookie()
    try:
        cookies.load("; ".join(value.decode("latin-1") for name, value in headers if name == b"cookie"))
    except CookieError:
        return ""
    found = cookies.get(settings.SESSION_COOKIE_NAME)
    return found.value if found else ""
