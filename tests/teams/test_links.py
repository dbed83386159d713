"""Links: pages that show a conversation to be read, to whom they are for, and nothing but what they list."""

import itertools
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.utils import timezone

from chat import errors
from chat.live.links import Once, Watched, catch_up
from chat.models import Conversation, Item, Link, Response, Team, User
from chat.store import accounts, conversations, links, messages, sharing, teams
from tests.cast import Cast
from tests.conftest import signed_in
from tests.teams.conftest import add

SECRET = "the stars are fires"  # noqa: S105


@pytest.fixture
def said(people: Cast, team: Team) -> Conversation:
    """Olivia's, in the team, shared with nobody: a question and its reply."""
    begun = messages.send(actor=people.owner, conversation_id=None, text="What is a quark?")
    answered(begun.response, "A **small** thing.")
    return sharing.move(actor=people.owner, conversation_id=begun.conversation.pk, team_id=team.pk)


def answered(response: Response, text: str) -> None:
    """As a run ends: a thought, a tool call and the reply."""
    conversation = response.conversation
    wires: list[dict[str, Any]] = [
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "SECRET THOUGHT"}]},
        {"type": "function_call", "name": "SECRET_TOOL", "arguments": "{}", "call_id": "c"},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": text, "annotations": []}]},
    ]
    for index, wire in enumerate(wires):
        Item.objects.create(
            conversation=conversation, response=response, output_index=index, type=wire["type"], role="assistant", wire=wire
        )
    Response.objects.filter(pk=response.pk).update(status="completed")


def make(people: Cast, said: Conversation, **how: Any) -> Link:
    how = {"live": False, "audience": "anyone", "days": 7, **how}
    return links.make(actor=people.owner, conversation_id=said.pk, **how)


def go_on(people: Cast, said: Conversation, text: str, reply: str) -> messages.Begun:
    begun = messages.send(actor=people.owner, conversation_id=said.pk, text=text)
    answered(begun.response, reply)
    return begun


def status(client: Client, link: Link) -> int:
    return client.get(link.url).status_code


def test_made_on_the_page_it_shows_the_words_and_nothing_else(people: Cast, said: Conversation) -> None:
    owner = signed_in(people.owner)
    made = owner.post(f"{said.url}share/links/", {"kind": "snapshot", "audience": "anyone", "days": "7"}, follow=True)
    address = re.search(r"/s/link_[0-9a-f]{32}/", made.text)
    assert address is not None
    page = Client().get(address.group())
    assert page.status_code == 200
    for shown in ("What is a quark?", "<strong>small</strong>"):
        assert shown in page.text
    for hidden in ("SECRET", "Olivia", "olivia", said.pk, "Physics", "Regenerate", "composer"):
        assert hidden not in page.text
    assert page.headers["X-Robots-Tag"] == "noindex, nofollow"
    assert page.headers["Referrer-Policy"] == "same-origin"
    assert "no-store" in page.headers["Cache-Control"]


def test_names_are_shown_where_that_was_ticked(people: Cast, said: Conversation) -> None:
    assert "Olivia" in Client().get(make(people, said, names=True).url).text


def test_a_snapshot_stays_and_a_live_link_goes_on(people: Cast, said: Conversation) -> None:
    snapshot, live = make(people, said), make(people, said, live=True)
    go_on(people, said, "And a lepton?", "Smaller.")
    conversations.rename(actor=people.owner, conversation_id=said.pk, title="Particles")
    old, new = (Client().get(link.url).text for link in (snapshot, live))
    assert "lepton" not in old
    assert "Particles" not in old
    assert "lepton" in new
    assert "Smaller." in new
    assert "Particles" in new


def test_other_versions_are_not_shown(people: Cast, said: Conversation) -> None:
    first = Item.objects.get(conversation=said, role="user")
    edited = messages.edit(actor=people.owner, conversation_id=said.pk, item_id=first.pk, text="What is a boson?")
    answered(edited.response, "A carrier.")
    text = Client().get(make(people, said).url).text
    assert "boson" in text
    assert "quark" not in text.partition("<main")[2]


def test_a_snapshot_ends_before_a_reply_that_is_being_written(people: Cast, said: Conversation) -> None:
    messages.send(actor=people.owner, conversation_id=said.pk, text="And a lepton?")
    assert "lepton" not in Client().get(make(people, said).url).text
    fresh = messages.send(actor=people.owner, conversation_id=None, text="Hello").conversation
    with pytest.raises(errors.Conflict):
        make(people, fresh)


