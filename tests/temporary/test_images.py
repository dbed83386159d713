"""Images and documents in a temporary conversation: in memory and nowhere else, sent as they are; kept, they become files."""

import base64
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile

from chat.markdown import images
from chat.models import Conversation, File, Item
from chat.store import pool
from tests.elsewhere import elsewhere
from tests.pictures import png
from tests.scripted import ScriptedServer
from tests.temporary.conftest import Somebody


def lying() -> list[str]:
    """What lies in the folder of the files."""
    return [str(path) for path in settings.MEDIA_ROOT.rglob("*") if path.is_file()]


async def test_an_image_is_shown_and_sent_out_of_memory_and_a_file_once_it_is_kept(
    olivia: Somebody, stella: Somebody, scripted: ScriptedServer
) -> None:
    before = lying()
    images = [SimpleUploadedFile(f"{name}.png", png(grey=number)) for number, name in enumerate(("one", "two"), 1)]
    path = await olivia.begin("", attachments=images)
    await olivia.ended(path)
    parts = scripted.requests[-1].body["input"][0]["content"]
    assert [sorted(part) for part in parts] == [["detail", "image_url", "type"]] * 2
    head, data = parts[1]["image_url"].split(",")
    assert (head, base64.b64decode(data)[:4]) == ("data:image/png;base64", b"\x89PNG")
    talk = await olivia.talk(path)
    address = f"{path}files/{talk.last.wire['content'][1]['file_id']}/"
    page = (await olivia.get(path)).text
    assert f'src="{address}320/"' in page
    answer = await olivia.get(address)
    assert (answer["Content-Type"], answer["Cache-Control"]) == ("image/png", "private, no-store")
    assert b"".join(answer.streaming_content) == base64.b64decode(data)
    assert [(await one.get(where)).status_code for one, where in ((stella, address), (olivia, f"{address}7/"))] == [404, 404]
    assert await pool.for_readers(File.objects.count) == 0
    assert lying() == before
    kept = await olivia.post(f"{path}keep/", store="off")
    said = await pool.for_readers(lambda: Item.objects.get(response=None))
    assert [part["type"] for part in said.wire["content"]] == ["input_image", "input_image"]
    assert "base64" not in str(said.wire)
    assert await pool.for_readers(lambda: list(said.uses.order_by("index").values_list("name", flat=True))) == [
        "one.png",
        "two.png",
    ]
    assert "/320/" in (await olivia.get(kept["Location"])).text


async def test_of_a_document_its_words_come_along(olivia: Somebody, scripted: ScriptedServer) -> None:
    large: Any = SimpleUploadedFile("large.txt", b"word " * 25_000)
    path = await olivia.begin("Read this", attachments=large)
    await olivia.ended(path)
    text = scripted.requests[-1].body["input"][0]["content"][1]["text"]
    assert text.startswith("The file large.txt:\n\nword word")
    assert await pool.for_readers(Conversation.objects.count) == 0
    refused = await olivia.post("/t/", text="And this", attachments=SimpleUploadedFile("a.png", b"\x89PNG\x00 broken"))
    assert refused.status_code == 400
    assert "And this" in refused.text


async def test_one_that_a_reply_names_is_shown_after_a_click_to_its_owner_alone_and_lies_nowhere(
    olivia: Somebody, stella: Somebody, settings: Any
) -> None:
    before = lying()
    with elsewhere() as there:
        settings.EGRESS_ALLOW = [there.place]
        url = there.gives("/quark.png", png())
        path = await olivia.begin(f"[[say='![A quark]({url})']]")
        reply = await olivia.ended(path)
        address = f"{path}images/{reply.output[0]['id']}/{images.digest(url)}/"
        assert f'href="{address.removeprefix(path)}"' in (await olivia.get(path)).text
        assert there.asked == []
        assert f'src="{address}whole/"' in (await olivia.get(address, HX_Request="true")).text
        answer = await olivia.get(f"{address}whole/")
        assert (answer["Content-Type"], answer["Cache-Control"]) == ("image/png", "private, no-store")
        assert [(await stella.get(f"{address}{ending}")).status_code for ending in ("", "whole/")] == [404, 404]
        assert (await olivia.get(address.replace(images.digest(url), "0" * 32))).status_code == 404
        assert len(there.asked) == 1
    assert lying() == before


async def test_an_address_comes_with_the_message_and_lies_nowhere(
    olivia: Somebody, scripted: ScriptedServer, settings: Any
) -> None:
    before = lying()
    with elsewhere() as there:
        settings.EGRESS_ALLOW = [there.place]
        path = await olivia.begin("Look", address=there.gives("/quark.png", png()))
        await olivia.ended(path)
    parts = scripted.requests[-1].body["input"][0]["content"]
    assert [part["type"] for part in parts] == ["input_text", "input_image"]
    assert parts[1]["image_url"].startswith("data:image/png;base64,")
    assert "127.0.0.1" not in str(parts)
    assert lying() == before
