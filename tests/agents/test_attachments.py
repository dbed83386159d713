"""Files of a conversation go to the model as it takes them: each once, the newest first, and what does not go along is named."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from chat.agents import attachments
from chat.agents.attachments import Given, any_in, ids, placed
from chat.agents.request import replayable
from chat.protocol.types import Json
from chat.store.history import Past


async def nothing() -> AsyncIterator[bytes]:
    return
    yield b""


def given(type_: str = "image/png", size: int = 1000, text: str = "") -> Given:
    return Given(type_, size, None if text else nothing, text)


def unread() -> Given:
    """What this model takes in no way."""
    return Given("any", 1000, None)


def said(*parts: Json) -> Past:
    return Past({"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Look."}, *parts]})


def image(file_id: str = "file_a", **more: str) -> Json:
    return {"type": "input_image", "file_id": file_id, "filename": f"{file_id}.png", **more}


def document(file_id: str = "file_d") -> Json:
    return {"type": "input_file", "file_id": file_id, "filename": "Report.pdf"}


def parts(items: list[Past], at: int = 0) -> list[Any]:
    """What goes to the model of the files of an item."""
    content = list(replayable(items))[at]["content"]
    assert isinstance(content, list)
    return content[1:]


def test_an_image_goes_along_in_the_place_of_our_id() -> None:
    items, inserts = placed([said(image(detail="high"))], {"file_a": given()})
    (where,) = inserts
    assert parts(items) == [{"type": "input_image", "image_url": where, "detail": "high"}]
    assert (inserts[where].prefix, inserts[where].size) == ("data:image/png;base64,", 1000)


def test_a_file_goes_along_under_its_name_where_the_server_takes_files() -> None:
    items, inserts = placed([said(document())], {"file_d": given("application/pdf")})
    (where,) = inserts
    assert parts(items) == [{"type": "input_file", "filename": "Report.pdf", "file_data": where}]
    assert inserts[where].prefix == "data:application/pdf;base64,"


@pytest.mark.parametrize(
    ("part", "files", "text"),
    [
        (image(), {}, "The image file_a.png was here. It has been removed."),
        (image(), {"file_a": unread()}, "The image file_a.png is attached; you cannot see it."),
        (document(), {"file_d": given(text="Tides")}, "The file Report.pdf:\n\nTides"),
        (document(), {"file_d": unread()}, "The file Report.pdf is attached; you cannot read it."),
        (
            document(),
            {"file_d": Given("any", 9, None, "Tides", cut=3)},
            "The file Report.pdf:\n\nTides\n\n(It goes on: it is cut on page 3.)",
        ),
        ({"type": "input_image", "file_id": "file_x"}, {}, "The image was here. It has been removed."),
    ],
)
def test_what_does_not_go_along_is_named(part: Json, files: dict[str, Given], text: str) -> None:
    items, inserts = placed([said(part)], files)
    assert parts(items) == [{"type": "input_text", "text": text}]
    assert not inserts


def test_of_too_long_texts_the_newest_go_along() -> None:
    files = {name: given(text="x" * (attachments.MOST_TEXT // 2)) for name in ("file_1", "file_2", "file_3")}
    items, _ = placed([said(document(name)) for name in files], files)
    assert ["left out here" in parts(items, at)[0]["text"] for at in range(3)] == [True, False, False]


def test_a_model_that_sees_nothing_is_told_of_images_that_are_in_what_was_said() -> None:
    shown = said({"type": "input_image", "image_url": "data:image/png;base64,AAAA", "filename": "tide.png"})
    items, _ = placed([shown], {}, sees=False)
    assert parts(items) == [{"type": "input_text", "text": "The image tide.png is attached; you cannot see it."}]
    assert any_in([shown])
    assert not any_in([said()])


def test_the_same_file_goes_along_once_where_it_came_up_last() -> None:
    items, inserts = placed([said(image()), said(image(), image())], {"file_a": given()})
    assert len(inserts) == 1
    assert [one["type"] for one in parts(items, 0) + parts(items, 1)] == ["input_text", "input_text", "input_image"]


def test_of_too_many_the_newest_go_along() -> None:
    names = [f"file_{number:03}" for number in range(attachments.MOST + 3)]
    items, inserts = placed([said(image(name)) for name in names], {name: given() for name in names})
    assert len(inserts) == attachments.MOST
    assert [parts(items, at)[0]["type"] for at in (2, 3, -1)] == ["input_text", "input_image", "input_image"]


def test_of_too_large_ones_the_newest_go_along() -> None:
    files = {name: given(size=attachments.MOST_BYTES // 2) for name in ("file_1", "file_2", "file_3")}
    _, inserts = placed([said(image(name)) for name in files], files)
    assert len(inserts) == 2


def test_what_a_reply_names_is_neither_found_here_nor_sent_on() -> None:
    away: list[Json] = [
        {"type": "input_image", "image_url": "http://169.254.169.254/"},
        {"type": "input_file", "file_url": "http://a"},
    ]
    content = [{"type": "output_text", "text": "Look."}, image(), *away]
    reply = Past({"type": "message", "role": "assistant", "content": content})  # type: ignore[dict-item]
    assert (ids([reply]), any_in([reply])) == ([], False)
    assert parts([reply]) == []


def test_what_names_no_file_of_ours_stays_as_it_is() -> None:
    odd = said({"type": "input_image", "image_url": "data:image/png;base64,AAAA"}, {"type": "input_file", "file_id": None})
    plain = Past({"type": "reasoning", "summary": []}, "rs_1")
    assert placed([odd, plain], {}) == ([odd, plain], {})
    assert ids([odd, plain, said(image(), document())]) == ["file_a", "file_d"]
    assert ids([said(image(), document()), said(image())]) == ["file_d", "file_a"]
