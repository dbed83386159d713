"""What goes to a model out of memory: as from an ordinary conversation, also where something is gone, or not taken as it is."""

import re
from typing import Any

import pytest

from chat import errors
from chat.models import File, Kept
from chat.runs import capabilities
from chat.store import pool, probes, temporary
from tests.files import samples
from tests.files.test_words import scoreboard
from tests.pictures import png
from tests.scripted import ScriptedServer
from tests.temporary.conftest import Somebody
from tests.temporary.test_files import named, put

BLIND = '[[error=400 body=openai message="This model does not support image input."]]'


async def test_a_file_whose_bytes_are_gone_is_told_of_as_removed(
    olivia: Somebody, scripted: ScriptedServer, home: temporary.Home
) -> None:
    lost = named(await put(olivia, "/t/", "lost.png", png(grey=1)))
    there = named(await put(olivia, "/t/", "there.png", png(grey=2)))
    path = await olivia.begin("Look", files=[lost, there])
    await olivia.ended(path)
    await pool.for_readers(home.files.drop, path.split("/")[2], lost)
    await olivia.post(f"{path}messages/", text="And now?")
    assert (await olivia.ended(path)).status == "completed"
    assert of(scripted)[1]["text"] == "The image lost.png was here. It has been removed."
    assert of(scripted)[2]["image_url"].startswith("data:image/png;base64,")
    assert removed((await olivia.get(path)).text) == ["lost.png"]
    kept = await olivia.post(f"{path}keep/", store="off")
    page = (await olivia.get(kept["Location"])).text
    assert removed(page) == ["lost.png"]
    assert 'alt="there.png"' in page
    await olivia.post(f"{kept['Location']}messages/", text="And here?")
    assert of(scripted)[1]["text"] == "The image lost.png was here. It has been removed."
    assert await pool.for_readers(File.objects.count) == 1


