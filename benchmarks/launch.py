"""Processes of a benchmark: started from the project's folder, told by a line that they are ready, and ended for certain."""

import ctypes
import os
import signal
import subprocess
import sys
from contextlib import suppress
from typing import Self

from benchmarks import ROOT

KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "VIRTUAL_ENV")


LIBC = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1


def _end_with_parent() -> None:
    """Whatever ends the benchmark ends what it has started."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


class Process:
    """`python ARGUMENTS…`; `first` is the first line it prints, which it does when it is ready. `cores` pins it to some."""

    def __init__(self, *arguments: str, environment: dict[str, str] | None = None, cores: frozenset[int] = frozenset()) -> None:
        kept = {name: os.environ[name] for name in KEPT if name in os.environ}
        self.process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=ROOT,
            env={**kept, **(environment or {})},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            preexec_fn=_end_with_parent,
        )
        if cores:
            os.sched_setaffinity(self.process.pid, cores)
        self.first = ""

    def ready(self) -> Self:
        assert self.process.stdout is not None
        self.first = self.process.stdout.readline().strip()
        if not self.first:
            raise RuntimeError(f"{self.process.args!r} ended before it was ready")
        return self

    def tell(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    @property
    def pid(self) -> int:
        return self.process.pid

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(20)
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(5)
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with suppress(BrokenPipeError):
                    pipe.close()


def run(*arguments: str, environment: dict[str, str]) -> str:
    """A command that ends by itself; what it prints."""
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={**kept, **environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{arguments} failed: {done.stderr[-3000:]}")
    return done.stdout.strip()
