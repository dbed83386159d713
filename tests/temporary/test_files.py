"""Files of temporary conversations: put in one by one, in memory alone, for one person, within a bound, gone with their place."""

import base64
import re
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import redis as client
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from chat.models import File, FileUse, Item, User
from chat.store import attached, pool, talk_files, talks, temporary, temporary_files_redis
from chat.store.talk import TalkFile
from chat.store.temporary import Memory
from chat.store.temporary_files import CHUNK, OVERHEAD, Full, Held, new
from chat.store.temporary_redis import InRedis
from tests import engines
from tests.cast import person
from tests.elsewhere import elsewhere
from tests.files import samples
from tests.pictures import png
from tests.scripted import ScriptedServer
from tests.temporary.conftest import Clock, Somebody

ONE, TWO = "temp_" + "1" * 32, "temp_" + "2" * 32
FIRST, SECOND = "file_" + "a" * 32, "file_" + "b" * 32


@pytest.fixture(scope="module")
def own_redis() -> Iterator[engines.Redis]:
    with engines.Redis() as engine:
        yield engine


@pytest.fixture(params=["memory", "redis"])
def there(request: pytest.FixtureRequest, clock: Clock) -> Iterator[temporary.Home]:
    if request.param == "memory":
        yield Memory(clock)
        return
    url = request.getfixturevalue("own_redis").url
    yield InRedis(url)
    with client.Redis.from_url(url) as connection:
        connection.flushall()


def held(data: bytes = b"x", *, owner: int = 1, facts: bytes = b"{}") -> Held:
    return Held(owner, facts, {"0": data, "text": b"words"})


def whole(home: temporary.Home, place: str, file_id: str, name: str = "0") -> bytes:
    return b"".join(home.files.piece(place, file_id, name))


