"""Kept on purpose, a temporary conversation becomes an ordinary one: its owner's, by the rule that holds for them."""

import asyncio
import threading
from collections import Counter
from itertools import count
from typing import Any

import pytest
from django.db import connection, transaction

from chat.models import Conversation, File, FileUse, Item, Response
from chat.store import keeping, pool, storing, talks, temporary
from tests.cast import Cast
from tests.pictures import png
from tests.scripted import ScriptedServer
from tests.temporary.conftest import Somebody
from tests.temporary.test_files import named, put


async def test_all_that_was_said_is_then_in_ones_history_and_goes_on_there(olivia: Somebody, scripted: ScriptedServer) -> None:
    path = await olivia.begin('[[say="A blue teapot"]] crockery')
    await olivia.ended(path)
    await olivia.post(f"{path}messages/", text="[[tokens=400 rate=400 eof=after:30]] more")
    cut = await olivia.ended(path)
    await olivia.post(f"{path}responses/{cut.id}/continue/")
    await olivia.until(path, lambda talk: len(talk.document.exchanges) == 3 and not talk.last.reply.running)
    assert "in its backups" in (await olivia.get(f"{path}keep/")).text
    answer = await olivia.post(f"{path}keep/", store="off")
    address = answer["Location"]
    assert address.startswith("/c/")
    assert (await olivia.get(path)).status_code == 404
    page = (await olivia.get(address)).text
    for words in ("A blue teapot", "crockery", "continuation"):
        assert words in page
    assert address in (await olivia.get("/search/?q=teapot")).text
    conversation = await pool.for_readers(Conversation.objects.get)
    assert (conversation.owner_id, conversation.store, conversation.position) == (olivia.user.pk, False, 3)
    assert conversation.title
    rows = await pool.for_readers(lambda: list(Response.objects.order_by("position").values_list("conversation", "store")))
    assert rows == [(conversation.pk, False)] * 3
    first = await pool.for_readers(Response.objects.order_by("position").first)
    assert (first.input_tokens, first.output_tokens) == (first.usage["input_tokens"], first.usage["output_tokens"])
    await olivia.post(f"{address}messages/", text='[[say="And on"]]')
    texts = [part.get("text", "") for item in scripted.requests[-1].body["input"] for part in item["content"]]
    assert "A blue teapot" in texts


@pytest.mark.parametrize(
    ("settled", "chosen", "stored"), [("off", "on", False), ("on", "off", True), ("", "on", True), ("", "", True)]
)
async def test_the_rule_decides_where_it_is_settled(
    people: Cast, olivia: Somebody, mateo: Somebody, settled: str, chosen: str, stored: bool
) -> None:
    if settled:
        await pool.for_readers(lambda: storing.choose_for_server(actor=people.owner, storing=settled, settled=True))
    path = await mateo.begin("[[tokens=3]]")
    await mateo.ended(path)
    page = (await mateo.get(f"{path}keep/")).text
    assert ("go along with your next question" in page) is (settled != "off")
    await mateo.post(f"{path}keep/", **({"store": chosen} if chosen else {}))
    assert (await pool.for_readers(Conversation.objects.get)).store is stored


async def test_it_is_not_kept_while_a_reply_is_being_written_nor_twice(olivia: Somebody, home: temporary.Home) -> None:
    shown = named(await put(olivia, "/t/", "1.png", png(grey=1)))
    path = await olivia.begin("[[tokens=500 rate=50]]", files=[shown])
    talk = await olivia.until(path, lambda talk: len(talk.log) > 2)
    assert (await olivia.post(f"{path}keep/")).status_code == 409
    assert await pool.for_readers(File.objects.count) == 0, "nor are its files on a disk"
    await olivia.post(f"{path}responses/{talk.last.reply.id}/stop/")
    await olivia.ended(path)
    found: list[Any] = []
    drop, home.drop = home.drop, found.append  # type: ignore[method-assign]  # as if another tab were a moment faster
    first, second = [await olivia.post(f"{path}keep/") for _ in range(2)]
    assert first["Location"] == second["Location"]
    assert (await olivia.post(f"{path}messages/", text="Late")).status_code == 409
    drop(talk.id)
    assert await pool.for_readers(Conversation.objects.count) == 1


