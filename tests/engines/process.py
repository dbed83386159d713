"""A server process for the length of a `with`: started, waited for, stopped, and ended too when we are killed."""

import contextlib
import os
import pwd
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any, ClassVar, Self

START, STOP, TRIES = 30.0, 20.0, 3  # seconds, seconds, processes in one start
BELOW_EPHEMERAL = range(20_000, 32_000)

# Outlives us, whatever ends us: its standard input closes, and the engine it was told of last ends with its folder.
GUARD = """
pid=
while read -r line; do pid=$line; done
if [ -n "$pid" ] && kill -s "$1" "$pid"; then
    kill -s CONT "$pid"
    tries=0
    while kill -0 "$pid" && [ $tries -lt 100 ]; do sleep 0.1; tries=$((tries + 1)); done
fi
rm -rf "$2"
"""


def free_port() -> int:
    """A port that nobody has, and nobody gets by chance while its server is down: connections take theirs from above."""
    for port in random.SystemRandom().sample(BELOW_EPHEMERAL, 50):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return port
    raise RuntimeError("50 ports were tried, and none is free")


class Engine:
    """Subclasses say what to run and when it answers. The port stays the same over `end` and `start`."""

    name: ClassVar[str]
    last_resort: ClassVar[signal.Signals]  # what the guard sends
    user: str | None = None

    def __init__(self) -> None:
        self.port = free_port()
        self.folder = Path(tempfile.mkdtemp(prefix=f"parley-{self.name}-"))
        self.process: subprocess.Popen[bytes] | None = None
        self.guard = subprocess.Popen(
            ["sh", "-c", GUARD, "guard", self.last_resort.name[3:], str(self.folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            self.prepare()
        except BaseException:
            self.close()
            raise

    def prepare(self) -> None:
        """Write what the process needs into the folder."""
        raise NotImplementedError

    def command(self) -> list[str]:
        raise NotImplementedError

    def answers(self) -> bool:
        """Whether it serves already. Quick."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def start(self) -> Self:
        """Serving when this returns. A process that gives up at once (what the last one held is not free yet) is tried again."""
        deadline, tries = time.monotonic() + START, 0
        while time.monotonic() < deadline:
            if not self.running:
                if tries == TRIES:
                    break
                tries += 1
                self._spawn()
            elif self.answers():
                return self
            time.sleep(0.02)
        self.end(self.last_resort)
        raise RuntimeError(f"{self.name} does not start: {self.log()[-2000:]}")

    def end(self, number: signal.Signals) -> None:
        """Ended when this returns: asked with this signal, killed after 20 s."""
        if self.process is None:
            return
        if self.running:
            self.process.send_signal(number)
            self.process.send_signal(signal.SIGCONT)
        try:
            self.process.wait(STOP)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(STOP)
        self.process = None
        self._tell_guard("")

    def close(self) -> None:
        """Stopped for good, its folder removed."""
        self.end(self.last_resort)
        assert self.guard.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self.guard.stdin.close()
        try:
            self.guard.wait(STOP)
        except subprocess.TimeoutExpired:
            self.guard.kill()
            self.guard.wait(STOP)
            shutil.rmtree(self.folder, ignore_errors=True)

    def log(self) -> str:
        path = self.folder / "server.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def _spawn(self) -> None:
        with (self.folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                self.command(),
                cwd=self.folder,
                env=environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # an interrupt at the terminal is for the tests, which then end us
                **as_user(self.user),
            )
        self._tell_guard(str(self.process.pid))

    def _tell_guard(self, pid: str) -> None:
        assert self.guard.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self.guard.stdin.write(f"{pid}\n".encode())
            self.guard.stdin.flush()


def environment() -> dict[str, str]:
    """Nothing of ours that an engine would take for its configuration (PGDATA, PGPORT …)."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8"}


def as_user(name: str | None) -> dict[str, Any]:
    """What `subprocess` wants to hear for this user."""
    return {} if name is None else {"user": name, "group": pwd.getpwnam(name).pw_gid, "extra_groups": []}