def test_what_is_put_into_one_is_there_until_it_goes(there: temporary.Home) -> None:
    there.make(ONE, owner=1, document=b"{}", run="run")
    data = bytes(range(256)) * (CHUNK // 100)
    assert there.files.put(ONE, FIRST, held(data, facts=b"1"))
    assert there.files.put(ONE, SECOND, held(facts=b"2"))
    assert there.files.facts(ONE) == {FIRST: b"1", SECOND: b"2"}
    assert (whole(there, ONE, FIRST), whole(there, ONE, FIRST, "text"), whole(there, ONE, FIRST, "320")) == (data, b"words", b"")
    there.files.drop(ONE, FIRST)
    assert (whole(there, ONE, FIRST), list(there.files.facts(ONE))) == (b"", [SECOND])
    there.drop(ONE)
    assert (there.files.facts(ONE), whole(there, ONE, SECOND)) == ({}, b"")
    assert not there.files.put(ONE, FIRST, held()), "nothing is put into one that has gone"
    assert there.files.facts(ONE) == {}


def test_what_waits_for_a_new_one_goes_along_when_it_begins(there: temporary.Home) -> None:
    there.files.put(new(1), FIRST, held(b"one"))
    there.files.put(new(1), SECOND, held(b"two"))
    there.make(ONE, owner=1, document=b"{}", run="run", files=[FIRST, "file_" + "0" * 32])
    assert (whole(there, ONE, FIRST), list(there.files.facts(new(1)))) == (b"one", [SECOND])
    there.files.forget(new(1))
    assert (there.files.facts(new(1)), whole(there, ONE, FIRST)) == ({}, b"one")


def test_there_is_an_end_to_what_one_person_and_all_put_in(there: temporary.Home, settings: Any) -> None:
    settings.TEMPORARY_FILES_MB, settings.BODY_BYTES = 4, 1_000_000
    fits = held(b"x" * (1_000_000 - OVERHEAD - 7))
    assert there.files.put(new(1), FIRST, fits)
    with pytest.raises(Full) as full:
        there.files.put(new(1), SECOND, held())
    assert full.value.mine
    there.files.drop(new(1), FIRST)
    assert there.files.put(new(1), FIRST, fits), "what was taken away does not count"
    there.make(ONE, owner=1, document=b"{}", run="run", files=[FIRST])
    with pytest.raises(Full):
        there.files.put(new(1), SECOND, held())
    for owner in (2, 3, 4):
        there.files.put(new(owner), FIRST, Held(owner, fits.facts, fits.pieces))
    with pytest.raises(Full) as full:
        there.files.put(new(5), FIRST, held(owner=5))
    assert not full.value.mine
    there.drop(ONE)
    assert there.files.put(new(5), FIRST, held(owner=5)), "nor does what has gone"


def test_they_go_with_their_conversation_and_with_silence(clock: Clock, settings: Any) -> None:
    settings.TEMPORARY_CLOSED_MINUTES, settings.TEMPORARY_SILENCE_MINUTES = 10, 60
    home = Memory(clock)
    home.make(ONE, owner=1, document=b"{}", run="run")
    home.files.put(ONE, FIRST, held())
    home.files.put(new(1), SECOND, held())
    clock.pass_(minutes=10)
    home.tidy()
    assert list(home.files._places) == [new(1)], "also where nobody asks for them"
    clock.pass_(minutes=50)
    home.tidy()
    assert home.files._places == {}


def test_in_redis_too_they_have_their_end(own_redis: engines.Redis, settings: Any) -> None:
    settings.TEMPORARY_CLOSED_MINUTES, settings.TEMPORARY_SILENCE_MINUTES = 10, 60
    home = InRedis(own_redis.url)
    with client.Redis.from_url(own_redis.url) as server:
        home.make(ONE, owner=1, document=b"{}", run="run")
        home.files.put(ONE, FIRST, held())
        home.files.put(new(1), SECOND, held())
        key = f"parley:temporary:{ONE}:files"
        assert 0 < server.pttl(key) <= 600_000
        assert 0 < server.pttl(f"parley:temporary:{new(1)}:files") <= 3_600_000
        settings.TEMPORARY_SILENCE_MINUTES = 1
        home.look([ONE])
        assert server.pttl(key) <= 60_000
        settings.TEMPORARY_CLOSED_MINUTES = 0
        home.look([ONE])
        assert not server.exists(key)
        server.flushall()


@pytest.fixture
def server(own_redis: engines.Redis) -> Iterator[Any]:
    with client.Redis.from_url(own_redis.url) as connection:
        yield connection
        connection.execute_command("ACL", "SETUSER", "default", "+@all")
        connection.flushall()


INDEX = "parley:temporary:files"


def test_in_redis_a_count_that_was_lost_or_is_none_stops_nobody(own_redis: engines.Redis, server: Any) -> None:
    home = InRedis(own_redis.url)
    home.make(ONE, owner=1, document=b"{}", run="run")
    home.files.put(ONE, FIRST, held())
    server.delete(INDEX)
    home.files.drop(ONE, FIRST)
    assert server.hgetall(INDEX) == {}, "less than nothing is nothing"
    server.hset(INDEX, mapping={ONE: "1:-5", TWO: "nonsense"})
    assert home.files.put(ONE, FIRST, held())
    assert server.hgetall(INDEX) == {ONE.encode(): f"1:{held().size}".encode()}
    home.files.drop(ONE, FIRST)
    assert server.hgetall(INDEX) == {}


def test_in_redis_the_count_stays_for_as_long_as_a_conversation_does(own_redis: engines.Redis, server: Any) -> None:
    home = InRedis(own_redis.url)
    home.make(ONE, owner=1, document=b"{}", run="run")
    home.files.put(ONE, FIRST, held())
    server.pexpire(INDEX, 60_000)
    home.look([ONE])
    assert server.pttl(INDEX) > 24 * 3_600_000 >= server.pttl(f"parley:temporary:{ONE}:files")


@pytest.mark.parametrize("refused", [["-hset"], ["-hset", "-hdel"]])
def test_in_redis_half_a_file_does_not_count(
    own_redis: engines.Redis, server: Any, settings: Any, monkeypatch: pytest.MonkeyPatch, refused: list[str]
) -> None:
    """It takes no more after the file was admitted; and, in the second round, does not let it be taken back at once either."""
    settings.TEMPORARY_FILES_MB, settings.BODY_BYTES = 1, 1_000_000
    monkeypatch.setattr(temporary_files_redis, "LATE", 0)

    class Breaking(dict[str, bytes]):
        def items(self) -> Any:
            server.execute_command("ACL", "SETUSER", "default", *refused)
            return super().items()

    home = InRedis(own_redis.url)
    with pytest.raises(temporary.Away):
        home.files.put(new(1), FIRST, Held(1, b"{}", Breaking({"0": b"x" * 600_000})))
    server.execute_command("ACL", "SETUSER", "default", "+@all")
    assert bool(server.hgetall(INDEX)) == ("-hdel" in refused)
    home = InRedis(own_redis.url)  # which has not seen that it was away
    assert home.files.put(new(1), SECOND, held(b"x" * 600_000))
    assert list(home.files.facts(new(1))) == [SECOND]
    assert server.hgetall(INDEX) == {new(1).encode(): f"1:{held(b'x' * 600_000).size}".encode()}


@pytest.fixture
def full(own_redis: engines.Redis, server: Any) -> Iterator[InRedis]:
    """One with less memory than we were told, all of which is taken."""
    home = InRedis(own_redis.url)
    home.make(ONE, owner=1, document=b"{}", run="run")
    home.append(ONE, "run", [b"1"], first=0)
    home.files.put(ONE, FIRST, held(b"x" * 4_000_000))  # of which it has taken half too much: its own needs change, too
    home.files.put(ONE, SECOND, held(b"x" * 100_000))
    server.config_set("maxmemory", server.info("memory")["used_memory"] - 2_000_000)
    yield home
    server.config_set("maxmemory", 0)


def test_events_whose_answer_was_lost_are_not_there_twice(own_redis: engines.Redis, server: Any) -> None:
    home = InRedis(own_redis.url)
    home.make(ONE, owner=1, document=b"{}", run="run")
    assert home.append(ONE, "run", [b"1"], first=0) == 2
    server.client_pause(1_500, all=True)
    with pytest.raises(temporary.Away):
        home.append(ONE, "run", [b"2", b"3"], first=1)
    home = InRedis(own_redis.url)  # which has not seen that it was away
    assert home.append(ONE, "run", [b"2", b"3", b"4"], first=1) == 5
    assert home.append(ONE, "run", [b"4"], first=3) == 5
    kept = home.read(ONE)
    assert kept is not None
    assert (kept.log, kept.position) == ((b"1", b"2", b"3", b"4"), 5)


def test_a_redis_that_is_full_takes_no_file_and_goes_on_with_what_there_is(full: InRedis, server: Any) -> None:
    third = "file_" + "c" * 32
    with pytest.raises(Full) as refused:
        full.files.put(ONE, third, held(b"x" * 600_000))
    assert not refused.value.mine
    with pytest.raises(temporary.Away):
        full.make(TWO, owner=2, document=b"{}", run="run")
    assert full.why_not() == "", "it answers"
    kept = full.read(ONE)
    assert kept is not None
    assert (kept.owner, kept.document, kept.log, kept.position) == (1, b"{}", (b"1",), 2)
    assert full.look([ONE])[ONE].position == 2, "it stays while a page of it is open"
    assert full.append(ONE, "run", [b"2"], first=1) == 3
    assert full.write(ONE, b"{ }", at=3, count=1), "and a reply has its end"
    assert server.pttl(f"parley:temporary:{ONE}") <= 600_000
    full.files.drop(ONE, FIRST)
    assert list(full.files.facts(ONE)) == [SECOND]
    assert server.hgetall(INDEX) == {ONE.encode(): f"1:{held(b'x' * 100_000).size}".encode()}
    assert full.files.put(ONE, third, held()), "there is room again"


def test_in_a_redis_that_becomes_full_half_a_file_does_not_count(full: InRedis, server: Any) -> None:
    server.config_set("maxmemory", server.info("memory")["used_memory"] + 1_500_000)
    with pytest.raises(Full):
        full.files.put(ONE, "file_" + "c" * 32, held(b"x" * 6_000_000))
    assert server.hgetall(INDEX) == {ONE.encode(): f"1:{held(b'x' * 4_000_000).size + held(b'x' * 100_000).size}".encode()}
    place = f"parley:temporary:{ONE}:files"
    assert sum(server.hstrlen(place, field) for field in server.hkeys(place)) < 4_200_000


@pytest.mark.django_db(transaction=True)
def test_in_redis_one_begins_with_its_files_or_not_at_all(own_redis: engines.Redis, server: Any) -> None:
    """In one step: nothing that Redis refuses afterwards leaves one that has begun without what it names."""
    actor: User = person("olivia")
    said = {"actor": actor, "text": "Look", "client_id": "a", "held": [attached.Held(FIRST)]}
    temporary.move(home := InRedis(own_redis.url))
    try:
        facts = TalkFile(id=FIRST, added=timezone.now(), name="a.txt", kind="text", type="text/plain", size=1)
        home.files.put(new(actor.pk), FIRST, Held(actor.pk, facts.model_dump_json().encode(), {"0": b"x"}))
        server.execute_command("ACL", "SETUSER", "default", "-pttl", "-expire")
        begun = talks.begin(**said)
        assert list(home.files.facts(begun.talk.id)) == [FIRST]
        assert home.files.facts(new(actor.pk)) == {}
        assert talks.begin(**said).talk.id == begun.talk.id, "again, it is the same"
        assert server.hgetall(INDEX).keys() == {begun.talk.id.encode()}
    finally:
        temporary.move(None)


def upload(name: str, data: bytes) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, data)


