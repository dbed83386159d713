"""Images and files on the web: taken in, served to whoever may have them and to nobody else, listed, taken away."""

import re
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client, RequestFactory

from chat.files import storage
from chat.models import File, FileUse, Item, Link
from chat.runs import uploads
from chat.store import files, invitations, links, messages, removals, sharing, teams
from chat.store.attached import Held
from tests.cast import Cast, put_in
from tests.conftest import signed_in
from tests.files import samples
from tests.pictures import png

PICTURE: dict[str, Any] = {"kind": "image", "type": "image/png", "width": 900, "height": 600, "thumbnails": (320,)}


def body(answer: Any) -> bytes:
    return b"".join(answer.streaming_content)


@pytest.fixture
def shown(cast: Cast) -> Any:
    """A picture that goes with a message of the owner's."""
    use = put_in(cast.owner, name="quark.png", **PICTURE)
    begun = messages.send(actor=cast.owner, conversation_id=None, text="Look", held=[Held(use.pk)])
    return begun, use.file


def test_it_is_put_in_shown_sent_and_seen_in_the_message(owner: Client) -> None:
    answer = owner.post("/files/", {"file": SimpleUploadedFile("../quark\u202e.png", png())}, HTTP_HX_REQUEST="true")
    assert answer.status_code == 200
    (use_id,) = re.findall(r'name="files" value="(use_[0-9a-f]{32})"', answer.text)
    file = File.objects.get()
    assert (file.state, file.kind, file.width, file.height, file.thumbnails) == ("here", "image", 700, 400, [320])
    sent = owner.post("/", {"text": "Look", "files": [use_id], "detail": ["high"]})
    page = owner.get(sent["Location"]).text
    assert f'src="/files/{file.pk}/320/" srcset="/files/{file.pk}/320/ 320w, /files/{file.pk}/ 700w"' in page
    assert 'width="700" height="400" alt="quark.png"' in page
    small: Any = owner.get(f"/files/{file.pk}/320/")
    assert (small["Content-Type"], body(small)[8:12]) == ("image/webp", b"WEBP")


def test_without_javascript_files_come_with_the_message(owner: Client) -> None:
    sent = [SimpleUploadedFile("note.txt", b"Bring an umbrella."), SimpleUploadedFile("quark.png", png())]
    answer = owner.post("/", {"text": "", "attachments": sent})
    assert answer.status_code == 303
    parts = Item.objects.get().wire["content"]
    assert [(part["type"], part["filename"]) for part in parts] == [("input_text", "note.txt"), ("input_image", "quark.png")]


def test_what_is_written_in_letters_and_is_no_text_is_taken_as_what_it_is(owner: Client) -> None:
    paper = samples.pdf("Bring an umbrella.")
    assert paper.isascii()
    assert owner.post("/", {"text": "", "attachments": SimpleUploadedFile("note.txt", paper)}).status_code == 303
    assert File.objects.get().type == "application/pdf"
    for data, what in ((b"<svg xmlns='x'/>", "SVG"), (b"{\\rtf1 Hi}", "RTF"), (b"", "empty")):
        answer = owner.post("/", {"text": "Look", "attachments": SimpleUploadedFile("note.txt", data)})
        assert (answer.status_code, what in answer.text) == (400, True)
    begins = [
        SimpleUploadedFile(f"{number}.txt", text) for number, text in enumerate((b"BMW is a car.", b"MZ is a start.", b"<p>x"))
    ]
    assert owner.post("/", {"text": "Look", "attachments": begins}).status_code == 303


def test_what_cannot_be_taken_is_refused_and_the_text_stays(owner: Client) -> None:
    answer = owner.post("/", {"text": "Look at this", "attachments": SimpleUploadedFile("a.png", b"\x89PNG\x00 broken")})
    assert answer.status_code == 400
    assert "Look at this" in answer.text
    assert not Item.objects.exists()
    alert = owner.post("/files/", {"file": SimpleUploadedFile("a.svg", b"<svg xmlns='x'\x00/>")}, HTTP_HX_REQUEST="true")
    assert (alert.status_code, 'role="alert"' in alert.text) == (400, True)
    assert not File.objects.exists()


def test_too_many_files_are_too_many(owner: Client, settings: Any) -> None:
    settings.FILES_PER_MESSAGE = 2
    answer = owner.post("/", {"text": "Look", "files": [f"use_{number:032x}" for number in range(3)]})
    assert owner.post("/", {"text": "Look", "files": ["use_\x00"]}).status_code == 409
    assert (answer.status_code, "A message takes 2 files." in answer.text) == (413, True)


