"""The form that edits a message: sent twice it says it once; what is refused stays in it, with the files."""

import re
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from chat.models import FileUse, Item
from chat.store import messages
from tests.cast import Cast
from tests.pictures import png

HTMX = {"HTTP_HX_REQUEST": "true"}


@pytest.fixture
def path(cast: Cast) -> str:
    begun = messages.send(actor=cast.owner, conversation_id=None, text="Hello")
    return f"{begun.conversation.url}items/{begun.response.input_id}/edit/"


def image(name: str = "photo.png", grey: int = 120) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, png(grey=grey))


def client_id(form: str) -> str:
    (found,) = re.findall(r'name="client_id" value="([0-9a-f]{32})"', form)
    return str(found)


def said() -> list[Any]:
    return [item.wire["content"] for item in Item.objects.filter(response=None).order_by("created")]


@pytest.mark.parametrize("headers", [HTMX, {}], ids=["htmx", "plain"])
def test_an_edit_that_is_sent_twice_makes_one_version(owner: Client, path: str, headers: dict[str, str]) -> None:
    form = {"text": "Good morning", "client_id": client_id(owner.get(path, **headers).text)}
    for _ in range(2):
        assert owner.post(path, {**form, "attachments": image()}, **headers).status_code in (204, 302)
    assert [content[0]["text"] for content in said()] == ["Hello", "Good morning"]
    assert not FileUse.objects.filter(item=None).exists(), "what came twice waits nowhere"
    owner.post(path, {"text": "Good evening", "client_id": client_id(owner.get(path, **headers).text)}, **headers)
    assert len(said()) == 3


def test_a_message_that_is_sent_twice_leaves_no_file_waiting(owner: Client, path: str) -> None:
    here = path.partition("items/")[0]
    for _ in range(2):
        assert owner.post(f"{here}messages/", {"text": "See", "client_id": "1" * 32, "attachments": image()}).status_code == 302
    assert len(said()) == 2
    assert "photo.png" not in re.findall(r'aria-label="Send (\S+)"', owner.get(here).text)


def test_without_javascript_a_refused_edit_comes_back_with_its_text_and_its_files(
    owner: Client, path: str, settings: Any
) -> None:
    settings.MESSAGE_BYTES = 100
    more = [image(), SimpleUploadedFile("note.txt", b"Bring an umbrella.")]
    answer = owner.post(path, {"text": "long " * 30, "attachments": more})
    assert answer.status_code == 413
    assert "is the most." in answer.text
    assert f">{'long ' * 30}</textarea>" in answer.text
    waiting = re.findall(r'name="files" value="(use_[0-9a-f]{32})"', answer.text)
    assert [name in answer.text for name in ("photo.png", "note.txt")] == [True, True]
    assert owner.get(path).text.count('name="files"') == 2, "opened again, too"
    form = {"text": "short", "client_id": client_id(answer.text), "files": waiting}
    assert owner.post(path, form).status_code == 302
    assert [part.get("filename") for part in said()[-1]] == [None, "photo.png", "note.txt"]
    assert 'name="files"' not in owner.get(path).text


def test_a_refused_edit_in_the_page_keeps_its_files_and_its_ticks(owner: Client, path: str) -> None:
    broken = SimpleUploadedFile("broken.png", b"\x89PNG\r\n\x1a\n\x00\xff")
    answer = owner.post(path, {"text": "See", "attachments": [image(), broken]}, **HTMX)
    assert answer.status_code == 400
    assert "“broken.png”" in answer.text
    assert 'hx-swap-oob="true"' in answer.text
    (waiting,) = re.findall(r'name="files" value="(use_[0-9a-f]{32})"', answer.text)
    assert owner.post(path, {"text": "See", "files": [waiting]}, **HTMX).status_code == 204
    assert [part.get("filename") for part in said()[-1]] == [None, "photo.png"]
    new = Item.objects.filter(response=None).latest("created")
    path = re.sub(r"msg_[0-9a-f]+", new.pk, path)
    refused = owner.post(path, {"text": "", "keep": [""]})
    assert refused.status_code == 400
    assert re.findall(r'name="keep" value="0" autocomplete="off"( checked)?', refused.text) == [""]
    assert "New wording" in owner.get(path).text
    assert "checked" in owner.get(path, **HTMX).text