async def test_kept_in_two_tabs_at_the_same_moment_it_is_one(olivia: Somebody) -> None:
    path = await olivia.begin("[[tokens=3]]")
    await olivia.ended(path)
    talk, written, seen = await olivia.talk(path), threading.Event(), threading.Event()

    def another() -> str:
        with transaction.atomic():
            found = keeping._written(olivia.user, talks.seal(talk), None, {})
            written.set()
            seen.wait(10)
        connection.close()
        return found.url

    first = asyncio.get_running_loop().run_in_executor(None, another)
    await asyncio.to_thread(written.wait, 10)
    second = asyncio.create_task(olivia.post(f"{path}keep/"))
    await olivia.until(path, lambda now: now.position > talk.position + 1)  # it is at it, too
    seen.set()
    assert (await second).headers["Location"] == await first
    assert await pool.for_readers(Conversation.objects.count) == 1


async def test_kept_again_it_has_its_files_once(olivia: Somebody, home: temporary.Home, settings: Any) -> None:
    shown, other = [named(await put(olivia, "/t/", f"{grey}.png", png(grey=grey))) for grey in (1, 2)]
    path = await olivia.begin("Look", files=[shown, other])
    await olivia.ended(path)
    settings.FILES_QUOTA_MB = 0
    assert (await olivia.post(f"{path}keep/", store="off")).status_code == 413
    settings.FILES_QUOTA_MB = 10
    drop, home.drop = home.drop, lambda _: None  # type: ignore[method-assign]  # as if another tab were a moment faster
    addresses = {(await olivia.post(f"{path}keep/", store="off"))["Location"] for _ in range(3)}
    assert len(addresses) == 1
    assert await pool.for_readers(uses) == [(1, "1.png", True), (1, "2.png", True)]
    drop((await olivia.talk(path)).id)


async def test_kept_by_two_tabs_at_once_it_has_its_files_once(olivia: Somebody) -> None:
    shown = named(await put(olivia, "/t/", "1.png", png(grey=1)))
    path = await olivia.begin("Look", files=[shown])
    await olivia.ended(path)
    answers = await asyncio.gather(*(asyncio.to_thread(_keep, olivia, path) for _ in range(2)))
    assert {answer.status_code for answer in answers} <= {302, 404, 409}
    assert await pool.for_readers(uses) == [(1, "1.png", True)]
    assert await pool.for_readers(File.objects.filter(state="here").count) == 1


async def test_what_could_not_be_kept_is_said_not_to_be_gone(olivia: Somebody, mateo: Somebody, home: temporary.Home) -> None:
    path = await olivia.begin("Remember this")
    await olivia.ended(path)
    first = (await olivia.talk(path)).last.id
    taken = await mateo.begin("Something else")
    await mateo.ended(taken)
    await mateo.post(f"{taken}keep/", store="off")
    item = await pool.for_readers(lambda: Item.objects.get(role="user"))
    await pool.for_readers(lambda: Item.objects.create(id=first, conversation_id=item.conversation_id, wire=item.wire))
    write, tries = home.write, count()

    def broken(*args: Any, **kwargs: Any) -> bool:
        if next(tries):
            raise temporary.Away
        return write(*args, **kwargs)

    home.write = broken  # type: ignore[method-assign]  # it seals, and then it goes away
    answer = await olivia.post(f"{path}keep/", store="off")
    home.write = write  # type: ignore[method-assign]
    assert answer.status_code == 409
    assert "cannot be reached at the moment" in answer.text
    assert "Nothing of it has been deleted" in answer.text
    refused = await olivia.post(f"{path}messages/", text="And now?")
    assert "if it is not there, keep it again" in refused.text
    await pool.for_readers(lambda: Item.objects.filter(pk=first).delete())
    kept = await olivia.post(f"{path}keep/", store="off")
    assert "Remember this" in (await olivia.get(kept["Location"])).text


def _keep(somebody: Somebody, path: str) -> Any:
    try:
        return somebody.client.post(f"{path}keep/", {"store": "off"})
    finally:
        connection.close()


def uses() -> list[tuple[int, str, bool]]:
    """How often each file is used, under which name, and whether with a message."""
    found = Counter((use.name, use.item_id is not None) for use in FileUse.objects.all())
    return [(number, *what) for what, number in sorted(found.items())]
