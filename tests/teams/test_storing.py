"""Whether replies are stored: server, team, person and conversation, each of the first two with the last word if it wants it."""

import itertools
import threading
import time

import pytest
from django.conf import settings
from django.db import transaction

from chat import errors
from chat.models import Conversation, LogRow, Response, Server, Team, User
from chat.store import accounts, belongings, conversations, log, messages, record, responses, sharing, storing, teams
from chat.store.log import Batch
from chat.store.responses import Ending
from tests.accounts.conftest import simultaneously
from tests.cast import Cast, assemble
from tests.conftest import signed_in
from tests.notifications.test_races import waits

LEVELS = ("", "on", "off")


def expected(server: str, settled: bool, team: str, team_settled: bool, person: str) -> bool:
    """The rule as it is written: a level that has chosen counts for more than those above, unless one of those has settled it."""
    found = server
    if not settled:
        found = team or found
        if not (team and team_settled):
            found = person or found
    return found == "on"


@pytest.mark.parametrize("server", ["on", "off"])
@pytest.mark.parametrize("settled", [True, False])
def test_the_lowest_level_that_has_a_say_decides(people: Cast, team: Team, server: str, settled: bool) -> None:
    storing.choose_for_server(actor=people.owner, storing=server, settled=settled)
    for of_team, team_settled, person in itertools.product(LEVELS, (True, False), LEVELS):
        storing.choose_for_team(actor=people.owner, team=team, storing=of_team, settled=team_settled)
        accounts.change_preferences(actor=people.mate, storing=person)
        found = storing.rule(person_id=people.mate.pk, team_id=team.pk)
        assert found.on is expected(server, settled, of_team, team_settled, person)
        assert found.settled is (settled or bool(of_team and team_settled))


def begin(user: User, *, store: bool | None = None) -> Conversation:
    return messages.send(actor=user, conversation_id=None, text="Hello", store=store).conversation


def test_a_conversation_begins_as_the_rule_is_or_as_one_chooses(people: Cast) -> None:
    assert begin(people.mate).store
    assert not begin(people.mate, store=False).store
    accounts.change_preferences(actor=people.mate, storing="off")
    assert not begin(people.mate).store
    assert begin(people.mate, store=True).store
    storing.choose_for_server(actor=people.owner, storing="off", settled=True)
    assert not begin(people.mate, store=True).store


@pytest.mark.parametrize(("chosen", "stored"), [("on", True), ("off", False), ("", True), ("maybe", True)])
def test_the_composer_chooses_it(people: Cast, chosen: str, stored: bool) -> None:
    assert signed_in(people.mate).post("/", {"text": "Hello", "store": chosen}).status_code == 303
    assert Conversation.objects.get().store is stored
    assert Response.objects.get().store is stored


def test_what_is_settled_above_holds_for_what_had_begun_before(people: Cast) -> None:
    conversation = begin(people.mate)
    storing.choose_for_server(actor=people.owner, storing="off", settled=True)
    begun = messages.send(actor=people.mate, conversation_id=conversation.pk, text="And now?")
    assert (Conversation.objects.get().store, begun.response.store) == (False, False)
    page = signed_in(people.mate).get(f"{conversation.url}storing/").text
    assert "Replies are not stored" in page
    assert "The owner of this server has settled that." in page


def test_who_settled_it_is_said_wherever_it_could_be_chosen(people: Cast, team: Team) -> None:
    """In words on the page: a phone shows no title."""
    client, theirs = signed_in(people.mate), signed_in(people.owner)
    said = "The owner of this server has settled that"
    conversation = begin(people.owner)
    sharing.move(actor=people.owner, conversation_id=conversation.pk, team_id=team.pk)
    sharing.with_team(actor=people.owner, conversation_id=conversation.pk, access="write")
    pages = ("/", "/settings/", f"/teams/{team.pk}/", f"{conversation.url}storing/")
    assert not [page for page in pages if said in client.get(page).text]
    assert f"{people.owner.shown_name} decides." in client.get(pages[-1]).text
    storing.choose_for_server(actor=people.owner, storing="off", settled=True)
    found = [(theirs if page.startswith("/teams/") else client).get(page).text for page in pages]
    assert all(said in text and f'title="{said}' not in text for text in found)
    assert all("replies are not stored" in text for text in found[1:3])
    assert "decides." not in found[-1]


