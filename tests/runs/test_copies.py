"""A file is sent to the provider once, where the conversation is stored and its server was found to keep files; never otherwise.
Whatever is sent is in the ledger before, and goes there when nothing stored uses it any more.
"""

import asyncio
import base64
import json
import tracemalloc
from collections.abc import AsyncIterator
from datetime import timedelta
from time import time
from typing import Any

import httpx
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from chat import errors, providers
from chat.models import File, Item, Kept, Removal
from chat.protocol.failures import from_http
from chat.protocol.inserts import Insert, form
from chat.protocol.types import Request
from chat.providers.files import is_lost
from chat.runs import capabilities, forgetting, verbs
from chat.runs import copies as copying
from chat.runs.purge import Purging
from chat.store import conversations, copies, files, ledger, pool, probes, storing
from chat.store.attached import Held
from chat.store.copies import Place
from tests.runs.conftest import House
from tests.runs.test_kept import bodies, eventually, found, kept, talk
from tests.runs.test_sending import document, image, show

LARGE = b"\x89PNG" + bytes(range(256)) * 300  # of a size with which keeping a copy is worth it
OTHER = LARGE[::-1]
PAPER = b"%PDF-1.4 " + bytes(range(256)) * 300


@pytest.fixture(autouse=True)
def brisk(settings: Any) -> None:
    settings.RUN_SWEEP, settings.MODEL_PAUSES = 0.05, (0.01,)


async def keeps_files(house: House, **more: bool) -> None:
    await found(house, **{"files": True, "input_file": True, "store": True, **more})
    capabilities.forget()


async def copied() -> list[Kept]:
    return [row for row in await kept() if row.kind == "file"]


def sent(house: House, method: str = "POST") -> list[Any]:
    """What was asked of the place where files are."""
    return [one for one in house.scripted.requests if one.path.startswith("/v1/files") and one.method == method]


def asked(house: House) -> list[Any]:
    return [body for body in bodies(house) if "input" in body and not str(body.get("instructions")).startswith("Write a title")]


def content(house: House, *, at: int = -1, request: int = -1) -> list[Any]:
    said: list[Any] = asked(house)[request]["input"][at]["content"]
    return said


async def purge() -> None:
    def all_of_it() -> None:
        for _ in Purging().pieces():
            pass

    await pool.for_readers(all_of_it)


async def gone(house: House) -> None:
    await eventually(lambda: not Kept.objects.filter(kind="file").exclude(state="gone").exists())
    assert not house.scripted.cabinet.kept


async def test_it_goes_there_once_and_is_named_from_then_on(house: House) -> None:
    await keeps_files(house)
    use = await image(house, LARGE, "tide.png")
    begun = await show(house, use, detail="high")
    (row,) = await copied()
    (made,) = house.scripted.cabinet.kept.values()
    assert made["data"] == LARGE
    assert content(house)[1] == {"type": "input_image", "file_id": made["id"], "detail": "high"}
    (form_sent,) = sent(house)
    assert form_sent.body == {
        "purpose": "vision",
        "expires_after[anchor]": "created_at",
        "expires_after[seconds]": "2592000",
        "filename": made["filename"],
        "type": "image/png",
    }
    assert "transfer-encoding" not in form_sent.headers
    assert use.file_id not in str([(one.body, one.path, one.headers) for one in house.scripted.requests])
    assert "tide" not in str(form_sent.body)
    assert (row.state, row.upstream_id, row.file_id, row.server) == ("kept", made["id"], use.file_id, house.scripted.base_url)
    assert (row.owner_id, row.conversation_id, row.team) == (house.actor.pk, begun.conversation.pk, begun.conversation.team_id)
    assert timedelta(days=29) < row.expires - row.created <= timedelta(days=30, seconds=5)
    await show(house, text="And now?", into=begun)
    await show(house, await image(house, LARGE, "again.png"), text="Elsewhere")
    assert [content(house, at=0)[1]["file_id"], content(house, at=0, request=-2)[1]["file_id"]] == [made["id"]] * 2
    assert len(sent(house)) == 1


