"""A scripted model server on loopback, for tests and for people: `python -m tests.scripted --port 18080`.

It speaks /v1/responses, /v1/chat/completions and /v1/models, and does what the last user text asks for in double brackets, or
the model name after a colon (`scripted:rate=50,tokens=400`):

    [[rate=50 tokens=400 seed=7]]            so many words, so many a second (rate=0: at once)
    [[tokens=190 wide=200]]                  words that are so many times as long
    [[say="Hello **you**"]]                  exactly this, a word at a time
    [[reasoning=12 think=reasoning]]         thoughts first; on chat as reasoning_content | reasoning | details | tag
    [[refusal="No."]] [[tool=weather args={"city":"Paris"}]]
    [[finish=length|content_filter]]         ended by a limit
    [[error=429 body=openai|string|detail|list|code|html|empty code=… param=… message="…" retry_after=3 times=2]]
    [[hang=headers|first|middle]]            says nothing more, keeps the connection
    [[eof=after:5]] [[reset=after:5]] [[drop=after:5]]   the HTTP body ends properly | RST | the connection ends inside the body
    [[fail=after:5 code=server_error message="…"]]       an error event inside the stream
    [[malformed=json|list|binary|huge|page]] after two words
    [[dialect=llama]]                        no sequence_number, output_index, content_index
    [[json=yes]] [[done=no]] [[usage=no]] [[unsupported=include,store]]
    [[background=refused|store]]             with background: true (or store: true) it is refused, 400
    [[resume=404|replay|poll keep=600]]      GET of one made in the background: gone | from its start on | no stream; kept so long

    [[knows=png,jpeg]]                       of any other kind of image it says that it cannot read it
    [[most=20000]]                           a longer request (bytes) is too large
    [[details=auto,low,high]]                any other way to look at an image is an error
    [[keeps=no]]                             with store: true it keeps nothing, and says so

Files are kept with POST /v1/files (a form), listed, had and deleted; a request that names one which is not there is refused.
`cabinet.lacks` says what of that it cannot.

What is asked for with store: true is kept: it can be had with GET /v1/responses/{id}, built upon with previous_response_id, and
deleted. With background: true it also goes on when its connection closes, and can be had with
GET /v1/responses/{id}?stream=true&starting_after=N and stopped with POST …/cancel. A thought is sent back encrypted where it is
asked for, and refused without its follower.

Asked for a title (instructions that begin with "Write a title"), it gives a short one at once: what `say` begins with, or the
words around the brackets.

GET /_requests gives every request as it came, GET /_connections when each connection opened and closed; DELETE forgets them.
"""

import argparse
import asyncio
import contextlib
import json
import re
import threading
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any

from tests import scripted_wire as wire
from tests.scripted_background import Shelf, refusal
from tests.scripted_files import Cabinet, form_of, unknown
from tests.scripted_pace import Hangup, paced, spoiled
from tests.scripted_script import Script

MODEL = "scripted"
KINDS = {"/v1/responses": "responses", "/v1/chat/completions": "chat", "/v1/models": "models"}
KINDS |= {"/v1/files": "files"}


@dataclass
class Recorded:
    """One request: `headers` in lower case, `body` the JSON or the form's fields (None when it is neither), `at` by
    time.monotonic(), `file` the bytes of one in a form.
    """

    method: str
    path: str
    headers: dict[str, str]
    body: Any
    at: float
    connection: int
    file: bytes = field(default=b"", repr=False)


@dataclass
class Connection:
    """`port` is the client's. `cut` tells that the client closed it while an answer was under way."""

    id: int
    opened_at: float
    port: int = 0
    closed_at: float | None = None
    answering: bool = False
    cut: bool = False


