"""CPU milliseconds of the server for 1,000 tokens, at several numbers of streams at once; each stream read by a real socket.

Run: `python -m benchmarks.streams [streams …]`. The scripted model server runs in a process of its own at 50 tokens
a second for each stream.
"""

import asyncio
import json
import subprocess
import sys
import time

import websockets

from benchmarks.server import ROOT, Person, Server, free_port

TOKENS, RATE = 400, 50
TEXT = f"[[tokens={TOKENS} rate={RATE}]]"


async def read(person: Person, path: str, marks: list[float]) -> int:
    """Read a conversation's socket to the end of its reply; returns the bytes that came."""
    address = person.url.replace("http", "ws", 1) + f"/ws{path}?after=0"
    came = 0
    async with websockets.connect(
        address, origin=person.url, additional_headers={"Cookie": person.cookies}, max_size=None
    ) as socket:
        async for message in socket:
            came += len(message)
            marks.append(time.monotonic())
            if 'data-status="completed"' in json.loads(message).get("content", ""):
                break
    return came


async def converse(person: Person) -> tuple[float, float, int]:
    """One message and its reply: seconds to the first news, seconds to the end, bytes."""
    started = time.monotonic()
    path = await person.begin(TEXT)
    marks: list[float] = []
    came = await read(person, path, marks)
    return marks[0] - started, marks[-1] - started, came


async def measure(server: Server, streams: int) -> dict[str, float]:
    people = [await server.person() for _ in range(max(1, streams // 10))]
    await asyncio.sleep(1)
    before = server.cpu()
    results = await asyncio.gather(*(converse(people[number % len(people)]) for number in range(streams)))
    cpu = server.cpu() - before
    ends = sorted(end for _, end, _ in results)
    return {
        "streams": streams,
        "cpu_ms_per_1000_tokens": round(cpu * 1e6 / (streams * TOKENS), 1),
        "slowest_seconds": round(ends[-1], 2),
        "expected_seconds": TOKENS / RATE,
        "memory_mb": round(server.memory() / 1e6, 1),
        "kb_per_stream": round(sum(size for _, _, size in results) / streams / 1000, 1),
    }


async def main(counts: list[int]) -> None:
    port = free_port()
    command = [sys.executable, "-m", "tests.scripted", "--port", str(port)]
    scripted = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert scripted.stdout is not None
    scripted.stdout.readline()
    server = Server(OPENAI_BASE_URL=f"http://127.0.0.1:{port}/v1", PARLEY_MODEL="scripted")
    try:
        for count in counts:
            print(json.dumps(await measure(server, count)), flush=True)
    finally:
        server.stop()
        scripted.terminate()


if __name__ == "__main__":
    asyncio.run(main([int(argument) for argument in sys.argv[1:]] or [1, 20, 50, 100]))
