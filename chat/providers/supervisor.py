"""The process of the bundled model: started, watched, started again, ended with us.

A thread of its own does it, not a task: a task lives as long as its event loop, a view may have another loop than the runs, and
the kernel ends the child when the thread that started it ends.
"""

import contextlib
import json
import logging
import os
import secrets
import subprocess
import threading
import time
from dataclasses import dataclass
from typing import Final

from chat.providers.base import Status

log = logging.getLogger("chat.providers.llama")
LOADING: Final = Status("loading", "The model is loading.")
RESTARTING: Final = Status("restarting", "The model is restarting.")
UNAVAILABLE: Final = Status(
    "unavailable", "The bundled model does not start. Whoever runs this server finds the reason in its log."
)
STOPPED: Final = Status("unavailable", "The bundled model has been stopped.")
HOPELESS: Final = 5  # starts in a row that failed
STEADY: Final = 30.0  # seconds after which a start counts as good


@dataclass(frozen=True, slots=True)
class Address:
    """Where the model answers now. The key does not show in a repr."""

    port: int
    key: str

    def __repr__(self) -> str:
        return f"Address(port={self.port})"


class Supervisor:
    """`command` prints {"port": n} on its standard output when it serves, and ends when its standard input does.

    `backoff` is the first and the longest pause before another start, in seconds; `load` how long a start may take.
    """

    def __init__(self, command: list[str], *, backoff: tuple[float, float] = (0.5, 30.0), load: float = 60.0) -> None:
        self._command, self._backoff, self._load = command, backoff, load
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        self._child: subprocess.Popen[bytes] | None = None
        self._address: Address | None = None
        self._status = LOADING

    @property
    def address(self) -> Address | None:
        """None while there is none to ask."""
        return self._address

    @property
    def pid(self) -> int | None:
        child = self._child
        return child.pid if child and child.poll() is None else None

    def status(self) -> Status:
        return self._status

    def start(self) -> None:
        """Returns at once; starting twice does no harm."""
        with self._lock:
            if self._thread is None and not self._ended.is_set():
                self._thread = threading.Thread(target=self._keep, name="llama-supervisor", daemon=True)
                self._thread.start()

    def stop(self) -> None:
        """End the child and wait for it; there is no start after that."""
        self._ended.set()
        with self._lock:
            thread, child = self._thread, self._child
            if child is not None:
                _end(child)
        if thread is not None:
            thread.join(10)
        self._address, self._status = None, STOPPED

    def _keep(self) -> None:
        pause, failures = self._backoff[0], 0
        while not self._ended.is_set():
            started = time.monotonic()
            served = self._run_once()
            if self._ended.is_set():
                return
            steady = served and time.monotonic() - started > STEADY
            pause, failures = (self._backoff[0] if steady else pause), (0 if served else failures + 1)
            self._status = UNAVAILABLE if failures >= HOPELESS else RESTARTING
            self._ended.wait(pause)
            pause = min(pause * 2, self._backoff[1])

    def _run_once(self) -> bool:
        """One life of the child; whether it got as far as serving."""
        key = secrets.token_urlsafe(32)
        child = self._spawn(key)
        if child is None:
            return False
        port = self._port(child)
        if port is not None and not self._ended.is_set():
            self._address, self._status = Address(port, key), Status()
            log.info("The bundled model is ready.")
        code = child.wait()
        self._address = None
        _end(child)
        if not self._ended.is_set():
            log.warning("The bundled model ended with code %s; it is started again.", code)
        return port is not None

    def _spawn(self, key: str) -> subprocess.Popen[bytes] | None:
        environment = {**os.environ, "PARLEY_LLAMA_KEY": key, "PARLEY_LLAMA_PARENT": str(os.getpid())}
        with self._lock:
            if self._ended.is_set():
                return None
            try:
                # Its own session: Ctrl+C in a terminal is for us, and we end it when the replies under way have ended.
                self._child = subprocess.Popen(
                    self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, start_new_session=True
                )
            except OSError as error:
                log.error("The bundled model cannot be started: %s", error.strerror)
                return None
        return self._child

    def _port(self, child: subprocess.Popen[bytes]) -> int | None:
        """What the child reports; None when it ends, or says nothing in time and is ended."""
        late = threading.Timer(self._load, child.kill)
        late.daemon = True
        late.start()
        try:
            assert child.stdout
            report = json.loads(child.stdout.readline(4096) or b"null")
            return int(report["port"])
        except (ValueError, KeyError, TypeError, OSError):
            child.kill()
            return None
        finally:
            late.cancel()


def _end(child: subprocess.Popen[bytes]) -> None:
    """SIGTERM, two seconds, SIGKILL; and its pipes."""
    if child.poll() is None:
        child.terminate()
        try:
            child.wait(2)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait(5)
    for pipe in (child.stdin, child.stdout):
        with contextlib.suppress(OSError):
            if pipe:
                pipe.close()