async def put(somebody: Somebody, path: str, name: str, data: bytes) -> Any:
    return await somebody.post(f"{path}files/", file=upload(name, data))


def named(answer: Any) -> str:
    (found,) = re.findall(r'name="files" value="(file_[0-9a-f]{32})"', answer.text)
    return str(found)


async def test_one_is_put_in_listed_shown_to_its_owner_alone_taken_away_and_sent(
    olivia: Somebody, stella: Somebody, scripted: ScriptedServer
) -> None:
    first, second = [named(await put(olivia, "/t/", f"{name}.png", png(grey=grey))) for name, grey in (("one", 1), ("two", 2))]
    page = (await olivia.get("/t/")).text
    assert page.index("one.png") < page.index("two.png"), "also when the page is loaded again"
    assert f'src="/t/files/{first}/320/"' in page
    answer = await olivia.get(f"/t/files/{first}/320/")
    assert (answer["Content-Type"], answer["Cache-Control"]) == ("image/webp", "private, no-store")
    assert b"".join(answer.streaming_content)[8:12] == b"WEBP"
    for path in (f"/t/files/{first}/", f"/t/files/{first}/320/", f"/t/files/{'file_' + '0' * 32}/"):
        assert (await stella.get(path)).status_code == 404
    assert (await stella.post(f"/t/files/{first}/remove/")).status_code == 204
    assert "one.png" not in (await stella.get("/t/")).text
    assert (await olivia.post(f"/t/files/{second}/remove/")).status_code == 204
    assert "two.png" not in (await olivia.get("/t/")).text
    path = await olivia.begin("", files=[first], detail=[f"{first} high"])
    await olivia.ended(path)
    (part,) = scripted.requests[-1].body["input"][0]["content"]
    assert (part["type"], part["detail"], part["image_url"][:22]) == ("input_image", "high", "data:image/png;base64,")
    shown = await olivia.get(f"{path}files/{first}/")
    assert b"".join(shown.streaming_content) == base64.b64decode(part["image_url"][22:])
    assert (await stella.get(f"{path}files/{first}/")).status_code == 404
    assert f'src="{path}files/{first}/320/"' in (await olivia.get(path)).text
    assert "one.png" not in (await olivia.get("/t/")).text, "it has gone along"
    third = named(await put(olivia, path, "three.png", png(grey=3)))
    assert f'value="{third}"' in (await olivia.get(path)).text
    assert (await put(stella, path, "four.png", png())).status_code == 404
    assert (await olivia.post(f"{path}files/{first}/remove/")).status_code == 204
    assert (await olivia.get(f"{path}files/{first}/")).status_code == 200, "what was sent stays"
    assert await pool.for_readers(File.objects.count) == 0


