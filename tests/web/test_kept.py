"""What people are told of where their words are kept."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from chat import providers
from chat.live.catchup import catch_up
from chat.models import Conversation, Kept, User
from chat.store import conversations, ledger, messages, probes, sharing, storing
from chat.store.attached import Held
from chat.web.kept import MOST
from tests.cast import Cast, gather, put_in
from tests.conftest import signed_in

SERVER = "https://models.example/v1"


@pytest.fixture(autouse=True)
def elsewhere(settings: Any) -> None:
    settings.OPENAI_BASE_URL, settings.OPENAI_API_KEY = SERVER, "key"
    providers.reset()


def begin(user: User, **more: Any) -> Conversation:
    return messages.send(actor=user, conversation_id=None, text="Hello", **more).conversation


def keep(conversation: Conversation | None, number: int = 1, **more: Any) -> Kept:
    now = timezone.now()
    owner = conversation.owner if conversation else None
    fields = {"owner": owner, "server": SERVER, "next_try": now, "created": now, "expires": now + timedelta(hours=3.5), **more}
    return Kept.objects.create(conversation=conversation, upstream_id=f"resp_{number}", **fields)


def test_everybody_sees_their_own_ledger_and_nobody_elses(cast: Cast) -> None:
    mine = begin(cast.mate)
    for number, state in enumerate(("kept", "due", "remains", "gone")):
        keep(mine, number, state=state, error="It is still there." if state == "due" else "")
    keep(None, 9, owner=cast.mate, state="due")
    client = signed_in(cast.mate)
    for path in ("/settings/data/", "/settings/data/kept/"):
        page = " ".join(client.get(path).text.split())
        assert "4 responses still at models.example, and nobody knows until when." in page
        assert "2 are being deleted there. 1 cannot be deleted there, and may stay for good." in page
        assert "Nothing of yours is kept outside this server." in signed_in(cast.stranger).get(path).text
    page = client.get("/settings/data/kept/").text
    assert page.count("<li><p>") == 5
    assert "Deleted here" in page
    assert "Being deleted there: It is still there." in page
    assert "looked for in vain" in page
    assert "resp_1" not in signed_in(cast.stranger).get("/settings/data/kept/").text
    held = " ".join(client.get(f"{mine.url}storing/").text.split())
    assert "3 responses still at models.example" in held
    assert ledger.totals() == ledger.held_by(cast.mate)


def test_a_copy_of_a_file_is_listed_with_its_name_and_its_conversation(cast: Cast) -> None:
    mine = begin(cast.mate)
    use = put_in(cast.mate, name="private.png")
    held = Held(put_in(cast.mate, name="tide.png").pk)  # the same bytes, under a name that others may see
    messages.send(actor=cast.mate, conversation_id=mine.pk, text="Look", held=[held])
    row = keep(mine, 1, kind="file", file=use.file, state="due")
    client = signed_in(cast.mate)
    where = " ".join(client.get("/settings/data/kept/").text.split())
    assert "File <bdi>“tide.png”</bdi> at models.example" in where
    assert "Being sent there" in where
    assert "private" not in where
    assert "file" not in client.get(f"{mine.url}storing/").text.partition("still at")[0][-40:]
    Kept.objects.filter(pk=row.pk).update(state="kept")
    assert "Kept, and deleted there on" in client.get("/settings/data/kept/").text
    assert "1 file still at models.example" in client.get(f"{mine.url}storing/").text
    assert "tide.png" not in signed_in(cast.stranger).get("/settings/data/kept/").text
    probes.keep(server=SERVER, model="", found={"files": {"can": True}}, by=None)
    assert "may keep each (and images and files that come along)." in client.get(f"{mine.url}storing/").text


def test_when_it_expires_is_said_where_that_is_known(cast: Cast) -> None:
    mine = begin(cast.mate)
    for number, state in enumerate(("kept", "due", "remains")):
        keep(mine, number, state=state, error="Not now.", server="https://api.openai.com/v1")
    page = " ".join(signed_in(cast.mate).get("/settings/data/kept/").text.split())
    assert "3 responses still at OpenAI, the last expires in 3" in page
    assert "1 cannot be deleted there, and remains until then." in page
    assert page.count("until it expires on") == page.count("Kept until") == page.count("Remains until") == 1
    Kept.objects.update(server=SERVER)
    page = signed_in(cast.mate).get("/settings/data/kept/").text
    for words in ("Kept, and nobody knows until when", "May still be there: it cannot be deleted.", "It is tried again."):
        assert words in page
    assert "xpire" not in page


@pytest.mark.parametrize(("server", "state"), [(SERVER, "kept"), ("https://api.openai.com/v1", "expired")])
def test_over_is_what_a_host_keeps_whose_time_is_known(cast: Cast, server: str, state: str) -> None:
    """Any other may keep it for ever: no certificate says that it is gone."""
    row = keep(begin(cast.mate), server=server, expires=timezone.now() - timedelta(seconds=1))
    while ledger.purge() is not None:
        pass
    assert Kept.objects.get(pk=row.pk).state == state


def test_the_list_is_paged_and_takes_no_other_cursor(cast: Cast) -> None:
    mine = begin(cast.mate)
    rows = [keep(mine, number) for number in range(2 * MOST + 1)]
    client, path, seen = signed_in(cast.mate), "/settings/data/kept/", []
    for more in (MOST, MOST, 1):
        answer = client.get(path)
        seen += [one["row"].pk for one in answer.context["kept"]]
        assert len(answer.context["kept"]) == more
        path = f"/settings/data/kept/{answer.context['more_url']}"
    assert seen == [row.pk for row in reversed(rows)]
    path = "/settings/data/kept/"
    for wrong in ("x", "-1", "1e9", "9" * 40, "\u0663"):
        assert client.get(path, {"before": wrong}).status_code == 400
    foreign = client.get(path, {"before": rows[0].pk})
    assert foreign.status_code == 200


def test_who_reads_a_shared_conversation_sees_what_is_kept_of_it(db: None) -> None:
    world = gather()
    keep(world.conversation)
    where = f"{world.conversation.url}storing/"
    assert "1 response still at" in signed_in(world.people["reader"]).get(where).text
    assert signed_in(world.people["other team"]).get(where).status_code == 404
    assert "Nothing of yours" in signed_in(world.people["reader"]).get("/settings/data/").text


def test_what_is_deleted_stays_its_owners_and_follows_a_hand_over(db: None) -> None:
    world = gather()
    keep(world.conversation)
    author, writer = world.people["author"], world.people["writer"]
    sharing.hand_over(actor=author, conversation_id=world.conversation.pk, user_id=writer.pk)
    assert [len(ledger.page(one, most=9)) for one in (author, writer)] == [0, 1]
    conversations.purge_slice(world.conversation.pk)
    conversations.purge_slice(world.conversation.pk)
    assert ledger.page(author, most=9) == []
    assert [row.state for row in ledger.page(writer, most=9)] == ["due"]


def told(user: User, conversation: Conversation | None = None) -> str:
    return " ".join(signed_in(user).get(conversation.url if conversation else "/").text.split())


def test_the_composer_says_what_holds_right_now(cast: Cast, settings: Any) -> None:
    off, on = "Nothing kept outside your own history", "models.example may keep this reply; the admin log keeps it 30 days"
    assert on in told(cast.mate)
    assert off in told(cast.mate)
    assert on in told(cast.mate, begin(cast.mate))
    assert on not in told(cast.mate, begin(cast.mate, store=False))
    assert off in told(cast.mate, begin(cast.mate, store=False))
    probes.keep(server=SERVER, model="", found={"store": {"can": True}}, by=None)
    assert "models.example keeps this reply; the admin log keeps it 30 days" in told(cast.mate)
    settings.RESPONSE_RETENTION_DAYS = 7
    assert "models.example keeps this reply; the admin log keeps it 7 days" in told(cast.mate)
    probes.keep(server=SERVER, model="", found={"store": {"can": False}}, by=None)
    nothing = "Nothing kept outside this server; the admin log keeps this reply 7 days"
    assert nothing in told(cast.mate)
    settings.OPENAI_BASE_URL = settings.OPENAI_API_KEY = ""
    providers.reset()
    assert nothing in told(cast.mate)
    settings.OPENAI_API_KEY, settings.OPENAI_BASE_URL = "key", "https://api.openai.com/v1"
    providers.reset()
    assert "OpenAI keeps this reply 30 days; the admin log 7" in told(cast.mate)


def test_where_it_is_settled_only_what_holds_is_said(cast: Cast) -> None:
    storing.choose_for_server(actor=cast.owner, storing="off", settled=True)
    assert "may keep this reply" not in told(cast.mate)
    assert "Nothing kept outside your own history" in told(cast.mate)


def test_the_storing_page_says_who_keeps_it(cast: Cast) -> None:
    on, off = begin(cast.mate), begin(cast.mate, store=False)
    client = signed_in(cast.mate)
    assert "models.example may keep each. Deleted, they are gone" in client.get(f"{on.url}storing/").text
    page = client.get(f"{off.url}storing/").text
    assert "the model server is told to keep nothing" in page
    assert "Nothing of it is kept outside this server." in page


def test_pages_that_are_open_are_told_when_it_is_switched(cast: Cast) -> None:
    conversation = begin(cast.mate)
    after = Conversation.objects.get(pk=conversation.pk).position
    storing.switch(actor=cast.mate, conversation_id=conversation.pk, on=False)
    html = catch_up(conversation.pk, cast.mate, after).content
    assert f'hx-target="#means-{conversation.pk}"' in html
    assert "Nothing kept outside your own history" in html


@pytest.mark.parametrize("by", ["server", "team"])
def test_what_has_been_settled_above_is_said_before_the_next_message(cast: Cast, by: str) -> None:
    conversation = begin(cast.mate)
    team = Conversation.objects.get(pk=conversation.pk).team
    conversation.responses.update(status="completed")
    if by == "server":
        storing.choose_for_server(actor=cast.owner, storing="off", settled=True)
    else:
        storing.choose_for_team(actor=cast.mate, team=team, storing="off", settled=True)
    assert Conversation.objects.get(pk=conversation.pk).store
    page = told(cast.mate, conversation)
    assert ">Not stored</a>" in page
    assert "Nothing kept outside your own history" in page
    assert "Replies are not stored" in signed_in(cast.mate).get(f"{conversation.url}storing/").text
