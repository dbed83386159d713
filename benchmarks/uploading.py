"""A process that takes in many files at once, as a server does, and tells what that took: `python -m benchmarks.uploading`.

Its input is a line of JSON: the files' paths, and how many come at once. Each is read from the disk as Django hands an upload on,
taken in, and put where files are kept.
"""

import contextlib
import json
import os
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import django

from benchmarks import machine

PAUSE = 0.01  # seconds between two looks at the memory


class Watch:
    """The most memory that this process has, and the most that those have that it started."""

    def __init__(self) -> None:
        self.own = self.children = 0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def _look(self) -> None:
        while not self._done.wait(PAUSE):
            own, *children = map(memory, machine.tree(os.getpid()))
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


def take(path: str) -> float:
    """Seconds until it was kept."""
    from chat import files

    began = time.monotonic()
    with open(path, "rb") as source:
        taken = files.take_in(source, name=Path(path).name)
    files.storage.put(files.storage.key(1, taken.digest), taken.data)
    for width, small in taken.thumbnails.items():
        files.storage.put(files.storage.key(1, taken.digest, width=width), small)
    return time.monotonic() - began


def main() -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "project.settings"
    django.setup()
    import project.asgi

    assert project.asgi
    asked = json.loads(sys.stdin.readline())
    take(asked["paths"][0])
    before, began = memory(os.getpid()), time.monotonic()
    with Watch() as watch, ThreadPoolExecutor(asked["at_once"]) as people:
        times = list(people.map(take, asked["paths"]))
    told = {
        "before": before,
        "own": watch.own,
        "children": watch.children,
        "after": memory(os.getpid()),
        "seconds": time.monotonic() - began,
        "slowest": max(times),
    }
    print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main()
