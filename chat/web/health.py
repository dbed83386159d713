"""Whether this process lives, whether it can serve, and whether the model server answers."""

from typing import Any

from django.db import Error as DatabaseError
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from chat import providers
from chat.web.decorators import PersonRequest, person_required


@require_safe
async def livez(request: HttpRequest) -> HttpResponse:
    """The process answers. Touches nothing."""
    return HttpResponse("alive\n", content_type="text/plain")


@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """The database answers too."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return HttpResponse("the database does not answer\n", status=503, content_type="text/plain")
    return HttpResponse("ready\n", content_type="text/plain")


def provider_context() -> dict[str, Any]:
    status = providers.current().status()
    return {"provider": {"state": status.state, "sentence": status.sentence, "bundled": providers.is_bundled()}}


@require_safe
@person_required
def provider(request: PersonRequest) -> HttpResponse:
    """The model server's state, polled while it is not ready."""
    return render(request, "conversations/provider.html", provider_context())