async def test_a_pdf_keeps_its_name_for_the_model_and_small_files_go_along(house: House) -> None:
    await keeps_files(house)
    await show(house, await document(house, PAPER, "Tides of “May”.pdf"), await image(house, LARGE[:60_000]))
    _, paper, picture = content(house)
    (made,) = house.scripted.cabinet.kept.values()
    assert paper == {"type": "input_file", "file_id": made["id"]}
    assert (made["data"], made["purpose"]) == (PAPER, "user_data")
    assert made["filename"].startswith("Tides of “May” (parley-")
    assert made["filename"].endswith(").pdf")
    assert picture["image_url"].startswith("data:")


async def test_it_is_called_there_as_in_the_message_not_as_elsewhere(house: House) -> None:
    await keeps_files(house)
    use = await document(house, PAPER, "Private.pdf")
    await house.send("Look", held=[Held(use.pk)], model="scripted", store=False)
    await show(house, await document(house, PAPER, f"{'Ж' * 100}.pdf"))
    (made,) = house.scripted.cabinet.kept.values()
    assert "Private" not in made["filename"]
    assert "ЖЖЖ" in made["filename"]
    assert len(made["filename"].encode()) < 160


async def test_what_is_not_wanted_any_more_when_its_turn_comes_is_not_sent(house: House) -> None:
    await keeps_files(house)
    use = await image(house, LARGE)
    begun = await house.send("Look", held=[Held(use.pk)], model="scripted")
    coming = await pool.for_readers(copies.begin, [use.file_id], Place("https://x.example", "k"), begun.conversation.pk)
    assert await pool.for_readers(copies.still, coming[0])
    await pool.for_readers(lambda: storing.switch(actor=house.actor, conversation_id=begun.conversation.pk, on=False))
    assert not await pool.for_readers(copies.still, coming[0])


@pytest.mark.parametrize("why", ["off", "not probed", "cannot", "keeps nothing", "webp"])
async def test_otherwise_nothing_is_left_there_and_the_bytes_go_along(house: House, why: str) -> None:
    if why != "not probed":
        await keeps_files(house, files=why != "cannot", store=why != "keeps nothing")
    more = {"type": "image/webp"} if why == "webp" else {}
    use = await image(house, LARGE, **more)
    begun = await house.send("Look", held=[Held(use.pk)], model="scripted", store=why != "off")
    await house.ended(begun.response.pk)
    await show(house, text="And?", into=begun)
    assert content(house, at=0)[1]["image_url"].partition(",")[2] == base64.b64encode(LARGE).decode()
    assert not sent(house)
    assert not await copied()


async def test_from_on_to_off_the_bytes_go_along_and_the_copy_goes(house: House) -> None:
    await keeps_files(house)
    begun = await show(house, await image(house, LARGE))
    await house.call(storing.switch, conversation_id=begun.conversation.pk, on=False)
    await show(house, text="And?", into=begun)
    assert content(house, at=0)[1]["image_url"].startswith("data:")
    assert len(sent(house)) == 1
    await purge()
    await gone(house)


async def test_what_an_other_stored_conversation_uses_stays_until_that_goes_too(house: House) -> None:
    await keeps_files(house)
    first = await show(house, await image(house, LARGE))
    second = await show(house, await image(house, LARGE))
    for conversation in (first, second):
        assert [row.state for row in await copied()] == ["kept"]
        await pool.for_readers(conversations.purge_slice, conversation.conversation.pk)
        await pool.for_readers(conversations.purge_slice, conversation.conversation.pk)
        if conversation is first:
            (row,) = await copied()
            assert row.conversation_id == second.conversation.pk
            await purge()
    await gone(house)
    assert sent(house, "GET")[-1].path == sent(house, "DELETE")[-1].path  # looked for, after it was deleted


