"""What waits in a composer: listed again for whoever put it in, where they did; kept when a message cannot be sent; and what of
it goes along as text.
"""

import io
import re
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from chat.models import File, FileText, FileUse, Item
from chat.runs import sending
from chat.store import conversations, invitations, messages, projects, sharing, teams
from tests.cast import Cast
from tests.conftest import signed_in
from tests.files.samples import pdf
from tests.pictures import png

HTMX = {"HTTP_HX_REQUEST": "true"}


def upload(name: str, data: bytes) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, data)


def put(client: Client, place: str, name: str, data: bytes = png()) -> str:
    answer = client.post(f"/files/?in={place}", {"file": upload(name, data)}, **HTMX)
    (found,) = re.findall(r'name="files" value="(use_[0-9a-f]{32})"', answer.text)
    return str(found)


def listed(client: Client, path: str) -> list[str]:
    return re.findall(r'aria-label="Send (\S+)"', client.get(path).text)


@pytest.fixture
def begun(cast: Cast) -> messages.Begun:
    return messages.send(actor=cast.owner, conversation_id=None, text="Hello")


def test_it_is_listed_where_it_was_put_for_who_put_it_there(cast: Cast, owner: Client, begun: messages.Begun) -> None:
    project = projects.create(actor=cast.owner, name="Quarks", team_id=cast.owner.personal_team.pk)
    here = begun.conversation.url
    pages = {"new": "/", begun.conversation.pk: here, project.pk: f"/projects/{project.pk}/"}
    uses = {place: put(owner, place, f"{place[:4]}.png", png(grey=grey)) for grey, place in enumerate(pages)}
    put(owner, "", "nowhere.png", png(grey=9))
    assert {path: listed(owner, path) for path in pages.values()} == {path: [f"{place[:4]}.png"] for place, path in pages.items()}
    FileUse.objects.filter(pk=uses["new"]).update(expires="2020-01-01T00:00Z")
    assert listed(owner, "/") == [], "its hour is over"
    assert owner.post(f"{here}messages/", {"text": "", "files": [uses[begun.conversation.pk]]}).status_code == 302
    assert listed(owner, here) == [], "it has gone along"
    assert not FileUse.objects.filter(item=None).filter(place=begun.conversation.pk).exists()


def test_nobody_else_in_the_conversation_sees_what_waits(cast: Cast, owner: Client, begun: messages.Begun) -> None:
    team = teams.create(actor=cast.owner, name="Physics")
    invitation, _ = invitations.make(actor=cast.owner, team=team, days=7, uses=1)
    teams.join(user=cast.mate, invitation=invitation)
    sharing.move(actor=cast.owner, conversation_id=begun.conversation.pk, team_id=team.pk)
    sharing.with_team(actor=cast.owner, conversation_id=begun.conversation.pk, access="write")
    use, mate = put(owner, begun.conversation.pk, "mine.png"), signed_in(cast.mate)
    assert listed(mate, begun.conversation.url) == []
    assert put(mate, begun.conversation.pk, "theirs.png", png(grey=7))
    assert (listed(mate, begun.conversation.url), listed(owner, begun.conversation.url)) == (["theirs.png"], ["mine.png"])
    assert mate.post(f"/files/uses/{use}/remove/").status_code == 204
    assert listed(owner, begun.conversation.url) == ["mine.png"]
    conversations.delete(actor=cast.owner, conversation_id=begun.conversation.pk)
    assert owner.get(begun.conversation.url).status_code == 404


@pytest.mark.parametrize("where", ["new", "conversation"])
def test_without_javascript_a_message_that_cannot_be_sent_loses_no_file(
    owner: Client, begun: messages.Begun, settings: Any, where: str
) -> None:
    settings.MESSAGE_BYTES = 100
    path, posted = ("/", "/") if where == "new" else (begun.conversation.url, f"{begun.conversation.url}messages/")
    sent = [upload("note.txt", b"Bring an umbrella."), upload("quark.png", png())]
    answer = owner.post(posted, {"text": "Too long. " * 20, "attachments": sent})
    assert (answer.status_code, "100 KB" in answer.text or "KB is the most" in answer.text) == (413, True)
    assert re.findall(r'aria-label="Send (\S+)"', answer.text) == ["quark.png", "note.txt"]
    assert "Choose these files again" not in answer.text
    ids = re.findall(r'name="files" value="(use_[0-9a-f]{32})" aria-label', answer.text)
    assert owner.post(posted, {"text": "", "files": ids[:1]}).status_code in (302, 303)
    said = Item.objects.filter(response=None).order_by("-created").first()
    assert said is not None
    assert [part["filename"] for part in said.wire["content"]] == ["quark.png"]
    assert listed(owner, path) == ["note.txt"], "what was not ticked waits on"


def test_a_file_that_is_refused_is_named_and_the_others_wait(owner: Client, settings: Any) -> None:
    sent = [upload("broken.png", b"\x89PNG\x00 broken"), upload("quark.png", png()), upload("bad.png", b"\x89PNG\x00 bad")]
    answer = owner.post("/", {"text": "Look", "attachments": sent})
    assert answer.status_code == 400
    assert ["“broken.png”" in answer.text, "“bad.png”" in answer.text] == [True, True]
    assert listed(owner, "/") == ["quark.png"]
    assert not Item.objects.exists()
    settings.FILES_PER_MESSAGE = 1
    many = owner.post("/", {"text": "Look", "attachments": [upload("one.png", png(grey=1)), upload("two.png", png(grey=2))]})
    assert "Choose these files again: one.png, two.png." in many.text


