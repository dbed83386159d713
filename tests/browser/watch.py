"""What no page may do in any test: raise, break its content security policy, ask another host."""

import re
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, ConsoleMessage, Request, WebError

LOOPBACK = {"localhost", "127.0.0.1", "::1", ""}
VIOLATIONS = """document.addEventListener("securitypolicyviolation", (event) =>
  console.error("CSP " + event.violatedDirective + " " + event.blockedURI + " " + event.sourceFile));"""


class Watch:
    """Collects faults of every page of every browser context. A test that provokes some says which it expects."""

    def __init__(self) -> None:
        self.faults: list[str] = []
        self.expected: list[re.Pattern[str]] = []

    def over(self, context: BrowserContext) -> BrowserContext:
        context.add_init_script(VIOLATIONS)
        context.on("console", self._console)
        context.on("weberror", self._error)
        context.on("request", self._request)
        return context

    def leave(self, context: BrowserContext) -> None:
        """The test is over: a socket that is cut in the middle of its opening, by the window's closing, is no fault."""
        context.remove_listener("console", self._console)
        context.remove_listener("weberror", self._error)
        context.remove_listener("request", self._request)

    def expect(self, pattern: str) -> None:
        """Faults that match are part of this test."""
        self.expected.append(re.compile(pattern))

    def unexpected(self) -> list[str]:
        return [fault for fault in self.faults if not any(pattern.search(fault) for pattern in self.expected)]

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.faults.append(f"console: {message.text} ({message.location.get('url', '')})")

    def _error(self, error: WebError) -> None:
        self.faults.append(f"error: {error.error}")

    def _request(self, request: Request) -> None:
        if urlsplit(request.url).scheme in ("http", "https", "ws", "wss") and urlsplit(request.url).hostname not in LOOPBACK:
            self.faults.append(f"request: {request.url}")