async def test_one_that_is_used_elsewhere_alone_stands_there(house: House) -> None:
    await keeps_files(house)
    first = await show(house, await image(house, LARGE))
    second = await show(house, await image(house, LARGE))
    gone_item = {"conversation_id": first.conversation.pk, "item_id": str(first.response.input_id)}
    await house.call(verbs.remove_message, **gone_item)
    await pool.for_readers(lambda: Removal.objects.update(created=timezone.now() - timedelta(hours=1)))
    assert [row.conversation_id for row in await copied()] == [first.conversation.pk]
    await purge()
    assert [(row.state, row.conversation_id) for row in await copied()] == [("kept", second.conversation.pk)]


async def test_the_purge_goes_on_where_it_was(house: House, monkeypatch: Any) -> None:
    monkeypatch.setattr(copies, "SLICE", 2)
    monkeypatch.setattr(copies, "LOOK", 5)
    use = await image(house, LARGE)
    await show(house, use)

    def make() -> None:
        now = timezone.now()
        places = [f"http://{number}.example" for number in range(60)]
        rows = [Kept(kind="file", server=at, upstream_id="f", created=now, next_try=now, expires=now) for at in places]
        for number, row in enumerate(rows):
            row.file_id = None if number % 2 else use.file_id
        Kept.objects.bulk_create(rows)

    def all_of_it() -> tuple[int, int]:
        now, pieces, asked = timezone.now(), 0, 0
        with CaptureQueriesContext(connection) as heard:
            while copies.purge(now) is not None:
                pieces += 1
            asked = sum("ORDER BY id LIMIT 5" in one["sql"] for one in heard.captured_queries)
        return pieces, asked

    await pool.for_readers(make)
    pieces, asked = await pool.for_readers(all_of_it)
    assert [row.state for row in await copied()].count("kept") == 30
    assert pieces >= 12
    assert asked < 3 * 60 / 2
    assert (await pool.for_readers(all_of_it))[0] == 0


async def test_a_message_that_may_be_had_back_keeps_it(house: House) -> None:
    await keeps_files(house)
    begun = await talk(house, "First")
    shown = await show(house, await image(house, LARGE), into=begun)
    gone_item = {"conversation_id": begun.conversation.pk, "item_id": str(shown.response.input_id)}
    await house.call(verbs.remove_message, **gone_item)
    await purge()
    assert [row.state for row in await copied()] == ["kept"]
    await pool.for_readers(lambda: Removal.objects.update(created=timezone.now() - timedelta(hours=1)))
    await purge()
    await gone(house)
    assert not await pool.for_readers(Item.objects.filter(pk=shown.response.input_id).exists)


async def test_a_file_that_its_owner_removes_is_deleted_there_after_the_same_minutes(house: House) -> None:
    await keeps_files(house)
    use = await image(house, LARGE)
    await show(house, use)
    await house.call(files.remove, file_id=use.file_id)
    await purge()
    assert [row.state for row in await copied()] == ["kept"]
    await pool.for_readers(lambda: File.objects.update(removed=timezone.now() - timedelta(hours=1)))
    await purge()
    await gone(house)


@pytest.mark.parametrize("chained", [False, True])
async def test_one_that_is_gone_there_goes_along_and_anew_the_next_time(house: House, chained: bool) -> None:
    await keeps_files(house, chain=chained)
    begun = await show(house, await image(house, LARGE))
    house.scripted.cabinet.kept.clear()
    again = await house.call(verbs.regenerate, conversation_id=begun.conversation.pk, response_id=begun.response.pk)
    assert (await house.ended(again.response.pk)).status == "completed"
    assert content(house, at=0)[1]["image_url"].startswith("data:")
    assert "file_id" in content(house, at=0, request=-2)[1]
    await eventually(lambda: [row.state for row in Kept.objects.filter(kind="file")] == ["gone"])
    await house.call(verbs.regenerate, conversation_id=begun.conversation.pk, response_id=begun.response.pk)
    await eventually(lambda: Kept.objects.filter(kind="file", state="kept").exists())
    assert len(sent(house)) == 2


