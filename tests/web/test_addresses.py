"""Addresses of images: what is there is fetched by this server, for whoever is to write or to read, and for nobody else."""

import json
import re
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import LazySettings
from django.core.cache import cache
from django.test import Client

from chat import errors
from chat.markdown import images
from chat.models import File, Item, Response
from chat.protocol.types import Json
from chat.runs import addresses
from chat.store import links, log, messages, responses
from tests.cast import Cast, says
from tests.conftest import signed_in
from tests.elsewhere import Elsewhere, elsewhere
from tests.pictures import png

HTMX = {"HTTP_HX_REQUEST": "true"}


@pytest.fixture(autouse=True)
def there(db: None, settings: LazySettings) -> Iterator[Elsewhere]:
    cache.clear()
    with elsewhere() as server:
        settings.EGRESS_ALLOW = [server.place]
        yield server


def test_an_address_becomes_a_file_that_waits_in_the_composer(owner: Client, there: Elsewhere) -> None:
    url = there.gives("/pictures/a%20quark.png", png(), Content_Type="text/html")
    answer = owner.post("/files/", {"address": f" {url}?size=large "}, **HTMX)
    assert answer.status_code == 200
    file = File.objects.get()
    assert (file.name, file.type, file.width, file.state) == ("a quark.png", "image/png", 700, "here")
    (use_id,) = re.findall(r'name="files" value="(use_[0-9a-f]{32})"', answer.text)
    assert 'id="address-field" hx-swap-oob="true"' in answer.text, "the field is empty again"
    assert owner.post("/", {"text": "Look", "files": [use_id]}).status_code == 303
    wire = str(Item.objects.get().wire)
    assert file.pk in wire
    assert "127.0.0.1" not in wire, "no provider learns the address"


def test_without_javascript_it_comes_with_the_message(owner: Client, there: Elsewhere) -> None:
    answer = owner.post("/", {"text": "", "address": there.gives("/quark.png", png())})
    assert answer.status_code == 303
    assert [part["type"] for part in Item.objects.get().wire["content"]] == ["input_image"]


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"<!doctype html><p>A page", "is a page or a text, no image or document."),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG drawings are not taken"),
        (b"\x89PNG\r\n\x1a\n broken", "This"),
        (b"", "empty"),
    ],
)
def test_what_it_is_is_told_by_its_bytes_alone(owner: Client, there: Elsewhere, body: bytes, sentence: str) -> None:
    url = there.gives("/quark.png", body, Content_Type="image/png")
    answer = owner.post("/files/", {"address": url}, **HTMX)
    assert answer.status_code == 400
    assert sentence in answer.text
    assert not File.objects.exists()


def test_an_address_that_is_refused_is_said_and_the_text_stays(owner: Client) -> None:
    answer = owner.post("/", {"text": "Look at this", "address": "http://169.254.169.254/latest/meta-data/"})
    assert answer.status_code == 400
    assert "this server does not go there" in answer.text
    assert "Look at this" in answer.text
    assert not Item.objects.exists()


def test_one_person_has_twenty_fetched_in_a_minute(owner: Client, stranger: Client, there: Elsewhere) -> None:
    assert {owner.post("/files/", {"address": "http://10.0.0.1/"}, **HTMX).status_code for _ in range(20)} == {400}
    answer = owner.post("/files/", {"address": there.gives("/quark.png", png())}, **HTMX)
    assert (answer.status_code, "Wait a minute" in answer.text) == (429, True)
    assert there.asked == []
    assert stranger.post("/files/", {"address": f"http://{there.place}/quark.png"}, **HTMX).status_code == 200


def test_two_of_one_person_are_fetched_at_once_and_others_are_not_held_up(cast: Cast, there: Elsewhere) -> None:
    url, done = there.gives("/quark.png", png()), []
    there.gate.clear()
    waiting = [
        threading.Thread(target=lambda: done.append(addresses.bring(actor=cast.owner, url=url))) for _ in range(addresses.EACH)
    ]
    for thread in waiting:
        thread.start()
    while len(there.asked) < addresses.EACH:
        threading.Event().wait(0.01)
    with pytest.raises(errors.Busy, match="still being fetched"):
        addresses.bring(actor=cast.owner, url=url)
    there.gate.set()
    assert addresses.bring(actor=cast.mate, url=url).data == png()
    for thread in waiting:
        thread.join()
    assert [each.name for each in done] == ["quark.png"] * addresses.EACH
    assert addresses.bring(actor=cast.owner, url=url).data == png()


