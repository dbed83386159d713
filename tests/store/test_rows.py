"""Rows that are read and added beside the ORM are the ORM's rows, field by field."""

from typing import Any

import pytest
from django.apps import apps
from django.db import IntegrityError, transaction
from django.db.models import Model
from django.utils import timezone

from chat.models import Conversation, Item, LogRow, Response, SearchEntry, Team, Turn, User
from chat.protocol.types import Json
from chat.store import log, messages, responses, rows, sql, turns
from chat.store.log import Batch
from chat.store.responses import Ending
from tests.cast import Cast

WORDS = "Ünïcödé, “quotes”, 'single', 100 %s {braces} and a \\ backslash"


def facts(row: Model) -> dict[str, Any]:
    found = {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}
    return {name: bytes(value) if isinstance(value, memoryview) else value for name, value in found.items()}


def talked(cast: Cast) -> Response:
    """A conversation with a row of everything in it."""
    begun = messages.send(actor=cast.owner, conversation_id=None, text=WORDS, client_id="once")
    response = responses.take(begun.response.pk)
    assert response is not None
    turns.begin(response, index=0, provider="a", model="b")
    said: Json = {
        "type": "message",
        "id": "msg_1",
        "content": [{"type": "output_text", "text": WORDS}],
        "x": [None, 1.5, True, {}],
    }
    batch = Batch(response.pk, response.epoch, response.conversation_id, 0, [b'{"type":"response.created"}'], shows=True)
    usage: Json = {"input_tokens": 3, "of": {"é": "“"}}
    assert responses.end(batch, Ending(status="failed", items=[said], usage=usage, error_code="x", error_message=WORDS))
    return response


@pytest.mark.parametrize("model", list(apps.get_app_config("chat").get_models()))
def test_a_row_is_read_as_its_manager_reads_it(cast: Cast, model: type[Model]) -> None:
    talked(cast)
    known = {row.pk: facts(row) for row in model._default_manager.all()}
    found = rows.fetch(model, "1 = 1")
    assert {row.pk: facts(row) for row in found} == known
    assert all(row._state.db == "default" and not row._state.adding for row in found)


def test_every_table_of_a_conversation_has_had_a_row_in_that(cast: Cast) -> None:
    talked(cast)
    for model in (Conversation, Item, LogRow, Response, SearchEntry, Team, Turn, User):
        assert model._default_manager.exists()


def test_what_was_kept_comes_back_as_it_was(cast: Cast) -> None:
    response = talked(cast)
    response.refresh_from_db()
    assert (response.error_message, response.usage) == (WORDS, {"input_tokens": 3, "of": {"é": "“"}})
    (item,) = rows.fetch(Item, "response_id = %s", response.pk)
    assert item.wire["x"] == [None, 1.5, True, {}]
    assert item.wire["content"] == [{"type": "output_text", "text": WORDS}]
    assert log.read(response.pk) == [{"type": "response.created"}]


def test_a_row_that_is_added_has_its_defaults(cast: Cast) -> None:
    team = rows.add(Team(name=WORDS))
    before = timezone.now()
    added = rows.add(Conversation(owner=cast.owner, team=team, title=WORDS))
    kept = Conversation.objects.get(pk=added.pk)
    assert facts(kept) == facts(added)
    assert before <= kept.created <= timezone.now()
    assert kept.title == WORDS
    assert not added._state.adding


def test_a_row_is_not_added_twice(cast: Cast) -> None:
    team = rows.add(Team(name="One"))
    with pytest.raises(IntegrityError), transaction.atomic():
        rows.add(Team(id=team.pk, name="Two"))
    assert Team.objects.get(pk=team.pk).name == "One"


def test_rows_are_changed_and_given_as_they_are_then(cast: Cast) -> None:
    response = talked(cast)
    (changed,) = rows.change(Response, "error_code = %s WHERE id = %s", "new", response.pk)
    assert changed.error_code == "new"
    response.refresh_from_db()
    assert facts(changed) == facts(response)
    assert rows.change(Response, "error_code = %s WHERE id = %s", "new", "resp_of_nobody") == []


def test_the_database_tells_the_time_in_some_seconds(cast: Cast) -> None:
    response = messages.send(actor=cast.owner, conversation_id=None, text="Now").response
    set_to = "started = {now}, lease_until = {in_seconds} WHERE id = %s"
    for seconds in (0, 9, 600):
        (changed,) = rows.change(Response, set_to, seconds, response.pk)
        assert changed.started is not None and changed.lease_until is not None  # noqa: PT018
        assert abs((changed.lease_until - changed.started).total_seconds() - seconds) < 0.01
        assert abs((timezone.now() - changed.started).total_seconds()) < 5
    assert sql.rows("SELECT 1 FROM chat_response WHERE id = %s AND lease_until > {now}", response.pk) == [(1,)]