async def again(house: House, begun: Any) -> bool:
    """Whether the copy was tried."""
    before = len(asked(house))
    anew = await house.call(verbs.regenerate, conversation_id=begun.conversation.pk, response_id=begun.response.pk)
    assert (await house.ended(anew.response.pk)).status == "completed"
    tried = ["file_id" in content(house, at=0, request=at)[1] for at in range(before, len(asked(house)))]
    assert tried[:-1] in ([], [True])
    return any(tried)


async def test_a_model_that_takes_the_bytes_and_not_the_copy_is_given_bytes_from_then_on(house: House) -> None:
    await keeps_files(house)
    house.scripted.cabinet.dull.add("scripted")
    begun = await show(house, await image(house, LARGE))
    assert [len(asked(house)), await again(house, begun), await again(house, begun)] == [2, False, False]
    other = await show(house, await image(house, OTHER), model="other")
    assert (await house.ended(other.response.pk)).status == "completed"
    assert "file_id" in content(house)[1]


async def test_what_one_model_never_finds_is_not_taken_from_the_others(house: House) -> None:
    await keeps_files(house)
    house.scripted.cabinet.strange.add("scripted")
    begun = await show(house, await image(house, LARGE), model="scripted")
    assert [await again(house, begun) for _ in range(3)] == [True, False, False]
    await show(house, await image(house, LARGE), model="other")
    assert "file_id" in content(house)[1]
    assert sorted(row.state for row in await copied()) == ["gone", "kept"]


async def test_what_failed_because_of_a_thought_says_nothing_of_copies(house: House) -> None:
    await keeps_files(house, reasoning_replay=True)
    begun = await talk(house, '[[say="Hm." reasoning=2]]', model="scripted")
    refuse = '[[error=400 code=invalid_encrypted_content message="A thought is not so." times=1]]'
    shown = await show(house, await image(house, LARGE), text=refuse, into=begun)
    assert (await house.ended(shown.response.pk)).status == "completed"
    await show(house, text="And?", into=begun)
    assert "file_id" in str(asked(house)[-1]["input"])


@pytest.mark.parametrize(
    ("status", "code", "message"),
    [
        (404, None, "No such File object: file-1"),
        (400, "image_file_not_found", "Gone."),
        (400, None, "Files ['file-1'] were not found."),
        (410, None, "The file has expired."),
        (400, None, "The file file-1 does not exist."),
        (0, "file_not_found", ""),
    ],
)
def test_in_whichever_words_it_says_so_the_bytes_go_along(status: int, code: str | None, message: str) -> None:
    error = from_http(status, httpx.Headers(), json.dumps({"error": {"code": code, "message": message}}).encode())
    named = Request(copies={"file-1": "file_1"})
    assert is_lost(error)
    assert copying.uncopied(named, error)
    assert copying.uncopied(Request(previous_response_id="resp_1"), error)
    assert not copying.uncopied(Request(), error)
    assert not is_lost(from_http(400, httpx.Headers(), b'{"error": {"message": "Unknown parameter: temperature."}}'))


async def test_what_is_wrong_otherwise_is_said_and_costs_no_copy(house: House) -> None:
    await keeps_files(house)
    begun = await show(house, await image(house, LARGE), text='[[error=400 message="Not so."]]')
    assert (await house.ended(begun.response.pk)).status == "failed"
    assert len(asked(house)) == 2
    assert [row.state for row in await copied()] == ["kept"]


async def test_what_may_be_a_copy_or_a_thought_is_asked_without_either(house: House) -> None:
    await keeps_files(house, reasoning_replay=True)
    begun = await talk(house, '[[say="Hm." reasoning=2]]', model="scripted")
    refuse = '[[error=400 code=invalid_encrypted_content message="A file or a thought is not so." times=1]]'
    shown = await show(house, await image(house, LARGE), text=refuse, into=begun)
    assert (await house.ended(shown.response.pk)).status == "completed"
    kinds = [[item["type"] for item in body["input"]] for body in asked(house)[1:]]
    assert kinds == [["message", "reasoning", "message", "message"], ["message"] * 3]
    assert ["file_id" in content(house, request=at)[1] for at in (1, 2)] == [True, False]