def test_who_wants_nothing_stored_writes_in_no_conversation_of_others_that_is(people: Cast, team: Team) -> None:
    conversation = begin(people.owner)
    sharing.move(actor=people.owner, conversation_id=conversation.pk, team_id=team.pk)
    sharing.with_team(actor=people.owner, conversation_id=conversation.pk, access="write")
    accounts.change_preferences(actor=people.mate, storing="off")
    mate = signed_in(people.mate)
    refused = mate.post(f"{conversation.url}messages/", {"text": "Mine"})
    assert refused.status_code == 403
    assert "Replies are stored in this conversation, and yours are not to be." in refused.text
    assert "Mine" in refused.text  # it is still in its box
    assert Response.objects.count() == 1
    storing.switch(actor=people.owner, conversation_id=conversation.pk, on=False)
    assert mate.post(f"{conversation.url}messages/", {"text": "Mine"}).status_code == 302


def test_what_is_shared_is_not_stored_where_its_owner_or_the_team_says_so(people: Cast, team: Team) -> None:
    conversation = begin(people.owner, store=True)
    sharing.move(actor=people.owner, conversation_id=conversation.pk, team_id=team.pk)
    storing.choose_for_team(actor=people.owner, team=team, storing="off", settled=False)
    accounts.change_preferences(actor=people.owner, storing="on")
    page = f"{conversation.url}storing/"
    assert "Replies are stored" in signed_in(people.owner).get(page).text  # it is theirs alone still
    sharing.with_team(actor=people.owner, conversation_id=conversation.pk, access="write")
    for person in (people.owner, people.mate):
        text = signed_in(person).get(page).text
        assert "Replies are not stored" in text
        assert "It is shared in a team whose replies are not stored." in text
        assert "switch" not in text
        assert "Not stored" in signed_in(person).get(conversation.url).text  # before anything is said
    assert not messages.send(actor=people.mate, conversation_id=conversation.pk, text="Mine").response.store
    with pytest.raises(errors.Refused):
        storing.switch(actor=people.owner, conversation_id=conversation.pk, on=True)


def test_it_is_switched_off_by_its_owner_and_never_on_again_with_what_was_said(people: Cast) -> None:
    conversation = begin(people.mate)
    client, path = signed_in(people.mate), f"{conversation.url}storing/switch/"
    assert "Replies are not stored from now on." in client.post(path, {"store": "off"}, follow=True).text
    assert "stays so" in client.post(path, {"store": "on"}, follow=True).text
    assert not Conversation.objects.get().store
    assert not messages.send(actor=people.mate, conversation_id=conversation.pk, text="More").response.store
    assert signed_in(people.stranger).post(path, {"store": "on"}).status_code == 404


def test_it_is_switched_on_with_all_that_was_said_where_nobody_else_said_anything(people: Cast, team: Team) -> None:
    mine, ours = begin(people.owner, store=False), begin(people.owner, store=False)
    sharing.move(actor=people.owner, conversation_id=ours.pk, team_id=team.pk)
    sharing.with_team(actor=people.owner, conversation_id=ours.pk, access="write")
    messages.send(actor=people.mate, conversation_id=ours.pk, text="Kept nowhere")
    client = signed_in(people.owner)
    assert "with all that was said" in client.get(f"{mine.url}storing/").text
    assert "with all that was said" not in client.get(f"{ours.url}storing/").text
    for conversation, stored in ((mine, True), (ours, False)):
        client.post(f"{conversation.url}storing/switch/", {"store": "all"})
        assert Conversation.objects.get(pk=conversation.pk).store is stored


@pytest.mark.parametrize("settled", ["on", "off"])
def test_what_is_settled_cannot_be_switched(people: Cast, settled: str) -> None:
    conversation = begin(people.mate)
    Conversation.objects.update(store=settled == "on")
    storing.choose_for_server(actor=people.owner, storing=settled, settled=True)
    with pytest.raises(errors.Refused):
        storing.switch(actor=people.mate, conversation_id=conversation.pk, on=settled != "on")


