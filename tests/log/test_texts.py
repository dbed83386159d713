"""What is shown of a reply and of a conversation once it is open: as the user saw it, its other versions, and as it came."""

import json
import re
from base64 import b64encode
from datetime import timedelta
from importlib import import_module
from typing import Any

from django.apps import apps
from django.db import connection
from django.urls import reverse

from chat.admin import copies
from chat.files import storage
from chat.models import Conversation, Item, LogRow, Response, Server
from chat.runs import uploads
from chat.store import conversations, files, log, messages, storing
from chat.store.attached import Held
from tests.cast import put_in
from tests.log.conftest import Log, answered, end
from tests.pictures import png

migration: Any = import_module("chat.migrations.0023_access_log")


def shown(logged: Log, name: str, key: str, query: str = "") -> str:
    return logged.client("team admin").get(reverse(f"admin:chat_{name}", args=[key]) + query).text


def test_a_transcript_shows_a_branch_its_other_versions_and_of_what_was_not_stored_a_line(logged: Log) -> None:
    author, pk = logged.world.people["author"], logged.world.conversation.pk
    first = answered(author, "First question", "First **bold** answer", into=pk)
    again = messages.regenerate(actor=author, conversation_id=pk, response_id=first.pk, model="")
    end(again.response, "Second answer")
    logged.open("team admin")
    conversations.rename(actor=author, conversation_id=pk, title="Narwhaltitle")
    text = shown(logged, "conversation_text", pk)
    assert "Second answer" in text
    assert "Narwhaltitle" in text
    assert "First question" in text
    other = re.search(r'href="([^"]+\?at=[^"]+)" target="_top">Reply 1<', text)
    assert other is not None
    query = f"?at={other[1].partition('at=')[2]}"
    assert "First <strong>bold</strong> answer" in shown(logged, "conversation_text", pk, query)
    assert query in shown(logged, "conversation_change", pk, query)
    storing.switch(actor=author, conversation_id=pk, on=False)
    hidden = answered(author, "Hushquestion", "Hushanswer", into=pk)
    text = shown(logged, "conversation_text", pk)
    assert "Second answer" in text
    assert "was not stored" in text
    assert "Hush" not in text
    assert "Narwhaltitle" not in text  # it may have been made of what was not stored
    foreign = f"?at={logged.unstored.pk}"
    for name in ("conversation_text", "conversation_change"):
        answer = logged.client("team admin").get(reverse(f"admin:chat_{name}", args=[pk]) + foreign)
        assert answer.status_code == 404
    assert "not stored" in shown(logged, "response_change", hidden.pk)


def sent(logged: Log, *uses: str) -> str:
    """The id of a reply to a message with these files."""
    into = logged.world.conversation.pk
    held = [Held(use) for use in uses]
    return end(
        messages.send(actor=logged.world.people["author"], conversation_id=into, text="Look", held=held).response, "Yes."
    ).pk


def test_images_and_documents_are_seen_in_the_frame_and_at_no_address(logged: Log) -> None:
    author, pk = logged.world.people["author"], logged.world.conversation.pk
    photo = put_in(author, png(20, 10), "photo.png", kind="image", type="image/png", width=20, height=10)
    paper = put_in(author, b"%PDF", "paper.pdf", kind="document", type="application/pdf", pages=2)
    files.keep_text(paper.file_id, "Ask narwhal@example.org.", cut=None)
    reply = sent(logged, photo.pk, paper.pk)
    logged.open("team admin")
    image = f'src="data:image/png;base64,{b64encode(png(20, 10)).decode()}"'
    for name, key in (("response_text", reply), ("conversation_text", pk)):
        text = shown(logged, name, key)
        assert image in text
        assert "Ask narwhal@example.org." in text
        assert "photo.png" in text
        assert "/files/" not in text
    assert logged.client("team admin").get(f"/files/{photo.file_id}/").status_code == 404
    Server.objects.update(log_mode="redacted")
    text = shown(logged, "response_text", reply)
    assert "data:image" not in text
    assert "narwhal@" not in text
    assert "images are not shown where texts are redacted" in text


def test_a_page_has_copies_up_to_its_bound_and_none_of_what_is_gone(logged: Log) -> None:
    author = logged.world.people["author"]
    facts: dict[str, Any] = {"kind": "image", "type": "image/png", "width": 20, "height": 10}
    small, lost, removed = (put_in(author, png(20, 10, grey=grey), f"{grey}.png", **facts) for grey in (1, 2, 3))
    large = put_in(author, png(20, 10, grey=4) + bytes(copies.MOST), "4.png", **facts)
    reply = sent(logged, large.pk, small.pk, lost.pk, removed.pk)
    storage.delete(uploads.place(lost.file))
    files.remove(actor=author, file_id=removed.file_id)
    logged.open("team admin")
    text = shown(logged, "response_text", reply)
    assert text.count("data:image/png") == 1
    assert b64encode(png(20, 10, grey=1)).decode() in text
    assert "there are many images on this page" in text
    assert "it cannot be read right now" in text
    assert "was removed" in text


