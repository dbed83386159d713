"""Django's sessions in the database, found without compiling the question anew for every request and every socket."""

from datetime import datetime
from types import SimpleNamespace
from typing import Any, Final

from allauth.account.utils import user_pk_to_url_str
from allauth.usersessions.models import UserSession
from django.contrib.auth import get_user
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.backends import db
from django.contrib.sessions.models import Session
from django.db.models import Exists, OuterRef

from chat.models import User
from chat.store import clock, rows

SLICE: Final = 500  # that one transaction removes
LOOKED_AT: Final = 1000  # sessions of nobody, the newest, in which somebody who has left is looked for


class SessionStore(db.SessionStore):
    def _get_session_from_db(self) -> Any:
        found = rows.fetch(Session, "session_key = %s AND expire_date > {now}", self.session_key) if self.session_key else []
        if found:
            return found[0]
        self._session_key: str | None = None
        return None


class Looking(SessionStore):
    """A session that is only looked at: who looks cannot tell the browser of a new key, so it makes none."""

    key_salt = SessionStore().key_salt  # else nothing that Django has signed can be read

    def cycle_key(self) -> None:
        pass

    def flush(self) -> None:
        pass


def person(key: str) -> User | AnonymousUser:
    """Whoever is signed in with this session; Django judges it as for a request (password changes, older secrets)."""
    request: Any = SimpleNamespace(session=Looking(key))
    user: User | AnonymousUser = get_user(request)
    return user


def purge(now: datetime | None = None) -> int | None:
    """Remove some of those that have run out. How many; None when there are none."""
    some = list(Session.objects.filter(expire_date__lte=now or clock.now()).values_list("pk", flat=True)[:SLICE])
    return Session.objects.filter(pk__in=some).delete()[0] if some else None


def forget(user: User) -> bool:
    """Remove those in which this person began to sign in and did not end it; False when there are none. The
    database cannot be asked what is in them; older ones than are looked at run out by themselves.
    """
    nobodys = Session.objects.exclude(Exists(UserSession.objects.filter(session_key=OuterRef("pk")))).order_by("-expire_date")
    gone = [session.pk for session in nobodys[:LOOKED_AT] if _names(session.get_decoded(), user)]
    return bool(gone and Session.objects.filter(pk__in=gone).delete()[0])


def _names(data: dict[str, Any], user: User) -> bool:
    """Whether it is allauth's of their sign-in."""
    begun = (data.get("account_login") or {}).get("user_pk")
    return begun == user_pk_to_url_str(user) or data.get("account_authentication_methods_user") == str(user.pk)