async def test_they_are_listed_in_the_order_of_the_composer_or_as_they_came(olivia: Somebody) -> None:
    for name, index in {"c": "2", "a": "0", "b": "1", "d": "", "e": "nonsense"}.items():
        await olivia.post("/t/files/", file=upload(f"{name}.png", png(grey=ord(name))), index=index)
    page = (await olivia.get("/t/")).text
    assert re.findall(r'aria-label="Send (.)\.png"', page) == list("abcde")
    assert re.findall(r'data-index="(.)"', page) == list("01234")


async def test_the_same_sent_twice_is_said_once_with_its_files(olivia: Somebody) -> None:
    pk = named(await put(olivia, "/t/", "one.png", png()))
    path = await olivia.begin("Look", files=[pk], client_id="1" * 32)
    assert await olivia.begin("Look", files=[pk], client_id="1" * 32) == path
    await olivia.ended(path)
    gone = await olivia.post(f"{path}messages/", text="And this", files=["file_" + "0" * 32])
    assert (gone.status_code, "A file is not here any more" in gone.text) == (409, True)


async def test_a_document_is_read_when_it_comes_and_the_composer_says_so(
    olivia: Somebody, scripted: ScriptedServer, tmp_path: Any
) -> None:
    text, scan = (
        named(await put(olivia, "/t/", "report.pdf", samples.pdf("Rent is due."))),
        named(await put(olivia, "/t/", "scan.pdf", BLANK)),
    )
    said = (await olivia.get(f"/t/files/sight/?files={text}&files={scan}")).text
    assert re.sub(r"<.*?>|\s+", " ", said).count("report.pdf") == 1
    assert "is read as text, " in said
    assert "No text can be read in <bdi>scan.pdf</bdi>" in said
    path = await olivia.begin("Read", files=[text, scan])
    await olivia.ended(path)
    _, read, unread = scripted.requests[-1].body["input"][0]["content"]
    assert read["text"].startswith("The file report.pdf:\n\n")
    assert unread["text"] == "The file scan.pdf is attached; you cannot read it."
    kept = await olivia.post(f"{path}keep/", store="off")
    assert kept.status_code == 302
    item = await pool.for_readers(lambda: Item.objects.get(response=None))
    assert [part.get("filename") for part in item.wire["content"]] == [None, "report.pdf", "scan.pdf"]
    assert set(await pool.for_readers(lambda: list(item.uses.values_list("file__owner", flat=True)))) == {olivia.user.pk}