def test_a_snapshot_ends_before_the_first_reply_that_is_still_to_grow(people: Cast, said: Conversation) -> None:
    growing = messages.send(actor=people.owner, conversation_id=said.pk, text="And a lepton?")
    stopped = messages.send(actor=people.owner, conversation_id=said.pk, text="And a boson?")
    Response.objects.filter(pk=stopped.response.pk).update(status="cancelled")
    link = make(people, said)
    answered(growing.response, "SAID LATER")
    assert "SAID LATER" not in Client().get(link.url).text


def test_whoever_asks_for_everything_gets_the_last_part(people: Cast, said: Conversation) -> None:
    for number in range(120):
        go_on(people, said, f"Question {number}.", "Reply.")
    link, page = make(people, said, live=True), Watched(first=0, position=0)
    html = catch_up(link, page)
    assert (page.first, html.count('class="entry"')) == (100, 21)
    assert "Question 119." in html


def test_a_page_of_a_branch_that_has_become_shorter_shows_its_end(people: Cast, said: Conversation) -> None:
    for number in range(55):
        go_on(people, said, f"Question {number}.", "Reply.")
    link = make(people, said, live=True)
    page = Watched(first=50, position=Conversation.objects.get(pk=said.pk).position)
    assert catch_up(link, page) == ""
    first = Item.objects.filter(conversation=said, role="user", previous=None).get()
    messages.edit(actor=people.owner, conversation_id=said.pk, item_id=first.pk, text="What is a boson?")
    html = catch_up(link, page)
    assert "What is a boson?" in html
    assert "Question 54." not in html


def test_a_version_that_the_owner_looks_at_is_on_open_pages_too(people: Cast, said: Conversation) -> None:
    first = Item.objects.get(conversation=said, role="user")
    edited = messages.edit(actor=people.owner, conversation_id=said.pk, item_id=first.pk, text="What is a boson?")
    answered(edited.response, "A carrier.")
    link, page = make(people, said, live=True), Watched(first=0, position=Conversation.objects.get(pk=said.pk).position)
    assert catch_up(link, page) == ""
    signed_in(people.owner).get(f"{said.url}?at={first.pk}")
    html = catch_up(link, page)
    assert "quark" in html
    assert "boson" not in html


def test_what_is_the_same_for_many_pages_is_made_once(people: Cast, said: Conversation) -> None:
    link, made, times = make(people, said, live=True), Once(most=2), itertools.count()
    assert [made.made(key, lambda: str(next(times))) for key in "aabab"] == ["0", "0", "1", "0", "1"]
    pages = [Watched(first=0, position=0) for _ in range(3)]
    assert len({catch_up(link, page) for page in pages}) == 1


def test_who_does_not_own_it_any_more_reads_nothing_new_by_a_live_link(people: Cast, said: Conversation) -> None:
    mine = messages.send(actor=people.mate, conversation_id=None, text="Mine")
    answered(mine.response, "Yes.")
    pk = mine.conversation.pk
    sharing.move(actor=people.mate, conversation_id=pk, team_id=said.team_id)
    sharing.with_team(actor=people.mate, conversation_id=pk, access="write")
    live, snapshot = (
        links.make(actor=people.mate, conversation_id=pk, live=is_live, audience="anyone", days=None) for is_live in (True, False)
    )
    teams.remove(actor=people.owner, team_id=said.team_id, user_id=people.mate.pk)
    assert Conversation.objects.get(pk=pk).owner == people.owner
    assert (status(Client(), live), status(Client(), snapshot)) == (404, 200)


def test_those_that_have_run_out_go(people: Cast, said: Conversation) -> None:
    kept, gone = make(people, said), make(people, said)
    Link.objects.filter(pk=gone.pk).update(expires=timezone.now() - timedelta(seconds=1))
    links.purge()
    assert list(Link.objects.all()) == [kept]


def test_a_page_that_is_up_to_date_gets_what_changed_and_no_more(people: Cast, said: Conversation) -> None:
    link, page = make(people, said, live=True), Watched(first=0, position=Conversation.objects.get(pk=said.pk).position)
    assert catch_up(link, page) == ""
    begun = messages.send(actor=people.owner, conversation_id=said.pk, text="And a lepton?")
    added = catch_up(link, page)
    assert "And a lepton?" in added
    assert "quark" not in added
    answered(begun.response, "Smaller.")
    Response.objects.filter(pk=begun.response.pk).update(position=page.position + 1)
    Conversation.objects.filter(pk=said.pk).update(position=page.position + 1)
    changed = catch_up(link, page)
    assert 'hx-target="#exchange-1"' in changed
    assert "Smaller." in changed
    assert "quark" not in changed
    conversations.rename(actor=people.owner, conversation_id=said.pk, title="Particles")
    assert re.sub(r"<[^>]*>", "", catch_up(link, page)).strip() == "Particles"


