"""Two web processes and two workers behind nginx: restarted one after the other, stopped and written to from any of them."""

import asyncio
import io
import itertools
import re
import secrets
import signal
from time import monotonic
from zipfile import ZipFile

import pytest

from tests.engines import Postgres
from tests.faults.counts import COUNTS
from tests.faults.house import LargeHouse
from tests.faults.program import Program
from tests.faults.reader import Reader
from tests.faults.replies import reading, stopped_within_a_second, words
from tests.faults.visitor import Visitor
from tests.faults.words import Speech
from tests.scripted import ScriptedServer

BACK = 5.0  # seconds without a socket, at most


@pytest.fixture(scope="module")
def people(several: LargeHouse) -> list[Visitor]:
    return several.people(COUNTS.restarted_streams)


async def restart(house: LargeHouse, program: Program) -> None:
    """As an upgrade does it: asked to stop, ended, begun anew, ready."""
    program.send(signal.SIGTERM)
    await asyncio.to_thread(program.wait, 25)
    program.start()
    await asyncio.to_thread(house.wait_for, program)


async def read_all(person: Visitor, seed: int, reading_now: asyncio.Semaphore) -> Reader:
    speech = Speech(tokens=COUNTS.restart_words, rate=20)
    async with reading(person, speech, seed=seed) as (reader, reply):
        reading_now.release()
        assert await reader.until_ended(reply, within=60) == "completed"
        assert reader.text(reply) == speech.text
    return reader


async def test_a_rolling_restart_under_load_loses_no_reply_and_no_message(
    several: LargeHouse, people: list[Visitor], postgres: Postgres
) -> None:
    reading_now, over = asyncio.Semaphore(0), asyncio.Event()
    sent: list[Speech] = []
    conversation = await people[0].begin(Speech(tokens=2).prompt)

    async def keep_sending() -> None:
        while not over.is_set():
            sent.append(Speech(tokens=2))
            answer = await people[0].say(conversation, sent[-1].prompt)
            assert answer.status_code == 200, f"{answer.status_code}: {answer.text[:300]}"

    readers = [asyncio.create_task(read_all(person, seed, reading_now)) for seed, person in enumerate(people)]
    sending = asyncio.create_task(keep_sending())
    for _ in people:
        await asyncio.wait_for(reading_now.acquire(), 30)
    for program in several.web:
        await restart(several, program)
    for program in several.workers:
        await restart(several, program)
    over.set()
    await sending
    read = await asyncio.gather(*readers)
    codes = set(itertools.chain.from_iterable(reader.codes for reader in read))
    away = sorted(itertools.chain.from_iterable(reader.away for reader in read))
    assert codes <= {1012, 4012}
    assert len(away) >= len(people), "the sockets were not closed"
    assert away[-1] < BACK
    async with Reader(people[0], conversation) as reader:
        last = reader.ids()[-1]
        assert await reader.until_ended(last, within=30) == "completed"
    assert several.statuses(conversation) == ["completed"] * (len(sent) + 1)
    assert "deadlock detected" not in postgres.log()


async def test_stop_reaches_the_worker_from_any_web_process(
    several: LargeHouse, people: list[Visitor], model: ScriptedServer
) -> None:
    for person in people[:4]:  # nginx takes the web processes in turn, and the workers are never the one that is asked
        speech = Speech(tokens=400, rate=50)
        async with reading(person, speech) as (reader, reply):
            await words(reader, reply, 10)
            await stopped_within_a_second(reader, reply, speech, model)
            shown = reader.text(reply)
            await reader.load()
            assert (reader.status(reply), reader.text(reply)) == ("cancelled", shown)


async def test_the_same_message_sent_to_two_processes_at_once_is_one(
    several: LargeHouse, people: list[Visitor], model: ScriptedServer
) -> None:
    person = people[0]
    for _ in range(COUNTS.double_sends):
        speech, client_id = Speech(tokens=3), secrets.token_hex(16)
        begun = await asyncio.gather(*(person.begin(speech.prompt, client_id=client_id) for _ in range(2)))
        assert begun[0] == begun[1]
        async with Reader(person, begun[0]) as reader:
            assert await reader.until_ended(reader.ids()[0], within=10) == "completed"
        assert several.statuses(begun[0]) == ["completed"]
        assert len(speech.requests(model)) == 1


async def test_parallel_writes_through_two_processes_are_all_answered_in_order(
    several: LargeHouse, people: list[Visitor]
) -> None:
    person = people[0]
    conversation = await person.begin(Speech(tokens=3).prompt)
    speeches = [Speech(tokens=2) for _ in range(COUNTS.parallel_writes)]
    async with Reader(person, conversation) as reader:
        answers = await asyncio.gather(*(person.say(conversation, speech.prompt) for speech in speeches))
        assert {answer.status_code for answer in answers} == {200}
        await reader.until(lambda: len(reader.ids()) == len(speeches) + 1, within=30, what="all of them in the page")
        assert await reader.until_ended(reader.ids()[-1], within=60) == "completed"
        shown = [reader.text(reply) for reply in reader.ids()[1:]]
    said = several.branch(conversation)[1:]
    by_prompt = {speech.prompt: speech.text for speech in speeches}
    assert [text for text, status in said if status == "completed"] == [text for text, _ in said]
    assert shown == [by_prompt[text] for text, _ in said]
    assert len(said) == len(speeches)


async def test_an_export_that_a_worker_makes_is_fetched_from_any_web_process(several: LargeHouse, people: list[Visitor]) -> None:
    person, speech = people[1], Speech(tokens=20)
    async with Reader(person, await person.begin(speech.prompt)) as reader:
        assert await reader.until_ended(reader.ids()[0], within=10) == "completed"
    await person.post("/settings/data/exports/")
    since = monotonic()
    while not (link := re.search(r"/settings/data/exports/exp_[0-9a-f]{32}/(?=\")", await person.get("/settings/data/"))):
        assert monotonic() - since < 20, "no export"
        await asyncio.sleep(0.1)
    async with person.client() as client:
        answers = [await client.get(link[0]) for _ in range(4)]  # nginx takes the web processes in turn
    assert len({answer.content for answer in answers}) == 1
    with ZipFile(io.BytesIO(answers[0].content)) as found:
        assert any(speech.text in found.read(name).decode() for name in found.namelist())


async def test_a_process_on_a_held_socket_serves_until_its_replies_have_ended(
    tmp_path_factory: pytest.TempPathFactory, model: ScriptedServer, postgres: Postgres
) -> None:
    folder, database = tmp_path_factory.mktemp("inside"), postgres.fresh()
    with LargeHouse(folder, model_server=model.base_url, database_url=database, DRAIN_SECONDS="12") as house:
        [web], [person] = house.web, await asyncio.to_thread(house.people, 1)
        speech = Speech(tokens=200, rate=50)
        async with reading(person, speech) as (reader, reply):
            await words(reader, reply, 5)
            web.send(signal.SIGTERM)
            since = monotonic()
            while (await asyncio.to_thread(house.ask, web, "/readyz"))[0] != 503:
                assert monotonic() - since < 1, "it does not say that it is about to stop"
            await person.get(f"/c/{reader.conversation_id}/")
            assert web.running, "who came would have waited for the next process"
            assert await reader.until_ended(reply, within=10) == "completed"
            assert reader.text(reply) == speech.text
            assert not reader.codes, "its socket was closed before the end of the reply"
            await asyncio.to_thread(web.wait)
