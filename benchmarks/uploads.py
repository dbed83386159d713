"""Twenty people put in a file of 20 MB each, at once: what the server's memory grows by, and what its children take."""

import asyncio
import contextlib
import os
import tempfile
import threading
import time
from pathlib import Path

import httpx
from PIL import Image

from benchmarks import machine
from benchmarks.load import model_server
from benchmarks.options import Options
from benchmarks.report import Figure, Section
from benchmarks.server import Server, Topology, serving

SIZE = 20_000_000  # bytes of a file, about
PAUSE = 0.01  # seconds between two looks at the memory
PATIENCE = 300  # seconds for all of them
TOKEN = "c" * 32


class Watch:
    """The most memory that a process has, and the most that those have together that it started, in bytes."""

    def __init__(self, pid: int) -> None:
        self.pid, self.own, self.children = pid, 0, 0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def _look(self) -> None:
        while not self._done.wait(PAUSE):
            own, *children = map(memory, machine.tree(self.pid))
            self.own, self.children = max(self.own, own), max(self.children, sum(children))

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()


def memory(pid: int) -> int:
    """Resident bytes of one process; none where it has ended meanwhile."""
    with contextlib.suppress(OSError):
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * machine.PAGE
    return 0


def run(options: Options) -> list[Section]:
    count = 4 if options.short else 20
    with tempfile.TemporaryDirectory(prefix="parley-uploads-") as folder:
        made = [photo(Path(folder)), document(Path(folder)), text(Path(folder))]
        options.progress(f"uploads: {', '.join(f'{path.name} of {path.stat().st_size / 1e6:.1f} MB' for path in made)}")
        paths = [made[0 if number % 2 else 1 + number // 2 % 2] for number in range(count)]
        with model_server() as model, serving(Topology("one process"), model_server=model.url) as server:
            return [Section(f"{count} uploads of 20 MB at once", SAID, [], measured(server, paths))]


def measured(server: Server, paths: list[Path]) -> list[Figure]:
    (pid,) = server.pids
    sessions = server.people(len(paths) + 1)
    asyncio.run(put_in(server.url, sessions[-1:], paths[:1]))  # what is loaded at the first is not counted
    before, began = memory(pid), time.monotonic()
    with Watch(pid) as watch:
        times = asyncio.run(put_in(server.url, sessions, paths))
    return [
        Figure("what the server's memory grows by", (watch.own - before) / 1e6, "MB", 200),
        Figure("what is left of that when all are kept", (memory(pid) - before) / 1e6, "MB", 60),
        Figure("memory of the children, all together", watch.children / 1e6, "MB", 1_200),
        Figure("until all are kept", time.monotonic() - began, "s"),
        Figure("until the first of them is kept", min(times), "s"),
    ]


async def put_in(url: str, sessions: list[str], paths: list[Path]) -> list[float]:
    """Each by somebody else, as a browser does it; seconds until each was kept."""
    async with httpx.AsyncClient(base_url=url, timeout=PATIENCE, limits=httpx.Limits(max_connections=None)) as client:
        return await asyncio.gather(*(_one(client, session, path) for session, path in zip(sessions, paths, strict=False)))


async def _one(client: httpx.AsyncClient, session: str, path: Path) -> float:
    origin = str(client.base_url).rstrip("/")
    headers = {
        "Cookie": f"sessionid={session}; csrftoken={TOKEN}",
        "X-CSRFToken": TOKEN,
        "Origin": origin,
        "Referer": f"{origin}/",
    }
    began = time.monotonic()
    with path.open("rb") as source:
        answer = await client.post("/files/", files={"file": (path.name, source)}, headers=headers)
    if answer.status_code != 200:
        raise RuntimeError(f"{path.name}: {answer.status_code} {answer.text[:500]}")
    return time.monotonic() - began


def photo(folder: Path) -> Path:
    """Twenty-five megapixels of noise, as large as it may be."""
    path = folder / "photo.jpg"
    noise = [Image.effect_noise((5_000, 5_000), 60) for _ in range(3)]
    Image.merge("RGB", noise).save(path, quality=82)
    return path


def document(folder: Path) -> Path:
    """A page, and a stream of which nothing is seen."""
    path = folder / "report.pdf"
    head = b"%PDF-1.4\n1 0 obj\n<</Type/Catalog/Pages 2 0 R>>\nendobj\n2 0 obj\n<</Type/Pages/Kids[3 0 R]/Count 1>>\nendobj\n"
    page = b"3 0 obj\n<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>\nendobj\n"
    filling = os.urandom(SIZE - 1_000)
    stream = b"4 0 obj\n<</Length %d>>\nstream\n%s\nendstream\nendobj\n" % (len(filling), filling)
    path.write_bytes(head + page + stream + b"trailer\n<</Root 1 0 R>>\n%%EOF\n")
    return path


def text(folder: Path) -> Path:
    path = folder / "log.txt"
    line = "2026-11-27 12:00:00 größer als gedacht — and then it went on\n"
    path.write_text(line * (SIZE // len(line.encode())))
    return path


SAID = """Half of them photos of 25 megapixels, a quarter PDFs, a quarter texts, each put in by somebody else over HTTP, all
at the same time, into a server of one process: received, looked at and decoded (`chat/files/`; two children at a time), and put
on the disk."""
