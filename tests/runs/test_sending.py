"""Files of a conversation at the model server: byte by byte as they were put in, each as the model takes it, never our ids."""

import base64
import time
import tracemalloc
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from chat import files, providers
from chat.agents import attachments
from chat.agents import request as requests
from chat.files import storage
from chat.models import File, FileText, FileUse
from chat.protocol.inserts import Streamed, encoded
from chat.protocol.types import Json
from chat.runs import sending, uploads, verbs
from chat.store import files as store_files
from chat.store import orphans, pool, probes
from chat.store.attached import Held
from chat.store.history import Past
from chat.store.messages import Begun
from tests.cast import put_in
from tests.conftest import signed_in
from tests.files.samples import animation, pdf
from tests.pictures import png
from tests.runs.conftest import House
from tests.runs.test_kept import bodies, eventually, found, states

PICTURE = png()


async def image(house: House, data: bytes = PICTURE, name: str = "tide.png", **facts: Any) -> FileUse:
    known = {"kind": "image", "type": "image/png", "width": 700, "height": 400, **facts}
    return await pool.for_readers(lambda: put_in(house.actor, data, name, **known))


async def document(house: House, data: bytes, name: str = "Report.pdf", type: str = "application/pdf") -> FileUse:
    return await pool.for_readers(lambda: put_in(house.actor, data, name, kind="document", type=type, pages=1))


async def show(
    house: House, *uses: FileUse, text: str = "Look", into: Begun | None = None, detail: str = "auto", model: str = "scripted"
) -> Begun:
    held = [Held(use.pk, detail) for use in uses]
    begun = await house.send(text, into.conversation.pk if into else None, held=held, model=model)
    await house.ended(begun.response.pk)
    return begun


async def probed(house: House, **can: bool) -> None:
    """A probe of this model finds this."""
    what = {name: {"can": value, "said": "So."} for name, value in can.items()}
    await pool.for_readers(lambda: probes.keep(server=house.scripted.base_url, model="scripted", found=what, by=None))


def page_of(house: House, begun: Begun) -> str:
    return str(signed_in(house.actor).get(begun.conversation.url).text)


def titles(house: House) -> list[Any]:
    """The requests for one."""
    sent = [request.body for request in house.scripted.requests if request.method == "POST"]
    return [body for body in sent if str(body.get("instructions")).startswith("Write a title")]


def parts(house: House, *, at: int = -1, request: int = -1) -> list[Any]:
    """What a request says in one of its messages."""
    found: list[Any] = bodies(house)[request]["input"][at]["content"]
    return found


def shown(part: Any) -> bytes:
    head, _, data = part["image_url"].partition(";base64,")
    assert head == "data:image/png"
    return base64.b64decode(data, validate=True)


async def test_an_image_reaches_the_model_byte_by_byte(house: House) -> None:
    begun = await show(house, await image(house), detail="high")
    text, picture = parts(house)
    assert text == {"type": "input_text", "text": "Look"}
    assert set(picture) == {"type", "image_url", "detail"}
    assert (picture["detail"], shown(picture)) == ("high", PICTURE)
    whole = next(request for request in house.scripted.requests if request.path == "/v1/responses")
    assert "transfer-encoding" not in whole.headers
    assert "file_" not in str(whole.body)
    await show(house, text="And now?", into=begun)
    assert shown(parts(house, at=0)[1]) == PICTURE  # it was shown earlier, and is so again


async def test_chat_completions_get_it_in_their_words(house: House, scripted: Any, settings: Any) -> None:
    speaks, scripted.speaks = scripted.speaks, ("models", "chat")
    try:
        await show(house, await image(house))
    finally:
        scripted.speaks = speaks
    sent = [body for body in bodies(house) if "messages" in body and len(body["messages"][0]["content"]) == 2]
    assert sent[0]["messages"][0]["content"][1]["type"] == "image_url"
    data = sent[0]["messages"][0]["content"][1]["image_url"]["url"].partition(",")[2]
    assert base64.b64decode(data) == PICTURE


