"""Pages of conversations, without JavaScript as with it; what is wrong is said, and nothing typed is lost."""

import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from chat.agents import request as requests
from chat.models import Conversation, Item, Response
from chat.store import messages
from chat.store.history import Past
from tests.cast import Cast
from tests.conftest import signed_in
from tests.pictures import png

HTMX = {"HTTP_HX_REQUEST": "true"}


@pytest.fixture
def begun(cast: Cast) -> messages.Begun:
    begun = messages.send(actor=cast.owner, conversation_id=None, text="Hello there")
    Response.objects.update(status="completed")
    return begun


def test_a_first_message_answers_with_the_new_address(owner: Client) -> None:
    answer = owner.post("/", {"text": "Hello"})
    assert (answer.status_code, answer["Location"]) == (303, Conversation.objects.get().url)
    answer = owner.post("/", {"text": "Hello again"}, **HTMX)
    assert answer["HX-Redirect"] == Conversation.objects.order_by("-created")[0].url


def test_a_message_without_javascript_comes_back_to_the_page(owner: Client, begun: messages.Begun) -> None:
    answer = owner.post(f"{begun.conversation.url}messages/", {"text": "More"}, follow=True)
    assert "More" in answer.content.decode()


def test_a_message_by_htmx_answers_with_a_fresh_client_id(owner: Client, begun: messages.Begun) -> None:
    answer = owner.post(f"{begun.conversation.url}messages/", {"text": "More", "client_id": "one"}, **HTMX)
    assert answer.status_code == 200
    assert 'name="client_id"' in answer.content.decode()
    assert 'value="one"' not in answer.content.decode()


@pytest.mark.parametrize("path", ["/", "messages/"])
def test_what_cannot_be_sent_stays_in_its_box(owner: Client, begun: messages.Begun, path: str) -> None:
    address = path if path == "/" else begun.conversation.url + path
    text = "ä" * 110_000
    page = owner.post(address, {"text": text})
    assert page.status_code == 413
    assert text in page.content.decode()
    assert "200 KB is the most" in page.content.decode()
    alert = owner.post(address, {"text": text}, **HTMX)
    assert alert.status_code == 413
    assert 'role="alert"' in alert.content.decode()


def test_text_files_go_with_the_message(owner: Client, begun: messages.Begun) -> None:
    files = [SimpleUploadedFile("note.txt", "wörds".encode()), SimpleUploadedFile("a.csv", b"\xef\xbb\xbfx,y")]
    answer = owner.post(f"{begun.conversation.url}messages/", {"text": "See", "attachments": files}, **HTMX)
    assert answer.status_code == 200
    item = Item.objects.get(wire__content__0__text="See")
    assert [part.get("filename") for part in item.wire["content"]] == [None, "note.txt", "a.csv"]
    page = owner.get(begun.conversation.url).content.decode()
    assert "note.txt" in page
    assert "wörds" in page
    (sent,) = requests.build([Past(item.wire)], requests.Plan(), model="m", instructions="").input
    assert sent["content"][1:] == [
        {"type": "input_text", "text": "The file note.txt:\n\nwörds"},
        {"type": "input_text", "text": "The file a.csv:\n\nx,y"},
    ]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [(b"\x89PNG\r\n\x1a\n\x00\xff", "it is damaged, or only a part of it"), (b"a\x00b", "This kind of file cannot be read here")],
)
def test_other_files_are_refused_and_nothing_is_sent(owner: Client, begun: messages.Begun, content: bytes, sentence: str) -> None:
    before = Response.objects.count()
    file = SimpleUploadedFile("evil\u202egnp.txt", content)
    answer = owner.post(f"{begun.conversation.url}messages/", {"text": "See", "attachments": file}, **HTMX)
    assert answer.status_code == 400
    assert sentence in answer.content.decode()
    assert Response.objects.count() == before


def test_files_of_an_edited_message_are_left_out_and_others_added(owner: Client, begun: messages.Begun, cast: Cast) -> None:
    sent = [SimpleUploadedFile("note.txt", b"Bring an umbrella."), *(SimpleUploadedFile(f"{n}.png", png(grey=n)) for n in (1, 2))]
    owner.post(f"{begun.conversation.url}messages/", {"text": "Look", "attachments": sent})
    item = Item.objects.exclude(pk=begun.response.input_id).get(response=None)
    path = f"{begun.conversation.url}items/{item.pk}/edit/"
    form = owner.get(path, **HTMX).text
    assert re.findall(r'name="keep" value="(\d)"', form) == ["0", "1", "2"]
    assert form.count("/320/") == 2
    more = [SimpleUploadedFile("3.png", png(grey=3)), SimpleUploadedFile("more.txt", b"And boots.")]
    assert owner.post(path, {"text": "", "keep": ["", "2"], "attachments": more}, **HTMX).status_code == 204
    new = Item.objects.filter(response=None).order_by("-created").first()
    assert new is not None
    assert [part["filename"] for part in new.wire["content"]] == ["more.txt", "2.png", "3.png"]
    assert list(new.uses.order_by("index").values_list("name", flat=True)) == ["2.png", "3.png"]
    assert item.uses.count() == 2, "the old wording has all of its files"
    assert owner.post(path, {"text": "", "keep": [""]}, **HTMX).status_code == 400, "nothing is left to be sent"
    refused = owner.post(path, {"text": "", "attachments": SimpleUploadedFile("a.png", b"\x89PNG\x00 no")}, **HTMX)
    assert (refused.status_code, "“a.png”" in refused.text) == (400, True)
    assert signed_in(cast.stranger).post(path, {"text": "", "keep": ["0"]}).status_code == 404


