"""Conversations of others: shared with people or with the team, to read or to write; moved, handed over, left."""

from typing import Any

import pytest
from django.test import Client

from chat import errors
from chat.models import Conversation, Membership, Response, Team, User
from chat.policy import can, within_reach
from chat.store import conversations, messages, search, sharing, teams
from tests.cast import Cast, person
from tests.conftest import signed_in
from tests.teams.conftest import add, epoch

READ, WRITE, MANAGE = "conversation.read", "conversation.write", "conversation.manage"
ACTIONS: tuple[Any, ...] = (READ, WRITE, MANAGE)


@pytest.fixture
def said(people: Cast, team: Team) -> Conversation:
    """Olivia's, in the team, and shared with nobody."""
    begun = messages.send(actor=people.owner, conversation_id=None, text="What is a quark?")
    return sharing.move(actor=people.owner, conversation_id=begun.conversation.pk, team_id=team.pk)


def may(user: User, conversation: Conversation) -> set[str]:
    """What this person may do with it: the same by the one function and by the queries."""
    user, conversation = User.objects.get(pk=user.pk), Conversation.objects.get(pk=conversation.pk)
    allowed = {action for action in ACTIONS if can(user, action, conversation)}
    assert allowed == {action for action in ACTIONS if within_reach(user, action).filter(pk=conversation.pk).exists()}
    return allowed


def share(client: Client, conversation: Conversation, what: str, **fields: object) -> str:
    return client.post(f"{conversation.url}share/{what}/", fields, follow=True).text


def test_in_a_team_it_is_private_until_it_is_shared(people: Cast, said: Conversation) -> None:
    assert may(people.owner, said) == {READ, WRITE, MANAGE}
    assert may(people.mate, said) == may(people.stranger, said) == set()


@pytest.mark.parametrize(("access", "allowed"), [("", set()), ("read", {READ}), ("write", {READ, WRITE})])
def test_shared_with_a_person(people: Cast, said: Conversation, access: str, allowed: set[str]) -> None:
    add(said.team, other := person("ada"))
    assert "Saved." in share(signed_in(people.owner), said, f"people/{people.mate.pk}", access=access)
    assert may(people.mate, said) == allowed
    assert may(other, said) == may(people.stranger, said) == set()


@pytest.mark.parametrize(("access", "allowed"), [("", set()), ("read", {READ}), ("write", {READ, WRITE})])
def test_shared_with_the_team(people: Cast, said: Conversation, access: str, allowed: set[str]) -> None:
    add(said.team, guest := person("ada"), "guest")
    assert "Saved." in share(signed_in(people.owner), said, "team", access=access)
    assert may(people.mate, said) == allowed
    assert may(guest, said) == may(people.stranger, said) == set()


def test_a_guest_reads_what_they_are_named_for_and_writes_nothing(people: Cast, said: Conversation) -> None:
    add(said.team, guest := person("ada"), "guest")
    client = signed_in(people.owner)
    assert "Guests only read." in share(client, said, f"people/{guest.pk}", access="write")
    share(client, said, f"people/{guest.pk}", access="read")
    assert may(guest, said) == {READ}


def test_who_becomes_a_guest_writes_no_more(people: Cast, said: Conversation) -> None:
    sharing.with_person(actor=people.owner, conversation_id=said.pk, user_id=people.mate.pk, access="write")
    teams.change_role(actor=people.owner, team_id=said.team_id, user_id=people.mate.pk, role="guest")
    assert may(people.mate, said) == {READ}


@pytest.mark.parametrize("how", ["suspended", "removed", "team ended", "deleted", "moved"])
def test_what_ends_it(people: Cast, said: Conversation, how: str) -> None:
    sharing.with_person(actor=people.owner, conversation_id=said.pk, user_id=people.mate.pk, access="write")
    sharing.with_team(actor=people.owner, conversation_id=said.pk, access="read")
    before = epoch(people.mate)
    match how:
        case "suspended":
            User.objects.filter(pk=people.mate.pk).update(suspended=True)
        case "removed":
            teams.remove(actor=people.owner, team_id=said.team_id, user_id=people.mate.pk)
        case "team ended":
            teams.end(actor=people.owner, team_id=said.team_id)
        case "deleted":
            conversations.delete(actor=people.owner, conversation_id=said.pk)
        case _:
            sharing.move(actor=people.owner, conversation_id=said.pk, team_id="")
    assert may(people.mate, said) == set()
    assert how in ("suspended", "deleted") or epoch(people.mate) > before