@pytest.mark.parametrize("live", [True, False])
def test_for_the_team_it_is_for_its_members_who_have_signed_in(people: Cast, said: Conversation, team: Team, live: bool) -> None:
    link = make(people, said, audience="team", live=live)
    add(team, guest := User.objects.get(pk=people.stranger.pk), "guest")
    assert status(signed_in(people.mate), link) == status(signed_in(people.owner), link) == 200
    assert f'href="/accounts/login/?next={link.url}"' in Client().get(link.url).text
    assert status(signed_in(guest), link) == 404
    teams.remove(actor=people.owner, team_id=team.pk, user_id=people.mate.pk)
    assert status(signed_in(people.mate), link) == 404


def test_one_that_is_not_for_somebody_is_like_one_that_is_not_there(people: Cast, said: Conversation) -> None:
    link, missing = make(people, said, audience="team"), "/s/link_" + "0" * 32 + "/"
    for client in (signed_in(people.stranger), Client()):
        answers = [client.get(path) for path in (link.url, missing)]
        assert [answer.status_code for answer in answers] == [404, 404]
        first, second = (re.sub(r'X-CSRFToken": "\w+', "", answer.text) for answer in answers)
        assert first.replace(link.url, missing) == second


@pytest.mark.parametrize("how", ["revoked", "expired", "deleted", "owner suspended", "forbidden", "moved"])
def test_what_ends_it(people: Cast, said: Conversation, how: str) -> None:
    link = make(people, said)
    match how:
        case "revoked":
            signed_in(people.owner).post(f"{said.url}share/links/{link.pk}/revoke/")
        case "expired":
            Link.objects.update(expires=timezone.now() - timedelta(seconds=1))
        case "deleted":
            conversations.delete(actor=people.owner, conversation_id=said.pk)
        case "owner suspended":
            User.objects.filter(pk=people.owner.pk).update(suspended=True)
        case "forbidden":
            form = {"signup": "open", "team_creation": "anyone"}
            assert signed_in(people.owner).post("/settings/server/", form).status_code == 302
        case _:
            sharing.move(actor=people.owner, conversation_id=said.pk, team_id="")
    assert status(Client(), link) == status(signed_in(people.mate), link) == 404


def test_its_password_is_asked_for_before_anything_is_shown(people: Cast, said: Conversation) -> None:
    cache.clear()
    link, client = make(people, said, password=SECRET), Client()
    asked = client.get(link.url)
    assert "asks for a password" in asked.text
    assert "quark" not in asked.text
    wrong = client.post(link.url, {"password": "wrong"})
    assert wrong.status_code == 422
    assert "This is not the password." in wrong.text
    assert "What is a quark?" in client.post(link.url, {"password": SECRET}, follow=True).text
    assert "What is a quark?" in client.get(link.url).text
    assert "asks for a password" in Client().get(link.url).text
    assert SECRET not in Link.objects.get().password


def test_a_password_is_guessed_ten_times_and_no_more(people: Cast, said: Conversation) -> None:
    cache.clear()
    link, client = make(people, said, password=SECRET), Client()
    tries = [client.post(link.url, {"password": f"guess {n}"}).status_code for n in range(10)]
    assert set(tries) == {422}
    assert client.post(link.url, {"password": SECRET}).status_code == 429


def test_right_ones_do_not_count(people: Cast, said: Conversation) -> None:
    cache.clear()
    link = make(people, said, password=SECRET)
    assert {Client().post(link.url, {"password": SECRET}).status_code for _ in range(12)} == {302}


def test_it_counts_how_often_others_opened_it(people: Cast, said: Conversation) -> None:
    link = make(people, said)
    for client in (Client(), signed_in(people.mate), signed_in(people.owner)):
        client.get(link.url)
        client.head(link.url)
    assert Link.objects.get().views == 2
    assert "opened 2 times" in signed_in(people.owner).get(f"{said.url}share/").text


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"audience": "world"}, "Select a valid choice"),
        ({"days": "3"}, "Select a valid choice"),
        ({"password": "short"}, "at least 8 characters"),
        ({"kind": ""}, "required"),
        ({"days": ""}, "required"),
    ],
)
def test_a_link_that_cannot_be_made_is_said_and_nothing_is_made(
    people: Cast, said: Conversation, fields: dict[str, str], problem: str
) -> None:
    sent = {"kind": "live", "audience": "anyone", "days": "7", **fields}
    answer = signed_in(people.owner).post(f"{said.url}share/links/", sent)
    assert answer.status_code == 422
    assert problem in answer.text
    assert not Link.objects.exists()


