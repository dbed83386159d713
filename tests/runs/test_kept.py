"""What is asked to be kept at the provider, what is built upon it, and how it is deleted there."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from chat import providers
from chat.models import LONGEST_NAME, Conversation, Kept, Response, Turn
from chat.runs import forgetting, verbs
from chat.store import conversations, departures, ledger, pool, probes, storing
from chat.store.messages import Begun
from tests.cast import person
from tests.runs.conftest import House
from tests.runs.test_runs import asked, said
from tests.scripted_wire import send_error


async def found(house: House, **can: bool) -> None:
    """A probe of the model server finds this."""
    what = {name: {"can": value} for name, value in can.items()}
    await pool.for_readers(lambda: probes.keep(server=house.scripted.base_url, model="", found=what, by=None))


async def talk(house: House, text: str, into: Begun | None = None, **more: Any) -> Begun:
    begun = await house.send(text, into.conversation.pk if into else None, **more)
    assert (await house.ended(begun.response.pk)).status == "completed"
    return begun


async def kept() -> list[Kept]:
    return await pool.for_readers(lambda: list(Kept.objects.order_by("pk")))


async def states() -> list[str]:
    return [row.state for row in await kept()]


def bodies(house: House) -> list[Any]:
    return [request.body for request in asked(house) if request.method == "POST"]


def texts(body: Any) -> list[str]:
    return [part["text"] for item in body["input"] for part in item.get("content", [])]


async def eventually(check: Callable[[], Any], *, seconds: float = 10) -> None:
    async with asyncio.timeout(seconds):
        while not await pool.for_readers(check):
            await asyncio.sleep(0.02)


@pytest.fixture(autouse=True)
def brisk(settings: Any) -> None:
    settings.RUN_SWEEP, settings.MODEL_PAUSES = 0.05, (0.01,)


async def test_what_is_stored_is_kept_there_and_in_the_ledger(house: House) -> None:
    begun = await talk(house, '[[say="One."]]')
    assert bodies(house)[0]["store"] is True
    (row,) = await kept()
    turn = await pool.for_readers(Turn.objects.get)
    assert (row.server, row.upstream_id, row.state) == (house.scripted.base_url, turn.upstream_id, "kept")
    assert (row.owner_id, row.conversation_id, row.turn_id) == (house.actor.pk, begun.conversation.pk, turn.pk)
    assert timedelta(days=29) < row.expires - row.created <= timedelta(days=31)
    assert row.upstream_id in house.scripted.shelf.kept


async def test_what_is_not_stored_is_kept_nowhere(house: House) -> None:
    begun = await talk(house, '[[say="One."]]', store=False)
    await talk(house, '[[say="Two."]]', begun)
    assert [body["store"] for body in bodies(house)] == [False, False]
    assert not house.scripted.shelf.kept
    assert not await kept()


@pytest.mark.parametrize("how", ["probed", "unsupported=store", "background=store", "keeps=no"])
async def test_a_server_that_keeps_nothing_has_no_rows(house: House, how: str) -> None:
    if how == "probed":
        await found(house, store=False)
    begun = await talk(house, f'[[say="One." {how}]]')
    await talk(house, f'[[say="Two." {how}]]', begun)
    if how != "keeps=no":
        assert bodies(house)[-1].get("store", False) is False
    assert not await kept()


async def test_a_chain_sends_what_is_new_and_the_instructions_again(house: House) -> None:
    house.actor.instructions = "Answer in Welsh."
    await pool.for_runs(house.actor.save)
    await found(house, chain=True)
    begun = await talk(house, "First")
    await talk(house, "Second", begun)
    third = await talk(house, "Third", begun, model="another")
    await house.call(verbs.edit, conversation_id=begun.conversation.pk, item_id=third.response.input_id, text="Other")
    await eventually(lambda: Response.objects.filter(status="completed").count() == 4)
    rows = [row.upstream_id for row in await kept()]
    sent = bodies(house)
    assert [body.get("previous_response_id") for body in sent] == [None, rows[0], rows[1], rows[1]]
    assert [texts(body) for body in sent] == [["First"], ["Second"], ["Third"], ["Other"]]
    assert {body["instructions"] for body in sent} == {"Answer in Welsh."}


async def test_without_a_probe_the_history_is_sent(house: House) -> None:
    begun = await talk(house, '[[say="One."]]')
    await talk(house, "Second", begun)
    assert "previous_response_id" not in bodies(house)[-1]
    assert texts(bodies(house)[-1]) == ['[[say="One."]]', "One.", "Second"]


async def test_after_a_reply_that_is_not_complete_the_history_is_sent_and_a_chain_starts_anew(house: House) -> None:
    await found(house, chain=True)
    begun = await talk(house, "First")
    cut = await house.send("[[finish=length]]", begun.conversation.pk)
    assert (await house.ended(cut.response.pk)).status == "incomplete"
    await talk(house, "Third", begun)
    await talk(house, "Fourth", begun)
    rows = [row.upstream_id for row in await kept()]
    assert [body.get("previous_response_id") for body in bodies(house)] == [None, rows[0], None, rows[2]]
    assert texts(bodies(house)[2])[0] == "First"


@pytest.mark.parametrize("broken", ["due", "expires", "server", "account"])
async def test_a_chain_is_whole_or_not_used(house: House, broken: str) -> None:
    """The first of it is what is missing: the one that the request would name is there."""
    await found(house, chain=True)
    begun = await talk(house, "First")
    await talk(house, "Second", begun)
    soon = timezone.now() + timedelta(seconds=20)
    changes: Any = {"due": {"state": "remains"}, "expires": {"expires": soon}}.get(broken, {broken: "elsewhere"})
    await pool.for_readers(lambda: Kept.objects.filter(pk=Kept.objects.earliest("pk").pk).update(**changes))
    await talk(house, "Third", begun)
    assert "previous_response_id" not in bodies(house)[-1]
    assert texts(bodies(house)[-1])[0] == "First"


async def test_what_the_provider_has_forgotten_is_sent_again_and_nobody_notices(house: House) -> None:
    await found(house, chain=True)
    begun = await talk(house, "First")
    (first,) = await kept()
    del house.scripted.shelf.kept[first.upstream_id]
    second = await talk(house, '[[say="Two."]]', begun)
    assert said(await house.ended(second.response.pk)) == "Two."
    tried, again = bodies(house)[1:]
    assert tried["previous_response_id"] == first.upstream_id
    assert (again.get("previous_response_id"), again["store"], texts(again)[0]) == (None, True, "First")
    await talk(house, "Third", begun)
    assert bodies(house)[-1]["previous_response_id"] == (await kept())[1].upstream_id
    assert await states() == ["kept"] * 3  # that it is not there is seen when it is to be deleted
    await pool.for_readers(conversations.purge_slice, begun.conversation.pk)
    await eventually(lambda: Kept.objects.get(pk=first.pk).state == "gone")


async def test_what_is_not_found_for_a_moment_is_not_deleted_there(house: House) -> None:
    await found(house, chain=True)
    begun = await talk(house, "First")
    (first,) = await kept()
    hidden = house.scripted.shelf.kept.pop(first.upstream_id)
    second = await talk(house, '[[say="Two."]]', begun)
    assert "previous_response_id" in bodies(house)[1]
    house.scripted.shelf.kept[first.upstream_id] = hidden
    await pool.for_readers(ledger.tidy, providers.current().server)
    while await forgetting.step():
        pass
    assert first.upstream_id in house.scripted.shelf.kept
    assert await states() == ["kept", "kept"]
    await house.call(verbs.regenerate, conversation_id=begun.conversation.pk, response_id=second.response.pk)
    await eventually(lambda: Response.objects.filter(status="completed").count() == 3)
    assert bodies(house)[-1]["previous_response_id"] == first.upstream_id


async def test_a_server_that_cannot_go_on_is_asked_once(house: House) -> None:
    await found(house, chain=True)
    begun = await talk(house, "First")
    for _ in range(2):
        await talk(house, "[[unsupported=previous_response_id]]", begun)
    assert ["previous_response_id" in body for body in bodies(house)] == [False, True, False, False]
    assert await states() == ["kept"] * 3


async def test_from_on_to_off_thoughts_go_back_in_pairs_or_not_at_all(house: House) -> None:
    await found(house, chain=True, reasoning_replay=True)
    think = '[[say="Hm." reasoning=2]]'
    begun = await talk(house, think)
    await house.call(storing.switch, conversation_id=begun.conversation.pk, on=False)
    await talk(house, "More", begun)
    reply = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Hm.", "annotations": []}]}
    question = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": think}]}
    more = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "More"}]}
    thought = {"type": "reasoning", "id": "rs_0", "summary": [], "encrypted_content": "sealed:2"}
    same: Any = {"model": "scripted", "stream": True, "store": False, "include": ["reasoning.encrypted_content"]}
    paired = {**reply, "id": "msg_0", "status": "completed"}
    assert bodies(house)[-1] == {**same, "input": [question, thought, paired, more]}
    await talk(house, "Another model", begun, model="another")
    assert bodies(house)[-1]["input"][:3] == [question, reply, more]
    await pool.for_readers(Turn.objects.update, server="http://elsewhere/v1")
    await talk(house, "Again", begun, model="scripted")
    assert bodies(house)[-1]["input"][:3] == [question, reply, more]


async def test_a_thought_without_its_encrypted_content_is_left_out_with_the_id_of_what_followed(house: House) -> None:
    begun = await talk(house, '[[say="Hm." reasoning=2]]')
    await found(house, reasoning_replay=True)
    await talk(house, "More", begun)
    assert [item["type"] for item in bodies(house)[-1]["input"]] == ["message"] * 3
    assert all("id" not in item for item in bodies(house)[-1]["input"])


async def test_a_thought_that_the_provider_cannot_read_any_more_is_left_out_for_good(house: House) -> None:
    await found(house, reasoning_replay=True)
    begun = await talk(house, '[[say="Hm." reasoning=2]]', store=False)
    refuse = '[[error=400 code=invalid_encrypted_content message="The encrypted content could not be verified." times=1]]'
    await talk(house, refuse, begun)
    await talk(house, "Last", begun)
    kinds = [[item["type"] for item in body["input"]] for body in bodies(house)[1:]]
    assert kinds == [["message", "reasoning", "message", "message"], ["message"] * 3, ["message"] * 5]


async def test_off_text_is_never_sent_to_be_kept(house: House) -> None:
    await found(house, chain=True)
    begun = await talk(house, "Public")
    await house.call(storing.switch, conversation_id=begun.conversation.pk, on=False)
    await talk(house, "CANARY", begun)
    await talk(house, "[[reasoning=1]]", begun)
    last = await house.ended((await talk(house, "CANARY again", begun)).response.pk)
    await house.call(verbs.regenerate, conversation_id=begun.conversation.pk, response_id=last.pk)
    await eventually(lambda: not Response.objects.filter(status__in=Response.RUNNING).exists())
    sent = [request.body for request in house.scripted.requests if "CANARY" in str(request.body)]
    assert len(sent) >= 4
    assert {body["store"] for body in sent} == {False}
    assert not any("CANARY" in str(one.speech.whole()) for one in house.scripted.shelf.kept.values())


async def test_a_deleted_conversation_is_deleted_there_however_often_it_takes(house: House) -> None:
    begun = await talk(house, "First")
    await talk(house, "Second", begun)
    house.scripted.shelf.refusals += [503, 405, 429]
    await house.call(conversations.delete, conversation_id=begun.conversation.pk)
    assert await states() == ["kept", "kept"]  # it may be had back
    await pool.for_readers(lambda: Conversation.objects.update(deleted=timezone.now() - timedelta(hours=1)))
    await pool.for_readers(conversations.purge)
    assert not await pool.for_readers(Conversation.objects.exists)

    def hurried() -> bool:
        Kept.objects.filter(state="due", next_try__gt=timezone.now() + timedelta(seconds=60)).exclude(error="").update(
            next_try=timezone.now()
        )
        Kept.objects.filter(state="due").exclude(error="").update(next_try=timezone.now())
        return set(Kept.objects.values_list("state", flat=True)) == {"gone"}

    await eventually(hurried)
    assert not house.scripted.shelf.kept
    for row in await kept():
        assert (row.owner_id, row.conversation_id, row.turn_id) == (house.actor.pk, None, None)
        seen = [request.method for request in house.scripted.requests if request.path.endswith(row.upstream_id)]
        assert seen[-2:] == ["DELETE", "GET"]
        assert row.ended


async def test_whoever_leaves_has_what_is_theirs_deleted_there(house: House) -> None:
    await talk(house, "First")
    other = await pool.for_readers(person, "stella")
    mine = await pool.for_readers(lambda: verbs.send(actor=other, conversation_id=None, text="Mine"))
    await eventually(lambda: Response.objects.filter(pk=mine.response.pk, status="completed").exists())
    await pool.for_readers(lambda: departures.begin(actor=other))
    await eventually(lambda: Kept.objects.filter(state="gone", owner=None).count() == 1)
    rows = await kept()
    assert [(row.state, row.owner_id) for row in rows] == [("kept", house.actor.pk), ("gone", None)]
    assert list(house.scripted.shelf.kept) == [rows[0].upstream_id]


async def test_at_another_address_it_cannot_be_deleted_until_that_is_back(house: House) -> None:
    begun = await talk(house, "First")
    await pool.for_readers(lambda: Kept.objects.update(server="https://elsewhere.example/v1"))
    await pool.for_readers(conversations.purge_slice, begun.conversation.pk)
    await pool.for_readers(ledger.tidy, providers.current().server)
    (row,) = await kept()
    assert (row.state, row.error) == ("remains", ledger.ELSEWHERE)
    await pool.for_readers(lambda: Kept.objects.update(server=house.scripted.base_url))
    await pool.for_readers(ledger.tidy, providers.current().server)
    await eventually(lambda: Kept.objects.get().state == "gone")


async def test_what_another_key_does_not_find_may_be_there_all_the_same(house: House, settings: Any) -> None:
    begun = await talk(house, "First")
    await talk(house, "Second", begun)
    first, second = await kept()
    hidden = house.scripted.shelf.kept.pop(first.upstream_id)
    key, settings.OPENAI_API_KEY = settings.OPENAI_API_KEY, "another"
    providers.reset()
    await pool.for_readers(conversations.purge_slice, begun.conversation.pk)
    await eventually(lambda: not Kept.objects.filter(state="due").exists())
    rows = await kept()
    assert [(row.state, row.error) for row in rows] == [("remains", ledger.ANOTHER_KEY), ("gone", "")]
    assert hidden
    house.scripted.shelf.kept[first.upstream_id] = hidden
    settings.OPENAI_API_KEY = key
    providers.reset()
    await pool.for_readers(ledger.tidy, providers.current().server, providers.current().account)
    await eventually(lambda: Kept.objects.get(pk=first.pk).state == "gone")
    assert not house.scripted.shelf.kept


async def test_what_has_expired_is_closed(house: House) -> None:
    begun = await talk(house, "First")
    over = {"expires": timezone.now() - timedelta(seconds=1), "server": "https://api.openai.com/v1"}
    await pool.for_readers(lambda: Kept.objects.update(**over))
    await pool.for_readers(ledger.purge)
    assert await states() == ["expired"]
    await pool.for_readers(conversations.purge_slice, begun.conversation.pk)
    assert await states() == ["expired"]
    await pool.for_readers(lambda: Kept.objects.update(certificate=None, ended=timezone.now() - timedelta(days=31)))
    await pool.for_readers(ledger.purge)
    assert not await kept()


async def test_a_process_that_dies_leaves_nothing_there_that_nobody_knows_of(house: House) -> None:
    begun = await house.send("[[tokens=300 rate=60]]")
    await house.until(begun.response.pk, lambda response: response.position > 12)
    await eventually(lambda: Kept.objects.exists())
    await forgetting.step()
    assert await states() == ["kept"]
    await house.call(verbs.cancel, conversation_id=begun.conversation.pk, response_id=begun.response.pk)
    await house.ended(begun.response.pk)
    assert await states() == ["kept"]


LONG = "resp_" + "bGl0ZWxsbTpjdXN0b21fbGxtX3Byb3ZpZGVy" * 7  # as a proxy wraps an id


async def test_what_has_a_long_name_there_is_deleted_there(house: House, monkeypatch: Any) -> None:
    shelf = house.scripted.shelf
    ordinary = shelf.keep

    def wrapped(script: Any, body: Any) -> Any:
        speech = ordinary(script, body)
        held = shelf.kept.pop(speech.id)
        speech.id = LONG
        shelf.kept[LONG] = held
        return speech

    monkeypatch.setattr(shelf, "keep", wrapped)
    await found(house, chain=True)
    begun = await talk(house, "First")
    await talk(house, "Second", begun)
    chained = bodies(house)[-1].get("previous_response_id")
    await pool.for_readers(conversations.purge_slice, begun.conversation.pk)
    await pool.for_readers(conversations.purge_slice, begun.conversation.pk)
    await eventually(lambda: {row.state for row in Kept.objects.all()} == {"gone"})
    assert not shelf.kept
    assert chained == LONG


async def test_a_name_that_may_have_been_cut_is_not_built_upon(house: House) -> None:
    await found(house, chain=True)
    begun = await talk(house, "First")
    for rows in (Kept.objects, Turn.objects):
        await pool.for_readers(rows.update, upstream_id="x" * LONGEST_NAME)
    await talk(house, "Second", begun)
    assert ["previous_response_id" in body for body in bodies(house)] == [False, False]


@pytest.mark.parametrize("name", ["".join(map(chr, range(0x4E00, 0x51E8))), "resp_\x00"])
async def test_a_name_that_no_index_takes_is_noted_as_one_that_was_cut(house: House, name: str) -> None:
    await talk(house, "First")
    turn = await pool.for_readers(Turn.objects.get)
    await pool.for_readers(ledger.note, ledger.Keeping(turn.pk, "s", "", name))
    assert sorted(len(row.upstream_id) == LONGEST_NAME for row in await kept()) == [False, True]


async def test_what_a_first_try_has_left_there_is_noted(house: House, monkeypatch: Any) -> None:
    shelf, tries = house.scripted.shelf, []
    ordinary = shelf.keep

    def stumbling(script: Any, body: Any) -> Any:
        speech = ordinary(script, body)
        if not body.get("previous_response_id"):
            return speech

        def stream() -> Any:
            tries.append(speech.id)
            created = speech.event("response.created", response=speech.response("in_progress"))
            speech.extra["error"] = {"code": "previous_response_not_found", "message": "Previous response not found."}
            yield False, created + speech.event("response.failed", response=speech.response("failed"))

        monkeypatch.setattr(speech, "stream", stream)
        return speech

    monkeypatch.setattr(shelf, "keep", stumbling)
    await found(house, chain=True)
    begun = await talk(house, "First")
    await talk(house, "Second", begun)
    (first_try,) = tries
    assert first_try in shelf.kept
    assert set(shelf.kept) <= {row.upstream_id for row in await kept()}


@pytest.mark.parametrize(("probed", "state"), [(False, "remains"), (True, "gone")])
async def test_a_server_that_knows_no_such_address_has_not_deleted_it(
    house: House, monkeypatch: Any, probed: bool, state: str
) -> None:
    """Unless it was found to give back what it keeps."""

    async def nothing(request: Any, writer: asyncio.StreamWriter) -> None:
        await send_error(writer, 404, body="detail", message="Not Found")

    monkeypatch.setattr(house.scripted.shelf, "answer", nothing)
    await found(house, **({"get": True} if probed else {}))
    begun = await talk(house, "First")
    await pool.for_readers(conversations.purge_slice, begun.conversation.pk)
    await eventually(lambda: Kept.objects.get().state == state)


async def test_a_server_that_deletes_and_gives_nothing_back_is_not_said_to_have_it_still(house: House, monkeypatch: Any) -> None:
    ordinary = house.scripted.shelf.answer

    async def answer(request: Any, writer: asyncio.StreamWriter) -> None:
        if request.method == "GET":
            await send_error(writer, 405, message="Method Not Allowed")
        else:
            await ordinary(request, writer)

    monkeypatch.setattr(house.scripted.shelf, "answer", answer)
    begun = await talk(house, "First")
    await pool.for_readers(conversations.purge_slice, begun.conversation.pk)
    await eventually(lambda: Kept.objects.get().state == "remains")
    assert (await kept())[0].error == ledger.UNTOLD
