"""The server's side of a child: started, told, heard, ended. So many at a time; others wait their turn."""

import contextlib
import json
import os
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Annotated, Final, TypeVar

from django.conf import settings
from pydantic import BaseModel, Field, ValidationError

from chat import errors
from chat.decoding.frames import LINE, Task

CHUNK: Final = 65_536
FULL: Final = "Too many files are being read just now."
KINDS: Final = {"large": errors.TooLarge, "invalid": errors.InvalidInput}
STARTS: Final = {"PNG": b"\x89PNG", "JPEG": b"\xff\xd8\xff", "WEBP": b"RIFF", "GIF": b"GIF89a"}  # of images that one made
# Nothing of ours: no key, no address. What numeric libraries were told about this machine's processor stays.
PASSED: Final = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")


Count = Annotated[int, Field(ge=0, lt=1 << 31)]


class Said(BaseModel):
    """The line of an answer: what a child says is not trusted either."""

    said: dict[str, object]
    sizes: Annotated[list[Count], Field(max_length=8)]
    refused: tuple[str, str, str] | None


Shape = TypeVar("Shape", bound=BaseModel)


class Ended(Exception):
    """The child ended without an answer; `late` when it took too long."""

    def __init__(self, *, late: bool, killed: bool) -> None:
        super().__init__("late" if late else "killed" if killed else "broken")
        self.late, self.killed = late, killed


class _Places:
    """Turns. Who cannot have one soon is told so, and holds nothing meanwhile. Where several people wait, one of each comes in
    turn: twenty hostile files of one hold up another's photo for as long as those that are being read, no longer. Who has none
    waiting may wait with one however many wait of few others; only so many people do.
    """

    def __init__(self, most: int) -> None:
        self._lock = threading.Lock()
        self._free = most  # none as long as somebody waits
        self._waiting: dict[object, deque[threading.Event]] = {}  # by whose they are; the first is the next

    @contextlib.contextmanager
    def one(self, whose: object = None) -> Iterator[None]:
        self._enter(whose)
        try:
            yield
        finally:
            self._leave()

    def _enter(self, whose: object) -> None:
        with self._lock:
            if self._free:
                self._free -= 1
                return
            ahead = sum(map(len, self._waiting.values())) if whose in self._waiting else len(self._waiting)
            if ahead >= settings.UPLOADS_WAITING:
                raise errors.Busy(FULL)
            turn = threading.Event()
            self._waiting.setdefault(whose, deque()).append(turn)
        if not turn.wait(settings.UPLOAD_PATIENCE):
            self._give_up(whose, turn)

    def _give_up(self, whose: object, turn: threading.Event) -> None:
        with self._lock:
            if turn.is_set():  # just now
                return
            self._waiting[whose].remove(turn)
            if not self._waiting[whose]:
                del self._waiting[whose]
        raise errors.Busy(FULL)

    def _leave(self) -> None:
        with self._lock:
            if not self._waiting:
                self._free += 1
                return
            whose = next(iter(self._waiting))
            theirs = self._waiting.pop(whose)
            theirs.popleft().set()
            if theirs:
                self._waiting[whose] = theirs  # behind all others


@cache
def places() -> _Places:
    return _Places(settings.UPLOADS_AT_ONCE)


@cache
def places_for_words() -> _Places:
    """Apart: reading what is written in an image takes long, and nobody's upload waits for it."""
    return _Places(settings.WORDS_AT_ONCE)


def asked(task: Task, source: Iterable[bytes], shape: type[Shape], *, most: int) -> tuple[Shape, list[bytes]]:
    """What a child makes of these bytes: what it says of them, and at most so many bytes, all parts together. The caller holds a
    place.

    InvalidInput or TooLarge, with the child's sentence, or caused by Ended, where it has said nothing; Busy when somebody ended
    it; whatever `source` raises.
    """
    try:
        answer, parts = _work(task, source, most)
        if answer.refused:
            kind, message, next = answer.refused
            raise KINDS.get(kind, errors.InvalidInput)(message[:300], next=next[:300])
        return shape.model_validate(answer.said), parts
    except Ended as ended:
        raise _meant(ended) from ended
    except ValidationError:
        broken = Ended(late=False, killed=False)
        raise _meant(broken) from broken


def _meant(ended: Ended) -> errors.ParleyError:
    if ended.killed:
        return errors.Busy("The work on this file was cut off.")
    if ended.late:
        return errors.TooLarge("It takes too long to read this file.", next="Send a smaller or a simpler one.")
    return errors.InvalidInput(
        "This file cannot be read: it is damaged, or needs more than one may take.",
        next="Check that it opens elsewhere, or send a smaller one.",
    )


def _work(task: Task, source: Iterable[bytes], most: int) -> tuple[Said, list[bytes]]:
    late = threading.Event()
    child = subprocess.Popen(
        settings.DECODER,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=settings.BASE_DIR,
        env={"LANG": "C.UTF-8", "OMP_NUM_THREADS": "1", **{name: os.environ[name] for name in PASSED if name in os.environ}},
        start_new_session=True,
    )

    def too_late() -> None:
        late.set()
        child.kill()

    timer = threading.Timer(task.limits.seconds, too_late)
    timer.start()
    try:
        _tell(child, task, source)
        return _hear(child, most)
    except (ValueError, ValidationError, EOFError, RecursionError):
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(2)
        over = late.is_set() or child.returncode in (-signal.SIGXCPU, -signal.SIGALRM)
        raise Ended(late=over, killed=child.returncode == -signal.SIGKILL and not over) from None
    finally:
        timer.cancel()
        _end(child)


def _tell(child: subprocess.Popen[bytes], task: Task, source: Iterable[bytes]) -> None:
    """It may have answered, and ended, before it has heard all."""
    assert child.stdin
    with contextlib.suppress(BrokenPipeError):
        child.stdin.write(task.line())
        child.stdin.flush()  # it loads its decoders while the first bytes come
        for piece in source:
            child.stdin.write(piece)
        child.stdin.flush()
    with contextlib.suppress(BrokenPipeError):
        child.stdin.close()


def _hear(child: subprocess.Popen[bytes], most: int) -> tuple[Said, list[bytes]]:
    assert child.stdout
    answer = Said.model_validate(json.loads(child.stdout.readline(LINE)))
    if sum(answer.sizes) > most:
        raise ValueError
    parts = [child.stdout.read(size) for size in answer.sizes]
    if [len(part) for part in parts] != answer.sizes:
        raise EOFError
    return answer, parts


def _end(child: subprocess.Popen[bytes]) -> None:
    child.kill()
    child.wait()
    for pipe in (child.stdin, child.stdout):
        with contextlib.suppress(OSError):
            if pipe:
                pipe.close()