def test_only_its_owner_makes_and_withdraws_them(people: Cast, said: Conversation) -> None:
    sharing.with_person(actor=people.owner, conversation_id=said.pk, user_id=people.mate.pk, access="write")
    link, sent = make(people, said), {"kind": "live", "audience": "anyone", "days": "7"}
    for person, refused in ((people.mate, 403), (people.stranger, 404)):
        client = signed_in(person)
        assert client.post(f"{said.url}share/links/", sent).status_code == refused
        assert client.post(f"{said.url}share/links/{link.pk}/revoke/").status_code == refused
    mine = messages.send(actor=people.mate, conversation_id=None, text="Mine").conversation
    signed_in(people.mate).post(f"{mine.url}share/links/{link.pk}/revoke/")
    assert Link.objects.count() == 1


def test_without_a_team_a_link_is_for_anyone_or_nobody(people: Cast) -> None:
    begun = messages.send(actor=people.owner, conversation_id=None, text="What is a quark?")
    answered(begun.response, "A small thing.")
    with pytest.raises(errors.InvalidInput):
        make(people, begun.conversation, audience="team")
    accounts.change_preferences(actor=people.owner, name="Olivia")
    assert status(Client(), make(people, begun.conversation)) == 200


def test_a_long_one_comes_in_parts(people: Cast, said: Conversation) -> None:
    for number in range(60):
        go_on(people, said, f"Question {number}.", f"Reply {number}.")
    snapshot, live = make(people, said), make(people, said, live=True)
    first, last = Client().get(snapshot.url).text, Client().get(live.url).text
    assert "What is a quark?" in first
    assert "Question 48." in first
    assert "Question 49." not in first
    assert "Later messages" in first
    assert "Question 59." in last
    assert "What is a quark?" not in last.partition("<main")[2]
    assert "Earlier messages" in last
    assert "Question 49." in Client().get(f"{snapshot.url}?part=2").text
    assert Client().get(f"{snapshot.url}?part=9999").status_code == Client().get(f"{snapshot.url}?part=x").status_code == 200


def test_a_part_ends_before_it_has_too_much_in_it(people: Cast, said: Conversation) -> None:
    """Whoever opens it is a visitor: fifty replies of 200 KB took forty seconds."""
    for number in range(6):
        go_on(people, said, f"Question {number}", f"Answer {number} " + "word " * 40_000)
    link = make(people, said)
    pages = [Client().get(f"{link.url}?part={number}").text for number in range(1, 6)]
    assert all(len(page) < 1_000_000 for page in pages)
    where = [[number for number, page in enumerate(pages) if f"Answer {each} word" in page] for each in range(6)]
    assert [found[0] for found in where[:4]] == [0, 0, 1, 1]
    assert "Answer 5 word" in Client().get(make(people, said, live=True).url).text


def test_a_message_that_comes_while_pages_are_brought_up_to_date_reaches_each_of_them(people: Cast, said: Conversation) -> None:
    """Between where the conversation is and what its branch holds; the one page asks before it, the other after it."""
    link = make(people, said, live=True)
    at = Conversation.objects.get(pk=said.pk).position
    one, other = Watched(first=0, position=at), Watched(first=0, position=at)
    assert [catch_up(found(link), page) for page in (one, other)] == ["", ""]
    conversations.rename(actor=people.owner, conversation_id=said.pk, title="Particles")
    catch_up(found(link), one)
    sent: list[str] = []

    def send_in_between(execute: Callable[..., Any], sql: str, *arguments: Any) -> Any:
        """Just before the branch is read."""
        if not sent and sql.startswith("SELECT") and "chat_branch" in sql:
            sent.append(sql)
            go_on(people, said, "And a lepton?", "Smaller.")
        return execute(sql, *arguments)

    with connection.execute_wrapper(send_in_between):
        html = catch_up(found(link), other)
    assert sent
    html += catch_up(found(link), other)
    assert re.search(r'"beforeend">.*And a lepton', html, re.DOTALL)
    assert "And a lepton?" in catch_up(found(link), one)


def found(link: Link) -> Link:
    return links.find(actor=None, link_id=link.pk)
