"""Who uses the browser: signed up by the same form as everybody, or one of a crowd that is made at once."""

from dataclasses import dataclass, field
from time import monotonic, sleep

import httpx
from playwright.sync_api import BrowserContext

PASSWORD = "correct horse battery"


@dataclass
class Person:
    """Somebody with an account at `url`, and the cookies of one sign-in."""

    url: str
    name: str
    cookies: dict[str, str] = field(default_factory=dict)

    def enter(self, context: BrowserContext) -> None:
        """Sign this browser in."""
        context.add_cookies([{"name": name, "value": value, "url": self.url} for name, value in self.cookies.items()])

    def client(self) -> httpx.Client:
        return httpx.Client(base_url=self.url, cookies=self.cookies, timeout=30, trust_env=False)

    def post(self, path: str, **fields: str) -> httpx.Response:
        """Send a form as the page would; what it leads to."""
        with self.client() as client:
            client.get("/settings/")
            fields["csrfmiddlewaretoken"] = client.cookies["csrftoken"]
            answer = client.post(path, data=fields, headers={"Origin": self.url}, follow_redirects=True)
        assert answer.status_code == 200, f"{answer.status_code}: {answer.text[:500]}"
        return answer

    def begin(self, text: str) -> str:
        """Say this in a new conversation, without a browser; its address, once the reply has ended."""
        with self.client() as client:
            client.get("/")
            fields = {"text": text, "csrfmiddlewaretoken": client.cookies["csrftoken"]}
            address: str = client.post("/", data=fields, headers={"Origin": self.url}).headers["location"]
            deadline = monotonic() + 20
            while 'data-status="completed"' not in client.get(address).text:
                assert monotonic() < deadline, "no reply"
                sleep(0.02)
        return address


def sign_up(url: str, name: str) -> Person:
    """Somebody new, with PASSWORD."""
    person = Person(url, name)
    with person.client() as client:
        page = client.get("/accounts/signup/")
        fields = {"username": person.name, "email": "", "password1": PASSWORD, "password2": PASSWORD}
        fields["csrfmiddlewaretoken"] = client.cookies["csrftoken"]
        answer = client.post("/accounts/signup/", data=fields, headers={"Origin": url, "Referer": str(page.url)})
        assert answer.status_code == 302, f"{answer.status_code}: {answer.text[:500]}"
        person.cookies = dict(client.cookies)
    return person