async def test_to_a_kept_reply_only_what_is_new_goes_along_and_all_of_it_when_that_is_forgotten(house: House) -> None:
    await found(house, chain=True)
    begun = await show(house, await image(house))
    await show(house, await image(house, png(grey=9), "second.png"), into=begun, text="And this?")
    chained = bodies(house)[-1]
    assert chained["previous_response_id"]
    assert [len(chained["input"]), shown(parts(house)[1])] == [1, png(grey=9)]
    house.scripted.shelf.kept.clear()
    await show(house, text="Compare.", into=begun)
    assert "previous_response_id" not in bodies(house)[-1]
    assert [shown(parts(house, at=at)[1]) for at in (0, 2)] == [PICTURE, png(grey=9)]


async def test_a_removed_image_is_built_upon_no_more_and_goes_at_the_provider_too(house: House) -> None:
    await found(house, chain=True)
    before = await show(house, text="Good morning.")
    use = await image(house)
    begun = await show(house, use, into=before)
    await show(house, text="Which boat is it?", into=begun)
    assert bodies(house)[-1]["previous_response_id"]
    await house.call(store_files.remove, file_id=use.file_id)
    await show(house, text="What was in it?", into=begun)
    assert "previous_response_id" not in bodies(house)[-1]
    assert parts(house, at=2)[1]["text"] == "The image tide.png was here. It has been removed."
    await pool.for_readers(lambda: orphans.purge(timezone.now() + timedelta(hours=1)))
    assert [state == "kept" for state in await states()] == [True, False, False, True]


async def test_one_whose_bytes_are_gone_is_named_and_nothing_breaks(house: House) -> None:
    use = await image(house)
    storage.delete(uploads.place(use.file))
    begun = await show(house, use)
    assert parts(house)[1]["text"] == "The image tide.png was here. It has been removed."
    assert (await house.ended(begun.response.pk)).status == "completed"


async def test_a_model_that_cannot_see_is_told_what_is_attached(house: House) -> None:
    await probed(house, image=False)
    await show(house, await image(house))
    assert parts(house)[1] == {"type": "input_text", "text": "The image tide.png is attached; you cannot see it."}


async def test_what_a_probe_said_of_another_model_is_not_held_against_this_one(house: House) -> None:
    what = {"image": {"can": False, "said": "So."}}
    await pool.for_readers(lambda: probes.keep(server=house.scripted.base_url, model="blind", found=what, by=None))
    await show(house, await image(house))
    assert shown(parts(house)[1]) == PICTURE


async def test_a_model_that_says_itself_that_it_cannot_see_is_not_shown_the_same_again(house: House) -> None:
    blind = '[[error=400 body=openai message="image input is not supported"]]'
    begun = await show(house, await image(house), text=blind)
    failed = await house.ended(begun.response.pk)
    assert failed.error_message == "This model cannot see images. Remove the image, or choose a model that can."
    await house.call(verbs.regenerate, conversation_id=begun.conversation.pk, response_id=begun.response.pk)
    await show(house, text="Go on.", into=begun)
    assert parts(house, at=0)[1]["text"].endswith("you cannot see it.")


async def test_to_a_server_that_does_not_know_its_kind_an_image_goes_as_another_from_then_on(house: House) -> None:
    moving = await pool.for_readers(lambda: files.take_in(animation(2), name="a.gif").data)
    use = await image(house, moving, "wave.gif", type="image/gif")
    begun = await show(house, use, text='[[knows=png,jpeg say="A wave."]]')
    assert (await house.ended(begun.response.pk)).status == "completed"
    kinds = [str(body["input"][0]["content"][1]["image_url"])[:15] for body in bodies(house)]
    assert kinds == ["data:image/gif;", "data:image/png;"]
    await show(house, text="Again?", into=begun)
    assert [shown(parts(house, at=0)[1])[:4], len(bodies(house))] == [b"\x89PNG", 3]


async def test_what_a_server_says_of_one_image_makes_no_model_blind(house: House) -> None:
    odd = '[[error=400 body=openai message="Image cannot be larger than 20 MB."]]'
    begun = await show(house, await image(house), text=odd)
    assert (await house.ended(begun.response.pk)).error_code == "image_refused"
    await show(house, text="Go on.", into=begun)
    assert shown(parts(house, at=0)[1]) == PICTURE


