"""A server whose owner wants no temporary conversations: none is begun, and in one that is open nothing more is said."""

from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from chat.models import Server
from chat.store import pool, talk_files
from tests.pictures import png
from tests.scripted import ScriptedServer
from tests.temporary.conftest import Somebody

SIGNUP = {"signup": "open", "team_creation": "anyone"}
BUTTON = "A conversation that leaves nothing behind"


async def test_the_owner_of_the_server_switches_them_off_and_on(
    olivia: Somebody, stella: Somebody, mateo: Somebody, scripted: ScriptedServer
) -> None:
    kept, ended, forever = [await mateo.begin('[[say="First reply"]]') for _ in range(3)]
    replies = {path: await mateo.ended(path) for path in (kept, ended, forever)}
    await switch(olivia, stella, "no")
    assert BUTTON not in (await mateo.get("/")).text
    for answer in (await mateo.get("/t/"), await mateo.post("/t/", text="Typed here")):
        assert answer.status_code == 404
        assert "There are no temporary conversations" in answer.text
        assert "Its owner has switched them off." in answer.text
    assert "Typed here" in answer.text
    asked = len(scripted.requests)
    reply = replies[forever].id
    assert (await mateo.post(f"{forever}messages/", text="More")).status_code == 409
    for name in ("temporary_regenerate", "temporary_continue"):
        assert (await mateo.post(reverse(name, args=[forever.split("/")[2], reply]))).status_code == 409
    assert (await stella.post(f"{forever}messages/", text="More")).status_code == 404
    page = (await mateo.get(forever)).text
    assert "First reply" in page
    assert "switched off here by now" in page
    assert (await mateo.post(reverse("temporary_keep", args=[kept.split("/")[2]]))).status_code == 302
    assert (await mateo.post(reverse("temporary_end", args=[ended.split("/")[2]]))).status_code == 302
    assert len([one for one in scripted.requests[asked:] if one.body and not one.body.get("store", True)]) == 0
    await switch(olivia, stella, "yes")
    assert BUTTON in (await mateo.get("/")).text
    assert (await mateo.post(f"{forever}messages/", text="More")).status_code == 302
    await mateo.ended(forever)


async def switch(owner: Somebody, stranger: Somebody, to: str) -> None:
    assert (await stranger.post("/settings/server/", temporary=to, **SIGNUP)).status_code == 404
    assert (await owner.post("/settings/server/", temporary="maybe", **SIGNUP)).status_code == 422
    assert (await owner.post("/settings/server/", temporary=to, **SIGNUP)).status_code == 302
    assert await Server.objects.filter(temporary=to == "yes").aexists()


async def test_where_they_are_switched_off_no_file_is_taken_for_a_new_one(
    olivia: Somebody, stella: Somebody, mateo: Somebody
) -> None:
    await switch(olivia, stella, "no")
    for answer in (
        await mateo.post("/t/", text="Typed here", attachments=SimpleUploadedFile("one.png", png())),
        await mateo.post("/t/files/", file=SimpleUploadedFile("two.png", png())),
    ):
        assert answer.status_code == 404
        assert "There are no temporary conversations" in answer.text
        assert "Its owner has switched them off." in answer.text
    assert await pool.for_readers(talk_files.waiting, mateo.user, None) == []
