"""python -m tests.engines postgres redis -- command …: run it with DATABASE_URL and REDIS_URL, and stop the engines after it."""

import contextlib
import os
import signal
import subprocess
import sys
from types import FrameType

from tests import engines


def main(arguments: list[str]) -> int:
    names, command = _parted(arguments)
    if not command or not names or names - {"postgres", "redis"}:
        print(__doc__, file=sys.stderr)
        return 2
    with contextlib.ExitStack() as stack:
        given = dict(os.environ)
        try:
            if "postgres" in names:
                given["DATABASE_URL"] = stack.enter_context(engines.postgres()).url("parley")
            if "redis" in names:
                server: engines.Redis | engines.GivenRedis = engines.redis()
                given["REDIS_URL"] = server.url
                stack.enter_context(server)
        except engines.Missing as error:
            print(error, file=sys.stderr)
            return 1
        return _run(command, given)


def _parted(arguments: list[str]) -> tuple[set[str], list[str]]:
    at = arguments.index("--") if "--" in arguments else len(arguments)
    return set(arguments[:at]), arguments[at + 1 :]


def _run(command: list[str], environment: dict[str, str]) -> int:
    """Its exit status. An interrupt from the terminal reaches it too, so that we only wait; others' signals are passed on."""
    child: subprocess.Popen[bytes] | None = None
    early: list[int] = []  # the child may already speak while we do not know it yet

    def pass_on(number: int, _: FrameType | None) -> None:
        if number != signal.SIGINT and child is not None:
            child.send_signal(number)
        elif number != signal.SIGINT:
            early.append(number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, pass_on)
    child = subprocess.Popen(command, env=environment)
    for number in early:
        child.send_signal(number)
    status = child.wait()
    return status if status >= 0 else 128 - status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