def test_withdrawn_it_is_noticed_by_what_is_open(people: Cast, said: Conversation) -> None:
    sharing.with_person(actor=people.owner, conversation_id=said.pk, user_id=people.mate.pk, access="read")
    before = epoch(people.mate)
    sharing.with_person(actor=people.owner, conversation_id=said.pk, user_id=people.mate.pk, access="")
    assert epoch(people.mate) == before + 1


def test_a_reader_reads_and_is_told_why_not_more(people: Cast, said: Conversation) -> None:
    sharing.with_person(actor=people.owner, conversation_id=said.pk, user_id=people.mate.pk, access="read")
    client = signed_in(people.mate)
    page = client.get(said.url)
    assert "What is a quark?" in page.text
    assert "To write in it, ask Olivia." in page.text
    assert "data-composer" not in page.text
    refused = client.post(f"{said.url}messages/", {"text": "Me too"})
    assert refused.status_code == 403
    assert "You may read this conversation, and not write in it." in refused.text
    assert client.get(f"{said.url}share/").status_code == 403
    assert client.post(f"{said.url}rename/", {"title": "Mine"}).status_code == 403
    assert client.post(f"{said.url}delete/").status_code == 403


def test_a_writer_writes_and_it_is_in_their_list_from_then_on(people: Cast, said: Conversation) -> None:
    sharing.with_team(actor=people.owner, conversation_id=said.pk, access="write")
    client = signed_in(people.mate)
    assert said.pk not in client.get("/").text
    begun = messages.send(actor=people.mate, conversation_id=said.pk, text="And a lepton?")
    assert begun.response.input is not None
    assert begun.response.input.author == people.mate
    assert said.pk in client.get("/").text
    page = signed_in(people.owner).get(said.url).text
    assert "And a lepton?" in page
    assert "Mateo" in page


def test_each_keeps_it_where_they_like(people: Cast, said: Conversation) -> None:
    sharing.with_person(actor=people.owner, conversation_id=said.pk, user_id=people.mate.pk, access="read")
    mine, theirs = signed_in(people.owner), signed_in(people.mate)
    theirs.post(f"{said.url}pin/")
    assert "Pinned" in theirs.get("/").text
    assert "Pinned" not in mine.get("/").text
    mine.post(f"{said.url}archive/")
    assert said.pk in theirs.get("/").text
    assert said.pk not in mine.get("/").text


def test_one_leaves_it_and_it_is_out_of_the_list(people: Cast, said: Conversation) -> None:
    sharing.with_person(actor=people.owner, conversation_id=said.pk, user_id=people.mate.pk, access="write")
    client = signed_in(people.mate)
    assert "You have left" in client.post(f"{said.url}leave/", follow=True).text
    assert may(people.mate, said) == set()
    assert "This conversation is yours." in signed_in(people.owner).post(f"{said.url}leave/", follow=True).text


def test_handed_over_it_is_the_others_and_who_had_it_still_writes(people: Cast, said: Conversation) -> None:
    answer = share(signed_in(people.owner), said, f"people/{people.mate.pk}/hand-over")
    assert "Handed over. You can still write in it." in answer
    assert may(people.mate, said) == {READ, WRITE, MANAGE}
    assert may(people.owner, said) == {READ, WRITE}
    assert [hit.conversation_id for hit in search.find(actor=people.mate, query="quark")][:1] == [said.pk]


@pytest.mark.parametrize("who", ["guest", "stranger", "self", "nobody"])
def test_it_is_handed_over_to_nobody_who_could_not_write(people: Cast, said: Conversation, who: str) -> None:
    add(said.team, guest := person("ada"), "guest")
    number = {"guest": guest.pk, "stranger": people.stranger.pk, "self": people.owner.pk, "nobody": 10**17}[who]
    assert "Handed over" not in share(signed_in(people.owner), said, f"people/{number}/hand-over")
    assert may(people.owner, said) == {READ, WRITE, MANAGE}


