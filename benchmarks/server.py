"""Parley under measurement: `manage.py serve` and `manage.py worker` in processes of their own, on SQLite or on Postgres."""

import json
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from benchmarks import launch, machine
from benchmarks.launch import Process


@dataclass(frozen=True)
class Topology:
    """`workers` are processes beside the one that serves; without any the runs are executed inside it."""

    name: str
    database: str = ""  # DATABASE_URL; "" is SQLite
    redis: str = ""
    workers: int = 0
    beside: dict[str, list[int]] = field(default_factory=dict)  # what else works for it: name → processes
    cores: frozenset[int] = frozenset()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Server:
    """A whole Parley with data of its own. `url` is where people go."""

    def __init__(self, topology: Topology, *, model_server: str) -> None:
        self.topology, port = topology, free_port()
        self.url = f"http://localhost:{port}"
        self.folder = tempfile.mkdtemp(prefix="parley-bench-")
        self.environment = {
            "PARLEY_VAR": self.folder,
            "PORT": str(port),
            "OPENAI_BASE_URL": model_server,
            "PARLEY_MODEL": "bench",
        }
        if topology.database:
            self.environment |= {"DATABASE_URL": topology.database, "SECRET_KEY": "benchmarks-0123456789-abcdefghijklmnop"}
            self.environment |= {"PARLEY_WORKER": "apart" if topology.workers else "inside"}
            self.run("manage.py", "migrate", "--verbosity", "0")
        if topology.redis:
            self.environment |= {"REDIS_URL": topology.redis}
        self.processes = [self._start("serve").ready()]
        self.processes += [self._start("worker").ready() for _ in range(topology.workers)]

    def _start(self, command: str) -> Process:
        return Process("manage.py", command, environment=self.environment, cores=self.topology.cores)

    def run(self, *arguments: str) -> str:
        """A command beside it, on its database; what it prints."""
        return launch.run(*arguments, environment=self.environment)

    def people(self, count: int) -> list[str]:
        """So many people who have signed in; their sessions."""
        return [session for _, session in json.loads(self.run("-m", "tests.browser.crowd", str(count)))]

    @property
    def pids(self) -> list[int]:
        return [process.pid for process in self.processes]

    def cpu(self) -> dict[str, float]:
        """CPU seconds so far, of Parley's processes (`server`) and of what works beside them."""
        return {name: machine.cpu(pids) for name, pids in {"server": self.pids, **self.topology.beside}.items()}

    def memory(self) -> int:
        return machine.memory(self.pids)

    def stop(self) -> None:
        for process in reversed(self.processes):
            process.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


@contextmanager
def serving(topology: Topology, *, model_server: str) -> Iterator[Server]:
    server = Server(topology, model_server=model_server)
    try:
        yield server
    finally:
        server.stop()
