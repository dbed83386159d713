"""One cast for all tests: who is who."""

from dataclasses import dataclass

from chat.models import User
from chat.store import accounts

PASSWORD = "correct horse battery"  # noqa: S105


def person(name: str) -> User:
    """Somebody who has signed up, by the same verb as everybody."""
    user = User.objects.create_user(username=name, email=f"{name}@example.org", password=PASSWORD, name=name.title())
    accounts.welcome(user)
    return user


@dataclass
class Cast:
    """The owner of the server, a team-mate, and a stranger: the stranger is always tried."""

    owner: User
    mate: User
    stranger: User


def assemble() -> Cast:
    return Cast(owner=person("olivia"), mate=person("mateo"), stranger=person("stella"))
