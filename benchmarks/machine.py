"""What processes cost, read from the system, and which machine it was."""

import os
import platform
import subprocess
import time
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path

from benchmarks import ROOT

TICK = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
NAMED = ("Django", "channels", "uvicorn", "uvloop", "websockets", "aiohttp")


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the state on: 1 is the parent, 13 and 14 the CPU of children that have ended."""
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()


def tree(root: int) -> list[int]:
    """A process and all that descend from it."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                children.setdefault(int(_stat(int(entry.name))[1]), []).append(int(entry.name))
            except OSError:
                continue  # it has ended meanwhile
    found = [root]
    for pid in found:
        found += children.get(pid, [])
    return found


def cpu(roots: Iterable[int]) -> float:
    """CPU seconds of these processes and their descendants, to the microsecond (those that ended: to the tick)."""
    total = 0.0
    for root in roots:
        gone = _stat(root)
        total += (int(gone[13]) + int(gone[14])) / TICK
        for pid in tree(root):
            try:
                total += time.clock_gettime((~pid << 3) | 2)  # the kernel's number for the CPU clock of a process
            except OSError:
                continue
    return total


def memory(roots: Iterable[int]) -> int:
    """Resident bytes of these processes and their descendants; pages that they share count for each."""
    return sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE for root in roots for pid in tree(root))


def core(number: int) -> frozenset[int]:
    """One of the cores that we may use, to pin a process to; where there is one alone, it is everybody's."""
    ours = sorted(os.sched_getaffinity(0))
    return frozenset({ours[number % len(ours)]})


def described() -> list[tuple[str, str]]:
    """The machine and the versions, as they stand above the results."""
    cpuinfo = Path("/proc/cpuinfo").read_text()
    model = next((line.partition(": ")[2] for line in cpuinfo.splitlines() if line.startswith("model name")), "unknown")
    memory_kb = int(Path("/proc/meminfo").read_text().split()[1])
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)
    return [
        ("Date", time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())),
        ("Machine", f"{os.cpu_count()} cores of {model}, {memory_kb / 2**20:.0f} GB, Linux {platform.release()}"),
        ("Python", f"{platform.python_version()}, " + ", ".join(f"{name} {version(name)}" for name in NAMED)),
        ("Commit", commit.stdout.strip() or "unknown"),
        ("Load before", load()),
    ]


def load() -> str:
    """The load averages of one, five and fifteen minutes."""
    return " ".join(f"{average:.2f}" for average in os.getloadavg())
