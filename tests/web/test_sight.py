"""Before an image goes to a model that cannot see it, the composer says so and offers the words in it; of nobody else's image."""

from typing import Any

import pytest
from django.test import Client

from chat import files as bytes_of
from chat import providers
from chat.files import storage
from chat.models import FileUse
from chat.runs import capabilities, uploads
from chat.store import probes
from tests.cast import Cast, put_in
from tests.files.test_words import scoreboard
from tests.pictures import png

HTMX = {"HTTP_HX_REQUEST": "true"}


@pytest.fixture(autouse=True)
def server(settings: Any) -> None:
    settings.OPENAI_BASE_URL = "http://127.0.0.1:9/v1"


@pytest.fixture
def board(cast: Cast) -> FileUse:
    data = bytes_of.take_in(scoreboard(), name="board.png").data
    return put_in(cast.owner, data, "board.png", kind="image", type="image/png", width=500, height=160)


def probed(model: str, *, can: bool) -> None:
    probes.keep(server=providers.server(), model=model, found={"image": {"can": can, "said": "So."}}, by=None)


def line(client: Client, *uses: FileUse, model: str = "small") -> str:
    return client.get("/files/sight/", {"model": model, "files": [use.pk for use in uses]}, **HTMX).text.strip()  # type: ignore[arg-type]


def test_it_is_said_of_the_model_that_was_probed_and_of_no_other(owner: Client, stranger: Client, board: FileUse) -> None:
    assert line(owner, board) == ""
    probed("small", can=False)
    assert '<strong dir="auto">small</strong> cannot see images (probed on ' in line(owner, board)
    assert "Add the text in" in line(owner, board)
    assert [line(owner), line(owner, board, model="large"), line(stranger, board)] == ["", "", ""]
    probed("small", can=True)
    assert line(owner, board) == ""


def test_it_is_said_of_a_model_that_said_so_itself_until_a_newer_probe(owner: Client, board: FileUse) -> None:
    capabilities.cannot_see(providers.current(), "small")
    assert "cannot see images (it said so on " in line(owner, board)
    probed("small", can=True)
    assert line(owner, board) == ""


def test_the_bundled_model_sees_nothing(owner: Client, board: FileUse, settings: Any) -> None:
    settings.OPENAI_BASE_URL = ""
    providers.reset()
    assert "cannot see images. Choose another model" in line(owner, board)


def test_the_words_in_an_image_wait_beside_it_as_a_text(owner: Client, stranger: Client, board: FileUse) -> None:
    address = f"/files/uses/{board.pk}/words/"
    assert stranger.post(address).status_code == stranger.post("/files/uses/use_none/words/").status_code == 404
    answer = owner.post(address, **HTMX)  # type: ignore[arg-type]
    assert answer.status_code == 200
    put = FileUse.objects.exclude(pk=board.pk).get()
    assert f'value="{put.pk}"' in answer.text
    assert (put.name, put.file.type) == ("board.png.txt", "text/plain")
    assert storage.read(uploads.place(put.file)).split() == b"Rovers 3 United 1 Full time".split()


def test_where_nothing_is_written_it_says_so(owner: Client, cast: Cast) -> None:
    blank = put_in(cast.owner, png(), "blank.png", kind="image", type="image/png", width=700, height=400)
    answer = owner.post(f"/files/uses/{blank.pk}/words/", **HTMX)  # type: ignore[arg-type]
    assert (answer.status_code, "No text was found in this image." in answer.text) == (400, True)
    text = put_in(cast.owner, b"Plain words", "a.txt")
    assert owner.post(f"/files/uses/{text.pk}/words/").status_code == 404
