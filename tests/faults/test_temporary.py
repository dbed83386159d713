"""Of a temporary conversation nothing is on a disk at any time, however it goes; and what it promises holds between processes."""

import asyncio
import io
import os
import re
import secrets
from collections.abc import Iterable, Iterator
from pathlib import Path

import httpx
import psycopg
import pytest
from django.conf import settings
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from chat.web.bodies import TOO_LARGE
from chat.web.passing_bodies import ALL, TIMES
from tests.engines import Postgres, Redis
from tests.faults.house import House, LargeHouse
from tests.faults.program import Program
from tests.faults.reader import Reader
from tests.faults.visitor import Visitor
from tests.files.samples import pdf
from tests.scripted import ScriptedServer

CANARY = "zanzibar"
SAID = {
    "text": f"{CANARY} [[say='the {CANARY} replies']]",
    "a slow text": f"{CANARY} [[say='{CANARY} ' say='{f'{CANARY} ' * 40}' rate=80]]",
    "thoughts and a call": f'{CANARY} [[reasoning=5 tool={CANARY} args={{"city":"{CANARY}"}}]]',
    "a refusal": f"[[refusal='{CANARY}']]",
    "an error": f"[[error=400 message='{CANARY} is wrong' code={CANARY} param={CANARY}]]",
    "another": f"[[error=400 body=html message='{CANARY}']]",
    "a failure": f"{CANARY} [[fail=after:5 code={CANARY} message='{CANARY}']]",
    "what cannot be read": f"{CANARY} [[malformed=json]]",
    "a lost connection": f"{CANARY} [[reset=after:5]]",
}


def fields(text: str) -> dict[str, tuple[str | None, bytes]]:
    return {"text": (None, text.encode()), "client_id": (None, secrets.token_hex(16).encode())}


async def post(person: Visitor, path: str, text: str = "", *, file: bytes = b"") -> httpx.Response:
    """A form as the composer sends it, with a file."""
    parts = fields(text) if text else {}
    files = {**parts, **({"attachments": (f"{CANARY}.txt", file)} if file else {})}
    async with person.client() as client:
        return await client.post(path, files=files) if files else await client.post(path)


async def put(person: Visitor, where: str, name: str, data: bytes) -> str:
    """A file into its composer, as the page does it; its id."""
    async with person.client() as client:
        answer = await client.post(f"{where}files/", files={"file": (name, data)})
    (found,) = re.findall(r'name="files" value="(file_[0-9a-f]{32})"', answer.text) or [
        f"{answer.status_code} {answer.text[:500]}"
    ]
    return str(found)


def large() -> dict[str, bytes]:
    """Files of several megabytes, each full of the word."""
    words = f"{CANARY} ".encode() * 600_000
    noise = Image.effect_noise((1800, 1800), 90)
    picture, told = io.BytesIO(), PngInfo()
    told.add_text("Comment", f"{CANARY} " * 1000)
    noise.save(picture, "PNG", pnginfo=told)
    return {f"{CANARY}.txt": words, f"{CANARY}.png": picture.getvalue(), f"{CANARY}.pdf": pdf(f"{CANARY} " * 20) + b"%" + words}


async def begin(person: Visitor, text: str) -> str:
    answer = await post(person, "/t/", text, file=f"a file: {CANARY}".encode())
    assert answer.headers.get("HX-Redirect", "").startswith("/t/"), f"{answer.status_code} {answer.text[:500]}"
    return str(answer.headers["HX-Redirect"].split("/")[2])


def files(*folders: Path) -> Iterable[Path]:
    return (path for folder in folders for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def held(program: Program) -> Iterable[Path]:
    """What the process has open, also where the name is gone already."""
    for path in Path(f"/proc/{program.pid}/fd").iterdir():
        try:
            if os.readlink(path).startswith("/"):
                yield path
        except OSError:
            continue


def found(paths: Iterable[Path]) -> list[str]:
    hits = []
    for path in paths:
        try:
            if path.is_file() and CANARY.encode() in path.read_bytes():
                hits.append(str(path))
        except OSError:
            continue
    return hits


# What the server opens to write to, told as it does so: also what has no name, and is gone before anybody looks.
WATCHED = """
import os, sys

def opened(event, args):
    if event == "open" and isinstance(args[2], int) and args[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
        os.write(told, f"{args[0]}\\n".encode(errors="replace"))

told = os.open(os.environ["WATCHED"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
sys.addaudithook(opened)
"""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, model: ScriptedServer) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("temporary")
    (folder / "tmp").mkdir()
    (folder / "watch").mkdir()
    (folder / "watch" / "sitecustomize.py").write_text(WATCHED)
    more = {"TMPDIR": str(folder / "tmp"), "PYTHONPATH": str(folder / "watch"), "WATCHED": str(folder / "opened")}
    with House(folder, model_server=model.base_url, LOG_LEVEL="DEBUG", **more) as house:
        yield house


