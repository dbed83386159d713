"""Who is signed in, found without compiling the question anew for every request and every socket."""

from allauth.account.auth_backends import AuthenticationBackend

from chat.models import User
from chat.store import rows


class Backend(AuthenticationBackend):
    def get_user(self, user_id: int) -> User | None:
        found = rows.fetch(User, "id = %s", user_id)
        return found[0] if found and self.user_can_authenticate(found[0]) else None
