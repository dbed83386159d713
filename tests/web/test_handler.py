"""The handler that is shipped: a request has one thread, from the first middleware to the view, and the next takes it over."""

import threading

import pytest
from asgiref.testing import ApplicationCommunicator
from django.http import HttpRequest, HttpResponse
from django.urls import include, path
from django.utils import timezone

from chat.web.handler import Handler

pytestmark = pytest.mark.urls(__name__)


def told(request: HttpRequest) -> HttpResponse:
    return HttpResponse(f"{threading.current_thread().name} {timezone.get_current_timezone_name()}")


urlpatterns = [path("told/", told), path("", include("project.urls"))]


async def get(handler: Handler, *, cookie: str = "") -> str:
    headers = [(b"host", b"testserver"), (b"cookie", cookie.encode())]
    scope = {"type": "http", "method": "GET", "path": "/told/", "query_string": b"", "headers": headers}
    request = ApplicationCommunicator(handler, scope)
    await request.send_input({"type": "http.request", "body": b"", "more_body": False})
    assert (await request.receive_output(5))["status"] == 200
    body: bytes = (await request.receive_output(5))["body"]
    await request.wait(5)
    return body.decode()


async def test_the_thread_of_a_request_is_the_next_ones() -> None:
    handler = Handler()
    first, second = await get(handler), await get(handler)
    assert first.startswith("requests_")
    assert len(handler.idle) == 1
    assert first == second


async def test_times_are_in_the_zone_of_the_browser_and_the_next_one_has_its_own() -> None:
    handler = Handler()
    assert (await get(handler, cookie="tz=Europe/Berlin")).endswith("Europe/Berlin")
    assert (await get(handler)).endswith("UTC")
