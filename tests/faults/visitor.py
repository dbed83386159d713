"""Somebody who is signed in: what a browser sends with a form, over HTTP."""

import secrets
import ssl
from dataclasses import dataclass, field

import httpx

PATIENCE = 30.0  # seconds for one request


@dataclass
class Visitor:
    """A person's sign-in at `url`. The double-submitted CSRF token is a value of our own, as a browser's is of the server."""

    url: str
    name: str
    session: str
    trust: ssl.SSLContext | None = None
    token: str = field(default_factory=lambda: secrets.token_hex(16))

    @property
    def cookie(self) -> str:
        return f"sessionid={self.session}; csrftoken={self.token}"

    @property
    def headers(self) -> dict[str, str]:
        """Of a form that a page of ours posts through htmx."""
        origin = {"Origin": self.url, "Referer": f"{self.url}/"}
        return {"Cookie": self.cookie, "X-CSRFToken": self.token, "HX-Request": "true", **origin}

    def client(self, url: str = "") -> httpx.AsyncClient:
        """A browser's connections, to another address (a proxy in between) where one is given."""
        verify = self.trust if self.trust is not None else False
        host = {"Host": self.url.partition("://")[2]}
        return httpx.AsyncClient(
            base_url=url or self.url, headers={**self.headers, **host}, verify=verify, timeout=PATIENCE, trust_env=False
        )

    async def get(self, path: str) -> str:
        """A page, or what htmx would put in."""
        async with self.client() as client:
            answer = await client.get(path, headers={"HX-Request": ""})
        assert answer.status_code == 200, f"{answer.status_code} {path}: {answer.text[:500]}"
        return answer.text

    async def post(self, path: str, **fields: str) -> httpx.Response:
        """A form. Whatever comes back: the test judges."""
        async with self.client() as client:
            return await client.post(path, data=fields)

    async def begin(self, text: str, *, client_id: str = "") -> str:
        """Say this in a new conversation; its id."""
        answer = await self.post("/", text=text, client_id=client_id or secrets.token_hex(16))
        address = answer.headers.get("HX-Redirect", "")
        assert address.startswith("/c/"), f"{answer.status_code} {answer.text[:500]}"
        return str(address.strip("/").removeprefix("c/"))

    async def say(self, conversation_id: str, text: str, *, client_id: str = "") -> httpx.Response:
        return await self.post(f"/c/{conversation_id}/messages/", text=text, client_id=client_id or secrets.token_hex(16))

    async def stop(self, conversation_id: str, response_id: str) -> httpx.Response:
        return await self.post(f"/c/{conversation_id}/responses/{response_id}/stop/")