async def test_a_chain_whose_file_has_gone_there_goes_on_with_the_bytes(house: House) -> None:
    await keeps_files(house, chain=True)
    begun = await show(house, await image(house, LARGE))
    lost = '[[error=400 code=image_file_not_found message="An image file was not found." times=1]]'
    more = await show(house, text=lost, into=begun)
    assert (await house.ended(more.response.pk)).status == "completed"
    assert content(house, at=0)[1]["image_url"].startswith("data:")


@pytest.mark.parametrize("refusal", [400, 404, 503, "drop"])
async def test_where_it_cannot_be_left_there_it_goes_along_and_is_not_tried_each_time(house: House, refusal: Any) -> None:
    await keeps_files(house)
    house.scripted.cabinet.refusals["POST"] = [refusal]
    begun = await show(house, await image(house, LARGE))
    assert (await house.ended(begun.response.pk)).status == "completed"
    assert content(house)[1]["image_url"].startswith("data:")
    await show(house, text="And?", into=begun)
    assert len(sent(house)) == 1
    can = await pool.for_readers(probes.capabilities, house.scripted.base_url)
    assert can["files"] is (refusal != 404)
    if refusal in (503, "drop"):
        (row,) = await copied()
        assert (row.state, row.file_id, row.error) == ("due", None, copies.BROKEN)
    else:
        assert not await copied()


async def late(**changes: Any) -> None:
    """So much later."""
    past = timezone.now() - timedelta(seconds=1)
    await pool.for_readers(lambda: Kept.objects.filter(kind="file", state="due").update(next_try=past, **changes))


async def test_one_that_was_never_answered_for_is_found_by_its_mark_and_deleted(house: House) -> None:
    await keeps_files(house)
    house.scripted.cabinet.refusals["POST"] = ["drop"]
    await show(house, await image(house, LARGE))
    (row,) = await copied()
    (made,) = house.scripted.cabinet.kept.values()
    assert row.upstream_id in made["filename"]
    await late()
    await gone(house)
    (row,) = await copied()
    assert row.upstream_id == made["id"]


async def test_to_another_key_one_that_was_never_answered_for_may_be_there_all_the_same(house: House, settings: Any) -> None:
    await keeps_files(house, files=True)
    house.scripted.cabinet.refusals["POST"] = ["drop"]
    await show(house, await image(house, LARGE))
    key, settings.OPENAI_API_KEY = settings.OPENAI_API_KEY, "another"
    providers.reset()
    await late(created=timezone.now() - timedelta(seconds=copies.SETTLED + 1))
    await eventually(lambda: Kept.objects.get(kind="file").state == "remains")
    assert [row.error for row in await copied()] == [ledger.ANOTHER_KEY]
    settings.OPENAI_API_KEY = key
    providers.reset()
    await pool.for_readers(ledger.tidy, providers.current().server, providers.current().account)
    await gone(house)


async def test_one_that_is_not_found_by_its_mark_is_looked_for_until_it_cannot_arrive_any_more(house: House) -> None:
    await keeps_files(house)
    house.scripted.cabinet.refusals["POST"] = [503]
    await show(house, await image(house, LARGE))
    await late()
    await eventually(lambda: Kept.objects.filter(kind="file", attempts__gt=0, next_try__gt=timezone.now()).exists())
    assert [row.error for row in await copied()] == [copies.BROKEN]
    await late(created=timezone.now() - timedelta(seconds=copies.SETTLED + 1))
    await eventually(lambda: not Kept.objects.filter(kind="file").exists())