def test_whoever_may_read_the_message_is_served_anybody_else_is_told_nothing(shown: Any, owner: Client, stranger: Client) -> None:
    _, file = shown
    for path in (f"/files/{file.pk}/", f"/files/{file.pk}/320/", f"/files/{file.pk}/view/"):
        assert owner.get(path).status_code == 200
        foreign, missing = stranger.get(path), stranger.get(path.replace(file.pk, "file_" + "0" * 32))
        assert foreign.status_code == missing.status_code == 404
        assert Client().get(path)["Location"].startswith("/accounts/login/")
    assert owner.get(f"/files/{file.pk}/321/").status_code == 404


def test_it_is_served_as_nothing_that_could_act(cast: Cast, shown: Any, owner: Client) -> None:
    _, file = shown
    answer: Any = owner.get(f"/files/{file.pk}/")
    assert answer["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Cache-Control"] == "private, no-cache"
    assert answer["Content-Disposition"].startswith("inline")
    again = owner.get(f"/files/{file.pk}/", HTTP_IF_NONE_MATCH=answer["ETag"])
    assert (again.status_code, again.content) == (304, b"")
    page = put_in(cast.owner, b"<script>alert(1)</script>", "page.html").file
    saved = owner.get(f"/files/{page.pk}/")
    assert saved["Content-Disposition"] == 'attachment; filename="page.html"'
    assert saved["Content-Type"] == "text/plain"


def test_what_its_owner_calls_it_elsewhere_is_told_to_nobody(cast: Cast, owner: Client) -> None:
    put_in(cast.owner, name="whom we fire.txt")
    use = put_in(cast.owner, name="plan.txt")
    begun = messages.send(actor=cast.owner, conversation_id=None, text="Look", held=[Held(use.pk)])
    team = teams.create(actor=cast.owner, name="Physics")
    invitation, _ = invitations.make(actor=cast.owner, team=team, days=7, uses=1)
    teams.join(user=cast.mate, invitation=invitation)
    sharing.move(actor=cast.owner, conversation_id=begun.conversation.pk, team_id=team.pk)
    sharing.with_team(actor=cast.owner, conversation_id=begun.conversation.pk, access="read")
    mate, path = signed_in(cast.mate), f"/files/{use.file_id}/"
    assert mate.get(path)["Content-Disposition"] == 'attachment; filename="plan.txt"'
    assert "whom we fire" not in mate.get(f"{path}view/").text
    assert mate.post(f"{path}remove/").status_code == 404
    link = links.make(actor=cast.owner, conversation_id=begun.conversation.pk, live=True, audience="anyone", days=7)
    assert Client().get(f"{link.url}files/{use.file_id}/")["Content-Disposition"] == 'attachment; filename="plan.txt"'
    sharing.with_team(actor=cast.owner, conversation_id=begun.conversation.pk, access="")
    assert mate.get(path).status_code == 404


def test_a_web_server_in_front_hands_it_out_once_it_was_checked(
    shown: Any, owner: Client, stranger: Client, settings: Any
) -> None:
    _, file = shown
    settings.FILES_ACCEL = "/_files/"
    assert owner.get(f"/files/{file.pk}/")["X-Accel-Redirect"] == f"/_files/{uploads.place(file)}"
    assert "X-Accel-Redirect" not in stranger.get(f"/files/{file.pk}/")


def test_a_deleted_message_takes_it_out_of_sight(cast: Cast, shown: Any) -> None:
    begun, file = shown
    where: Any = {"conversation_id": begun.conversation.pk, "item_id": begun.response.input_id}
    assert FileUse.objects.get(file=file).item_id == where["item_id"]
    link = links.make(actor=cast.owner, conversation_id=begun.conversation.pk, live=True, audience="anyone", days=7)
    path = f"{link.url}files/{file.pk}/"
    assert Client().get(path).status_code == 200
    removals.remove(actor=cast.owner, **where)
    assert Client().get(path).status_code == 404


def test_visitors_of_a_link_see_what_it_shows_and_no_other(cast: Cast, shown: Any) -> None:
    begun, file = shown
    other = put_in(cast.owner, b"Another.", "other.png", **PICTURE)
    messages.send(actor=cast.owner, conversation_id=None, text="Elsewhere", held=[Held(other.pk)])
    make: Any = {"actor": cast.owner, "conversation_id": begun.conversation.pk, "live": True, "audience": "anyone", "days": 7}
    link, locked = links.make(**make), links.make(**make, password="correct horse")  # noqa: S106
    visitor = Client()
    page = visitor.get(link.url).text
    assert f'href="{link.url}files/{file.pk}/"><img src="{link.url}files/{file.pk}/320/"' in page
    assert "/view/" not in page
    assert visitor.get(f"{link.url}files/{file.pk}/320/").status_code == 200
    assert visitor.get(f"{link.url}files/{file.pk}/")["X-Robots-Tag"] == "noindex, nofollow"
    assert visitor.get(f"{link.url}files/{other.file_id}/").status_code == 404
    assert visitor.get(f"{locked.url}files/{file.pk}/").status_code == 404
    visitor.post(locked.url, {"password": "correct horse"})
    assert visitor.get(f"{locked.url}files/{file.pk}/").status_code == 200
    Link.objects.all().delete()
    assert visitor.get(f"{link.url}files/{file.pk}/").status_code == 404


