"""`python -m tests.crowd COUNT PREFIX`: so many people with an account and a session each, in the database of this
environment; prints JSON pairs of name and session.
"""

import json
import os
import sys

import django


def main(count: str, prefix: str) -> None:
    from django.conf import settings
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
    from django.contrib.sessions.backends.db import SessionStore
    from django.db import transaction

    from chat.models import User
    from chat.store import accounts

    made = []
    with transaction.atomic():
        for number in range(int(count)):
            user = User.objects.create(username=f"{prefix}{number}", password="!")
            accounts.welcome(user)
            session = SessionStore()
            session[SESSION_KEY], session[HASH_SESSION_KEY] = str(user.pk), user.get_session_auth_hash()
            session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
            session.save()
            made.append((user.username, session.session_key))
    print(json.dumps(made))


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")
    django.setup()
    main(*sys.argv[1:])
