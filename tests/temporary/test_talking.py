"""A temporary conversation by its pages and sockets: said, streamed, stopped, asked again, gone; and nobody else's."""

import asyncio
import threading
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection, transaction
from django.test import Client

from chat.live.watch import readers
from chat.models import Conversation, Item, LogRow, Response, SearchEntry, Turn
from chat.runs import temporary as runs
from chat.runs.executor import executor
from chat.store import accounts, departures, pool, sign_ins, talks, temporary
from chat.store.temporary_redis import InRedis
from tests.cast import Cast
from tests.engines import free_port
from tests.scripted import ScriptedServer
from tests.temporary.conftest import Clock, Somebody, look
from tests.web.test_routes import without_token

NOT_HERE = "temp_" + "0" * 32


def asked(scripted: ScriptedServer) -> int:
    """How many replies were asked for."""
    return sum(request.path == "/v1/responses" for request in scripted.requests)


async def test_it_is_answered_with_all_that_was_said_and_nothing_is_to_be_kept(
    olivia: Somebody, scripted: ScriptedServer
) -> None:
    path = await olivia.begin('[[say="First reply"]]')
    assert (await olivia.ended(path)).status == "completed"
    sent = {"text": '[[say="Second"]]', "attachments": SimpleUploadedFile("notes.txt", b"read this")}
    assert (await olivia.post(f"{path}messages/", **sent)).status_code == 302
    assert (await olivia.ended(path)).output[0]["content"][0]["text"] == "Second"  # type: ignore[index]
    body = scripted.requests[-1].body
    assert body["store"] is False
    assert not {"background", "previous_response_id"} & body.keys()
    said = [part["text"] for item in body["input"] for part in item["content"]]
    assert said[1:3] == ["First reply", '[[say="Second"]]']
    assert "read this" in said[3]
    assert asked(scripted) == 2  # and no title
    page = await olivia.get(path)
    assert page.headers["Cache-Control"] == "private, no-store"
    for words in ("First reply", "Second", "notes.txt", "Temporary conversation"):
        assert words in page.text
    assert 'data-draft-key=""' in page.text  # drafts would be on the browser's disk
    assert '"pauseOnBackground": false' in page.text  # who looks into another tab has not closed it
    home = (await olivia.get("/")).text
    assert f'href="{path}"' in home
    assert "pauseOnBackground" not in home


async def test_of_each_run_one_row_stays_with_numbers_alone(olivia: Somebody) -> None:
    path = await olivia.begin("[[tokens=5]]")
    reply = await olivia.ended(path)
    async with asyncio.timeout(10):
        while await pool.for_readers(Response.objects.filter(status="in_progress").exists):
            await asyncio.sleep(0.02)
    row = await pool.for_readers(Response.objects.get)
    assert (row.pk, row.author_id, row.status, row.store, row.model) == (reply.id, olivia.user.pk, "completed", False, "scripted")
    assert row.team_id == await pool.for_readers(lambda: olivia.user.personal_team.pk)
    assert (row.conversation_id, row.input_id, row.instructions, row.error_message, row.lease_until) == (None, None, "", "", None)
    assert row.usage is not None
    assert set(row.usage) == {"input_tokens", "output_tokens", "total_tokens"}
    assert (row.input_tokens, row.output_tokens) == (row.usage["input_tokens"], row.usage["output_tokens"])  # what lists show
    assert row.first_token is not None
    assert row.ended is not None
    for model in (Conversation, Item, LogRow, SearchEntry, Turn):
        assert not await pool.for_readers(model.objects.exists)


async def test_to_everybody_else_it_is_not_there(olivia: Somebody, stella: Somebody, tab: Any) -> None:
    path = await olivia.begin("[[tokens=5]]")
    reply = await olivia.ended(path)
    missing = f"/t/{NOT_HERE}/"
    for where in ("", "keep/"):
        theirs, none = [await stella.get(f"{start}{where}") for start in (path, missing)]
        assert theirs.status_code == none.status_code == 404
        assert without_token(theirs) == without_token(none)
    verbs = [f"responses/{reply.id}/{verb}/" for verb in ("stop", "regenerate", "continue")]
    for where in ("messages/", "keep/", "end/", *verbs):
        sent = {"text": "Mine"} if where == "messages/" else {}
        assert [(await stella.post(f"{start}{where}", **sent)).status_code for start in (path, missing)] == [404, 404]
    for start in (path, missing):
        assert await (await tab(stella, start)).closed_with() == 4404
    assert path not in (await stella.get("/")).text
    assert (await pool.for_readers(Client().get, path)).status_code == 302
    assert len((await olivia.talk(path)).document.exchanges) == 1
    assert [(await olivia.post(f"{path}responses/resp_{'0' * 32}/{verb}/")).status_code for verb in ("stop", "regenerate")] == [
        404,
        404,
    ]