@pytest.mark.parametrize("stored", [True, False])
def test_of_what_is_not_stored_nothing_is_left_in_the_log_once_it_has_ended(people: Cast, stored: bool) -> None:
    begun = messages.send(actor=people.mate, conversation_id=None, text="Hello", store=stored)
    taken = responses.take(begun.response.pk)
    assert taken is not None
    where = (taken.pk, taken.epoch, begun.conversation.pk)
    log.append([Batch(*where, 0, [b'{"type": "one", "delta": "CANARY"}'])])
    assert LogRow.objects.filter(response=taken).count() == 1
    wire = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "CANARY"}]}
    responses.end(Batch(*where, 1, [b'{"type": "two"}']), Ending(status="completed", items=[wire]))
    assert LogRow.objects.filter(response=taken).exists() is stored
    assert "CANARY" in signed_in(people.mate).get(begun.conversation.url).text  # their own history has it


def test_who_reads_while_it_ends_is_told_to_ask_anew(people: Cast) -> None:
    begun = messages.send(actor=people.mate, conversation_id=None, text="Hello", store=False)
    taken = responses.take(begun.response.pk)
    assert taken is not None
    where = (taken.pk, taken.epoch, begun.conversation.pk)
    log.append([Batch(*where, 0, [b'{"type": "one"}'])])
    position = Conversation.objects.get().position
    responses.end(Batch(*where, 1, [b'{"type": "two"}']), Ending(status="completed"))
    with pytest.raises(log.Passed):
        log.read(taken.pk, upto=position)


@pytest.mark.parametrize("who", ["mate", "stranger"])
def test_only_who_looks_after_a_team_chooses_for_it(people: Cast, team: Team, who: str) -> None:
    sent = {"storing": "off", "storing_settled": "on"}
    assert signed_in(getattr(people, who)).post(f"/teams/{team.pk}/storing/", sent).status_code == 404
    assert signed_in(people.owner).post(f"/teams/{team.pk}/storing/", sent).status_code == 302
    team.refresh_from_db()
    assert (team.storing, team.storing_settled) == ("off", True)
    assert "This team has settled that." in signed_in(people.owner).get(f"{moved(people, team).url}storing/").text


def moved(people: Cast, team: Team) -> Conversation:
    conversation = begin(people.owner)
    return sharing.move(actor=people.owner, conversation_id=conversation.pk, team_id=team.pk)


def test_the_settings_pages_choose_it(people: Cast) -> None:
    owner = signed_in(people.owner)
    owner.post("/settings/server/", {"signup": "open", "team_creation": "anyone", "storing": "off", "storing_settled": "on"})
    assert Server.objects.values_list("storing", "storing_settled").get() == ("off", True)
    assert "Not stored" in owner.get("/").text
    owner.post("/settings/", {"name": "", "storing": "on", "theme": "system"})
    assert User.objects.get(pk=people.owner.pk).storing == "on"
    assert owner.post("/settings/", {"name": "", "storing": "perhaps", "theme": "system"}).status_code == 422


def test_open_pages_are_told_when_it_changes(people: Cast) -> None:
    from chat.live.catchup import catch_up

    conversation = begin(people.mate)
    before = Conversation.objects.get().position
    storing.switch(actor=people.mate, conversation_id=conversation.pk, on=False)
    news = catch_up(conversation.pk, people.mate, before).content
    assert f"storing-{conversation.pk}" in news
    assert "Not stored" in news
    assert conversations.find(actor=people.mate, conversation_id=conversation.pk).store is False


def test_what_waits_for_its_turn_is_not_stored_either_once_that_is_switched_off(people: Cast) -> None:
    talk = begin(people.mate)
    waiting = messages.send(actor=people.mate, conversation_id=talk.pk, text="And then?").response
    storing.switch(actor=people.mate, conversation_id=talk.pk, on=False)
    waiting.refresh_from_db()
    assert not waiting.store


@pytest.mark.parametrize("how", ["handed over", "left behind"])
def test_what_becomes_somebodys_who_wants_nothing_stored_is_not_stored_any_more(people: Cast, team: Team, how: str) -> None:
    talk = begin(people.mate)
    sharing.move(actor=people.mate, conversation_id=talk.pk, team_id=team.pk)
    sharing.with_team(actor=people.mate, conversation_id=talk.pk, access="write")
    accounts.change_preferences(actor=people.owner, storing="off")
    if how == "handed over":
        sharing.hand_over(actor=people.mate, conversation_id=talk.pk, user_id=people.owner.pk)
    else:
        teams.leave(actor=people.mate, team_id=team.pk)
    talk.refresh_from_db()
    assert (talk.owner, talk.store) == (people.owner, False)
    assert not messages.send(actor=people.owner, conversation_id=talk.pk, text="Mine").response.store


