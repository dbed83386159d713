"""How often one person may have this server fetch something from elsewhere."""

from allauth.core.internal import ratelimit
from django.http import HttpRequest

from chat import errors


def heed(request: HttpRequest) -> None:
    """TooOften, where it was often within the last minute (`ACCOUNT_RATE_LIMITS["address"]`)."""
    if not ratelimit.consume(request, app="allauth.account", action="address"):
        raise errors.TooOften("You had many addresses fetched within a minute.")
