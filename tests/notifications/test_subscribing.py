"""Which browsers are told: asked for in the settings, taken back there, and gone with the sign-in."""

import json
import socket
from collections.abc import Iterator

import pytest
from django.conf import LazySettings
from django.contrib.staticfiles import finders
from django.test import Client

from chat.models import Push, PushSubscription, Server
from chat.protocol import webpush
from chat.store import push, sealed
from tests.accounts.conftest import sign_in
from tests.cast import Cast
from tests.conftest import signed_in
from tests.notifications.browser import Browser

PAGE = "/settings/notifications/"
PUBLIC = "https://9.9.9.9/push/abc"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


def subscribe(client: Client, browser: Browser | None = None, **fields: str) -> str:
    sent = {**(browser or Browser(PUBLIC)).subscription(), **fields}
    answer = client.post(f"{PAGE}subscribe/", sent, follow=True, headers={"User-Agent": FIREFOX})
    assert answer.redirect_chain == [(PAGE, 302)]
    return str(answer.text)


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """Somebody on loopback who would notice."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        yield listening


def test_a_browser_is_notified_when_it_has_asked(people: Cast) -> None:
    client = signed_in(people.owner)
    assert "None is notified yet." in client.get(PAGE).text
    text = subscribe(client)
    assert "This browser is notified from now on." in text
    assert "Firefox on Linux <strong>· here</strong>" in text
    again = subscribe(client, Browser("https://9.9.9.9/push/other"))
    assert PushSubscription.objects.filter(user=people.owner).count() == 2
    assert again.count("· here") == 1


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://169.254.169.254/latest/meta-data/",
        "https://10.0.0.1/",
        "https://[64:ff9b::a9fe:a9fe]/",
        "http://9.9.9.9/",
        "",
        "x",
    ],
)
def test_an_address_that_leads_inside_is_refused_with_a_sentence(people: Cast, endpoint: str) -> None:
    text = subscribe(signed_in(people.owner), endpoint=endpoint)
    assert "This server does not go to that address." in text or "It must begin with https://." in text
    assert not PushSubscription.objects.exists()


def test_a_name_that_cannot_be_found_is_refused_with_the_same_words(people: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*args: object, **kwargs: object) -> None:
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", missing)
    text = subscribe(signed_in(people.owner), endpoint="https://wiki.inside/")
    assert "This server does not go to that address." in text
    assert "cannot be found" not in text


def test_one_does_not_ask_without_end(people: Cast) -> None:
    client = signed_in(people.owner)
    for _ in range(20):
        client.post(f"{PAGE}subscribe/", {"endpoint": "https://10.0.0.1/"})
    assert "Wait five minutes" in subscribe(client)
    assert "Wait five minutes" in client.post(f"{PAGE}1/test/", follow=True).text
    assert not PushSubscription.objects.exists()


def test_and_never_contacted(people: Cast, listener: socket.socket) -> None:
    subscribe(signed_in(people.owner), endpoint=f"https://127.0.0.1:{listener.getsockname()[1]}/")
    with pytest.raises(BlockingIOError):
        listener.accept()


PADDED = {"p256dh": Browser(PUBLIC).subscription()["p256dh"] + "=" * 150}


@pytest.mark.parametrize("wrong", [{"auth": "AAAA"}, {"p256dh": "x" * 87}, {"p256dh": ""}, PADDED])
def test_keys_that_are_none_are_refused(people: Cast, wrong: dict[str, str]) -> None:
    assert "keys cannot be used" in subscribe(signed_in(people.owner), **wrong)
    assert not PushSubscription.objects.exists()


def test_there_is_an_end_to_how_many_one_has(people: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(push, "MOST", 1)
    subscribe(signed_in(people.owner))
    assert "1 browsers are notified already." in subscribe(signed_in(people.owner), Browser("https://9.9.9.9/push/other"))
    assert "notified from now on" in subscribe(signed_in(people.mate), Browser("https://9.9.9.9/push/other"))


def test_it_is_removed_and_tried_by_whose_it_is(people: Cast) -> None:
    client, stranger = signed_in(people.owner), signed_in(people.stranger)
    subscribe(client)
    own = PushSubscription.objects.get()
    for verb in ("test", "remove"):
        assert "not notified any more" in stranger.post(f"{PAGE}{own.pk}/{verb}/", follow=True).text
    assert (PushSubscription.objects.count(), Push.objects.count()) == (1, 0)
    assert "on its way" in client.post(f"{PAGE}{own.pk}/test/", follow=True).text
    assert Push.objects.get().subscription == own
    assert "notified no more" in client.post(f"{PAGE}{own.pk}/remove/", follow=True).text
    assert (PushSubscription.objects.count(), Push.objects.count()) == (0, 0)


def test_who_used_the_browser_before_is_told_there_no_more(people: Cast) -> None:
    subscribe(signed_in(people.owner), one := Browser(PUBLIC))
    subscribe(signed_in(people.mate), one)
    assert [each.user for each in PushSubscription.objects.all()] == [people.mate]


def signed_in_by_form(people: Cast) -> Client:
    client = Client()
    sign_in(client, "olivia")
    return client


def test_signed_out_a_browser_is_told_nothing(people: Cast) -> None:
    client, other = signed_in_by_form(people), signed_in_by_form(people)
    subscribe(client)
    subscribe(other, Browser("https://9.9.9.9/push/other"))
    client.post("/accounts/logout/")
    assert [each.endpoint for each in PushSubscription.objects.all()] == ["https://9.9.9.9/push/other"]


def test_nor_one_that_is_signed_out_from_elsewhere(people: Cast) -> None:
    client, other = signed_in_by_form(people), signed_in_by_form(people)
    for each in (client, other):
        each.get("/settings/security/")
    subscribe(other)
    client.post("/settings/security/end-others/")
    assert not PushSubscription.objects.exists()


def test_the_key_is_one_is_sealed_and_moves_to_a_new_secret(people: Cast, settings: LazySettings) -> None:
    key = push.key()
    assert webpush.public(key) in signed_in(people.owner).get(PAGE).text
    assert key not in Server.objects.get().push_key
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another-key-0123456789-abcdefghijklmnop"
    assert sealed.renew() == 1
    settings.SECRET_KEY_FALLBACKS = []
    assert push.key() == key
    settings.SECRET_KEY = "a-third-key-0123456789-abcdefghijklmnop"
    assert push.key() == push.key() != key


def test_the_worker_is_a_script_at_the_root(db: None) -> None:
    answer = Client().get("/push-worker.js")
    assert answer["Content-Type"].startswith("text/javascript")
    assert "showNotification" in answer.text
    assert "worker-src 'self'" in answer["Content-Security-Policy"]


def test_a_phone_finds_what_it_needs_to_put_parley_on_its_home_screen(db: None) -> None:
    page = Client().get("/accounts/login/")
    assert '<link rel="manifest" href="/manifest.webmanifest">' in page.text
    assert "manifest-src 'self'" in page["Content-Security-Policy"]
    answer = Client().get("/manifest.webmanifest")
    assert answer["Content-Type"].startswith("application/manifest+json")
    told = json.loads(answer.content)
    assert (told["start_url"], told["scope"], told["display"]) == ("/", "/", "standalone")
    assert {"192x192", "512x512"} <= {icon["sizes"] for icon in told["icons"]}
    for icon in told["icons"]:
        assert finders.find(icon["src"].removeprefix("/static/")), icon
