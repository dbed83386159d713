"""Who may have an account: asked before the form is shown, and again in the transaction that makes it."""

from typing import Final

from chat import errors
from chat.models import Server, User
from chat.store import invitations, server, teams

CLOSED: Final = "This server takes no new accounts."
ASK_OWNER: Final = "Ask its owner."


def is_open(token: str = "") -> bool:
    """Whether somebody, with this invitation or none, may have an account. `admit` decides again when it is made."""
    found = server.current()
    if found.owner_id is None and server.untouched():
        return True
    match Server.Signup(found.signup):
        case Server.Signup.OPEN:
            return True
        case Server.Signup.INVITED:
            return invitations.find(token) is not None
        case _:
            return False


def admit(user: User, *, token: str = "") -> None:
    """The last word on a new account, in the transaction that makes it: Refused leaves nothing behind. An invitation to a team
    brings the person into it.
    """
    found, invitation = server.current(), invitations.find(token)
    if found.signup == Server.Signup.CLOSED and found.owner_id != user.pk:
        raise errors.Refused(CLOSED, next=ASK_OWNER)
    if invitation is not None and invitation.team is not None:
        teams.join(user=user, invitation=invitation)
    elif found.signup == Server.Signup.INVITED and found.owner_id != user.pk:
        invitations.take(invitation, user)