async def test_a_server_that_cannot_look_at_the_original_looks_closely_from_then_on(house: House) -> None:
    begun = await show(house, await image(house), text="[[details=auto,low,high]]", detail="original")
    assert (await house.ended(begun.response.pk)).status == "completed"
    await show(house, text="Again?", into=begun)
    details = [body["input"][0]["content"][1]["detail"] for body in bodies(house)]
    assert details == ["original", "high", "high"]


async def test_of_more_than_can_be_made_anew_the_rest_is_named(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "MOST_STILLS", 1)
    moving = [await pool.for_readers(lambda n=n: files.take_in(animation(n), name="a.gif").data) for n in (2, 3)]
    uses = [await image(house, data, "wave.gif", type="image/gif") for data in moving]
    begun = await show(house, *uses, text="[[knows=png,jpeg]]")
    assert (await house.ended(begun.response.pk)).status == "completed"
    assert sorted(part["type"] for part in parts(house)[1:]) == ["input_image", "input_text"]
    await show(house, await image(house, moving[0], "wave.gif", type="image/gif"), text="This one again?", into=begun)
    assert [part["type"] for part in parts(house)] == ["input_text", "input_image"]  # the newest goes along


async def test_where_all_is_too_much_what_came_with_the_question_goes_along(house: House) -> None:
    begun = await show(house, await image(house, PICTURE + bytes(30_000)))
    await show(house, await image(house, png(grey=9), "second.png"), text="[[most=30000]]", into=begun)
    assert len(bodies(house)) == 3
    assert "is left out here" in parts(house, at=0)[1]["text"]
    assert shown(parts(house)[1]) == png(grey=9)