@pytest.mark.parametrize("access", ["own", "READ", "x" * 500])
def test_an_access_that_does_not_exist_is_refused(people: Cast, said: Conversation, access: str) -> None:
    client = signed_in(people.owner)
    assert "Choose what" in share(client, said, f"people/{people.mate.pk}", access=access)
    assert "Choose what" in share(client, said, "team", access=access)
    assert may(people.mate, said) == set()


def test_it_is_shared_only_with_the_people_of_its_team(people: Cast, said: Conversation) -> None:
    assert "not in the team" in share(signed_in(people.owner), said, f"people/{people.stranger.pk}", access="read")
    assert may(people.stranger, said) == set()


def test_what_is_in_no_team_is_shared_with_none(people: Cast, team: Team) -> None:
    begun = messages.send(actor=people.owner, conversation_id=None, text="Mine")
    assert "Move it into one first." in share(signed_in(people.owner), begun.conversation, "team", access="read")
    with pytest.raises(errors.NotFound):
        sharing.move(actor=people.stranger, conversation_id=begun.conversation.pk, team_id=team.pk)


def test_it_is_moved_into_a_team_that_has_guests(people: Cast, team: Team) -> None:
    add(team, person("ada"), "guest")
    begun = messages.send(actor=people.owner, conversation_id=None, text="Mine")
    assert begun.response.team == people.owner.personal_team
    assert "Moved." in share(signed_in(people.owner), begun.conversation, "move", team=team.pk)
    begun.response.refresh_from_db()
    assert begun.response.team == team


def test_it_is_moved_into_no_team_of_others(people: Cast, said: Conversation) -> None:
    foreign = teams.create(actor=people.stranger, name="Foreign")
    assert "You are not in this team" in share(signed_in(people.owner), said, "move", team=foreign.pk)
    teams.change_role(actor=people.owner, team_id=said.team_id, user_id=people.mate.pk, role="guest")
    mine = messages.send(actor=people.mate, conversation_id=None, text="Mine").conversation
    assert "a guest there" in share(signed_in(people.mate), mine, "move", team=said.team_id)


def test_who_leaves_the_team_leaves_what_they_shared_there(people: Cast, said: Conversation) -> None:
    shared = messages.send(actor=people.mate, conversation_id=None, text="Shared").conversation
    private = messages.send(actor=people.mate, conversation_id=None, text="Private").conversation
    for each in (shared, private):
        sharing.move(actor=people.mate, conversation_id=each.pk, team_id=said.team_id)
    sharing.with_team(actor=people.mate, conversation_id=shared.pk, access="read")
    teams.leave(actor=people.mate, team_id=said.team_id)
    assert may(people.owner, shared) == {READ, WRITE, MANAGE}
    assert may(people.mate, shared) == set()
    assert may(people.mate, private) == {READ, WRITE, MANAGE}
    assert Conversation.objects.get(pk=private.pk).team.personal_of == people.mate


def test_the_search_finds_what_one_may_read_and_nothing_else(people: Cast, said: Conversation) -> None:
    assert search.find(actor=people.mate, query="quark") == []
    sharing.with_team(actor=people.owner, conversation_id=said.pk, access="read")
    assert {hit.conversation_id for hit in search.find(actor=people.mate, query="quark")} == {said.pk}
    assert search.find(actor=people.stranger, query="quark") == []
    sharing.with_team(actor=people.owner, conversation_id=said.pk, access="")
    assert search.find(actor=people.mate, query="quark") == []


def test_the_search_in_scripts_without_spaces_minds_it_too(people: Cast, said: Conversation) -> None:
    messages.send(actor=people.owner, conversation_id=said.pk, text="夸克是什么")
    assert search.find(actor=people.mate, query="夸克") == []
    sharing.with_team(actor=people.owner, conversation_id=said.pk, access="read")
    assert len(search.find(actor=people.mate, query="夸克")) == 1


def test_who_is_at_the_end_goes_on_with_the_others(people: Cast, said: Conversation) -> None:
    sharing.with_team(actor=people.owner, conversation_id=said.pk, access="write")
    theirs = messages.send(actor=people.mate, conversation_id=said.pk, text="Second")
    mine = messages.send(actor=people.owner, conversation_id=said.pk, text="Third")
    last = messages.send(actor=people.mate, conversation_id=said.pk, text="Fourth")
    for begun, before in ((mine, theirs), (last, mine)):
        assert begun.response.input is not None
        assert begun.response.input.previous_id == before.response.pk


