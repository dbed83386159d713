"""Who is signed in, found without compiling the question anew for every request and every socket."""

from allauth.account.auth_backends import AuthenticationBackend
from django.contrib.auth.base_user import AbstractBaseUser

from chat.models import User
from chat.store import rows


class Backend(AuthenticationBackend):
    """One is made for each try to sign in."""

    def __init__(self) -> None:
        self._checked: dict[int, AbstractBaseUser | None] = {}

    def get_user(self, user_id: int) -> User | None:
        found = rows.fetch(User, "id = %s", user_id)
        return found[0] if found and self.user_can_authenticate(found[0]) else None

    def _check_password(self, user: AbstractBaseUser | None, password: str) -> AbstractBaseUser | None:
        """Once for each account: an address is looked up as a name too, and hashing twice would tell that it is known."""
        if user is None or user.pk not in self._checked:
            checked = super()._check_password(user, password)
            if user is None:
                return None
            self._checked[user.pk] = checked
        return self._checked[user.pk]