@pytest.mark.parametrize("headers", [HTMX, {}], ids=["htmx", "plain"])
def test_more_files_than_a_message_takes_are_refused_in_the_form(owner: Client, headers: dict[str, str]) -> None:
    files = [upload(f"{number}.png", png(grey=number)) for number in range(21)]
    answer = owner.post("/", {"text": "Look at these", "attachments": files}, **headers)
    assert (answer.status_code, "A message takes 20 files." in answer.text) == (413, True)
    assert headers or "Look at these</textarea>" in answer.text
    assert headers or "Choose these files again: 0.png, 1.png" in answer.text


@pytest.mark.parametrize("headers", [HTMX, {}], ids=["htmx", "plain"])
def test_what_is_not_even_read_is_refused_in_words(owner: Client, headers: dict[str, str]) -> None:
    many = [upload(f"{number}.png", b"x") for number in range(51)]
    odd = io.BytesIO(png())
    odd.name = f"{'long' * 1024}.png"
    for form, status, words in (
        ({"attachments": many}, 413, "A message takes 20 files."),
        ({"files": ["use_" + "0" * 32] * 600}, 413, "more in it than the server takes"),
        ({"attachments": odd}, 400, "the name of a file is too long"),
    ):
        answer = owner.post("/", {"text": "Look", **form}, **headers)
        assert (answer.status_code, words in answer.text, "what you typed is still there" in answer.text) == (status, True, True)
        assert ("<html" in answer.text) is not bool(headers)


def test_a_long_name_is_shortened(owner: Client) -> None:
    put(owner, "new", f"{'long' * 150}.png")
    assert re.fullmatch(r"(long)+l?o?n?\.png", listed(owner, "/")[0])


def test_how_closely_it_is_looked_at_is_said_of_each(owner: Client) -> None:
    one, two = (put(owner, "new", f"{name}.png", png(grey=grey)) for grey, name in enumerate(("one", "two")))
    details = [f"{two} high", f"{one} nonsense", "low", ""]
    assert owner.post("/", {"text": "", "files": [one, two], "detail": details}).status_code == 303
    assert [part["detail"] for part in Item.objects.get().wire["content"]] == ["auto", "high"]


def test_a_document_is_read_once_for_the_composer_and_what_it_is_is_said(owner: Client, stranger: Client) -> None:
    text, scan = put(owner, "new", "report.pdf", pdf("Rent is due.", "In May.")), put(owner, "new", "scan.pdf", pdf(""))
    asked = f"/files/sight/?files={text}&files={scan}"
    first = owner.get(asked).text
    assert "<bdi>report.pdf</bdi> is read as text, 2 pages." in first
    assert "<bdi>scan.pdf</bdi> is being read" in first
    assert f'hx-get="{asked.partition("?")[0]}"' in first, "it asks again"
    second = owner.get(asked).text
    assert "No text can be read in <bdi>scan.pdf</bdi>" in second
    assert "hx-get" not in second
    assert FileText.objects.count() == 2
    assert stranger.get(asked).text.strip() == ""


def test_one_that_cannot_be_taken_is_named_and_of_several_each_says_what_to_do(owner: Client) -> None:
    svg = upload("drawing.png", b"<svg/>")
    answer = owner.post("/files/?in=new", {"file": svg}, **HTMX)
    assert "“drawing.png”: SVG drawings are not taken" in answer.text
    svg.seek(0)
    files = [svg, upload("empty.txt", b""), upload("other.txt", b"")]
    said = re.sub("<.*?>", "", owner.post("/", {"text": "Look", "attachments": files}, **HTMX).text)
    assert "Save it as PNG. “empty.txt”: This file is empty. “other.txt”: This file is empty. Check that it opens" in said


def test_it_is_listed_in_the_order_of_its_composer_or_as_it_came(owner: Client) -> None:
    for grey, (name, index) in enumerate({"c": "2", "a": "0", "b": "1", "d": "", "e": "nonsense", "f": "-1"}.items()):
        owner.post("/files/?in=new", {"file": upload(f"{name}.png", png(grey=grey)), "index": index}, **HTMX)
    assert listed(owner, "/") == [f"{name}.png" for name in "abcdef"]
    held = re.findall(r'name="files" value="(use_[0-9a-f]{32})"', owner.get("/").text)
    assert owner.post("/", {"text": "Look", "files": held}).status_code == 303
    assert [use.name for use in FileUse.objects.order_by("index")] == [f"{name}.png" for name in "abcdef"]


@pytest.mark.parametrize("end", ["exit 1", "kill -9 $$"])
def test_a_document_that_no_child_came_to_an_end_with_is_no_scan_and_is_not_read_at_each_look(
    owner: Client, settings: Any, tmp_path: Path, end: str
) -> None:
    asked = "/files/sight/?" + "&".join(f"files={put(owner, 'new', f'{n}.pdf', pdf(f'Rent {n}.'))}" for n in range(3))
    decoder, began = settings.DECODER, tmp_path / "began"
    settings.DECODER = ["/bin/sh", "-c", f"echo >> {began}; {end}"]
    for read in range(1, 4):
        said = owner.get(asked).text
        assert said.count("could not be read in time") == read
        assert ("hx-get" in said) == (read < 3), "it asks again for the others"
    assert "could not be read in time" in owner.get(asked).text
    assert began.read_text() == 3 * "\n"
    assert not FileText.objects.exists()
    settings.DECODER = decoder
    sending.put_off.clear()
    assert "<bdi>0.pdf</bdi> is read as text, 1 page." in owner.get(asked).text
    assert File.objects.filter(owner__username="stella").count() == 0