async def test_what_is_said_in_one_is_nowhere_on_the_disk_while_it_lives_nor_afterwards(house: House) -> None:
    person, program = house.people(1)[0], house.web[0]
    looks = 0

    async def watch() -> None:
        nonlocal looks
        while True:
            assert await asyncio.to_thread(lambda: found([*files(house.folder), *held(program)])) == []
            looks += 1
            await asyncio.sleep(0.05)

    watching = asyncio.create_task(watch())
    for what, text in SAID.items():
        talk = await begin(person, text)
        async with Reader(person, talk) as tab:
            (reply,) = tab.ids()
            await tab.until_ended(reply, within=20)
            await tab.load()
            assert CANARY in str(await person.get(f"/t/{talk}/")), what
            assert (await post(person, f"/t/{talk}/responses/{reply}/regenerate/")).status_code == 204
            await tab.until(lambda: tab.ids() != [reply], within=10)  # noqa: B023
            await tab.until_ended(tab.ids()[0], within=20)
        assert (await post(person, f"/t/{talk}/end/")).status_code in (200, 302)
    files_ = large()
    for name, data in files_.items():
        assert len(data) > settings.FILE_UPLOAD_MAX_MEMORY_SIZE
        pk = await put(person, "/t/", name, data)
        assert CANARY in await person.get("/t/")
        assert (await post(person, f"/t/files/{pk}/remove/")).status_code == 204
    picture = await put(person, "/t/", f"{CANARY}.png", files_[f"{CANARY}.png"])
    talk = (await person.post("/t/", text=CANARY, files=picture)).headers["HX-Redirect"].split("/")[2]
    async with Reader(person, talk) as tab:
        await tab.until_ended(tab.ids()[0], within=20)
    assert (await post(person, f"/t/{talk}/end/")).status_code in (200, 302)
    huge = await post(person, "/t/", CANARY, file=CANARY.encode() * 400_000)
    assert (huge.status_code, TOO_LARGE[0] in huge.text) == (413, True)  # before Django, which would pass it through a file
    stranger = Visitor(person.url, "nobody", "")
    async with stranger.client() as client:
        refused = await client.post("/t/files/", files={"file": (CANARY, files_[f"{CANARY}.txt"])})
    assert refused.headers["HX-Redirect"].startswith("/accounts/login/")
    wrong = await post(person, f"/t/{talk}/messages/", f"{CANARY} {'x' * 300_000}")
    assert wrong.status_code == 404
    last = await begin(person, f"{CANARY} [[say='{f'{CANARY} ' * 2000}' rate=50]]")
    async with Reader(person, last) as tab:
        await tab.until(lambda: CANARY in tab.text(tab.ids()[0]), within=10)
    assert looks > 5
    told = (house.folder / "opened").read_text().splitlines()
    assert any(path.endswith("parley.sqlite3") or "lock" in path for path in told), "it is watched"
    assert [path for path in told if path.startswith(str(house.folder / "tmp"))] == []
    watching.cancel()
    await asyncio.wait((watching,))
    assert watching.cancelled(), watching.exception()
    program.kill()
    assert found(files(house.folder)) == []
    program.start()
    house.wait_for(program)
    assert found([*files(house.folder), *held(program)]) == []
    assert house.rows("SELECT status FROM chat_response WHERE status = 'in_progress'") == []
    async with person.client() as client:
        assert (await client.get(f"/t/{last}/")).status_code == 404