def test_what_is_asked_anew_after_a_crash_heeds_that_it_was_switched_off(cast: Cast) -> None:
    author = cast.mate
    begun = messages.send(actor=author, conversation_id=None, text="Alpaca")
    assert responses.take(begun.response.pk) is not None
    storing.switch(actor=author, conversation_id=begun.conversation.pk, on=False)
    (found_,) = responses.abandoned(alone=True)
    assert responses.requeue(found_)
    assert Response.objects.get().store is False


@pytest.mark.parametrize("level", ["server", "team", "moved"])
def test_what_waits_when_it_is_settled_that_nothing_is_stored_is_not(people: Cast, team: Team, level: str) -> None:
    one = messages.send(actor=people.mate, conversation_id=None, text="One")
    pk = one.conversation.pk
    if level == "team":
        sharing.move(actor=people.mate, conversation_id=pk, team_id=team.pk)
    assert responses.take(one.response.pk) is not None
    two = messages.send(actor=people.mate, conversation_id=pk, text="Two")
    aside = messages.send(actor=people.stranger, conversation_id=None, text="Aside")
    if level == "server":
        storing.choose_for_server(actor=people.owner, storing="off", settled=True)
    else:
        storing.choose_for_team(actor=people.owner, team=team, storing="off", settled=True)
    if level == "moved":
        sharing.move(actor=people.mate, conversation_id=pk, team_id=team.pk)
    stored = dict(Response.objects.values_list("pk", "store"))
    assert stored == {one.response.pk: True, two.response.pk: False, aside.response.pk: level != "server"}
    assert not Conversation.objects.get(pk=pk).store  # or what was not to be stored would go along with the next question


def test_what_was_under_way_in_a_process_that_died_is_asked_anew_as_it_has_been_settled_since(people: Cast) -> None:
    begun = messages.send(actor=people.mate, conversation_id=None, text="Alpaca")
    assert responses.take(begun.response.pk) is not None
    storing.choose_for_server(actor=people.owner, storing="off", settled=True)
    (found_,) = responses.abandoned(alone=True)
    assert responses.requeue(found_)
    taken = responses.take(begun.response.pk)
    assert taken is not None
    assert not taken.store
    assert not Conversation.objects.get(pk=begun.conversation.pk).store  # also when that is lifted before anything is said


@pytest.mark.skipif(settings.ON_SQLITE, reason="one writer")
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("level", ["server", "team"])
def test_what_is_asked_in_the_moment_in_which_it_is_settled_heeds_that_when_it_begins(level: str) -> None:
    cast, sent, settled = assemble(), threading.Event(), threading.Event()
    team = teams.create(actor=cast.owner, name="Physics")
    there = begin(cast.owner)
    sharing.move(actor=cast.owner, conversation_id=there.pk, team_id=team.pk)
    Response.objects.update(status="completed")

    def send(number: int) -> str:
        with transaction.atomic():
            pk = str(messages.send(actor=cast.owner, conversation_id=there.pk, text="Alpaca").response.pk)
            sent.set()
            assert settled.wait(10)
        return pk

    def settle(number: int) -> None:
        assert sent.wait(10)
        if level == "server":
            storing.choose_for_server(actor=cast.owner, storing="off", settled=True)
        else:
            storing.choose_for_team(actor=cast.owner, team=team, storing="off", settled=True)
        settled.set()

    pk, _ = simultaneously(2, lambda number: (send, settle)[number](number))
    taken = responses.take(pk)
    assert taken is not None
    assert not taken.store


@pytest.mark.skipif(settings.ON_SQLITE, reason="one writer")
@pytest.mark.django_db(transaction=True)
def test_settling_it_and_leaving_a_team_do_not_wait_for_each_other() -> None:
    cast, held = assemble(), threading.Event()
    there = begin(cast.mate)

    def leave() -> None:
        with transaction.atomic():  # as `teams.leave`: conversations first, the record last
            belongings.bring_home(Conversation.objects.filter(pk=there.pk))
            held.set()
            until = time.monotonic() + 10
            while not waits() and time.monotonic() < until:  # the other one, for what we hold
                time.sleep(0.02)
            record.write(actor=cast.mate, what="member.left", about=cast.mate)

    def settle() -> None:
        assert held.wait(10)
        storing.choose_for_server(actor=cast.owner, storing="off", settled=True)

    assert simultaneously(2, lambda number: (leave, settle)[number]()) == [None, None]