@pytest.mark.parametrize("lacks", [{"order"}, {"number"}, {"more"}, {"order", "number"}, {"order", "number", "more"}, {"after"}])
@pytest.mark.parametrize("at", [0, 5, 29])
async def test_it_is_found_wherever_it_stands_in_the_list_and_however_that_comes(house: House, lacks: set[str], at: int) -> None:
    there = house.scripted.cabinet
    there.lacks |= lacks
    for number in range(30):
        made = {"id": f"file-{number}", "created_at": int(time()) - 90_000 + 3_000 * number, "filename": f"{number}.png"}
        there.kept[made["id"]] = made | {"filename": "mark.png" if number == at else made["filename"]}
    found = providers.current().files
    assert found is not None
    assert await found.seek("mark", since=there.kept[f"file-{at}"]["created_at"] - 3_600) == f"file-{at}"
    if "order" in lacks or at == 29:
        assert await found.seek("nothing", since=time() - 3_600) == ""


async def test_where_a_list_does_not_go_on_nobody_believes_that_it_has_none(house: House) -> None:
    there = house.scripted.cabinet
    there.lacks |= {"after", "number"}
    there.kept = {f"file-{number}": {"id": f"file-{number}", "filename": f"{number}.png"} for number in range(5)}
    found = providers.current().files
    assert found is not None
    with pytest.raises(errors.MalformedStream):
        await found.seek("mark", since=0)


async def test_where_there_is_no_list_any_more_it_remains_until_a_probe_finds_one(house: House) -> None:
    await keeps_files(house)
    house.scripted.cabinet.refusals["POST"] = ["drop"]
    await show(house, await image(house, LARGE))
    house.scripted.cabinet.lacks.add("list")

    def tried(least: int) -> bool:
        """And not only claimed: that try is over."""
        row = Kept.objects.get(kind="file")
        over = row.next_try < timezone.now() + timedelta(seconds=ledger.LEASE - 30)
        return row.attempts > least and (over or row.state == "remains")

    for attempt in range(forgetting.SURE):
        await late()
        await eventually(lambda least=attempt: tried(least))
    await eventually(lambda: Kept.objects.get(kind="file").state == "remains")
    assert [row.error for row in await copied()] == [ledger.UNTOLD]
    house.scripted.cabinet.lacks.clear()
    await keeps_files(house)
    await gone(house)


async def test_a_row_stands_there_before_the_first_byte_is_sent_and_is_looked_for_when_its_process_dies(house: House) -> None:
    await keeps_files(house)
    house.scripted.cabinet.refusals["POST"] = ["hang"]
    use = await image(house, LARGE)
    begun = await house.send("Look", held=[Held(use.pk)], model="scripted")
    await eventually(lambda: bool(sent(house)))
    (row,) = await copied()
    assert (row.state, row.file_id) == ("due", use.file_id)
    assert copies.is_unnamed(row)
    assert row.next_try > timezone.now() + timedelta(minutes=9)
    await house.call(verbs.cancel, conversation_id=begun.conversation.pk, response_id=begun.response.pk)
    assert (await house.ended(begun.response.pk)).status == "cancelled"
    house.scripted.cabinet._keep(sent(house)[0])  # it had arrived all the same
    await late()
    await gone(house)


async def test_of_two_at_once_one_sends_it_and_the_other_one_waits_for_nothing(house: House) -> None:
    use = await image(house, LARGE)
    place = Place("http://models.example/v1", "key")
    begun = await show(house, use)
    args = ([use.file_id], place, begun.conversation.pk)
    both = await asyncio.gather(*(pool.for_readers(copies.begin, *args) for _ in range(2)))
    assert sorted(map(len, both)) == [0, 1]
    (coming,) = next(one for one in both if one)
    assert await pool.for_readers(copies.found, [use.file_id], place) == {}
    assert await pool.for_readers(lambda: copies.arrive(coming, upstream_id="file-1", seconds=86_400))
    assert await pool.for_readers(copies.found, [use.file_id], place) == {use.file_id: "file-1"}
    assert await pool.for_readers(copies.found, [use.file_id], Place(place.server, "another key")) == {}