LATE = """
import signal
from chat.decoding import __main__ as child
child.WORKS["text"] = lambda task: signal.raise_signal(signal.SIGALRM)
child.main()
"""


async def test_a_document_that_no_child_came_to_an_end_with_is_no_scan(
    olivia: Somebody, scripted: ScriptedServer, settings: Any
) -> None:
    settings.DECODER = [sys.executable, "-c", LATE]
    paper = named(await put(olivia, "/t/", "report.pdf", samples.pdf("Rent is due.")))
    said = (await olivia.get(f"/t/files/sight/?files={paper}")).text
    assert "<bdi>report.pdf</bdi> could not be read in time" in said
    path = await olivia.begin("Read", files=[paper])
    await olivia.ended(path)
    assert scripted.requests[-1].body["input"][0]["content"][1]["text"] == "The file report.pdf is attached; you cannot read it."
    assert "no text was found in it" not in (await olivia.get(path)).text


async def test_an_address_is_fetched_for_the_composer_and_needs_no_words(
    olivia: Somebody, scripted: ScriptedServer, settings: Any
) -> None:
    with elsewhere() as there:
        settings.EGRESS_ALLOW = [there.place]
        answer = await olivia.post("/t/files/", address=there.gives("/quark.png", png()))
        assert 'id="address-field" hx-swap-oob="true"' in answer.text
        path = await olivia.begin("", files=[named(answer)])
        await olivia.ended(path)
    assert [part["type"] for part in scripted.requests[-1].body["input"][0]["content"]] == ["input_image"]


async def test_where_there_is_no_room_it_says_so_and_nothing_goes_over(olivia: Somebody, settings: Any) -> None:
    settings.TEMPORARY_FILES_MB, settings.BODY_BYTES = 1, 250_000
    await put(olivia, "/t/", "one.txt", b"word " * 40_000)
    full = await olivia.post("/t/files/", file=upload("two.txt", b"word " * 40_000))
    assert (full.status_code, "for your files in temporary conversations" in full.text) == (413, True)
    assert [file.name for file in await pool.for_readers(talk_files.waiting, olivia.user, None)] == ["one.txt"]


async def test_what_cannot_be_kept_whole_leaves_no_file(olivia: Somebody, settings: Any) -> None:
    held = [named(await put(olivia, "/t/", f"{grey}.png", png(grey=grey))) for grey in (1, 2)]
    note = named(await put(olivia, "/t/", "large.txt", b"word " * 220_000))
    path = await olivia.begin("", files=[*held, note])
    await olivia.ended(path)
    settings.FILES_QUOTA_MB = 1
    refused = await olivia.post(f"{path}keep/", store="off")
    assert (refused.status_code, "only" in refused.text) == (413, True)
    assert await pool.for_readers(FileUse.objects.count) == 0
    assert (await olivia.get(f"{path}files/{held[0]}/")).status_code == 200, "it goes on as it was"


