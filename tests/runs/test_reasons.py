"""Why a reply is incomplete, as the log's columns say it: of what is not stored, in known words alone."""

import json
from typing import Any

import pytest

from chat import providers
from tests.far_end import far_end, says
from tests.runs.conftest import House

TEXT = {"type": "output_text", "text": "Hi", "annotations": []}
ITEM = {"type": "message", "id": "m", "role": "assistant", "status": "completed", "content": [TEXT]}
WHY = "blocked: you said zanzibar"
WHOLE = {"id": "r", "object": "response", "created_at": 1, "model": "m", "status": "incomplete", "output": [ITEM]}
EVENTS = (
    {"type": "response.created", "response": {**WHOLE, "status": "in_progress", "output": []}},
    {"type": "response.output_item.added", "output_index": 0, "item": {**ITEM, "content": []}},
    {"type": "response.output_item.done", "output_index": 0, "item": ITEM},
    {"type": "response.incomplete", "response": {**WHOLE, "incomplete_details": {"reason": WHY}}},
)


@pytest.mark.parametrize(("store", "said"), [(False, "other"), (True, WHY)])
async def test_a_servers_own_words_for_it_are_kept_only_where_replies_are(
    house: House, settings: Any, store: bool, said: str
) -> None:
    body = "".join(f"data: {json.dumps(event)}\n\n" for event in EVENTS)
    head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
    async with far_end(says(head + body)) as (port, _):
        settings.OPENAI_BASE_URL = f"http://127.0.0.1:{port}/v1"
        providers.reset()
        begun = await house.send("Hello", store=store, model="m")
        response = await house.ended(begun.response.pk)
    assert (response.status, response.incomplete_reason) == ("incomplete", said)
