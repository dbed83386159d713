"""django-unfold's admin with our doors: one sign-in for everything, 404 for who has no business, a content policy of its own."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Final

from csp.constants import NONE, SELF, UNSAFE_EVAL
from csp.decorators import csp
from django.contrib.auth import logout
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from unfold.sites import UnfoldAdminSite

from chat import errors
from chat.policy import can

# Alpine.js, on which unfold's pages run, makes functions of the attributes in them: that is eval. All else is as everywhere, and
# fonts and their icons come from here (docs/decisions/0008).
POLICY: Final = {
    "default-src": [NONE],
    "script-src": [SELF, UNSAFE_EVAL],
    "style-src": [SELF],
    "font-src": [SELF],
    "img-src": [SELF],
    "frame-src": [SELF],
    "connect-src": [SELF],
    "form-action": [SELF],
    "base-uri": [NONE],
    "frame-ancestors": [NONE],
}
# Ways into tables by the name of a table or a column, which no page of ours goes.
CLOSED: Final = ("autocomplete", "view_on_site", "password_change_done")


class Panel(UnfoldAdminSite):
    index_title = "People"

    def __init__(self, name: str = "admin") -> None:
        super().__init__(name)
        self.disable_action("delete_selected")

    def has_permission(self, request: HttpRequest) -> bool:
        """The policy says who comes in: no flag on a person that could disagree."""
        return request.user.is_authenticated and can(request.user, "panel.enter", None)

    def get_urls(self) -> list[Any]:
        return [route for route in super().get_urls() if getattr(route, "name", None) not in CLOSED]

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        guarded: Callable[..., Any] = csp(POLICY)(super().admin_view(view, cacheable))

        @wraps(guarded)
        def door(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            if not request.user.is_authenticated:
                return redirect_to_login(request.get_full_path(), "account_login")
            if not self.has_permission(request):
                raise Http404
            try:
                return guarded(request, *args, **kwargs)
            except errors.NotFound:
                raise Http404 from None  # one answer for what is not there and for what is not theirs

        return door

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        """unfold writes its colours into each page as a style element: ours are in static/css/panel.css."""
        return {**super().each_context(request), "colors": None, "border_radius": None}

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """Django's list of tables; the sidebar is `look.navigation`."""
        return []

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        return redirect("admin:chat_user_changelist")

    def app_index(self, request: HttpRequest, app_label: str, extra_context: dict[str, Any] | None = None) -> Any:
        return redirect("admin:index")

    def search(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """unfold looks for tables by name; the lists have a search of their own."""
        raise Http404

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """There is one sign-in page, with its limits on tries."""
        if request.user.is_authenticated and not self.has_permission(request):
            raise Http404
        return redirect("admin:index") if request.user.is_authenticated else redirect_to_login("/admin/", "account_login")

    def logout(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        answer = redirect("account_login")
        if request.method == "POST":
            logout(request)
            answer.headers["Clear-Site-Data"] = '"storage"'  # as everywhere: drafts stay in the browser, and others may use it
        return answer

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        return redirect("account_change_password")