def test_all_of_ones_own_are_listed_found_and_where_they_were_used(
    cast: Cast, shown: Any, owner: Client, stranger: Client
) -> None:
    begun, file = shown
    put_in(cast.owner, b"Not sent.", "lepton.txt")
    page = owner.get("/files/").text
    assert f"{begun.conversation.url}?at={begun.response.input_id}" in page
    assert "Not sent" in page
    found = owner.get("/files/?q=QUARK", HTTP_HX_REQUEST="true").text
    assert ("quark.png" in found, "lepton.txt" in found, "<html" in found) == (True, False, False)
    assert "Nothing yet." in stranger.get("/files/").text
    paper = put_in(cast.owner, b"%PDF", "paper.pdf", kind="document", type="application/pdf", pages=2)
    files.keep_text(paper.file_id, "An umbrella, and a Hadron.", cut=None)
    assert "paper.pdf" in owner.get("/files/?q=hadron+paper").text
    assert "paper.pdf" not in owner.get("/files/?q=hadron+quark").text
    assert "paper.pdf" not in stranger.get("/files/?q=hadron").text


def test_removed_it_leaves_a_line_in_the_message_and_can_be_had_back(shown: Any, owner: Client, stranger: Client) -> None:
    begun, file = shown
    assert stranger.post(f"/files/{file.pk}/remove/").status_code == 404
    page = owner.post(f"/files/{file.pk}/remove/", follow=True).text
    assert f"/files/{file.pk}/restore/" in page
    assert "was removed." in owner.get(begun.conversation.url).text
    assert owner.get(f"/files/{file.pk}/").status_code == 404
    owner.post(f"/files/{file.pk}/restore/")
    assert "was removed." not in owner.get(begun.conversation.url).text
    assert storage.read(uploads.place(files.find(actor=begun.conversation.owner, file_id=file.pk)))


def test_nobody_takes_the_places_of_all_others(cast: Cast, owner: Client) -> None:
    with ExitStack() as taken:
        for _ in range(uploads.EACH):
            taken.enter_context(uploads.turns.one(cast.owner))
        busy = owner.post("/files/", {"file": SimpleUploadedFile("note.txt", b"Note.")}, HTTP_HX_REQUEST="true")
        assert (busy.status_code, "still being looked at" in busy.text) == (503, True)
        with uploads.turns.one(cast.mate):
            pass
    assert owner.post("/files/", {"file": SimpleUploadedFile("note.txt", b"Note.")}).status_code == 200


def test_a_large_one_passes_through_no_file_that_a_killed_process_would_leave(settings: Any, tmp_path: Path) -> None:
    settings.FILE_UPLOAD_TEMP_DIR = tmp_path
    sent = SimpleUploadedFile("note.txt", b"A canary." * 300_000)
    request = RequestFactory().post("/files/", {"file": sent})
    held = request.FILES["file"]
    assert (held.size, held.read(9)) == (2_700_000, b"A canary.")
    assert list(tmp_path.iterdir()) == []
    request.close()
    assert held.closed


def test_what_a_phone_sends_is_saved_as_what_it_became(owner: Client) -> None:
    photo = samples.image("HEIF", samples.photo(64, 48))
    owner.post("/files/", {"file": SimpleUploadedFile("IMG_1.heic", photo)}, HTTP_HX_REQUEST="true")
    answer: Any = owner.get(f"/files/{File.objects.get().pk}/")
    assert (answer["Content-Type"], answer["Content-Disposition"]) == ("image/jpeg", 'inline; filename="IMG_1.jpg"')


def test_what_moves_is_shown_as_it_is_and_opens_as_nothing(cast: Cast, owner: Client) -> None:
    """Its pictures are as they came, so that anything may be hidden among them."""
    use = put_in(cast.owner, b"GIF89a", "cat.gif", **{**PICTURE, "type": "image/gif", "frames": 3})
    page = owner.get(f"/files/{use.file_id}/view/").text
    assert f'srcset="/files/{use.file_id}/ 900w"' in page
    assert owner.get(f"/files/{use.file_id}/")["Content-Disposition"].startswith("attachment")


def test_the_limits_are_told_before_anything_is_sent(owner: Client) -> None:
    page = owner.get("/").text
    assert "20 at most, each up to 20 MB; an image up to 25 megapixels, moving ones 50 pictures" in page
    (taken,) = {found for found in re.findall(r'accept="([^"]+)"', page) if ".docx" in found}
    assert not {".rtf", ".epub"} & set(taken.split(","))  # which are refused
