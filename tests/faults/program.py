"""One process of ours, `manage.py serve` or `manage.py worker`: started, killed, frozen by its pid; what it said is kept."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Self

ROOT = Path(__file__).resolve().parents[2]
KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "VIRTUAL_ENV")
STOP = 20.0  # seconds between SIGTERM and SIGKILL
# The listening socket comes as descriptor 3, announced to the very process that takes it: what systemd does.
HANDED = 'fd=$1; shift; LISTEN_PID=$$ LISTEN_FDS=1 exec "$@" 3<&$fd'
# Outlives us, whatever ends us: its standard input closes, and the processes it was told of last end.
GUARD = "pids=; while read -r line; do pids=$line; done; for pid in $pids; do kill -s KILL $pid; done"


class Guard:
    """Ends our processes when the tests themselves are killed."""

    def __init__(self) -> None:
        self.pids: set[int] = set()
        self.process = subprocess.Popen(
            ["sh", "-c", GUARD],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def keep(self, pid: int) -> None:
        self.pids.add(pid)
        self._tell()

    def forget(self, pid: int) -> None:
        self.pids.discard(pid)
        self._tell()

    def close(self) -> None:
        """All that is still there ends."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(10)

    def _tell(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{' '.join(map(str, self.pids))}\n".encode())
        self.process.stdin.flush()


class Program:
    """`listening` is the socket of a web process; it stays open here, so that a restart never refuses a connection."""

    def __init__(
        self, name: str, command: str, *, environment: dict[str, str], folder: Path, guard: Guard, listening: socket.socket | None
    ) -> None:
        self.name, self.command, self.environment = name, command, environment
        self.path, self.guard, self.listening = folder / f"{name}.log", guard, listening
        self.process: subprocess.Popen[bytes] | None = None
        self.before = 0  # bytes of the log that an earlier start has written

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    @property
    def port(self) -> int:
        assert self.listening is not None
        return int(self.listening.getsockname()[1])

    def start(self) -> Self:
        """Begun when this returns, not yet ready. What was said before stays in the log."""
        assert not self.running
        self.before = self.path.stat().st_size if self.path.exists() else 0
        inherited = {name: os.environ[name] for name in KEPT if name in os.environ}
        command, fds = [sys.executable, "manage.py", self.command], []
        if self.listening is not None:
            fds = [self.listening.fileno()]
            command = ["bash", "-c", HANDED, "handed", str(fds[0]), *command]
        with self.path.open("ab") as log:
            self.process = subprocess.Popen(
                command,
                cwd=ROOT,
                env={**inherited, "PYTHONUNBUFFERED": "1", **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=fds,
                start_new_session=True,
            )
        self.guard.keep(self.pid)
        return self

    def send(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def wait(self, seconds: float = STOP) -> int:
        """The exit status, negative for a signal."""
        assert self.process is not None
        status = self.process.wait(seconds)
        self.guard.forget(self.pid)
        return status

    def kill(self) -> None:
        """SIGKILL, as the kernel or a power cut does it. Gone when this returns."""
        self.send(signal.SIGKILL)
        self.wait()

    def pause(self) -> None:
        """SIGSTOP: it holds all it has, and does nothing."""
        self.send(signal.SIGSTOP)

    def resume(self) -> None:
        self.send(signal.SIGCONT)

    def stop(self) -> None:
        """As a deploy does it, and by force after 20 s."""
        if not self.running:
            return
        self.send(signal.SIGTERM)
        self.resume()
        try:
            self.wait()
        except subprocess.TimeoutExpired:
            self.kill()

    def said(self) -> str:
        return self.path.read_text(errors="replace") if self.path.exists() else ""

    def has_said(self, words: str) -> bool:
        """Since its last start."""
        with self.path.open("rb") as log:
            log.seek(self.before)
            return words.encode() in log.read()

    def complaints(self) -> list[str]:
        """What no fault may bring about: errors and tracebacks."""
        return [line for line in self.said().splitlines() if " ERROR " in line or line.startswith("Traceback")]

    def memory(self) -> int:
        """Resident bytes of the process."""
        return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def peak(self) -> int:
        """The most resident bytes that it has ever had, or since `forget_peak`."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) * 1024

    def forget_peak(self) -> None:
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")

    def connections(self) -> int:
        """Its open descriptors that are sockets."""
        return sum(1 for fd in _links(Path(f"/proc/{self.pid}/fd")) if fd.startswith("socket:"))

    def ports(self, to: int) -> set[int]:
        """Of this machine, from which it has connections to this port. (One may serve several, to different places.)"""
        held = {fd[len("socket:[") : -1] for fd in _links(Path(f"/proc/{self.pid}/fd")) if fd.startswith("socket:")}
        lines = [line.split() for line in Path(f"/proc/{self.pid}/net/tcp").read_text().splitlines()[1:]]
        ends = [(int(line[1].partition(":")[2], 16), int(line[2].partition(":")[2], 16)) for line in lines if line[9] in held]
        return {here for here, there in ends if there == to}


def _links(folder: Path) -> Iterable[str]:
    for path in folder.iterdir():
        try:
            yield os.readlink(path)
        except FileNotFoundError:
            continue
