"""Whatever breaks around a temporary conversation, the log says what kind of thing it was, and not what was said."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest
from django.test import RequestFactory

from chat import errors
from chat.live.temporary_reader import TemporaryReader
from chat.runs.executor import Executor
from chat.runs.temporary import TemporaryRun
from chat.store.talk import Document, Exchange, Reply, Talk
from chat.web.decorators import unspoken


def run() -> TemporaryRun:
    now = datetime.now(UTC)
    exchange = Exchange(id="msg_1", wire={}, created=now, reply=Reply(id="resp_1", model="", created=now))
    talk = Talk("temp_1", 1, Document(model="", created=now, exchanges=[exchange]), 1)
    return TemporaryRun(talk, Executor(), standing=0)


async def test_exceptions_are_named_and_not_quoted(caplog: pytest.LogCaptureFixture) -> None:
    @unspoken
    def view(request: Any) -> Any:
        raise ValueError("CANARY")

    try:
        raise ValueError("CANARY")
    except ValueError:
        run().complain("broke")
        TemporaryReader.complain(cast(TemporaryReader, SimpleNamespace()))
    with pytest.raises(errors.ParleyError) as raised:
        view(cast(Any, RequestFactory().get("/t/")))
    assert raised.value.__cause__ is None
    assert raised.value.__context__ is None
    assert [record.levelname for record in caplog.records] == ["ERROR"] * 3
    assert caplog.text.count("ValueError") == 3
    assert "CANARY" not in caplog.text
