"""A child has nothing but its task: no keys, files or network, little memory and time. What becomes of it harms nobody else."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from chat import errors, files
from chat.decoding.frames import Limits, Task
from chat.files import child
from chat.files.intake import OfImage
from chat.files.reading import OfText
from tests.files import samples

GIVEN = {"pixels": 25_000_000, "frames": 50, "size": 20_000_000}
GIF = (
    '{"said": {"type": "image/gif", "width": 8, "height": 8, "frames": 1, "changed": "", "widths": [320]}, "sizes": [6, 4], '
    '"refused": null}'
)
SMALL = Limits(memory=1 << 30, cpu=5, seconds=20)


def children() -> list[int]:
    """Our own that are decoding."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            ours = int((path / "stat").read_text().rsplit(")", 1)[1].split()[1]) == os.getpid()
            if ours and b"chat.decoding" in (path / "cmdline").read_bytes():
                found.append(int(path.name))
        except OSError:
            continue
    return found


def until(found: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + 20
    while not (value := found()):
        assert time.monotonic() < deadline
        time.sleep(0.005)
    return value


@contextmanager
def held(pieces: Iterator[bytes]) -> Iterator[tuple[int, list[BaseException]]]:
    """A child that is being told these bytes; its pid, and what is raised for it."""
    raised: list[BaseException] = []

    def ask() -> None:
        try:
            child.asked(Task("image", "PNG", SMALL, GIVEN), pieces, OfImage, most=1_000_000)
        except errors.ParleyError as error:
            raised.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    yield until(children)[0], raised
    thread.join(20)
    assert not thread.is_alive()


def test_it_has_no_secrets_no_files_and_no_more_than_its_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    go_on = threading.Event()

    def pieces() -> Iterator[bytes]:
        yield samples.image("PNG", samples.photo(60, 40))
        go_on.wait(20)

    with held(pieces()) as (pid, raised):
        limits = Path(f"/proc/{pid}/limits")
        until(lambda: "Max open files            0 " in limits.read_text())  # its doors are closed
        said = limits.read_text()
        assert f"Max address space         {1 << 30} " in said
        assert "Max cpu time              5 " in said
        assert "Max file size             0 " in said
        assert "Max core file size        0 " in said
        names = {line.split(b"=")[0] for line in Path(f"/proc/{pid}/environ").read_bytes().split(b"\x00") if line}
        assert names <= {b"LANG", b"OMP_NUM_THREADS", *(name.encode() for name in child.PASSED)}
        assert len(os.listdir(f"/proc/{pid}/fd")) == 3  # and no other can take the place of one
        go_on.set()
    assert raised == []


def test_one_that_is_killed_in_the_middle_is_said_and_leaves_nothing() -> None:
    go_on = threading.Event()

    def pieces() -> Iterator[bytes]:
        yield b"\x89PNG"
        go_on.wait(20)
        yield bytes(1_000_000)

    with held(pieces()) as (pid, raised):
        os.kill(pid, signal.SIGKILL)
        go_on.set()
    assert [type(error) for error in raised] == [errors.Busy]
    assert children() == []


@pytest.mark.parametrize("limits", [Limits(memory=1 << 30, cpu=1, seconds=20), Limits(memory=1 << 30, cpu=20, seconds=1)])
def test_one_that_takes_too_long_is_ended(limits: Limits) -> None:
    slow = samples.docx("<w:p></w:p>" * 4_000_000)
    with pytest.raises(errors.TooLarge, match="too long"):
        child.asked(Task("text", "packed", limits, {"bytes": 1_000, "pages": 5}), [slow], OfText, most=1_000)
    assert children() == []


def test_one_that_needs_too_much_memory_is_ended() -> None:
    task = Task("image", "PNG", Limits(memory=140 << 20, cpu=20, seconds=20), GIVEN)
    with pytest.raises((errors.TooLarge, errors.InvalidInput), match="more"):
        child.asked(task, [samples.huge_png(5_000)], OfImage, most=1 << 30)


def saying(line: str, rest: str = "") -> list[str]:
    """A child that says this, as if a picture had taken it over."""
    return ["/usr/bin/printf", "%s\\n%s", line, rest]


@pytest.mark.parametrize(
    ("line", "rest"),
    [
        ("", ""),
        ("nonsense", ""),
        ('{"said": {}, "sizes": [99999999999], "refused": null}', ""),
        ('{"said": {}, "sizes": [5], "refused": null}', "abc"),
        ('{"said": {}, "sizes": [], "refused": null}', ""),
        ('{"said": {"type": "text/html", "width": 1, "widths": []}, "sizes": [6], "refused": null}', "<html>"),
        ('{"said": {"type": "image/png", "width": 1, "widths": []}, "sizes": [6], "refused": null}', "<html>"),
        ('{"said": {"type": "image/png", "width": -1, "widths": []}, "sizes": [4], "refused": null}', "\u0089PNG"),
        (GIF.replace("320", "0"), "GIF89aRIFF"),  # a thumbnail in the place of the image
        (GIF.replace("320", "999999"), "GIF89aRIFF"),
        ("[" * 60_000, ""),
    ],
)
def test_what_a_child_says_is_not_believed(line: str, rest: str, settings: Any) -> None:
    settings.DECODER = saying(line, rest)
    with pytest.raises(errors.InvalidInput):
        files.take_in(samples.image("PNG", samples.photo(8, 8)), name="a.png")
    settings.DECODER = saying(GIF, "GIF89aRIFF")
    assert files.take_in(samples.image("PNG", samples.photo(8, 8)), name="a.png").thumbnails == {320: b"RIFF"}


def test_many_at_once_take_turns_and_all_are_done(settings: Any) -> None:
    most, done = 0, threading.Event()

    def watch() -> None:
        nonlocal most
        while not done.wait(0.005):
            most = max(most, len(children()))

    watcher = threading.Thread(target=watch)
    watcher.start()
    picture = samples.image("PNG", samples.photo(80, 60))
    with ThreadPoolExecutor(12) as people:
        taken = list(people.map(lambda name: files.take_in(picture, name=name), [f"{number}.png" for number in range(12)]))
    done.set()
    watcher.join()
    assert len({each.digest for each in taken}) == 1
    assert 0 < most <= settings.UPLOADS_AT_ONCE


def test_more_than_can_wait_are_told_at_once(settings: Any) -> None:
    settings.UPLOADS_WAITING = 0
    with child.places().one(), child.places().one(), pytest.raises(errors.Busy):
        files.take_in(samples.image("PNG", samples.photo(8, 8)), name="a.png")
    settings.UPLOADS_WAITING, settings.UPLOAD_PATIENCE = 5, 0.01
    with child.places().one(), child.places().one(), pytest.raises(errors.Busy):
        files.take_in(samples.image("PNG", samples.photo(8, 8)), name="a.png")


def test_where_several_wait_one_of_each_comes_in_turn() -> None:
    """Who sends twenty at once holds up nobody for longer than one of them takes."""
    places, came, threads = child._Places(1), list[str](), list[threading.Thread]()

    def come(whose: str) -> None:
        with places.one(whose):
            came.append(whose)

    with places.one("stella"):
        for waiting, whose in enumerate(("stella", "stella", "stella", "mateo", "olivia", "mateo"), 1):
            threads.append(threading.Thread(target=come, args=[whose]))
            threads[-1].start()
            until(lambda waiting=waiting: sum(map(len, places._waiting.values())) == waiting)
    for thread in threads:
        thread.join(20)
    assert came == ["stella", "mateo", "olivia", "stella", "mateo", "stella"]


def test_who_has_nothing_waiting_may_wait_however_much_others_have(settings: Any) -> None:
    settings.UPLOADS_WAITING = 3
    places, threads = child._Places(1), list[threading.Thread]()
    refused = list[str]()

    def come(whose: str) -> None:
        try:
            with places.one(whose):
                pass
        except errors.Busy:
            refused.append(whose)

    with places.one("stella"):
        for whose in ("stella", "stella", "mateo", "stella", "olivia", "mateo", "robin"):
            threads.append(threading.Thread(target=come, args=[whose]))
            threads[-1].start()
            done = len(threads)
            until(lambda done=done: sum(map(len, places._waiting.values())) + len(refused) == done)
        assert refused == ["stella", "mateo", "robin"], "who waits already has no more, and there is an end to people, too"
    for thread in threads:
        thread.join(20)
    assert len(refused) == 3
