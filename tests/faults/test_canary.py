"""Off means off: what was said where replies are not stored stands in one's own items, and nowhere else; once it is deleted,
nowhere at all. Read from the raw bytes of whatever the process writes.
"""

import asyncio
import secrets
import shutil
import sqlite3
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic

import psycopg
import pytest

from tests.engines import Postgres
from tests.faults.house import House, LargeHouse
from tests.faults.visitor import Visitor
from tests.files.samples import pdf
from tests.scripted import ScriptedServer

WAYS = ("said", "reply", "file", "kept", "failed", "again", "edited", "call", "renamed", "crash", "sought", "title")
# What is one's own in a conversation: its items, what finds them, its title, and what a reply says of why it failed.
OWN = (
    "DELETE FROM chat_item WHERE conversation_id = ?",
    "DELETE FROM chat_searchentry WHERE conversation_id = ?",
    "UPDATE chat_conversation SET title = '' WHERE id = ?",
    "UPDATE chat_response SET error_message = '' WHERE conversation_id = ?",
    "UPDATE chat_file SET name = '' WHERE ? <> ''",
    "UPDATE chat_fileuse SET name = '' WHERE ? <> ''",
)
UNDER_WAY = """SELECT 1 FROM chat_logrow l JOIN chat_response r ON r.id = l.response_id
WHERE r.conversation_id = %s AND r.status = 'in_progress' AND l.last > 10"""
FILES = "files"  # the folder of what came with messages, which is one's own, too
VACUUM = "VACUUM FULL"  # a plain one leaves the bytes of removed rows where they were, until the space is used again


class Canary:
    """One word for each way in which something is said, so that a hit tells by which it came."""

    def __init__(self) -> None:
        self.number = secrets.token_hex(6)

    def __getattr__(self, way: str) -> str:
        assert way in WAYS
        return f"canary{way}{self.number}"

    def within(self, data: bytes) -> set[str]:
        """Ways whose word is there; a page of the database may end in the middle of it."""
        lowered = data.lower()
        return {
            way
            for way in WAYS
            if f"{way}{self.number}".encode() in lowered or f"canary{way}{self.number[:4]}".encode() in lowered
        }


@pytest.fixture(params=["sqlite", "postgres"])
def house(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, model: ScriptedServer) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("canary")
    (folder / "tmp").mkdir()
    options = {"model_server": model.base_url, "TMPDIR": str(folder / "tmp")}
    if request.param == "sqlite":
        with House(folder, **options) as house:
            yield house
        return
    engine: Postgres = request.getfixturevalue("postgres")
    with LargeHouse(folder, database_url=engine.fresh(), **options) as house:
        house.engine = engine.folder / "data"
        yield house


def raw(house: House, canary: Canary) -> set[str]:
    """Ways found in any byte below the house: database, write-ahead log, its index, logs, temporary files; on Postgres in the
    files of its tables, written anew.
    """
    folders = [house.folder]
    if house.engine is not None:
        with psycopg.connect(house.environment["DATABASE_URL"], autocommit=True) as connection:
            connection.execute(VACUUM)
            connection.execute("CHECKPOINT")
        [(number,)] = house.rows("SELECT oid FROM pg_database WHERE datname = current_database()")
        folders.append(house.engine / "base" / str(number))
        folders.append(house.engine.parent / "server.log")
    paths = [path for folder in folders for path in (folder, *folder.rglob("*"))]
    return {way for path in paths if path.is_file() for way in canary.within(_read(path))}


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""


def elsewhere(house: House, canary: Canary, conversation_id: str) -> set[str]:
    """Ways found beside one's own items: in all tables without those, as a dump would hold them; in logs and temporary files; and
    in the log of events, as it reads unpacked.
    """
    events = [zlib.decompress(data) if packed else data for data, packed in house.rows("SELECT events, packed FROM chat_logrow")]
    texts = house.rows(PATHS) if house.engine is not None else _without(house, OWN, conversation_id)
    if house.engine is not None:
        texts = [row for (name,) in texts for row in house.rows(DUMPED.get(name, DUMP).format(name=name, pk=conversation_id))]
        texts += [(_read(path),) for path in house.folder.rglob("*") if path.is_file() and FILES not in path.parts]
    data = [text if isinstance(text, bytes) else str(text).encode() for (text,) in texts]
    return {way for one in (*events, *data) for way in canary.within(bytes(one))}


