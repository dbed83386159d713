"""A web server of somebody else's, in a thread of its own: it gives what it is told to, and keeps what it was asked."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Elsewhere:
    """`pages`: path → status, headers, bytes. `gate`: it answers once this is set."""

    port: int = 0
    pages: dict[str, tuple[int, dict[str, str], bytes]] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    gate: threading.Event = field(default_factory=threading.Event)

    @property
    def place(self) -> str:
        return f"127.0.0.1:{self.port}"

    def gives(self, path: str, body: bytes = b"", status: int = 200, **headers: str) -> str:
        """The address at which this is."""
        self.pages[path] = (status, {name.replace("_", "-"): value for name, value in headers.items()}, body)
        return f"http://{self.place}{path}"


@contextmanager
def elsewhere() -> Iterator[Elsewhere]:
    here = Elsewhere()
    here.gate.set()

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            here.asked.append((self.path, dict(self.headers.items())))
            here.gate.wait(20)
            status, headers, body = here.pages.get(self.path.partition("?")[0], (404, {}, b""))
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    here.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield here
    finally:
        here.gate.set()
        server.shutdown()
        thread.join()
        server.server_close()
