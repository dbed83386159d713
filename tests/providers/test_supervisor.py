"""The bundled model's process, played by a few lines of Python: it comes back, and it never outlives us."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from chat.providers.supervisor import Supervisor

SERVES = 'import json, sys; print(json.dumps({"port": 4242}), flush=True); sys.stdin.read()'


def wait(condition: Callable[[], object], *, within: float = 5.0) -> None:
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


@pytest.fixture
def supervise() -> Iterator[Callable[..., Supervisor]]:
    made: list[Supervisor] = []

    def make(code: str, **more: float) -> Supervisor:
        made.append(Supervisor([sys.executable, "-c", code], backoff=(0.05, 0.2), **more))
        return made[-1]

    yield make
    for one in made:
        one.stop()


def test_it_is_loading_then_ready(supervise: Callable[..., Supervisor]) -> None:
    one = supervise(SERVES)
    assert (one.status().state, one.status().sentence) == ("loading", "The model is loading.")
    one.start()
    wait(lambda: one.address)
    assert one.status().state == "ready"
    assert one.address is not None
    assert one.address.port == 4242
    assert one.address.key not in repr(one.address)


def test_the_key_goes_by_the_environment_and_is_new_each_time(supervise: Callable[..., Supervisor], tmp_path: Path) -> None:
    one = supervise(f"import os; open({str(tmp_path / 'keys')!r}, 'a').write(os.environ['PARLEY_LLAMA_KEY'] + '\\n'); {SERVES}")
    one.start()
    wait(lambda: one.address)
    first = one.address
    assert one.pid
    os.kill(one.pid, signal.SIGKILL)
    wait(lambda: one.address and one.address != first)
    keys = (tmp_path / "keys").read_text().split()
    assert len(set(keys)) == 2


def test_killed_it_is_restarting_then_ready_again(supervise: Callable[..., Supervisor]) -> None:
    one = supervise(SERVES)
    one.start()
    wait(lambda: one.address)
    pid = one.pid
    assert pid
    os.kill(pid, signal.SIGKILL)
    wait(lambda: one.status().sentence == "The model is restarting.")
    wait(lambda: one.address)
    assert one.pid != pid


def test_one_that_never_starts_is_said_to_be_unavailable(supervise: Callable[..., Supervisor]) -> None:
    one = supervise("raise SystemExit(3)")
    one.start()
    wait(lambda: one.status().state == "unavailable", within=10)
    assert "log" in one.status().sentence


@pytest.mark.parametrize("report", ["print('hello', flush=True)", "print('{}', flush=True)", "print('[1]', flush=True)", "pass"])
def test_one_that_reports_nonsense_or_nothing_is_started_again(supervise: Callable[..., Supervisor], report: str) -> None:
    one = supervise(f"import time; {report}; time.sleep(60)", load=0.5)
    one.start()
    wait(lambda: one.status().state == "restarting")


def test_a_command_that_does_not_exist_does_no_harm() -> None:
    one = Supervisor(["/nonexistent"], backoff=(0.01, 0.02))
    one.start()
    wait(lambda: one.status().state == "unavailable")
    one.stop()


def test_stop_ends_it_and_starting_after_that_does_nothing(supervise: Callable[..., Supervisor]) -> None:
    one = supervise(SERVES)
    one.start()
    wait(lambda: one.address)
    pid = one.pid
    assert pid
    one.stop()
    one.start()
    assert gone(pid)
    assert one.address is None
    assert one.status().state == "unavailable"


def test_one_that_ignores_being_asked_is_killed(supervise: Callable[..., Supervisor]) -> None:
    one = supervise(f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SERVES}; import time; time.sleep(60)")
    one.start()
    wait(lambda: one.address)
    pid = one.pid
    one.stop()
    assert pid is not None
    assert gone(pid)


def test_the_child_ends_when_its_parent_is_killed() -> None:
    """Its standard input ends then; the real command also asks the kernel (test_llama.py)."""
    parent = (
        "import sys, time; from chat.providers.supervisor import Supervisor\n"
        f"one = Supervisor([sys.executable, '-c', {SERVES!r}]); one.start()\n"
        "while not one.address: time.sleep(0.01)\n"
        "print(one.pid, flush=True); time.sleep(60)"
    )
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"}
    with subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdout
        child = int(process.stdout.readline())
        process.kill()
    wait(lambda: gone(child))