class ScriptedServer:
    """Runs in its own thread and event loop. `speaks` is the set of the paths it knows: responses, chat, models, files."""

    def __init__(
        self,
        *,
        port: int = 0,
        speaks: tuple[str, ...] = ("responses", "chat", "models", "files"),
        models: tuple[str, ...] = (MODEL,),
        key: str = "",
    ) -> None:
        self.port, self.speaks, self.models, self.key = port, speaks, models, key
        self.requests: list[Recorded] = []
        self.connections: list[Connection] = []
        self.times: Counter[str] = Counter()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.shelf = Shelf(self._tasks)
        self.cabinet = Cabinet()

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def start(self) -> "ScriptedServer":
        ready = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(ready,), name="scripted", daemon=True)
        self._thread.start()
        if not ready.wait(10):
            raise RuntimeError("the scripted model server did not start")
        return self

    def stop(self) -> None:
        if self._loop and self._thread and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join(10)

    def clear(self) -> None:
        self.requests.clear()
        self.connections = []
        self.times.clear()
        self.shelf.kept.clear()
        self.shelf.refusals.clear()
        self.cabinet = Cabinet()

    def _run(self, ready: threading.Event) -> None:
        asyncio.run(self.serve(ready))

    async def serve(self, ready: threading.Event | None = None) -> None:
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self._connected, "127.0.0.1", self.port, limit=64 * 1024 * 1024)
        self.port = server.sockets[0].getsockname()[1]
        if ready:
            ready.set()
        await self._stopping.wait()
        server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._tasks.add(task)
        connection = Connection(len(self.connections), time.monotonic(), writer.get_extra_info("peername")[1])
        self.connections.append(connection)
        try:
            while await self._exchange(reader, writer, connection):
                pass
        except Hangup as hangup:
            if hangup.reset:
                writer.transport.abort()
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            connection.closed_at = time.monotonic()
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, connection: Connection) -> bool:
        request = await read_request(reader, connection)
        if request is None:
            return False
        connection.answering = True
        answer = asyncio.ensure_future(self._answer(request, writer))
        watch = asyncio.ensure_future(until_gone(reader))
        try:
            await asyncio.wait((answer, watch), return_when=asyncio.FIRST_COMPLETED)
            if not answer.done():
                connection.cut = True
                return False
            answer.result()
        except ConnectionError:
            connection.cut = True  # a write noticed it first
            return False
        finally:
            connection.answering = False
            for task in (answer, watch):
                task.cancel()
            await asyncio.gather(answer, watch, return_exceptions=True)
        return True

    async def _answer(self, request: Recorded, writer: asyncio.StreamWriter) -> None:
        if request.path.startswith("/_"):
            return await self._inspect(request, writer)
        self.requests.append(request)
        path = request.path.partition("?")[0]
        of_one = path.startswith("/v1/responses/")
        kind = "responses" if of_one else "files" if path.startswith("/v1/files/") else KINDS.get(path)
        if kind not in self.speaks:
            return await wire.send(writer, 404, b"404 page not found", "text/plain")
        if self.key and request.headers.get("authorization") != f"Bearer {self.key}":
            return await wire.send_error(writer, 401, message="Incorrect API key provided: sk-se***et.", code="invalid_api_key")
        if kind == "models":
            data = [{"id": name, "object": "model", "created": 0, "owned_by": "tests"} for name in self.models]
            return await wire.send_json(writer, {"object": "list", "data": data})
        if kind == "files":
            return await self.cabinet.answer(request, writer)
        if of_one:
            return await self.shelf.answer(request, writer)
        return await self._play(request, writer, kind)

    async def _inspect(self, request: Recorded, writer: asyncio.StreamWriter) -> None:
        if request.method == "DELETE":
            self.clear()
        found: list[Any] = self.connections if request.path == "/_connections" else self.requests
        await wire.send_json(writer, [asdict(entry) | {"file": ""} for entry in found])

    async def _play(self, request: Recorded, writer: asyncio.StreamWriter, kind: str) -> None:
        script = Script.of(request.body)
        if await self._refuse(request, writer, script):
            return None
        if script.get("hang") == "headers":
            await asyncio.sleep(3600)
        if kind == "responses" and request.body.get("background"):
            return await self.shelf.create(script, request.body, writer)
        if kind == "responses" and request.body.get("store") is True and script.get("keeps") != "no":
            speech: wire.Speech = self.shelf.keep(script, request.body)
        else:
            speech = wire.SPEECHES[kind](script, request.body)
        if script.get("json") or not request.body.get("stream"):
            return await wire.send_json(writer, speech.whole())
        return await wire.send_stream(writer, spoiled(script, paced(script, speech.stream())))

    async def _refuse(self, request: Recorded, writer: asyncio.StreamWriter, script: Script) -> bool:
        unsupported = [name for name in script.get("unsupported").split(",") if name and name in request.body]
        if unsupported:
            await wire.send_error(
                writer, 400, message=f"Unknown parameter: '{unsupported[0]}'.", code="unknown_parameter", param=unsupported[0]
            )
            return True
        if (why := refusal(script, request.body, self.shelf)) is not None:
            await wire.send_error(writer, 400, **why)
            return True
        if (why := unknown(request.body, self.cabinet)) is not None:
            await wire.send_error(writer, 400, **why)
            return True
        kinds = set(re.findall(r"data:image/(\w+);", str(request.body)))
        if script.get("knows") and kinds - set(script.get("knows").split(",")):
            await wire.send_error(writer, 400, message="You uploaded an unsupported image.", code="invalid_image_format")
            return True
        if int(request.headers.get("content-length", "0")) > int(script.get("most", "1000000000")):
            await wire.send_error(writer, 413, body="html")
            return True
        details = set(re.findall(r"'detail': '(\w+)'", str(request.body)))
        if script.get("details") and (odd := details - set(script.get("details").split(","))):
            said = f"Image detail '{odd.pop()}' is not supported with this model."
            await wire.send_error(writer, 400, message=said, param="input[0].content[1].detail")
            return True
        status = script.get("error")
        if not status.isdigit():
            return False
        name = json.dumps(script.options)
        self.times[name] += 1
        if self.times[name] > int(script.get("times", "1000000")):
            return False
        await wire.send_error(
            writer, int(status), **{key: script.options[key] for key in wire.ERROR_OPTIONS if key in script.options}
        )
        return True


async def until_gone(reader: asyncio.StreamReader) -> None:
    while not reader.at_eof() and reader.exception() is None:
        await asyncio.sleep(0.01)


async def read_request(reader: asyncio.StreamReader, connection: Connection) -> Recorded | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    first, *lines = head.split("\r\n")
    method, path, _ = first.split(" ", 2)
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
    raw = await reader.readexactly(int(headers.get("content-length", "0")))
    if headers.get("content-type", "").startswith("multipart/"):
        fields, file = form_of(headers["content-type"], raw)
        return Recorded(method, path, headers, fields, time.monotonic(), connection.id, file)
    try:
        body = json.loads(raw) if raw else None
    except ValueError:
        body = None
    return Recorded(method, path, headers, body, time.monotonic(), connection.id)


def main() -> None:
    parser = argparse.ArgumentParser(description="A scripted model server on loopback; see the top of tests/scripted.py.")
    parser.add_argument("--port", type=int, default=18080)
    parser.add_argument("--only", choices=("responses", "chat"), help="speak only one of the two dialects")
    options = parser.parse_args()
    speaks = ("models", options.only) if options.only else ("models", "responses", "chat")
    server = ScriptedServer(port=options.port, speaks=speaks)
    print(f"OPENAI_BASE_URL=http://127.0.0.1:{options.port}/v1 PARLEY_MODEL={MODEL}", flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(server.serve())


if __name__ == "__main__":
    main()