async def test_without_javascript_what_could_not_be_sent_waits_for_the_next_try(olivia: Somebody) -> None:
    sent = [upload("note.txt", b"Bring an umbrella."), upload("one.png", png()), upload("broken.png", b"\x89PNG\x00 no")]
    assert "a message takes 2 MB here, with all of its files" in (await olivia.get("/t/")).text
    answer = await olivia.post("/t/", text="Look at this", attachments=sent)
    assert answer.status_code == 400
    assert "“broken.png”" in answer.text
    assert "Look at this" in answer.text
    assert re.findall(r'aria-label="Send (\S+)"', answer.text) == ["one.png", "note.txt"]
    assert await pool.for_readers(File.objects.count) == 0


TYPED = "A long letter that nobody wants to type again"


@pytest.mark.parametrize("away", ["gone", "read", "look", "facts"])
async def test_without_javascript_nothing_that_was_typed_is_lost_with_what_has_gone_or_is_away(
    olivia: Somebody, home: temporary.Home, away: str
) -> None:
    def fails(*_: Any, **__: Any) -> Any:
        raise temporary.Away

    path = await olivia.begin("[[tokens=3]]")
    await olivia.ended(path)
    if away == "gone":
        await pool.for_readers(home.drop, path.split("/")[2])
    else:
        setattr(home.files if away == "facts" else home, away, fails)
    sent = [upload("note.txt", b"Bring an umbrella."), upload("one.png", png())]
    answer = await olivia.post(f"{path}messages/", text=TYPED, attachments=sent)
    assert (answer.status_code, TYPED in answer.text) == (404 if away == "gone" else 409, True)
    if away == "gone":
        assert 'action="/t/"' in answer.text
        assert "does not exist" in answer.text
        assert re.findall(r'aria-label="Send (\S+)"', answer.text) == ["note.txt"]
        assert "Choose these files again: one.png." in answer.text
    if away == "facts":
        first = await olivia.post("/t/", text=TYPED)
        assert (first.status_code, TYPED in first.text) == (409, True)


BLANK = b"""%PDF-1.4
1 0 obj
<</Type/Catalog/Pages 2 0 R>>
endobj
2 0 obj
<</Type/Pages/Kids[3 0 R]/Count 1>>
endobj
3 0 obj
<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>
endobj
trailer
<</Root 1 0 R>>
%%EOF
"""


async def test_without_javascript_the_same_sent_again_with_its_file_is_said_once(
    olivia: Somebody, scripted: ScriptedServer
) -> None:
    again = {"text": "Look", "client_id": "1" * 32}
    path = await olivia.begin(attachments=upload("one.png", png()), **again)
    await olivia.ended(path)
    assert await olivia.begin(attachments=upload("one.png", png()), **again) == path
    assert await pool.for_readers(talk_files.waiting, olivia.user, None) == [], "nor does it wait for another message"
    more = {"text": "And now?", "client_id": "2" * 32}
    for _ in range(2):
        await olivia.post(f"{path}messages/", attachments=upload("two.png", png(grey=2)), **more)
        await olivia.ended(path)
    talk = await olivia.talk(path)
    assert len(talk.document.exchanges) == 2
    assert await pool.for_readers(talk_files.waiting, olivia.user, talk) == []
    await olivia.post(f"{path}messages/", attachments=upload("two.png", png(grey=3)), **more)
    await olivia.ended(path)
    assert len((await olivia.talk(path)).document.exchanges) == 3, "with another file it is another message"


async def test_in_an_ordinary_conversation_too_nothing_waits_that_came_twice(olivia: Somebody) -> None:
    for _ in range(2):
        answer = await olivia.post("/", text="Look", client_id="1" * 32, attachments=upload("one.png", png()))
    for _ in range(2):
        path = answer["Location"]
        await olivia.post(f"{path}messages/", text="And now?", client_id="2" * 32, attachments=upload("two.png", png(grey=2)))
    assert await pool.for_readers(Item.objects.filter(role="user").count) == 2
    assert await pool.for_readers(FileUse.objects.filter(item=None).count) == 0