async def test_files_that_come_at_the_same_time_take_no_more_memory_than_is_said(house: House) -> None:
    people, program = house.people(4), house.web[0]
    size = 20_000_000
    data = b"%PDF-1.4\n" + pdf("words").removeprefix(b"%PDF-1.4\n") + b"%" + b"x" * (size - 10_000)
    await put(people[0], "/t/", "small.txt", b"word " * 40_000)  # what a process needs anyway
    before = program.memory()
    program.forget_peak()
    ids = await asyncio.gather(*(put(person, "/t/", "large.pdf", data) for person in people))
    assert program.peak() - before < ALL + len(ids) * size, f"{(program.peak() - before) / 1e6:.0f} MB"
    one = people[0]
    program.forget_peak()
    await post(one, f"/t/files/{ids[0]}/remove/")
    before = program.memory()
    program.forget_peak()
    await put(one, "/t/", "large.pdf", data)
    assert program.peak() - before < (TIMES + 1) * size, f"{(program.peak() - before) / 1e6:.0f} MB"


@pytest.fixture(scope="module")
def two(
    tmp_path_factory: pytest.TempPathFactory, model: ScriptedServer, postgres: Postgres, redis: Redis
) -> Iterator[LargeHouse]:
    folder = tmp_path_factory.mktemp("two")
    (folder / "tmp").mkdir()
    options = {
        "TMPDIR": str(folder / "tmp"),
        "LOG_LEVEL": "DEBUG",
        "RUN_LEASE": "2",
        "RUN_SWEEP": "1",
    }  # replies are written by workers: not these
    with LargeHouse(
        folder, model_server=model.base_url, database_url=postgres.fresh(), redis_url=redis.url, web=2, workers=1, **options
    ) as house:
        yield house


async def test_what_one_process_writes_another_shows_stops_and_survives(
    two: LargeHouse, postgres: Postgres, redis: Redis
) -> None:
    person, stranger = two.people(2)
    text = f"{CANARY} [[say='{f'{CANARY} ' * 400}' rate=40]]"
    talk = await begin(person, text)
    async with Reader(person, talk) as tab, Reader(person, talk) as other:
        await tab.until(lambda: tab.text(tab.ids()[0]).count(CANARY) > 10, within=10)
        reply = tab.ids()[0]
        async with stranger.client() as client:
            assert (await client.get(f"/t/{talk}/")).status_code == 404
        assert (await post(person, f"/t/{talk}/responses/{reply}/stop/")).status_code == 204
        assert await tab.until_ended(reply, within=3) == "cancelled"
        assert await other.until_ended(reply, within=3) == "cancelled"
        assert tab.text(reply) == other.text(reply)
        name, data = next(iter(large().items()))
        pk = await put(person, f"/t/{talk}/", name, data)  # through nginx, into whichever process
        for _ in range(4):  # and each of them has it
            async with person.client() as client:
                assert (await client.get(f"/t/{talk}/files/{pk}/")).content == data
        await crash(two, person, talk, tab, postgres)
    assert two.front is not None
    assert found(files(two.folder, two.front.folder, redis.folder, postgres.folder)) == []
    assert [path.name for path in files(redis.folder) if path.suffix in (".rdb", ".aof")] == []


async def crash(two: LargeHouse, person: Visitor, talk: str, tab: Reader, postgres: Postgres) -> None:
    """The process that writes a reply is killed: another cuts it, with what had come, and it can be gone on with."""
    assert (await post(person, f"/t/{talk}/messages/", f"[[say='{f'{CANARY} ' * 900}' rate=40]]")).status_code == 200
    await tab.until(lambda: len(tab.ids()) == 2 and tab.text(tab.ids()[1]).count(CANARY) > 10, within=10)
    assert await asyncio.to_thread(tables_are_silent, two)
    reply, shown = tab.ids()[1], tab.text(tab.ids()[1])
    for program in two.web:  # whichever it was
        program.kill()
        program.start()
    for program in two.web:
        two.wait_for(program)
    assert await tab.until_ended(reply, within=15) == "incomplete"
    assert tab.text(reply).startswith(shown)
    assert (await post(person, f"/t/{talk}/messages/", f"{CANARY} [[say='and on']]")).status_code == 200
    await tab.until(lambda: len(tab.ids()) == 3, within=5)
    assert await tab.until_ended(tab.ids()[2], within=5) == "completed"
    postgres.run("CHECKPOINT")
    assert tables_are_silent(two)


def tables_are_silent(two: LargeHouse) -> bool:
    """What a dump would hold."""
    with psycopg.connect(two.environment["DATABASE_URL"], autocommit=True) as connection:
        names = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        rows = [str(row) for (name,) in names for row in connection.execute(f'SELECT t::text FROM "{name}" t')]  # type: ignore[arg-type]
    assert len(rows) > 100
    return not [row for row in rows if re.search(CANARY, row)]
