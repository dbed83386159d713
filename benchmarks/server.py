"""A real server under measurement: `manage.py serve` in a process of its own, and people who use it over HTTP and sockets."""

import os
import re
import secrets
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parent.parent
TICKS = os.sysconf("SC_CLK_TCK")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Server:
    """`manage.py serve` on a free port with its own data; `environment` adds variables."""

    def __init__(self, **environment: str) -> None:
        self.port = free_port()
        self.url = f"http://localhost:{self.port}"
        self.var = tempfile.mkdtemp(prefix="parley-bench-")
        given = {"PARLEY_VAR": self.var, "PORT": str(self.port), **environment}
        kept = {name: value for name, value in os.environ.items() if not re.match("OPENAI|PARLEY|DATABASE|REDIS|SECRET", name)}
        command = [sys.executable, str(ROOT / "manage.py"), "serve"]
        self.process = subprocess.Popen(command, env={**kept, **given}, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        if "ready" not in (line := self.process.stdout.readline()):
            raise RuntimeError(f"the server did not start: {line}")

    def cpu(self) -> float:
        """CPU seconds that the server's process has used, children left out."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def memory(self) -> int:
        """Resident bytes."""
        return int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(20)

    async def person(self) -> "Person":
        """Somebody who has just signed up."""
        person = Person(self.url)
        await person.sign_up()
        return person


class Person:
    def __init__(self, url: str) -> None:
        self.url = url
        self.http = httpx.AsyncClient(base_url=url, timeout=60, headers={"Referer": url, "Origin": url})

    @property
    def cookies(self) -> str:
        return "; ".join(f"{name}={value}" for name, value in self.http.cookies.items())

    async def post(self, path: str, **fields: str) -> httpx.Response:
        token = self.http.cookies.get("csrftoken") or ""
        return await self.http.post(path, data=fields, headers={"X-CSRFToken": token})

    async def sign_up(self) -> None:
        await self.http.get("/accounts/signup/")
        password = secrets.token_hex(12)
        answer = await self.post("/accounts/signup/", username=f"u{secrets.token_hex(6)}", password1=password, password2=password)
        if answer.status_code != 302:
            raise RuntimeError(f"sign-up answered {answer.status_code}: {answer.text[:500]}")

    async def begin(self, text: str) -> str:
        """Send a first message; returns the new conversation's path."""
        answer = await self.post("/", text=text)
        if answer.status_code != 303:
            raise RuntimeError(f"sending answered {answer.status_code}: {answer.text[:500]}")
        return answer.headers["Location"]