def test_files_are_shown_nowhere_of_what_is_not_stored(logged: Log) -> None:
    author, pk = logged.world.people["author"], logged.world.conversation.pk
    logged.open("team admin")
    assert "quark.png" in shown(logged, "conversation_text", pk)
    storing.switch(actor=author, conversation_id=pk, on=False)
    facts: dict[str, Any] = {"kind": "image", "type": "image/png", "width": 20, "height": 10}
    reply = sent(logged, put_in(author, png(20, 10), "hushfile.png", **facts).pk)
    for name, key in (
        ("conversation_text", pk),
        ("conversation_change", pk),
        ("response_change", reply),
        ("response_text", reply),
    ):
        text = shown(logged, name, key)
        assert "hushfile" not in text
        assert b64encode(png(20, 10)).decode() not in text


def test_a_replay_has_every_piece_at_its_time_and_the_picture_its_gaps(logged: Log) -> None:
    one = answered(
        logged.world.people["author"], "Why tides?", "", into=logged.world.conversation.pk, pieces=["The ", "moon", "."]
    )
    rows = LogRow.objects.filter(response=one)
    rows.update(times=json.dumps([[0, 0], [1, 150], [2, 2150]]))
    assert [round(each.seconds, 2) for each in log.recorded(one.pk)[1]] == [0, 0.15, 2.15, 2.15]
    logged.open("team admin")
    text = shown(logged, "response_replay", one.pk)
    assert re.findall(r'<span data-at="(\d+)">([^<]+)</span>', text) == [("0", "The "), ("150", "moon"), ("2150", ".")]
    Response.objects.filter(pk=one.pk).update(ended=one.created + timedelta(seconds=10))
    assert "Nothing new for" in shown(logged, "response_change", one.pk)
    rows.delete()  # as after RESPONSE_RETENTION_DAYS
    assert "Nothing of how it came is kept." in shown(logged, "response_replay", one.pk)
    assert "<svg" in shown(logged, "response_change", logged.unstored.pk)


def test_the_moments_of_flushes_are_kept_when_they_are_merged(logged: Log) -> None:
    """On SQLite a row takes up several."""
    row = LogRow.objects.get(response=logged.stored)
    assert row.packed
    times = json.loads(row.times)
    assert times[0] == [0, 0]
    assert all(0 <= at < 60_000 for _, at in times)
    assert not LogRow.objects.filter(response=logged.unstored).exists()


def test_raw_data_is_a_response_with_its_input(logged: Log) -> None:
    logged.open("team admin")
    answer = logged.client("team admin").get(reverse("admin:chat_response_raw", args=[logged.stored.pk]))
    data = answer.json()
    assert answer["Content-Type"].startswith("application/json")
    assert (data["id"], data["object"], data["status"]) == (logged.stored.pk, "response", "completed")
    assert [item["role"] for item in data["input"] + data["output"]] == ["user", "assistant"]


def test_old_replies_get_their_tokens_and_tools(logged: Log) -> None:
    """By the migration, also where a model server had counted oddly."""
    talk = Conversation.objects.get(pk=logged.stored.conversation_id)
    usages = (
        {"input_tokens": 7, "output_tokens": 9},
        {"input_tokens": "x", "output_tokens": None},
        {},
        None,
        {"input_tokens": 1.5},
    )
    made = [Response.objects.create(conversation=talk, usage=usage, status="completed") for usage in usages]
    Item.objects.create(response=made[0], output_index=0, type="function_call", wire={"name": "get weather"})
    Item.objects.create(response=made[0], output_index=1, type="web_search_call", wire={})
    quiet = Response.objects.create(conversation=talk, status="completed", store=False)
    Item.objects.create(response=quiet, output_index=0, type="function_call", wire={"name": "hush"})
    migration.tell(apps, connection.schema_editor())
    found = [Response.objects.get(pk=one.pk) for one in made]
    assert [(one.input_tokens, one.output_tokens) for one in found] == [
        (7, 9),
        (None, None),
        (None, None),
        (None, None),
        (None, None),
    ]
    assert found[0].tools == " get_weather web_search "
    assert Response.objects.get(pk=quiet.pk).tools == ""
