"""A whole Parley on loopback: one process on SQLite, or several on Postgres and Redis behind nginx. Each a real process."""

import contextlib
import http.client
import json
import os
import socket
import sqlite3
import ssl
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from time import monotonic, sleep
from typing import Any, Self

import psycopg

from tests.faults.front import Front
from tests.faults.program import KEPT, ROOT, Guard, Program
from tests.faults.visitor import Visitor

KEY = "a key for the fault tests alone, 0123456789abcdef"
WORKER_READY = "The worker is ready."
SPARE = 60  # people who are made beside those that are needed: each start of a program takes a second
# What a fault test shortens, so that absences take seconds.
QUICK = {"RUN_LEASE": "3", "RUN_SWEEP": "1", "DRAIN_SECONDS": "4"}


def listening(backlog: int = 2048) -> socket.socket:
    """A socket as systemd holds it for a web process."""
    held = socket.socket()
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    held.bind(("127.0.0.1", 0))
    held.listen(backlog)
    return held


class House:
    """`with` starts everything and ends it. `web` and `workers` are its processes, `url` is where people go."""

    def __init__(self, folder: Path, *, model_server: str, web: int = 1, workers: int = 0, **environment: str) -> None:
        self.folder, self.guard = folder, Guard()
        self.environment = {"PARLEY_VAR": str(folder / "var"), "OPENAI_BASE_URL": model_server, "OPENAI_API_KEY": "sk-scripted"}
        self.environment |= {"SECRET_KEY": KEY, **QUICK, **environment}
        self.sockets = [listening() for _ in range(web)]
        self.web = [self._program(f"web{index}", "serve", held) for index, held in enumerate(self.sockets)]
        self.workers = [self._program(f"worker{index}", "worker") for index in range(workers)]
        self.front: Front | None = None
        self.url = f"http://localhost:{self.web[0].port}"
        self.crowd: list[list[str]] = []  # names and sessions of people who have not come yet
        self.crowds = 0
        self.engine: Path | None = None  # where a Postgres of its own has its files

    def _program(self, name: str, command: str, held: socket.socket | None = None) -> Program:
        more: Mapping[str, str] = {"PORT": str(held.getsockname()[1])} if held else {}
        environment = {**self.environment, **more}
        return Program(name, command, environment=environment, folder=self.folder, guard=self.guard, listening=held)

    @property
    def programs(self) -> list[Program]:
        return [*self.web, *self.workers]

    @property
    def trust(self) -> ssl.SSLContext | None:
        return self.front.trust() if self.front else None

    def __enter__(self) -> Self:
        try:
            for program in self.programs:
                program.environment["PARLEY_URL"] = self.url
                program.start()
            for program in self.programs:
                self.wait_for(program)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for program in self.programs:
            if program.running:
                program.kill()
        for held in self.sockets:
            held.close()
        self.guard.close()

    def wait_for(self, program: Program, *, within: float = 30) -> None:
        """Until this process serves, or executes. A web process's socket takes the question at once; it answers when it can."""
        deadline = monotonic() + within
        while not self.ready(program):
            assert program.running, f"{program.name} has ended: {program.said()[-2000:]}"
            assert monotonic() < deadline, f"{program.name} is not ready within {within} s: {program.said()[-2000:]}"

    def ready(self, program: Program) -> bool:
        """Asked once; it takes two seconds at most."""
        if program.listening is None:
            sleep(0.02)
            return program.has_said(WORKER_READY)
        with contextlib.suppress(OSError):
            return self.ask(program, "/readyz", within=2)[0] == 200
        return False

    def ask(self, program: Program, path: str, *, within: float = 5) -> tuple[int, str]:
        """GET from this very process, past nginx."""
        connection = http.client.HTTPConnection("127.0.0.1", program.port, timeout=within)
        try:
            connection.request("GET", path, headers={"Connection": "close"})
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def people(self, count: int) -> list[Visitor]:
        """People with an account and a sign-in each; no password is hashed for them."""
        if len(self.crowd) < count:
            self.crowds += 1
            self.crowd += json.loads(self.run("tests.crowd", str(count + SPARE), f"crowd{self.crowds}_"))
        made, self.crowd = self.crowd[:count], self.crowd[count:]
        return [Visitor(self.url, name, session, self.trust) for name, session in made]

    def run(self, module: str, *arguments: str) -> str:
        """`python -m module` on this house's database; what it prints."""
        inherited = {name: os.environ[name] for name in KEPT if name in os.environ}
        command = [sys.executable, "-m", module, *arguments]
        environment = {**inherited, **self.environment}
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout.strip()

    def rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """What stands in the database, read past our code. `%s` for each value."""
        if url := self.environment.get("DATABASE_URL"):
            with psycopg.connect(url, autocommit=True, connect_timeout=5) as connection:
                return connection.execute(statement, values or None).fetchall()  # type: ignore[arg-type]
        with sqlite3.connect(self.folder / "var" / "parley.sqlite3", timeout=20) as file:
            found = file.execute(statement.replace("%s", "?"), values).fetchall()
        file.close()
        return found

    def statuses(self, conversation_id: str) -> list[str]:
        """Of the Responses of a conversation, oldest first."""
        found = self.rows("SELECT status FROM chat_response WHERE conversation_id = %s ORDER BY created", conversation_id)
        return [status for (status,) in found]

    def branch(self, conversation_id: str) -> list[tuple[str, str]]:
        """What was said, in the order of the one branch: each text, and the status of its reply. Every message must be on it."""
        said = self.rows(
            "SELECT chat_item.wire, chat_item.previous_id, chat_response.id, chat_response.status FROM chat_item"
            " JOIN chat_response ON chat_response.input_id = chat_item.id WHERE chat_item.conversation_id = %s",
            conversation_id,
        )
        after = {previous: (wire, response, status) for wire, previous, response, status in said}
        assert len(after) == len(said), "two messages follow the same reply"
        order, at = [], None
        while at in after:
            wire, at, status = after[at]
            order.append((wire_item(wire)["content"][0]["text"], status))
        assert len(order) == len(said), "a message is not on the branch"
        return order

    def said(self) -> str:
        """The ends of all logs: shown when a test fails."""
        return "\n".join(f"== {program.name}\n{program.said()[-6000:]}" for program in self.programs)


class LargeHouse(House):
    """Several processes on `database_url` and `redis_url` behind nginx. Migrated before they start."""

    def __init__(self, folder: Path, *, model_server: str, database_url: str, redis_url: str = "", **options: Any) -> None:
        more = {"DATABASE_URL": database_url, **({"REDIS_URL": redis_url} if redis_url else {})}
        if options.get("workers"):
            more["PARLEY_WORKER"] = "apart"
        super().__init__(folder, model_server=model_server, **{**more, **options})
        self.front = Front([program.port for program in self.web])
        self.url = self.front.url

    def __enter__(self) -> Self:
        assert self.front is not None
        try:
            self.front.start()
            self.run("manage", "migrate", "--no-input")
        except BaseException:
            self.__exit__()
            raise
        return super().__enter__()

    def __exit__(self, *_: object) -> None:
        super().__exit__()
        assert self.front is not None
        self.front.close()

    def said(self) -> str:
        assert self.front is not None
        return f"{super().said()}\n== nginx\n{self.front.log()[-2000:]}"


def wire_item(value: Any) -> dict[str, Any]:
    """An item's JSON as either database gives it."""
    item = json.loads(value) if isinstance(value, str) else value
    assert isinstance(item, dict)
    return item
