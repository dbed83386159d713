"""Sockets that wait, in a process of their own: `python -m benchmarks.waiting`. A job as JSON in; a line when all are open.

Another line in makes it tell how many still are, and end.
"""

import asyncio
import gc
import json
import sys
import time

import uvloop
from websockets.exceptions import InvalidHandshake

from benchmarks.sockets import Socket, connect

AT_ONCE = 64  # handshakes under way


async def wait(url: str, wanted: list[tuple[str, str]]) -> None:
    """`wanted` are sessions and paths of conversations."""
    began, turns, sockets = time.monotonic(), asyncio.Semaphore(AT_ONCE), list[Socket]()

    async def opened(session: str, path: str) -> None:
        async with turns:
            address, cookies = f"{url.replace('http', 'ws', 1)}/ws{path}?after=0", f"sessionid={session}"
            try:
                sockets.append(await connect(address, origin=url, cookies=cookies, heard=lambda message: None))
            except (OSError, InvalidHandshake) as error:
                sys.stderr.write(f"{path}: {type(error).__name__} {error}\n")

    await asyncio.gather(*(opened(session, path) for session, path in wanted))
    print(json.dumps({"open": len(sockets), "seconds": time.monotonic() - began}), flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
    print(json.dumps({"open": sum(not socket.ended.done() for socket in sockets)}), flush=True)


def main() -> None:
    job = json.loads(sys.stdin.readline())
    gc.disable()
    uvloop.run(wait(job["url"], [(session, path) for session, path in job["sockets"]]))


if __name__ == "__main__":
    main()
