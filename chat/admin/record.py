"""The record of what was done in the panel: who did what to whom. For the owner of the server."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.http import Http404, HttpRequest, HttpResponse
from unfold.decorators import display
from unfold.views import ChangeList

from chat.admin.reading import LONGEST_SEARCH, List, Reading, actor, minute
from chat.policy import can
from chat.store import record


class RecordList(List):
    """With the names that people have now."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.result_list: Any = record.name(self.result_list)


@admin.register(LogEntry)
class Record(Reading):
    list_display = ("when", "who", "what", "whom")
    list_display_links = None
    search_fields = ("user__username", "object_repr", "change_message")
    search_help_text = "Who, what or whom"
    ordering = ("-action_time", "-id")

    def within_reach(self, request: HttpRequest) -> Any:
        found = LogEntry.objects.select_related("user")
        return found if can(actor(request), "server.manage", None) else found.none()

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return RecordList

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> Any:
        return record.search(queryset, search_term[:LONGEST_SEARCH]), False

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        if not can(actor(request), "server.manage", None):
            raise Http404
        answer: HttpResponse = super().changelist_view(request, extra_context)
        return answer

    @display(description="when", ordering="action_time")
    def when(self, entry: LogEntry) -> str:
        return minute(entry.action_time)

    @display(description="who", ordering="user__username")
    def who(self, entry: LogEntry) -> str:
        return str(entry.user.get_username())

    @display(description="what")
    def what(self, entry: LogEntry) -> str:
        return str(entry.change_message)

    @display(description="whom or what it concerns", ordering="object_repr")
    def whom(self, entry: LogEntry) -> str:
        return str(entry.object_repr)