def test_the_page_of_somebody_alone_leads_to_inviting(people: Cast) -> None:
    begun = messages.send(actor=people.stranger, conversation_id=None, text="Mine")
    text = signed_in(people.stranger).get(f"{begun.conversation.url}share/").text
    assert "Nobody works with you here yet." in text


def test_the_page_shows_who_has_what(people: Cast, said: Conversation) -> None:
    sharing.with_person(actor=people.owner, conversation_id=said.pk, user_id=people.mate.pk, access="read")
    text = signed_in(people.owner).get(f"{said.url}share/").text
    assert "Mateo" in text
    assert '<option value="read" selected>' in text
    assert "Stella" not in text


def test_what_is_shared_with_nobody_any_more_goes_home(people: Cast, said: Conversation) -> None:
    """Though others were in it once."""
    mine = messages.send(actor=people.mate, conversation_id=None, text="Mine").conversation
    sharing.move(actor=people.mate, conversation_id=mine.pk, team_id=said.team_id)
    sharing.with_team(actor=people.mate, conversation_id=mine.pk, access="write")
    messages.send(actor=people.owner, conversation_id=mine.pk, text="Hello")
    sharing.with_team(actor=people.mate, conversation_id=mine.pk, access="")
    sharing.with_person(actor=people.mate, conversation_id=mine.pk, user_id=people.owner.pk, access="read")
    sharing.with_person(actor=people.mate, conversation_id=mine.pk, user_id=people.owner.pk, access="")
    teams.remove(actor=people.owner, team_id=said.team_id, user_id=people.mate.pk)
    assert may(people.owner, mine) == set()
    assert may(people.mate, mine) == {READ, WRITE, MANAGE}
    assert sharing.people(Conversation.objects.get(pk=mine.pk)) == [people.mate]


def test_what_is_deleted_is_nobodys_to_have_back_but_its_owners(people: Cast, said: Conversation) -> None:
    mine = messages.send(actor=people.mate, conversation_id=None, text="Mine").conversation
    sharing.move(actor=people.mate, conversation_id=mine.pk, team_id=said.team_id)
    sharing.with_team(actor=people.mate, conversation_id=mine.pk, access="write")
    conversations.delete(actor=people.mate, conversation_id=mine.pk)
    teams.leave(actor=people.mate, team_id=said.team_id)
    with pytest.raises(errors.NotFound):
        conversations.restore(actor=people.owner, conversation_id=mine.pk)
    conversations.restore(actor=people.mate, conversation_id=mine.pk)


def test_others_marks_are_not_ones_own_and_nothing_is_listed_twice(people: Cast, said: Conversation) -> None:
    crowd = [people.mate, *(person(name) for name in ("ada", "ben"))]
    for one in crowd[1:]:
        add(said.team, one)
    for one in crowd:
        sharing.with_person(actor=people.owner, conversation_id=said.pk, user_id=one.pk, access="read")
    conversations.toggle(actor=crowd[1], conversation_id=said.pk, field="pinned")
    conversations.toggle(actor=crowd[2], conversation_id=said.pk, field="archived")
    listed = {one.username: [c.pk for c in conversations.newest(actor=one, most=9)] for one in crowd}
    assert listed == {"mateo": [said.pk], "ada": [said.pk], "ben": []}
    assert conversations.newest(actor=people.mate, pinned=True, most=9) == []
    assert len(conversations.newest(actor=people.mate, pinned=False, most=9)) == 1
    assert conversations.newest(actor=people.mate, archived=True, most=9) == []


def test_who_is_out_of_the_team_reads_nothing_whatever_rows_are_left(people: Cast, said: Conversation) -> None:
    sharing.with_person(actor=people.owner, conversation_id=said.pk, user_id=people.mate.pk, access="write")
    said.team.memberships.filter(user=people.mate).delete()
    assert may(people.mate, said) == set()


