"""What every template may ask for: `server`, `person`, `theme`. Nothing is looked up until a page uses it."""

from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject, cached_property

from chat.models import Invitation, User
from chat.store import invitations, sign_up
from chat.store import server as store
from chat.web.accounts import INVITATION


class ServerFacts:
    """`server.signup_open`; `.untouched`: the next account owns it; `.mine`: the viewer does; `.invitation`: they came with."""

    def __init__(self, request: HttpRequest, person: Any) -> None:
        session = getattr(request, "session", None)
        self._session, self._person = session, person

    @cached_property
    def _token(self) -> str:
        return self._session.get(INVITATION, "") if self._session is not None else ""

    @cached_property
    def signup_open(self) -> bool:
        return sign_up.is_open(self._token)

    @cached_property
    def untouched(self) -> bool:
        return store.untouched()

    @cached_property
    def mine(self) -> bool:
        return bool(self._person) and store.owned_by(self._person)

    @cached_property
    def invitation(self) -> Invitation | None:
        return invitations.find(self._token)


def server(request: HttpRequest) -> dict[str, Any]:
    def signed_in() -> User | None:
        user = getattr(request, "user", None)
        return user if user is not None and user.is_authenticated else None

    person: Any = SimpleLazyObject(signed_in)
    theme = SimpleLazyObject(lambda: person.theme if person else User.Theme.SYSTEM.value)
    return {"server": ServerFacts(request, person), "person": person, "theme": theme}