@pytest.fixture
def reply(cast: Cast, there: Elsewhere) -> tuple[str, str]:
    """A reply of the owner's that names an image: where it is asked for, and where it is."""
    url = there.gives("/quark.png", png() + b"<script>alert(1)</script>")
    begun = messages.send(actor=cast.owner, conversation_id=None, text="Show me one", held=[])
    Response.objects.filter(pk=begun.response.pk).update(status="completed")
    said = says(Response.objects.get(pk=begun.response.pk), f"This is one: ![A quark]({url}?a=1&b=2)")
    return f"/c/{begun.conversation.pk}/images/{said.pk}/{images.digest(f'{url}?a=1&b=2')}/", f"{url}?a=1&b=2"


def test_an_image_in_a_reply_loads_after_a_click_through_us(owner: Client, reply: tuple[str, str], there: Elsewhere) -> None:
    path, url = reply
    page = owner.get(path.partition("images/")[0]).text
    assert f'hx-get="{path[path.index("images/") :]}"' in page
    assert '<img src="http' not in page
    assert there.asked == [], "nothing is loaded before"
    shown = owner.get(path, **HTMX).text
    assert f'<img src="{path}whole/" width="700" height="400" alt="Image from 127.0.0.1"' in shown
    assert url not in shown
    answer: Any = owner.get(f"{path}whole/")
    assert (answer["Content-Type"], answer["X-Content-Type-Options"]) == ("image/png", "nosniff")
    assert answer["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert answer["Cache-Control"] == "private, no-store"
    assert answer.content.startswith(b"\x89PNG")
    assert b"<script>" not in answer.content, "what came is made anew"
    assert [path for path, _ in there.asked] == ["/quark.png?a=1&b=2"], "it is fetched once"
    assert not File.objects.exists()


def test_without_javascript_it_is_a_page(owner: Client, reply: tuple[str, str]) -> None:
    page = owner.get(reply[0]).text
    assert f'<img class="whole" src="{reply[0]}whole/"' in page
    assert "Image from 127.0.0.1" in page


def test_only_whoever_may_read_the_reply_is_shown_it_and_only_what_stands_in_it(
    cast: Cast, owner: Client, stranger: Client, reply: tuple[str, str], there: Elsewhere
) -> None:
    path, url = reply
    other = path.replace(images.digest(url), images.digest(f"{url}3"))
    message = Item.objects.exclude(role="assistant").get()
    of_message = re.sub(r"images/\w+/", f"images/{message.pk}/", path)
    for ending in ("", "whole/"):
        foreign, missing = stranger.get(f"{path}{ending}"), stranger.get(f"/c/conv_{'0' * 32}/{path[path.index('images/') :]}")
        assert foreign.status_code == missing.status_code == 404
        assert Client().get(f"{path}{ending}")["Location"].startswith("/accounts/login/")
        assert owner.get(f"{other}{ending}").status_code == owner.get(f"{of_message}{ending}").status_code == 404
        assert owner.post(f"{path}{ending}").status_code == 405
    conversation = path.split("/")[2]
    link = links.make(actor=cast.owner, conversation_id=conversation, live=False, audience="anyone", days=7)
    assert signed_in(cast.owner).get(f"/s/{link.pk}/{path[path.index('images/') :]}").status_code == 404
    assert there.asked == []


def test_one_in_a_reply_that_leads_inside_is_refused_with_a_sentence(cast: Cast, owner: Client) -> None:
    begun = messages.send(actor=cast.owner, conversation_id=None, text="Show me one", held=[])
    url = "http://169.254.169.254/a.png"
    said = says(Response.objects.get(pk=begun.response.pk), f"![A quark]({url})")
    answer = owner.get(f"/c/{begun.conversation.pk}/images/{said.pk}/{images.digest(url)}/", **HTMX)
    assert (answer.status_code, "this server does not go there" in answer.text) == (400, True)


def test_one_in_a_reply_that_is_being_written_is_shown_too(cast: Cast, owner: Client, there: Elsewhere) -> None:
    url = there.gives("/quark.png", png())
    begun = messages.send(actor=cast.owner, conversation_id=None, text="Show me one", held=[])
    taken = responses.take(begun.response.pk)
    assert taken is not None
    item: Json = {"type": "message", "id": f"msg_{'1' * 32}", "role": "assistant", "status": "in_progress", "content": []}
    at: Json = {"item_id": item["id"], "output_index": 0, "content_index": 0}
    events: list[Json] = [
        {"type": "response.output_item.added", "output_index": 0, "item": item},
        {"type": "response.content_part.added", "part": {"type": "output_text", "text": "", "annotations": []}, **at},
        {"type": "response.output_text.delta", "delta": f"![A quark]({url}) and", **at},
    ]
    data = [json.dumps({"sequence_number": number, **event}).encode() for number, event in enumerate(events)]
    log.append([log.Batch(taken.pk, taken.epoch, begun.conversation.pk, 0, data)])
    answer = owner.get(f"/c/{begun.conversation.pk}/images/msg_{'1' * 32}/{images.digest(url)}/", **HTMX)
    assert answer.status_code == 200
