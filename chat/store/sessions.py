"""Django's sessions in the database, found without compiling the question anew for every request and every socket."""

from typing import Any

from django.contrib.sessions.backends import db
from django.contrib.sessions.models import Session

from chat.store import rows


class SessionStore(db.SessionStore):
    def _get_session_from_db(self) -> Any:
        found = rows.fetch(Session, "session_key = %s AND expire_date > {now}", self.session_key) if self.session_key else []
        if found:
            return found[0]
        self._session_key: str | None = None
        return None