async def test_it_streams_into_every_tab_and_a_reload_has_the_text_so_far(olivia: Somebody, tab: Any) -> None:
    path = await olivia.begin("[[tokens=60 rate=60]]")
    first = await tab(olivia, path, 1)
    await olivia.until(path, lambda talk: len(talk.log) > 8)
    page = await olivia.get(path)
    assert 'data-status="in_progress"' in page.text
    second = await tab(olivia, path)
    await first.until('data-status="completed"')
    await second.until('data-status="completed"')
    talk = await olivia.talk(path)
    assert first.position == second.position == talk.position
    text = str(talk.last.reply.output[0]["content"][0]["text"])  # type: ignore[index,call-overload]
    assert len(text.split()) == 60
    assert text in (await olivia.get(path)).text
    late = await tab(olivia, path, talk.position - 1)
    await late.until(text)


async def test_stop_ends_it_in_another_tab_and_the_rest_can_be_asked_for(olivia: Somebody, tab: Any) -> None:
    path = await olivia.begin("[[tokens=60 rate=50]]")
    talk = await olivia.until(path, lambda talk: len(talk.log) > 8)
    other = await tab(olivia, path)
    busy = await olivia.post(f"{path}messages/", text="Too early")
    assert busy.status_code == 409
    assert "Too early" in busy.text  # still in the box
    assert (await olivia.post(f"{path}responses/{talk.last.reply.id}/stop/")).status_code == 302
    await other.until("Stopped.")
    reply = await olivia.ended(path)
    assert (reply.status, bool(reply.output)) == ("cancelled", True)
    await olivia.post(f"{path}responses/{reply.id}/continue/")
    await olivia.until(path, lambda talk: talk.last.hidden and talk.last.reply.status == "completed")


async def test_a_stop_from_another_process_is_found_by_the_look(olivia: Somebody) -> None:
    path = await olivia.begin("[[tokens=500 rate=50]]")
    talk = await olivia.until(path, lambda talk: len(talk.log) > 2)
    await pool.for_readers(temporary_stop, olivia, talk.id, talk.last.reply.id)
    assert (await olivia.ended(path)).status == "cancelled"


def temporary_stop(somebody: Somebody, talk_id: str, response_id: str) -> None:
    talks.stop(actor=somebody.user, talk_id=talk_id, response_id=response_id)


async def test_a_stop_before_the_run_has_its_row_is_not_lost(olivia: Somebody, scripted: ScriptedServer) -> None:
    begun = await pool.for_readers(lambda: talks.begin(actor=olivia.user, text="[[tokens=500 rate=200]]"))
    for _ in range(2):
        assert (await olivia.post(f"{begun.talk.url}responses/{begun.reply.id}/stop/")).status_code == 302
    runs._take_on(olivia.user, begun.talk)
    reply = await olivia.ended(begun.talk.url)
    assert (reply.status, reply.output, asked(scripted)) == ("cancelled", [], 0)
    async with asyncio.timeout(10):
        while (row := await pool.for_readers(Response.objects.get)).status == "in_progress":
            await asyncio.sleep(0.02)
    assert (row.status, row.author_id, row.lease_until) == ("cancelled", olivia.user.pk, None)
    await olivia.post(f"{begun.talk.url}responses/{reply.id}/regenerate/")
    await olivia.until(begun.talk.url, lambda talk: talk.last.reply.id != reply.id and len(talk.log) > 2)


async def test_a_reply_that_waits_for_a_busy_database_is_not_taken_for_dead(olivia: Somebody, tab: Any) -> None:
    path = await olivia.begin("[[tokens=1]]")
    await olivia.ended(path)
    held, let_go = threading.Event(), threading.Event()
    holding = asyncio.get_running_loop().run_in_executor(None, hold_the_table, held, let_go)
    await asyncio.to_thread(held.wait, 10)
    try:
        await olivia.post(f"{path}messages/", text="[[tokens=3]]")
        await tab(olivia, path)
        for _ in range(4):
            await look()
        assert (await olivia.talk(path)).last.reply.running
    finally:
        let_go.set()
        await holding
    assert (await olivia.ended(path)).status == "completed"


def hold_the_table(held: threading.Event, let_go: threading.Event) -> None:
    """As whoever writes something large."""
    with transaction.atomic():
        if connection.vendor == "postgresql":
            connection.cursor().execute("LOCK TABLE chat_response IN SHARE MODE")
        held.set()
        let_go.wait(15)
    connection.close()