PATHS = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'chat_logrow'"
DUMP = "SELECT t::text FROM {name} t"
DUMPED = {
    "chat_item": "SELECT t::text FROM {name} t WHERE conversation_id IS DISTINCT FROM '{pk}'",
    "chat_searchentry": "SELECT t::text FROM {name} t WHERE conversation_id IS DISTINCT FROM '{pk}'",
    "chat_file": "SELECT (to_jsonb(t) - 'name')::text FROM {name} t",
    "chat_fileuse": "SELECT (to_jsonb(t) - 'name')::text FROM {name} t",
    "chat_conversation": "SELECT (to_jsonb(t) - 'title')::text FROM {name} t",
    "chat_response": "SELECT (to_jsonb(t) - 'error_message')::text FROM {name} t",
}


def _without(house: House, statements: tuple[str, ...], conversation_id: str) -> list[tuple[bytes]]:
    """Every file, of a copy of the SQLite from which that is taken out, and the index made anew."""
    copy = house.folder.parent / f"copy-{secrets.token_hex(4)}"
    shutil.copytree(house.folder, copy)
    file = sqlite3.connect(copy / "var" / "parley.sqlite3")
    with file:
        for statement in statements:
            file.execute(statement, (conversation_id,))
        file.execute("INSERT INTO chat_search (chat_search) VALUES ('rebuild')")
    file.execute("VACUUM")
    file.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    file.close()
    found = [(path.read_bytes(),) for path in copy.rglob("*") if path.is_file() and FILES not in path.parts]
    shutil.rmtree(copy)
    return found


async def until(met: Callable[[], bool], *, within: float, what: str) -> None:
    deadline = monotonic() + within
    while not met():
        assert monotonic() < deadline, what
        await asyncio.sleep(0.05)


async def ended(house: House, conversation_id: str, count: int) -> list[str]:
    """The ends of so many replies."""

    def done() -> bool:
        found = house.statuses(conversation_id)
        return len(found) == count and not {"queued", "in_progress"} & set(found)

    await until(done, within=20, what=f"{count} replies have not ended: {house.statuses(conversation_id)}")
    return house.statuses(conversation_id)


async def talk(house: House, person: Visitor, canary: Canary, *, store: str) -> str:
    """A conversation with all that may happen in one; its id."""
    text = f'Mine is {canary.said}. [[say="Yours is {canary.reply}, and {canary.title}."]]'
    answer = await person.post("/", text=text, client_id=secrets.token_hex(16), store=store)
    pk = answer.headers["HX-Redirect"].strip("/").removeprefix("c/")
    await ended(house, pk, 1)
    async with person.client() as client:
        fields = {"text": "Read this [[tokens=3]]", "client_id": secrets.token_hex(16)}
        large = f"{canary.kept} says the large one. {'word ' * 25_000}"
        files = [("attachments", (f"{canary.file}.txt", f"The file says {canary.file}.", "text/plain"))]
        files += [("attachments", (f"{canary.kept}.txt", large, "text/plain"))]
        answer = await client.post(f"/c/{pk}/messages/", data=fields, files=files)
        assert answer.status_code < 400, answer.text
    await ended(house, pk, 2)
    await person.say(pk, f'[[error=400 body=openai message="Not {canary.failed}"]]')
    assert (await ended(house, pk, 3))[-1] == "failed"
    await person.say(pk, f'[[say="{canary.again}"]]')
    await ended(house, pk, 4)
    [(newest,)] = house.rows("SELECT head_id FROM chat_conversation WHERE id = %s", pk)
    await person.post(f"/c/{pk}/responses/{newest}/regenerate/")
    await ended(house, pk, 5)
    [(said,)] = house.rows("SELECT input_id FROM chat_response WHERE id = %s", newest)
    edited = await person.post(
        f"/c/{pk}/items/{said}/edit/", text=f"{canary.edited} [[tokens=3]]", client_id=secrets.token_hex(16)
    )
    assert edited.status_code < 400
    await ended(house, pk, 6)
    await person.say(pk, f'[[reasoning=5 tool={canary.call} args={{"city":"{canary.call}"}}]]')
    await ended(house, pk, 7)
    assert (await person.post(f"/c/{pk}/rename/", title=f"Of {canary.renamed}")).status_code < 400
    await person.say(pk, f'[[say="{canary.crash} {"word " * 60}" rate=20]]')
    await until(lambda: bool(house.rows(UNDER_WAY, pk)), within=10, what="no word of the last reply was written")
    house.web[0].kill()
    house.web[0].start()
    await asyncio.to_thread(house.wait_for, house.web[0])
    assert (await ended(house, pk, 8))[-1] == "incomplete"
    await person.get(f"/search/?q={canary.sought}+{canary.said}")
    assert canary.said in await person.get(f"/c/{pk}/")
    return pk