async def test_what_has_no_room_is_not_even_looked_at(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, most in (("MOST", 1), ("MOST_TEXT", 10)):
        monkeypatch.setattr(attachments, name, most)
    monkeypatch.setattr(sending, "SOME", 1)
    gone = await image(house)
    storage.delete(uploads.place(gone.file))
    documents = [await document(house, pdf(words)) for words in ("Low water at six", "High water at noon")]
    await show(house, gone, await image(house, png(grey=9), "second.png"), *documents)
    text, older, newer, unread, read = parts(house)
    assert ["left out here" in part.get("text", "") for part in (text, older, newer, unread, read)] == [0, 1, 0, 1, 1]
    assert await pool.for_readers(FileText.objects.count) == 1


async def test_two_thousand_images_in_the_history_hold_nobody_up(house: House) -> None:
    known: Any = {"owner": house.actor, "kind": "image", "type": "image/png", "size": 1, "room": 1, "state": File.State.HERE}
    rows = [File(digest=f"{number:064x}", **known) for number in range(2_000)]
    made = await pool.for_readers(File.objects.bulk_create, rows)
    shown_ones: list[Json] = [{"type": "input_image", "file_id": file.pk} for file in made]
    message = Past({"type": "message", "role": "user", "content": [*shown_ones]})
    began = time.thread_time()
    await sending.placed([message], providers.current(), "scripted", {})
    assert time.thread_time() - began < 0.3


async def test_one_refusal_changes_no_kind_for_good_and_what_cannot_be_changed_is_named(house: House) -> None:
    broken = await image(house, b"GIF89a and no more", "wave.gif", type="image/gif")
    begun = await show(house, broken, text="[[knows=png,jpeg]]")
    assert (await house.ended(begun.response.pk)).status == "completed"
    assert parts(house)[1]["text"] == "The image wave.gif is attached; you cannot see it."
    sending._plainly.clear()
    odd = '[[error=400 body=openai message="Image cannot be larger than 20 MB."]]'
    begun = await show(house, await image(house, b"GIF89a", "b.gif", type="image/gif"), text=odd)
    assert (await house.ended(begun.response.pk)).error_code == "image_refused"
    assert not sending._plainly


async def test_an_image_that_the_server_cannot_read_is_a_plain_sentence(house: House) -> None:
    begun = await show(house, await image(house), text="[[knows=jpeg]]")
    failed = await house.ended(begun.response.pk)
    assert failed.error_code == "image_refused"
    assert failed.error_message.startswith("The model server cannot read an image that was sent. It says: “You uploaded")
    assert len(bodies(house)) == 1


async def test_of_a_document_the_model_reads_the_text_which_is_read_once(house: House) -> None:
    begun = await show(house, await document(house, pdf("High water at noon")))
    assert "The file Report.pdf:\n\nHigh water at noon" in parts(house)[1]["text"]
    assert "the model read its text" in await pool.for_readers(page_of, house, begun)
    (kept,) = await pool.for_readers(lambda: list(FileText.objects.all()))
    await pool.for_readers(lambda: FileText.objects.update(text="Kept words"))
    await show(house, text="And?", into=begun)
    assert parts(house, at=0)[1]["text"] == "The file Report.pdf:\n\nKept words"
    await pool.for_readers(lambda: File.objects.filter(pk=kept.pk).delete())
    assert not await pool.for_readers(FileText.objects.exists)


async def test_a_document_without_text_is_named_and_its_reader_is_told_as_of_one_that_is_cut(house: House) -> None:
    begun = await show(house, await document(house, pdf("", "")))
    assert parts(house)[1]["text"] == "The file Report.pdf is attached; you cannot read it."
    assert "no text was found in it" in await pool.for_readers(page_of, house, begun)
    await pool.for_readers(lambda: FileText.objects.update(text="Much", cut=3))
    assert "the model read its text up to page 3" in await pool.for_readers(page_of, house, begun)


async def test_the_pages_of_a_document_have_their_numbers(house: House) -> None:
    await show(house, await document(house, pdf("High water", "", "Low water")))
    assert "[Page 1]\nHigh water\n\n[Page 3]\nLow water" in parts(house)[1]["text"]


async def test_a_document_that_no_child_could_read_is_read_later(house: House, settings: Any) -> None:
    decoder, settings.DECODER = settings.DECODER, ["/bin/false"]
    use = await document(house, pdf("High water at noon"))
    begun = await show(house, use)
    assert parts(house)[1]["text"] == "The file Report.pdf is attached; you cannot read it."
    settings.DECODER = decoder
    sending.put_off.clear()
    await show(house, text="And now?", into=begun)
    assert "High water at noon" in parts(house, at=0)[1]["text"]


async def test_a_long_text_is_cut_and_says_so(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "LONGEST", 10)
    use = await pool.for_readers(lambda: put_in(house.actor, b"x" * 100, "long.txt"))
    begun = await show(house, use)
    assert parts(house)[1]["text"] == "The file long.txt:\n\nxxxxxxxxxx\n\n(It goes on: it is cut after its beginning.)"
    assert "the model reads its beginning alone" in await pool.for_readers(page_of, house, begun)


async def test_a_server_that_takes_files_gets_a_pdf_as_it_is_and_nothing_else(house: House) -> None:
    await found(house, input_file=True)
    data = pdf("High water at noon")
    text = await pool.for_readers(lambda: put_in(house.actor, b"Low water", "low.txt"))
    await show(house, await document(house, data), text)
    _, file, low = parts(house)
    assert (file["type"], file["filename"]) == ("input_file", "Report.pdf")
    assert base64.b64decode(file["file_data"].removeprefix("data:application/pdf;base64,")) == data
    assert low["text"] == "The file low.txt:\n\nLow water"


async def test_a_title_is_asked_for_without_files_and_knows_their_names(house: House) -> None:
    await show(house, await image(house), text="")
    await eventually(lambda: titles(house))
    (asked,) = titles(house)
    assert "tide.png" in str(asked["input"])
    assert "image_url" not in str(asked)


async def test_twenty_images_of_two_megabytes_are_never_all_in_memory(house: House) -> None:
    data = [number.to_bytes(4) * 500_000 for number in range(20)]
    wires: list[Json] = []
    for each in data:
        use = await image(house, each)
        wires.append({"type": "input_image", "file_id": use.file_id})
    message = Past({"type": "message", "role": "user", "content": [*wires]})
    items, inserts = await sending.placed([message], providers.current(), "scripted", {})
    content = encoded(requests.build(items, requests.Plan(), model="scripted", instructions="", inserts=inserts).body(), inserts)
    assert isinstance(content, Streamed)
    tracemalloc.start()
    try:
        sent = 0
        async for piece in content:
            sent += len(piece)
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()
    assert sent == content.size > 53_000_000