def test_a_guest_who_hands_over_what_they_own_reads_it(people: Cast, said: Conversation) -> None:
    mine = messages.send(actor=people.mate, conversation_id=None, text="Mine").conversation
    sharing.move(actor=people.mate, conversation_id=mine.pk, team_id=said.team_id)
    teams.change_role(actor=people.owner, team_id=said.team_id, user_id=people.mate.pk, role="guest")
    sharing.hand_over(actor=people.mate, conversation_id=mine.pk, user_id=people.owner.pk)
    assert may(people.mate, mine) == {READ}


def test_who_stands_at_a_continuation_goes_on_with_what_is_asked_in_its_place(people: Cast, said: Conversation) -> None:
    sharing.with_team(actor=people.owner, conversation_id=said.pk, access="write")
    cut = messages.send(actor=people.mate, conversation_id=said.pk, text="Go on")
    Response.objects.filter(pk=cut.response.pk).update(status="incomplete")
    more = messages.carry_on(actor=people.mate, conversation_id=said.pk, response_id=cut.response.pk)
    Response.objects.filter(pk=more.response.pk).update(status="completed")
    conversations.choose_branch(actor=people.owner, conversation_id=said.pk, response_id=more.response.pk)
    again = messages.regenerate(actor=people.mate, conversation_id=said.pk, response_id=more.response.pk)
    end = messages.head(Conversation.objects.get(pk=said.pk), people.owner)
    assert end is not None
    assert end.pk == again.response.pk


def test_ended_the_team_takes_nothing_with_it(people: Cast, said: Conversation) -> None:
    """Also not what stands in it of somebody who is in it no more."""
    mine = messages.send(actor=people.mate, conversation_id=None, text="Mine").conversation
    Conversation.objects.filter(pk=mine.pk).update(team=said.team)
    said.team.memberships.filter(user=people.mate).delete()
    teams.end(actor=people.owner, team_id=said.team_id)
    assert may(people.mate, mine) == {READ, WRITE, MANAGE}


def test_who_may_not_see_it_any_more_is_not_shown_to_be_in_it(people: Cast, said: Conversation) -> None:
    add(said.team, other := person("ada"))
    sharing.with_team(actor=people.owner, conversation_id=said.pk, access="write")
    messages.send(actor=other, conversation_id=said.pk, text="Hello")
    sharing.with_person(actor=people.owner, conversation_id=said.pk, user_id=people.mate.pk, access="read")
    sharing.with_team(actor=people.owner, conversation_id=said.pk, access="")
    assert sharing.people(said) == [people.owner, people.mate]
    sharing.with_person(actor=people.owner, conversation_id=said.pk, user_id=people.mate.pk, access="")
    assert sharing.people(said) == [people.owner]


def test_in_a_large_team_people_are_found_by_their_name(people: Cast, said: Conversation) -> None:
    crowd = User.objects.bulk_create(User(username=f"u{number:03}", name=f"Person {number}") for number in range(60))
    Membership.objects.bulk_create(Membership(team=said.team, user=user, role="member") for user in crowd)
    sharing.with_person(actor=people.owner, conversation_id=said.pk, user_id=crowd[59].pk, access="read")
    client = signed_in(people.owner)
    page = client.get(f"{said.url}share/").text
    assert "There are more" in page
    assert "Person 59" in page  # who has something is always there
    assert "Person 58" not in page
    found = client.get(f"{said.url}share/", {"q": "son 58"}).text
    assert "Person 58" in found
    assert "Person 59" not in found
    assert "Nobody in this team is called" in client.get(f"{said.url}share/", {"q": "stella"}).text


def test_what_is_shared_in_the_team_is_listed_for_whom_it_is_shared_with(people: Cast, said: Conversation) -> None:
    add(said.team, guest := person("ada"), "guest")
    address = f"/teams/{said.team_id}/conversations/"

    def listed(user: User) -> bool:
        return signed_in(user).get(address).text.partition("<main")[2].count(said.url) > 0

    assert not listed(people.mate)
    sharing.with_team(actor=people.owner, conversation_id=said.pk, access="read")
    assert listed(people.mate)
    assert not listed(guest)
    assert signed_in(people.stranger).get(address).status_code == 404
    conversations.delete(actor=people.owner, conversation_id=said.pk)
    assert not listed(people.mate)
