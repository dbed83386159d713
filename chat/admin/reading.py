"""What all lists of the panel have in common: they show what is within the actor's reach, and write nothing by themselves."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode

from allauth.account.adapter import get_adapter
from csp.decorators import csp
from django.contrib import messages
from django.contrib.admin import ShowFacets
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.formats import date_format
from unfold.admin import ModelAdmin
from unfold.views import ChangeList

from chat import errors
from chat.models import User

LONGEST_SEARCH: Final = 200  # characters


def actor(request: HttpRequest) -> User:
    assert isinstance(request.user, User)
    return request.user


def address(request: HttpRequest) -> str:
    """Where the request comes from."""
    return str(get_adapter().get_client_ip(request))


def day(moment: datetime) -> str:
    """In the viewer's time zone, as the pages of ours write it."""
    return date_format(timezone.localtime(moment), "j M Y")


def minute(moment: datetime | None) -> str:
    return date_format(timezone.localtime(moment), "j M Y, H:i") if moment else "never"


class List(ChangeList):
    """Its links hold keys as they are: Django's would quote them, and our addresses are no patterns of Django's own."""

    def url_for_result(self, result: Model) -> str:
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=[result.pk])


class Reading(ModelAdmin):
    """A list, found through `within_reach`. Whatever is not in it is not there: no page, no history, no filter tells of it."""

    list_per_page = list_max_show_all = 50
    list_disable_select_all = True
    show_facets = ShowFacets.NEVER
    with_history = False

    def within_reach(self, request: HttpRequest) -> Any:
        raise NotImplementedError

    def get_queryset(self, request: HttpRequest) -> Any:
        found = self.within_reach(request)
        order = self.get_ordering(request)
        return found.order_by(*order) if order else found

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> Any:
        """Each word makes the question to the database deeper, and a thousand are too deep for SQLite."""
        return super().get_search_results(request, queryset, search_term[:LONGEST_SEARCH])

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return List

    def response_action(self, request: HttpRequest, queryset: Any) -> Any:
        """What is no key of a row breaks the question to the database."""
        if not all(key.isprintable() and len(key) < 60 for key in request.POST.getlist(ACTION_CHECKBOX_NAME)):
            raise Http404
        return super().response_action(request, queryset)

    def found(self, request: HttpRequest, object_id: str) -> Any:
        """The one with this key, or 404."""
        one = self.get_object(request, object_id) if object_id.isprintable() else None
        if one is None:
            raise Http404
        return one

    def routes(self) -> list[Any]:
        """Pages beside the list."""
        return []

    def get_urls(self) -> list[Any]:
        """None for adding, changing or deleting."""
        urls = [self.route("", self.changelist_view, "changelist"), *self.routes()]
        if self.with_history:
            urls.append(self.route("<path:object_id>/history/", self.history_view, "history"))
        return urls

    def route(self, where: str, view: Callable[..., Any], name: str, *, policy: Any = None) -> Any:
        """With a content policy of its own, or the panel's."""
        door = self.admin_site.admin_view(view)
        return path(where, csp(policy)(door) if policy else door, name=f"{self.opts.app_label}_{self.opts.model_name}_{name}")

    def has_module_permission(self, request: HttpRequest) -> bool:
        return bool(self.admin_site.has_permission(request))

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(self.admin_site.has_permission(request))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Only what the filters ask for: any other column could be guessed at, letter by letter."""
        return lookup in {one.parameter_name for one in self.list_filter}

    def to_field_allowed(self, request: HttpRequest, to_field: str) -> bool:
        return False

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """What is on record about it."""
        return redirect(
            f"{reverse('admin:chat_adminact_changelist')}?{urlencode(self.on_record(self.found(request, object_id)))}"
        )

    def on_record(self, one: Any) -> dict[str, str]:
        """What the record is narrowed by to what concerns this one."""
        raise NotImplementedError

    def page(self, request: HttpRequest, template: str, **context: Any) -> TemplateResponse:
        """A page of ours between unfold's header and sidebar."""
        request.current_app = self.admin_site.name
        shared = {**self.admin_site.each_context(request), "opts": self.opts}
        return TemplateResponse(request, template, {**shared, **context})

    def act(self, request: HttpRequest, verb: Callable[[], str]) -> None:
        """Do it and say so, or say what stands against it. The verb's words say what was done; "": nothing changed."""
        try:
            said = verb()
        except (errors.Refused, errors.InvalidInput) as error:
            messages.error(request, f"{error.message} {error.next}")
        else:
            messages.success(request, said) if said else messages.info(request, "There was nothing to change.")

    def address(self, name: str, *keys: Any) -> str:
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_{name}", args=keys)