async def test_a_failed_reply_is_asked_for_again_in_its_place(olivia: Somebody, tab: Any) -> None:
    path = await olivia.begin("[[error=400 times=1 message='no CANARY']]")
    reply = await olivia.ended(path)
    assert reply.status == "failed"
    page = await tab(olivia, path)
    await page.until("no CANARY")
    await olivia.post(f"{path}responses/{reply.id}/regenerate/", model="other")
    again = await olivia.ended(path)
    assert (again.status, again.model) == ("completed", "other")
    assert len((await olivia.talk(path)).document.exchanges) == 1
    await page.until(again.id)
    row = await pool.for_readers(Response.objects.get, pk=reply.id)
    assert (row.status, row.error_code, row.error_message) == ("failed", "upstream_rejected", "")


async def test_the_same_message_sent_twice_is_answered_once(olivia: Somebody, scripted: ScriptedServer) -> None:
    path = await olivia.begin("Hello", client_id="one")
    assert await olivia.begin("Hello", client_id="one") == path
    await olivia.ended(path)
    for _ in range(2):
        await olivia.post(f"{path}messages/", text="And now", client_id="two")
        await olivia.ended(path)
    assert len((await olivia.talk(path)).document.exchanges) == 2
    assert asked(scripted) == 2


async def test_ended_it_is_gone_from_every_page_and_its_run_stops(olivia: Somebody, tab: Any) -> None:
    path = await olivia.begin("[[tokens=500 rate=50]]")
    page = await tab(olivia, path)
    talk = await olivia.until(path, lambda talk: len(talk.log) > 2)
    assert "nothing of it is left" in (await pool.for_readers(lambda: olivia.client.post(f"{path}end/", follow=True))).text
    await look()
    assert await page.closed_with() == 4404
    assert "has ended" in page.content
    assert (await olivia.get(path)).status_code == 404
    async with asyncio.timeout(10):
        while (row := await pool.for_readers(Response.objects.get, pk=talk.last.reply.id)).status == "in_progress":
            await asyncio.sleep(0.02)
    assert row.status == "incomplete"


@pytest.mark.parametrize("how", ["suspended", "signed out everywhere", "left"])
async def test_it_goes_with_whoever_is_shut_out(people: Cast, mateo: Somebody, how: str, home: temporary.Home) -> None:
    await mateo.begin("[[tokens=500 rate=20]]")
    assert home.of(people.mate.pk)
    verbs = {
        "suspended": lambda: accounts.suspend(actor=people.owner, person=people.mate),
        "signed out everywhere": lambda: sign_ins.end_all(actor=people.owner, person=people.mate),
        "left": lambda: departures.begin(actor=people.mate),
    }
    await pool.for_readers(verbs[how])
    assert home.of(people.mate.pk) == []
    async with asyncio.timeout(10):
        while await pool.for_readers(Response.objects.filter(status="in_progress").exists):
            await asyncio.sleep(0.02)


async def test_a_missed_ring_is_made_good_and_a_dead_run_is_cut(olivia: Somebody, tab: Any, home: temporary.Home) -> None:
    path = await olivia.begin("[[tokens=300 rate=100]]")
    talk = await olivia.until(path, lambda talk: len(talk.log) > 8)
    await olivia.post(f"{path}responses/{talk.last.reply.id}/stop/")
    await olivia.ended(path)
    talk = await olivia.talk(path)
    page = await tab(olivia, path, talk.position)
    reply = talk.last.reply
    reply.status, reply.output = "in_progress", []  # as another process left it that was killed
    document = talk.document.model_dump_json().encode()
    assert home.write(talk.id, document, at=talk.position, count=1, run=reply.id)
    for _ in range(3):
        await look()
    await page.until("The reply was cut off before its end.")
    assert (await olivia.talk(path)).last.reply.status == "incomplete"


async def test_there_is_an_end_to_how_much_and_how_many(olivia: Somebody) -> None:
    for _ in range(temporary.MOST):
        path = await olivia.begin("[[tokens=1]]")
        await olivia.ended(path)
    full = await olivia.post("/t/", text="One more")
    assert full.status_code == 409
    assert "You have 5 temporary conversations." in full.text
    assert "One more" in full.text
    await olivia.post(f"{path}end/")
    long = await olivia.begin("[[tokens=1]]")
    reply = await olivia.ended(long)
    files = [SimpleUploadedFile(f"{number}.txt", b"x" * 99_000) for number in range(5)]
    status, sent = 302, 0
    while status == 302 and sent < 10:
        status, sent = (await olivia.post(f"{long}messages/", text="[[tokens=1]]", attachments=files)).status_code, sent + 1
        for file in files:
            file.seek(0)
        await olivia.ended(long)
    assert (status, sent) == (413, 7)
    assert reply.status == "completed"


