"""Django's admin with our doors: one sign-in for everything, the owner only, and a content policy of its own."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from csp.constants import NONE, SELF
from csp.decorators import csp
from django.contrib.admin import AdminSite
from django.contrib.auth import logout
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect

from chat.policy import can
from chat.store import server

# Its pages hold no inline script and no inline style; its style sheets and search boxes load only from here.
POLICY = {
    "default-src": [NONE],
    "script-src": [SELF],
    "style-src": [SELF],
    "img-src": [SELF],
    "connect-src": [SELF],
    "form-action": [SELF],
    "base-uri": [NONE],
    "frame-ancestors": [NONE],
}


class Panel(AdminSite):
    site_title = site_header = "Parley"
    index_title = "People"
    enable_nav_sidebar = False

    def has_permission(self, request: HttpRequest) -> bool:
        """The server's row says who owns it: no flag on a person that could disagree."""
        return request.user.is_authenticated and can(request.user, "server.manage", server.current())

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        guarded: Callable[..., Any] = csp(POLICY)(super().admin_view(view, cacheable))

        @wraps(guarded)
        def door(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            if not request.user.is_authenticated:
                return redirect_to_login(request.get_full_path(), "account_login")
            if not self.has_permission(request):
                raise Http404
            return guarded(request, *args, **kwargs)

        return door

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """There is one sign-in page, with its limits on tries."""
        if request.user.is_authenticated and not self.has_permission(request):
            raise Http404
        return redirect("admin:index") if request.user.is_authenticated else redirect_to_login("/admin/", "account_login")

    def logout(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        if request.method == "POST":
            logout(request)
        return redirect("account_login")

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        return redirect("account_change_password")
