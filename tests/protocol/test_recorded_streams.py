"""Every dialect ends as it should: the text, the calls, the status, whatever the server left out."""

import json
from typing import Any

import pytest

from chat.protocol.kinds import parts_of, text_of
from chat.protocol.snapshot import Snapshot
from chat.protocol.types import FunctionCall, Message, OutputText
from tests.protocol.recorded import NAMES, expected, fold, normalizer, read, recorded


def texts(snapshot: Snapshot, group: Any, kind: str) -> str:
    return "".join(text_of(part) for item in snapshot.output for part in parts_of(item, group) if part.type == kind)


def arguments(call: FunctionCall) -> Any:
    return json.loads(call.arguments)


@pytest.mark.parametrize("name", NAMES)
def test_a_recorded_stream_ends_as_expected(name: str) -> None:
    wanted, ours = expected(name), normalizer()
    snapshot = fold(read(recorded(name), into=ours))
    assert snapshot.status == wanted["status"]
    assert [item.type for item in snapshot.output] == wanted["items"]
    assert snapshot.output_text == wanted["text"]
    assert texts(snapshot, "content", "reasoning_text") == wanted.get("reasoning", "")
    assert texts(snapshot, "summary", "summary_text") == wanted.get("summary", "")
    assert texts(snapshot, "content", "refusal") == wanted.get("refusal", "")
    assert (snapshot.incomplete_details.reason if snapshot.incomplete_details else None) == wanted.get("reason")
    for key in ("upstream_response_id", "upstream_sequence"):
        assert key not in wanted or getattr(ours, key) == wanted[key]
    assert "model" not in wanted or snapshot.response.model == wanted["model"]


@pytest.mark.parametrize("name", [name for name in NAMES if "calls" in expected(name)])
def test_its_function_calls_are_whole_or_marked_incomplete(name: str) -> None:
    calls = [item for item in fold(read(recorded(name))).output if isinstance(item, FunctionCall)]
    assert len(calls) == len(expected(name)["calls"])
    for call, wanted in zip(calls, expected(name)["calls"], strict=True):
        assert (call.name, call.status) == (wanted["name"], wanted["status"])
        assert call.call_id
        assert call.call_id == wanted.get("call_id", call.call_id)
        assert wanted["arguments"] is None or arguments(call) == wanted["arguments"]
    assert len({call.call_id for call in calls}) == len(calls)


@pytest.mark.parametrize("name", [name for name in NAMES if "error" in expected(name)])
def test_its_error_keeps_code_and_message(name: str) -> None:
    error = fold(read(recorded(name))).error
    assert error is not None
    assert error.code == expected(name)["error"]["code"]
    assert error.message == expected(name)["error"].get("message", error.message)


@pytest.mark.parametrize("name", [name for name in NAMES if "usage" in expected(name)])
def test_its_usage_is_counted(name: str) -> None:
    usage = fold(read(recorded(name))).usage
    assert usage is not None
    assert {key: getattr(usage, key) for key in expected(name)["usage"]} == expected(name)["usage"]


@pytest.mark.parametrize("name", [name for name in NAMES if "annotations" in expected(name)])
def test_its_annotations_are_kept(name: str) -> None:
    messages = [item for item in fold(read(recorded(name))).output if isinstance(item, Message)]
    parts = [part for message in messages for part in parts_of(message, "content") if isinstance(part, OutputText)]
    assert sum(len(part.annotations) for part in parts) == expected(name)["annotations"]
    assert all(annotation["type"] == "url_citation" for part in parts for annotation in part.annotations)