MANY = """WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1001)
INSERT INTO chat_response (id, status, model, store, instructions, epoch, attempts, position, sequence, error_code, error_message,
incomplete_reason, created) SELECT 'resp_' || i, 'completed', '', 1 = 0, '', 1, 1, 0, 0, '', '', '', (SELECT MIN(created) FROM
chat_response) FROM n RETURNING id"""


async def export(house: House, person: Visitor, canary: Canary) -> None:
    """The owner of the server exports the log with its texts; so much that it is made in the background, and waits."""
    house.rows(MANY)
    await person.post("/admin/chat/export/open/", of="responses", reason="ticket")
    answer = await person.post("/admin/chat/export/make/", of="responses", format="jsonl")
    assert answer.headers["Location"] == "/admin/chat/export/", answer.text
    await until(lambda: house.rows("SELECT state FROM chat_export") == [("ready",)], within=30, what="it was not made")
    data = b"".join(bytes(one) for (one,) in house.rows("SELECT bytes FROM chat_exportchunk ORDER BY id"))
    assert canary.within(data) >= {"said", "reply", "again"}


async def delete(house: House, person: Visitor, conversation_id: str) -> None:
    """Deleted, the time for undo over, and what has expired removed."""
    assert (await person.post(f"/c/{conversation_id}/delete/")).status_code < 400
    house.rows("UPDATE chat_conversation SET deleted = '2026-01-01 00:00:00+00:00' WHERE id = %s RETURNING id", conversation_id)
    await asyncio.to_thread(house.run, "manage", "purge")


PROBE = """INSERT INTO chat_probe (server, model, found, state, done, total, error, epoch, attempts, created)
VALUES (%s, '', '{"files": {"can": true}, "input_file": {"can": true}}', 'ready', 0, 0, '', 0, 0, '2026-01-01 00:00:00+00:00')
RETURNING id"""


async def show(house: House, person: Visitor, pk: str, model: ScriptedServer) -> list[str]:
    """A PDF goes along, to a server that was found to keep files: what it keeps then."""
    large = pdf("Tides") + b"\n%" + b"\xff" * 70_000
    async with person.client() as client:
        fields = {"text": "Read this [[tokens=3]]", "client_id": secrets.token_hex(16)}
        answer = await client.post(
            f"/c/{pk}/messages/", data=fields, files=[("attachments", ("t.pdf", large, "application/pdf"))]
        )
        assert answer.status_code < 400, answer.text
    assert (await ended(house, pk, 9))[-1] == "completed"
    return [one["filename"] for one in model.cabinet.kept.values()]


async def test_what_is_not_stored_is_in_ones_own_items_and_after_deletion_nowhere(house: House, model: ScriptedServer) -> None:
    (person,) = house.people(1)
    canary = Canary()
    house.rows(PROBE, model.base_url)
    pk = await talk(house, person, canary, store="off")
    assert not await show(house, person, pk, model)
    assert raw(house, canary) >= {"said", "reply", "file", "kept", "edited", "call", "renamed", "crash"}, (
        "the canary is seen where it may be"
    )
    assert not elsewhere(house, canary, pk)
    assert "sought" not in raw(house, canary)
    await delete(house, person, pk)
    await until(lambda: not raw(house, canary), within=30, what=f"left after the deletion: {raw(house, canary)}")


async def test_what_is_stored_is_in_the_log_as_well_and_after_deletion_nowhere(house: House, model: ScriptedServer) -> None:
    (person,) = house.people(1)
    canary = Canary()
    house.rows(PROBE, model.base_url)
    pk = await talk(house, person, canary, store="on")
    assert len(await show(house, person, pk, model)) == 1
    assert elsewhere(house, canary, pk) >= {"reply", "again", "crash"}, "the log holds what is stored"
    assert "sought" not in raw(house, canary)
    await export(house, person, canary)
    await delete(house, person, pk)
    await until(lambda: not raw(house, canary), within=30, what=f"left after the deletion: {raw(house, canary)}")
    await until(lambda: not model.cabinet.kept, within=30, what="the model server keeps a file of what was deleted")
