"""What the owner of the server does to people's accounts: each act is a verb, with the words for it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from chat.models import User
from chat.store import accounts, sign_ins


@dataclass(frozen=True)
class Act:
    """`verb(actor=, person=)` says whether anything changed. `done` follows "stella is"; a `warning` is read before."""

    verb: Callable[..., object]
    label: str
    done: str
    warning: str = ""

    def on(self, *, actor: User, person: User) -> str:
        """Do it; what was done, "" if it was so already."""
        return f"{person.get_username()} is {self.done}." if self.verb(actor=actor, person=person) else ""


ACTS: Final = {
    "suspend": Act(
        accounts.suspend,
        "Suspend",
        "suspended",
        "They are signed out everywhere within two seconds, and cannot sign in until you let them in again. "
        "What they wrote and share stays as it is.",
    ),
    "unsuspend": Act(accounts.unsuspend, "Let in again", "let in again"),
    "end_sign_ins": Act(
        sign_ins.end_all,
        "End all sign-ins",
        "signed out everywhere",
        "They are signed out in every browser within two seconds, and can sign in again.",
    ),
}
