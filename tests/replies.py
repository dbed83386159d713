"""Replies that have ended, as rows: for what is counted of them."""

from datetime import UTC, datetime, timedelta
from typing import Any

from chat.models import Conversation, Response, Team, User
from chat.store import counting


def replied(
    author: User, team: Team | None = None, *, at: str | datetime = "", wait: float | None = None, **fields: Any
) -> Response:
    """One of this person's in this team, asked for `at` (UTC, now by default), whose first words came after `wait` seconds.
    `tokens`: read, of those from a cache, written.
    """
    team = team or Team.objects.get(personal_of=author)
    created = datetime.fromisoformat(at).replace(tzinfo=UTC) if isinstance(at, str) and at else at or datetime.now(UTC)
    assert isinstance(created, datetime)
    if tokens := fields.pop("tokens", None):
        read, cached, written = tokens
        fields["usage"] = {"input_tokens": read, "output_tokens": written, "input_tokens_details": {"cached_tokens": cached}}
    if "conversation" not in fields:
        fields["conversation"] = Conversation.objects.create(owner=author, team=team)
    one = Response.objects.create(**{"author": author, "team": team, "status": "completed", "model": "gpt-x", **fields})
    first = None if wait is None else created + timedelta(seconds=wait)
    Response.objects.filter(pk=one.pk).update(created=created, first_token=first)
    return one


def count() -> None:
    """What a process does every two seconds."""
    while counting.step():
        pass
