"""Who may come in, said once."""

import logging
from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, cast

from django.contrib.auth.views import redirect_to_login
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import resolve_url
from django.utils.http import urlencode
from django_htmx.http import HttpResponseClientRedirect
from django_htmx.middleware import HtmxDetails

from chat.errors import ParleyError
from chat.models import User

logger = logging.getLogger(__name__)
P = ParamSpec("P")


class PersonRequest(HttpRequest):
    """A request of somebody who has signed in."""

    user: User
    htmx: HtmxDetails


def person_required(
    view: Callable[Concatenate[PersonRequest, P], HttpResponseBase],
) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
    """Signed in, or off to sign in: with the whole page, also where htmx asked for a part of one."""

    @wraps(view)
    def wrapper(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if request.user.is_authenticated:
            return view(cast(PersonRequest, request), *args, **kwargs)
        htmx = cast(PersonRequest, request).htmx
        if htmx:
            back = urlencode({"next": htmx.current_url_abs_path or "/"})
            return HttpResponseClientRedirect(f"{resolve_url('account_login')}?{back}")
        return redirect_to_login(request.get_full_path())

    return wrapper


def unspoken(
    view: Callable[Concatenate[PersonRequest, P], HttpResponseBase],
) -> Callable[Concatenate[PersonRequest, P], HttpResponseBase]:
    """Whatever breaks is logged by its kind alone: an exception may quote what was said, and a log is a file."""

    @wraps(view)
    def wrapper(request: PersonRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        try:
            return view(request, *args, **kwargs)
        except (ParleyError, DatabaseError):
            raise
        except Exception as error:
            logger.error("A page of a temporary conversation broke: %s", type(error).__name__)  # noqa: TRY400
        raise ParleyError

    return wrapper


def no_content() -> HttpResponse:
    """Done; the news comes down the socket."""
    return HttpResponse(status=204)