@pytest.mark.parametrize("name", ["one.png", "note.txt"])
async def test_of_a_file_that_cannot_be_reached_a_reply_says_so(
    olivia: Somebody, home: temporary.Home, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    there = named(await put(olivia, "/t/", name, png() if name == "one.png" else b"word " * 40_000))
    piece = home.files.piece

    def away(*_: Any) -> Any:
        raise temporary.Away

    home.files.piece = away  # type: ignore[method-assign]
    path = await olivia.begin("Look", files=[there])
    failed = await olivia.ended(path)
    assert (failed.status, failed.error_code) == ("failed", errors.FilesAway.code)
    assert "broke" not in caplog.text
    home.files.piece = piece  # type: ignore[method-assign]
    await olivia.post(f"{path}responses/{failed.id}/regenerate/")
    await olivia.until(path, lambda talk: talk.last.reply.id != failed.id)
    assert (await olivia.ended(path)).status == "completed"


async def test_a_message_of_a_file_alone_that_is_gone_is_kept_all_the_same(olivia: Somebody, home: temporary.Home) -> None:
    lost = named(await put(olivia, "/t/", "lost.png", png()))
    path = await olivia.begin("", files=[lost])
    await olivia.ended(path)
    await pool.for_readers(home.files.drop, path.split("/")[2], lost)
    kept = await olivia.post(f"{path}keep/", store="off")
    assert removed((await olivia.get(kept["Location"])).text) == ["lost.png"]


async def test_what_the_model_server_keeps_unasked_is_noted_to_be_deleted_there_and_is_nobodys(
    olivia: Somebody, scripted: ScriptedServer
) -> None:
    found = {"responses": {"can": True, "said": "Yes."}, "forgets": {"can": False, "said": "No."}}
    await pool.for_readers(lambda: probes.keep(server=scripted.base_url, model="", found=found, by=None))
    capabilities.forget()
    path = await olivia.begin("Look")
    assert "its probe found that it keeps each reply" in (await olivia.get(path)).text
    assert (await olivia.ended(path)).status == "completed"
    (row,) = await pool.for_readers(lambda: list(Kept.objects.all()))
    assert (row.state, row.owner_id, row.conversation_id, row.turn_id) == ("due", None, None, None)


async def test_to_a_server_that_does_not_know_its_kind_an_image_goes_as_another_from_then_on(
    olivia: Somebody, scripted: ScriptedServer
) -> None:
    moving = named(await put(olivia, "/t/", "wave.gif", samples.animation(2)))
    path = await olivia.begin('[[knows=png,jpeg say="A wave."]]', files=[moving])
    assert (await olivia.ended(path)).status == "completed"
    await olivia.post(f"{path}messages/", text="Again?")
    await olivia.ended(path)
    assert kinds(scripted) == ["gif", "png", "png"]
    await olivia.post(f"{path}messages/", text="Another?", model="other")
    await olivia.ended(path)
    assert kinds(scripted)[3:] == ["gif"], "what one model cannot read another may"


async def test_a_model_that_cannot_see_is_told_of_images_further_up(olivia: Somebody, scripted: ScriptedServer) -> None:
    path = await olivia.begin("Look", files=[named(await put(olivia, "/t/", "one.png", png()))])
    await olivia.ended(path)
    once = '[[error=400 body=openai times=1 message="This model does not support image input." say="Still here"]]'
    await olivia.post(f"{path}messages/", text=once)
    assert (await olivia.ended(path)).status == "completed"
    assert of(scripted)[1]["text"] == "The image one.png is attached; you cannot see it."


async def test_without_an_image_an_error_makes_no_model_blind(olivia: Somebody, scripted: ScriptedServer) -> None:
    path = await olivia.begin(BLIND, files=[named(await put(olivia, "/t/", "note.pdf", samples.pdf("Rent is due.")))])
    assert (await olivia.ended(path)).error_code == "model_cannot_see"
    shown = named(await put(olivia, path, "one.png", png()))
    await olivia.post(f"{path}messages/", text="Look", files=[shown])
    await olivia.ended(path)
    assert of(scripted, -1)[1]["type"] == "input_image"


async def test_what_moves_moves_where_it_is_whole_alone(olivia: Somebody) -> None:
    moving = named(await put(olivia, "/t/", "wave.gif", samples.animation(2, (700, 400))))
    path = await olivia.begin("Look", files=[moving])
    await olivia.ended(path)
    (sizes,) = re.findall(r'srcset="(.*?)"', (await olivia.get(path)).text)
    assert sizes == f"{path}files/{moving}/ 700w"


async def test_the_words_in_an_image_are_offered_where_a_model_cannot_see_it(
    olivia: Somebody, stella: Somebody, scripted: ScriptedServer
) -> None:
    blind = await olivia.begin(BLIND, files=[named(await put(olivia, "/t/", "one.png", png()))], model="blind")
    await olivia.ended(blind)
    for place in ("/t/", blind):
        board = named(await put(olivia, place, "board.png", scoreboard()))
        assert "words" not in (await olivia.get(f"{place}files/sight/?files={board}&model=seeing")).text
        address = f"{place}files/{board}/words/"
        offered = await olivia.get(f"{place}files/sight/?files={board}&model=blind")
        assert f'hx-post="{address}"' in offered.text
        assert (await stella.post(address)).status_code == 404
        text = named(await olivia.post(address))
        page = (await olivia.get(place)).text
        assert re.findall(r'aria-label="Send (\S+)"', page) == ["board.png", "board.png.txt"]
        path = await olivia.begin("", files=[text]) if place == "/t/" else place
        if path == place:
            await olivia.post(f"{path}messages/", text="Read", files=[text])
        await olivia.ended(path)
        assert "Rovers 3" in of(scripted, -1)[-1]["text"]
    assert await pool.for_readers(File.objects.count) == 0


def of(scripted: ScriptedServer, item: int = 0) -> Any:
    """The parts of a message of the last request."""
    return scripted.requests[-1].body["input"][item]["content"]


def kinds(scripted: ScriptedServer) -> list[str]:
    bodies = [one.body for one in scripted.requests if one.body and "input" in one.body]
    return re.findall(r"data:image/(\w+);", str(bodies))


def removed(page: str) -> list[str]:
    """Names of files of which it says that."""
    return re.findall(r"<span[^>]*>([^<]*)</span> was removed\.", page)