async def test_a_reply_that_outgrows_it_fails_with_what_it_had(olivia: Somebody) -> None:
    path = await olivia.begin("[[tokens=2500 wide=200 rate=0]]")
    reply = await olivia.ended(path)
    assert (reply.status, reply.error_code) == ("failed", "too_large")
    assert "4 MB" in (await olivia.get(path)).text


async def test_it_stays_as_long_as_somebody_looks_at_it_with_or_without_a_socket(olivia: Somebody, clock: Clock) -> None:
    temporary.move(temporary.Memory(clock))
    path = await olivia.begin("[[tokens=1]]")
    await olivia.ended(path)
    for _ in range(3):
        clock.pass_(minutes=9.5)
        assert (await olivia.get(path)).status_code == 200
    clock.pass_(minutes=10)
    assert (await olivia.get(path)).status_code == 404
    assert "Temporary conversation" not in (await olivia.get("/")).text


async def test_one_whose_page_is_closed_stays_no_longer_because_another_is_begun(olivia: Somebody, clock: Clock) -> None:
    temporary.move(temporary.Memory(clock))
    path = await olivia.begin("[[tokens=1]]", client_id="one")
    await olivia.ended(path)
    clock.pass_(minutes=6)
    await olivia.begin("[[tokens=1]]", client_id="two")
    clock.pass_(minutes=6)
    assert (await olivia.get(path)).status_code == 404


async def test_one_that_is_looked_at_outlives_an_absence_of_the_database(olivia: Somebody, tab: Any, clock: Clock) -> None:
    here = temporary.Memory(clock)
    temporary.move(here)
    path = await olivia.begin("[[tokens=1]]")
    await olivia.ended(path)
    await tab(olivia, path)
    rename = 'ALTER TABLE "{}" RENAME TO "{}"'.format
    await pool.for_readers(run, rename("chat_conversation", "chat_away"))
    watching = asyncio.create_task(readers.watch())
    try:
        for _ in range(2):
            clock.pass_(minutes=7)
            await asyncio.sleep(1.2)
        assert here.of(olivia.user.pk)
    finally:
        watching.cancel()
        await pool.for_readers(run, rename("chat_away", "chat_conversation"))


def run(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


async def test_a_reply_of_which_nothing_has_come_is_stopped_once_its_conversation_is_ended(olivia: Somebody) -> None:
    path = await olivia.begin("[[hang=headers]]")
    async with asyncio.timeout(10):
        while not executor.runs:
            await asyncio.sleep(0.02)
        assert (await olivia.post(f"{path}end/")).status_code == 302
        while executor.runs:
            await asyncio.sleep(0.02)
    assert (await pool.for_readers(Response.objects.get)).status == "cancelled"


async def test_above_a_bound_for_all_nobody_says_anything_new(olivia: Somebody) -> None:
    here = temporary.Memory()
    temporary.move(here)
    path = await olivia.begin("[[tokens=1]]")
    await olivia.ended(path)
    large = b"x" * temporary.EACH
    for number in range(temporary.ALL // temporary.EACH):
        here.make(f"temp_{number}", owner=-number, document=large, run="")
    for where in ("/t/", f"{path}messages/"):
        answer = await olivia.post(where, text="Too late")
        assert answer.status_code == 413
        assert "There is no room for temporary conversations at the moment." in answer.text
        assert "Too late" in answer.text


@pytest.mark.parametrize(
    ("home", "why"),
    [
        (temporary.Nowhere(), "They need a Redis that keeps nothing on disk"),
        (InRedis(f"redis://127.0.0.1:{free_port()}/0"), "does not answer at the moment"),
    ],
    ids=["none", "away"],
)
async def test_where_there_are_none_the_page_says_why_and_keeps_what_was_typed(
    people: Cast, olivia: Somebody, home: temporary.Home, why: str
) -> None:
    temporary.move(home)
    page = await olivia.get("/t/")
    assert why in page.text
    assert (await olivia.get("/")).status_code == 200
    assert "data-composer" not in page.text
    answer = await olivia.post("/t/", text="Already typed")
    assert answer.status_code == 409
    assert "Already typed" in answer.text
    assert (await olivia.get(f"/t/{NOT_HERE}/")).status_code in (404, 409)
    assert not await pool.for_readers(Response.objects.exists)
