"""People in the panel: find them, shut them out, let them in again. Nothing that they wrote is shown here."""

from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from chat import errors
from chat.models import User
from chat.store import accounts

if TYPE_CHECKING:
    Base = admin.ModelAdmin[User]
else:
    Base = admin.ModelAdmin


@admin.register(User)
class People(Base):
    list_display = ("username", "name", "email", "date_joined", "last_login", "standing")
    list_filter = ("suspended", "date_joined")
    search_fields = ("username", "name", "email")
    ordering = ("username",)
    fields = readonly_fields = list_display
    actions = ("suspend", "unsuspend")
    list_per_page = 50

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        """Without those who have deleted their accounts, of whom something is still to be removed."""
        return super().get_queryset(request).filter(is_active=True)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.admin_site.has_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.admin_site.has_permission(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.display(description="standing", ordering="suspended")
    def standing(self, person: User) -> str:
        return "suspended" if person.suspended else "in good standing"

    @admin.action(description="Suspend: sign out and keep out")
    def suspend(self, request: HttpRequest, people: QuerySet[User]) -> None:
        for person in people:
            try:
                changed = accounts.suspend(actor=actor(request), person=person)
            except errors.Refused as refusal:
                self.message_user(request, f"{refusal.message} {refusal.next}", messages.ERROR)
            else:
                self._tell(request, person, "suspended", changed)

    @admin.action(description="Let in again")
    def unsuspend(self, request: HttpRequest, people: QuerySet[User]) -> None:
        for person in people:
            self._tell(request, person, "let in again", accounts.unsuspend(actor=actor(request), person=person))

    def _tell(self, request: HttpRequest, person: User, what: str, changed: bool) -> None:
        if changed:
            self.log_change(request, person, what.capitalize())
            self.message_user(request, f"{person.shown_name} is {what}.")


def actor(request: HttpRequest) -> User:
    assert isinstance(request.user, User)
    return request.user
