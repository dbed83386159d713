"""A whole Parley on loopback for the tests: `manage.py serve` in a process and a directory of its own."""

import os
import queue
import socket
import subprocess
import sys
import threading
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "VIRTUAL_ENV")
READY = "Parley is ready: "


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class House:
    """`model_server` is an OPENAI_BASE_URL; without one the bundled model answers. `url` is where people go."""

    def __init__(self, folder: Path, *, model_server: str = "") -> None:
        self.folder, self.port = folder, free_port()
        self.url = f"http://localhost:{self.port}"
        self.environment = {name: os.environ[name] for name in KEPT if name in os.environ}
        self.environment |= {"PORT": str(self.port), "PARLEY_VAR": str(folder)}
        self.environment["EGRESS_ALLOW"] = "127.0.0.1/32"  # where tests have web servers of somebody else's
        if model_server:
            self.environment |= {"OPENAI_BASE_URL": model_server, "OPENAI_API_KEY": "sk-scripted"}
        self.process: subprocess.Popen[str] | None = None

    def start(self, *, within: float = 60) -> "House":
        """Up, and the first line said; `within` is in seconds."""
        with (self.folder / "stderr.log").open("a") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "serve"],
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        lines: queue.Queue[str] = queue.Queue()
        self.reader = threading.Thread(target=self._read, args=(lines,), daemon=True)
        self.reader.start()
        try:
            while not lines.get(timeout=within).startswith(READY):
                pass
        except queue.Empty:
            self.stop()
            raise AssertionError(f"no server within {within} s: {self.log()[-2000:]}") from None
        return self

    def _read(self, lines: "queue.Queue[str]") -> None:
        assert self.process is not None
        assert self.process.stdout is not None
        with self.process.stdout as said:
            for line in said:
                lines.put(line)

    def stop(self, *, kill: bool = False) -> None:
        """As a deploy does it, or as a power cut does."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.kill() if kill else self.process.terminate()
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(5)
        self.reader.join(5)

    def log(self) -> str:
        return (self.folder / "stderr.log").read_text()

    def run(self, script: str, *arguments: str) -> str:
        """Run `tests/browser/<script>` on this house's database; what it prints."""
        command = [sys.executable, "-m", f"tests.browser.{script}", *arguments]
        done = subprocess.run(command, cwd=ROOT, env=self.environment, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout.strip()