def test_an_edited_message_keeps_its_files(owner: Client, begun: messages.Begun) -> None:
    file = SimpleUploadedFile("note.txt", b"words")
    owner.post(f"{begun.conversation.url}messages/", {"text": "See", "attachments": file})
    item = Item.objects.get(wire__content__0__text="See")
    form = owner.get(f"{begun.conversation.url}items/{item.pk}/edit/", **HTMX).content.decode()
    assert "words" not in form
    owner.post(f"{begun.conversation.url}items/{item.pk}/edit/", {"text": "Look"}, **HTMX)
    assert Item.objects.get(wire__content__0__text="Look").wire["content"][1:] == item.wire["content"][1:]


@pytest.mark.parametrize("query", ["at=nothing", "at=msg_" + "0" * 32, "q=%00", "at=%F0%9F%98%80&q=(((", "deleted=x"])
def test_hand_made_addresses_show_the_page(owner: Client, begun: messages.Begun, query: str) -> None:
    assert owner.get(f"{begun.conversation.url}?{query}").status_code == 200
    assert owner.get(f"/?{query}").status_code == 200


@pytest.mark.parametrize(
    "before", ["", "x", "2026-13-45T99~x", "9999-12-31T23:59:59-23:59~x", "0001-01-01T00:00:00%2B23:59~x", "%00"]
)
def test_hand_made_cursors_give_nothing_worse_than_an_empty_list(owner: Client, begun: messages.Begun, before: str) -> None:
    assert owner.get(f"/conversations/?before={before}", **HTMX).status_code == 200
    assert owner.get(f"{begun.conversation.url}items/?before={before}", **HTMX).status_code == 200


@pytest.mark.parametrize("page", ["0", "-1", "x", "999999999999", "٣"])
def test_hand_made_page_numbers_show_the_archive(owner: Client, page: str) -> None:
    assert owner.get(f"/archived/?page={page}").status_code == 200


@pytest.mark.parametrize("title", ["", "   ", "x" * 201])
def test_a_title_that_cannot_be_is_refused_and_the_old_one_stays(owner: Client, begun: messages.Begun, title: str) -> None:
    answer = owner.post(f"{begun.conversation.url}rename/", {"title": title}, **HTMX)
    assert answer.status_code == 400
    begun.conversation.refresh_from_db()
    assert begun.conversation.title == "Hello there"


def test_deleting_is_undone_within_ten_minutes(owner: Client, begun: messages.Begun) -> None:
    page = owner.post(f"{begun.conversation.url}delete/", follow=True)
    assert "Undo" in page.content.decode()
    assert owner.get(begun.conversation.url).status_code == 404
    owner.post(f"{begun.conversation.url}restore/")
    assert owner.get(begun.conversation.url).status_code == 200


def test_an_archived_conversation_leaves_the_list_and_comes_back(owner: Client, begun: messages.Begun) -> None:
    owner.post(f"{begun.conversation.url}archive/")
    assert begun.conversation.pk not in owner.get("/").content.decode()
    assert begun.conversation.pk in owner.get("/archived/").content.decode()
    owner.post(f"{begun.conversation.url}archive/")
    assert begun.conversation.pk in owner.get("/").content.decode()


def test_a_page_of_fifteen_entries_asks_the_database_as_often_as_one_of_one(
    owner: Client, cast: Cast, begun: messages.Begun, django_assert_max_num_queries: object
) -> None:
    for number in range(20):
        messages.send(actor=cast.owner, conversation_id=begun.conversation.pk, text=f"Message {number}")
    owner.get("/archived/")  # the first page of a browser notes that it is in use
    with django_assert_max_num_queries(21):  # type: ignore[operator]
        assert "Message 19" in owner.get(begun.conversation.url).content.decode()


def test_earlier_entries_are_loaded_upwards_to_the_first(owner: Client, cast: Cast, begun: messages.Begun) -> None:
    for number in range(40):
        messages.send(actor=cast.owner, conversation_id=begun.conversation.pk, text=f"Message {number}.")
    context, said = owner.get(begun.conversation.url).context, []
    while context:
        said = [entry.item.text for entry in context["entries"]] + said
        earlier = context["earlier_url"]
        context = owner.get(earlier, **HTMX).context if earlier else None
    assert said == ["Hello there", *(f"Message {number}." for number in range(40))]


def test_nobody_elses_copy_is_kept(owner: Client) -> None:
    assert owner.get("/")["Cache-Control"] == "private, no-store"


def test_a_message_sent_from_the_middle_of_a_long_conversation_leads_to_its_end(owner: Client, begun: messages.Begun) -> None:
    answer = owner.post(f"{begun.conversation.url}messages/?middle=1", {"text": "More"}, **HTMX)
    assert answer["HX-Redirect"] == begun.conversation.url


@pytest.mark.parametrize("header", ["http://[bad", "", "nonsense", "http://localhost:8000/c/"])
def test_a_header_that_is_no_address_does_no_harm(owner: Client, header: str) -> None:
    assert owner.get("/conversations/", **HTMX, HTTP_HX_CURRENT_URL=header).status_code == 200


@pytest.mark.parametrize("path", ["/c/%00/", "/c/conv_1/", "/c/CONV_" + "0" * 32 + "/"])
def test_an_address_that_holds_no_id_of_ours_is_missing(owner: Client, path: str) -> None:
    assert owner.get(path).status_code == 404