async def test_what_arrives_when_nobody_wants_it_any_more_is_deleted(house: House) -> None:
    use = await image(house, LARGE)
    begun = await show(house, use)
    place = Place(house.scripted.base_url, providers.current().account)
    (coming,) = await pool.for_readers(copies.begin, [use.file_id], place, begun.conversation.pk)
    await pool.for_readers(conversations.purge_slice, begun.conversation.pk)
    await pool.for_readers(conversations.purge_slice, begun.conversation.pk)
    assert not await pool.for_readers(lambda: copies.arrive(coming, upstream_id="file-1", seconds=86_400))
    await eventually(lambda: Kept.objects.get(kind="file").state == "gone")
    assert any(one.path == "/v1/files/file-1" for one in sent(house, "DELETE"))


async def test_one_whose_time_is_almost_over_goes_there_anew_and_the_old_one_goes(house: House) -> None:
    await keeps_files(house)
    begun = await show(house, await image(house, LARGE))
    (old,) = await copied()
    await pool.for_readers(lambda: Kept.objects.filter(pk=old.pk).update(expires=timezone.now() + timedelta(minutes=5)))
    await show(house, text="And?", into=begun)
    _, new = await copied()
    assert content(house, at=0)[1]["file_id"] == new.upstream_id != old.upstream_id
    await eventually(lambda: Kept.objects.get(pk=old.pk).state == "gone")
    assert list(house.scripted.cabinet.kept) == [new.upstream_id]


async def test_after_its_time_it_is_deleted_also_where_nobody_knows_that_it_ends(house: House) -> None:
    await keeps_files(house)
    await show(house, await image(house, LARGE))
    await pool.for_readers(lambda: Kept.objects.filter(kind="file").update(expires=timezone.now() - timedelta(seconds=1)))
    await pool.for_readers(ledger.purge)
    await gone(house)


async def test_of_a_host_that_ends_what_it_keeps_one_without_an_end_is_not_used(house: House, monkeypatch: Any) -> None:
    monkeypatch.setitem(ledger.KNOWN, f"127.0.0.1:{house.scripted.port}", "There")
    house.scripted.cabinet.lacks.add("ends")
    await keeps_files(house)
    begun = await show(house, await image(house, LARGE))
    assert (await house.ended(begun.response.pk)).status == "completed"
    assert content(house)[1]["image_url"].startswith("data:")
    await gone(house)
    assert (await pool.for_readers(probes.capabilities, house.scripted.base_url))["files"] is False


async def test_where_one_ends_within_minutes_none_is_sent_again_for_each_reply(house: House) -> None:
    house.scripted.cabinet.stays = 300
    await keeps_files(house)
    begun = await show(house, await image(house, LARGE))
    assert (await house.ended(begun.response.pk)).status == "completed"
    await gone(house)
    await show(house, text="And?", into=begun)
    assert content(house, at=0)[1]["image_url"].startswith("data:")
    assert len(sent(house)) == 1


async def test_a_server_that_speaks_otherwise_now_gets_the_bytes(house: House) -> None:
    await keeps_files(house)
    speaks, house.scripted.speaks = house.scripted.speaks, ("models", "chat", "files")
    try:
        begun = await show(house, await image(house, LARGE))
        assert (await house.ended(begun.response.pk)).status == "completed"
    finally:
        house.scripted.speaks = speaks
    chat = next(body for body in bodies(house) if "messages" in body)
    assert "file_id" not in str(chat)
    assert base64.b64encode(LARGE).decode() in str(chat)
    with pytest.raises(errors.UpstreamRejected):  # named while another run finds that out
        await anext(providers.current().stream(Request(model="scripted", input=[], copies={"file-1": "file_1"})))


async def test_a_file_on_its_way_there_is_never_whole_in_memory() -> None:
    size, step = 20_000_000, bytes(50_000)

    async def once() -> AsyncIterator[bytes]:
        for _ in range(size // len(step)):
            yield step

    body = form({"purpose": "vision"}, name='a"b\r\n.png', type="image/png", content=Insert("", size, once, raw=True))
    tracemalloc.start()
    try:
        length = sum([len(piece) async for piece in body])
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()
    assert length == body.size > size
    head = next(iter([piece async for piece in body]))
    assert b'filename="a%22b%0D%0A.png"' in head
