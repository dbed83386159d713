"""The panel's pages about what the model server can and about what was removed: for the owner of the server."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from chat import providers
from chat.models import Probe, Purge
from chat.store import probes, purges
from tests.admin.conftest import World

HERE = "https://here.example/v1"


@pytest.fixture(autouse=True)
def connected(settings: Any) -> None:
    settings.OPENAI_BASE_URL = HERE
    providers.reset()


def found(can: bool | None, said: str) -> dict[str, dict[str, object]]:
    return {"chain": {"can": can, "said": said, "seconds": 1.25}}


def test_a_server_that_was_not_probed_says_so_and_what_that_means(world: World) -> None:
    page = world.client("server owner").get("/admin/chat/probe/").text
    assert "has not been probed yet" in page
    assert "https://models.example/v1" in page  # another one has


def test_the_newest_probe_of_the_connected_server_is_shown_and_older_ones_by_their_date(world: World) -> None:
    old = probes.keep(server=HERE, model="old-model", found=found(True, "It did."), by=None)
    probes.keep(server=HERE, model="new-model", found=found(False, "It <b>refused</b>."), by=world.people["server owner"])
    owner = world.client("server owner")
    page = owner.get("/admin/chat/probe/").text
    assert "It &lt;b&gt;refused&lt;/b&gt;." in page
    assert "new-model, for Olivia" in " ".join(page.split())
    older = owner.get(f"/admin/chat/probe/{old.pk}/change/").text
    assert "It did." in older
    assert "manage.py probe" in older
    assert owner.get("/admin/chat/probe/999999/change/").status_code == 404
    assert owner.get(f"/admin/chat/probe/{10**25}/change/").status_code == 404


def test_the_page_says_what_follows(world: World, settings: Any) -> None:
    owner = world.client("server owner")
    assert "So replies are not asked for in the background" in owner.get("/admin/chat/probe/").text
    both = {name: {"can": True, "said": "Yes.", "seconds": 0} for name in ("background", "reattach")}
    probes.keep(server=HERE, model="m", found=both, by=None)
    assert "go on there in the background" in owner.get("/admin/chat/probe/").text
    settings.OPENAI_BACKGROUND = False
    assert "as OPENAI_BACKGROUND says, which is off" in owner.get("/admin/chat/probe/").text


def test_asking_says_what_it_costs_is_a_row_that_is_due_and_on_record_and_one_at_a_time(world: World) -> None:
    owner = world.client("server owner")
    page = owner.get("/admin/chat/probe/now/").text
    assert "About 25 small requests" in page
    assert not Probe.objects.filter(server=HERE).exists()
    assert owner.post("/admin/chat/probe/now/")["Location"] == "/admin/chat/probe/"
    again = owner.post("/admin/chat/probe/now/", follow=True).text
    assert "being asked already" in again
    assert 'hx-trigger="every 1s"' in again
    (due,) = Probe.objects.filter(server=HERE)
    assert (due.state, due.by) == ("queued", world.people["server owner"])
    assert world.done() == [("olivia", "probe.asked", HERE, "", "")]
    assert probes.capabilities(HERE) == {}


@pytest.mark.parametrize("state", ["queued", "in_progress"])
def test_one_that_nobody_makes_says_where_to_look(world: World, state: str) -> None:
    owner = world.client("server owner")
    owner.post("/admin/chat/probe/now/")
    assert "It begins in a moment" in owner.get("/admin/chat/probe/").text
    long_ago = timezone.now() - timedelta(seconds=30)
    Probe.objects.filter(server=HERE).update(created=long_ago, state=state, lease_until=long_ago)
    page = owner.get("/admin/chat/probe/").text
    assert "Nobody is asking it." in page
    assert "It begins in a moment" not in page
    assert 'hx-trigger="every 1s"' in page  # it goes on once somebody does


def test_a_probe_that_failed_says_so(world: World) -> None:
    probes.keep(server=HERE, model="m", found=found(True, "It did."), by=None)
    Probe.objects.create(server=HERE, state="failed", error="It was interrupted several times.")
    page = world.client("server owner").get("/admin/chat/probe/").text
    assert "came to nothing. It was interrupted several times." in page
    assert "It did." in page


@pytest.mark.parametrize("who", ["team owner", "team admin", "stranger"])
def test_nobody_else_sees_or_does_any_of_it(world: World, who: str) -> None:
    client = world.client(who)
    for path in ("/admin/chat/probe/", "/admin/chat/probe/now/", "/admin/chat/purge/", "/admin/chat/probe/1/change/"):
        assert {client.get(path).status_code, client.post(path).status_code} <= {404, 405}, path
    assert not Probe.objects.filter(server=HERE).exists()
    people = client.get("/admin/chat/user/")
    assert people.status_code == 404 or "Model server" not in people.text


def test_the_last_success_is_shown_with_what_went(world: World) -> None:
    purges.record(started=timezone.now() - timedelta(minutes=1), counts={"links": 3, "sessions": 0})
    page = " ".join(world.client("server owner").get("/admin/chat/purge/").text.split())
    assert "3 links." in page
    assert "25 hours" not in page


@pytest.mark.parametrize(("hours", "warned"), [(24.9, False), (25.1, True)])
def test_a_day_without_success_is_a_warning(world: World, hours: float, warned: bool) -> None:
    ended = timezone.now() - timedelta(hours=hours)
    Purge.objects.create(started=ended, ended=ended, counts={})
    assert (
        "Nothing has been removed for more than 25 hours." in world.client("server owner").get("/admin/chat/purge/").text
    ) is warned


def test_none_at_all_is_one_too(world: World) -> None:
    assert "Nothing has been removed yet." in world.client("server owner").get("/admin/chat/purge/").text
