"""Accounts deleted by their owners: shut out at once, everything of theirs gone soon after, and nothing of anybody else's."""

import itertools
import re
import zlib
from datetime import timedelta
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.utils import timezone

from chat import errors
from chat.files import storage
from chat.models import (
    LEFT,
    AdminActDetail,
    Conversation,
    Departure,
    Export,
    File,
    Invitation,
    Item,
    LogRow,
    Response,
    Server,
    Team,
    Turn,
    User,
)
from chat.runs import files as removing
from chat.runs import uploads
from chat.runs.departures import Clearing
from chat.store import (
    chain,
    clock,
    conversations,
    departures,
    exports,
    invitations,
    links,
    messages,
    projects,
    record,
    responses,
    search,
    sessions,
    sharing,
    teams,
)
from chat.store.attached import Held
from chat.store.messages import TextFile
from tests.accounts.conftest import sign_in, sign_up, simultaneously
from tests.accounts.test_second_step import set_up, signed_in_afresh
from tests.cast import PASSWORD, Cast, person, put_in
from tests.conftest import signed_in
from tests.own_data.conftest import answer, clear, fetched, talk, team_of

PATH = "/settings/data/delete/"


@pytest.fixture(autouse=True)
def fresh_limits(db: None) -> None:
    cache.clear()


@pytest.fixture
def stella(people: Cast) -> Client:
    return signed_in_afresh("stella")


def leave(client: Client, username: str = "stella") -> Any:
    return client.post(PATH, {"username": username}, follow=True)


def dump() -> str:
    """All that stands in the database, also in SQLite's index."""
    found = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')
            found += [text(value) for row in cursor.fetchall() for value in row]
    return "\n".join(found)


def text(value: Any) -> str:
    if not isinstance(value, bytes | memoryview):
        return str(value)
    data = bytes(value)
    try:
        return zlib.decompress(data).decode(errors="replace")
    except zlib.error:
        return data.decode("latin-1")


def test_it_is_asked_whether_it_is_you_and_what_you_are_called(people: Cast) -> None:
    client = Client()
    sign_in(client, "stella")
    assert client.get(PATH)["Location"].startswith("/accounts/reauthenticate/")
    assert client.post(PATH, {"username": "stella"})["Location"] == PATH
    assert "Delete your account" in client.get("/settings/data/").text
    afresh = signed_in_afresh("stella")
    assert "What stays" in afresh.get(PATH).text
    for wrong in ("", "olivia"):
        assert afresh.post(PATH, {"username": wrong}).status_code == 422
    assert not Departure.objects.exists()
    assert User.objects.get(pk=people.stranger.pk).is_active


def test_what_was_asked_before_it_was_shown_is_asked_again(people: Cast) -> None:
    client = Client()
    sign_in(client, "stella")
    answer = client.post(PATH, {"username": "stella"})
    assert (answer.status_code, answer["Location"]) == (303, PATH)
    client.get(client.get(PATH)["Location"])
    wrong = client.post("/accounts/reauthenticate/", {"password": "wrong", "next": PATH})
    assert "That is not your password." in wrong.text
    page = client.post("/accounts/reauthenticate/", {"password": PASSWORD, "next": PATH}, follow=True)
    assert "What stays" in page.text
    assert not Departure.objects.exists()
    leave(client)
    assert Departure.objects.get().user_id == people.stranger.pk
    assert client.get("/settings/").status_code == 302


def test_a_passkey_is_enough(people: Cast) -> None:
    people.stranger.set_unusable_password()
    people.stranger.save()
    Authenticator.objects.create(user=people.stranger, type=Authenticator.Type.WEBAUTHN, data={"name": "Key", "credential": {}})
    answer = signed_in(people.stranger).get(PATH)
    assert answer["Location"].startswith("/accounts/2fa/webauthn/reauthenticate/")


def test_nothing_of_what_one_wrote_is_left_anywhere(people: Cast, stella: Client) -> None:
    mine = people.stranger
    secret = set_up(stella)
    User.objects.filter(pk=mine.pk).update(name="Zaphodette", instructions="Xylophonic always", default_model="m-yggdrasil")
    mine.refresh_from_db()
    team = team_of(people.owner, mine, people.mate)
    begun = talk(mine, "My quokkawhisper", "A wombatologist replies", files=(TextFile("jackdawnote.txt", "pangolinesque"),))
    conversations.rename(actor=mine, conversation_id=begun.conversation.pk, title="Narwhalish")
    projects.create(actor=mine, name="Okapiology", instructions="Axolotlwise")
    links.make(actor=mine, conversation_id=begun.conversation.pk, live=False, audience="anyone", days=7)
    theirs = talk(people.owner, "Ours", "Reply")
    sharing.move(actor=people.owner, conversation_id=theirs.conversation.pk, team_id=team.pk)
    sharing.with_team(actor=people.owner, conversation_id=theirs.conversation.pk, access="write")
    talk(mine, "Said elsewhere", "Answered", into=theirs.conversation.pk)
    invitations.make(actor=people.owner, team=team, days=7, uses=1, email="Stella@Example.org")
    EmailAddress.objects.create(user=mine, email="stella@example.org", verified=True)
    talk(people.owner, "Olivia's own quoll", "Kept")
    fetched(stella)
    words = ("quokkawhisper", "wombatologist", "pangolinesque", "jackdawnote", "narwhalish", "xylophonic", "yggdrasil")
    words += ("okapiology", "axolotlwise", "zaphodette", "stella", secret.lower())
    before = dump().lower()
    assert [word for word in words if word not in before] == [secret.lower()]  # that one is sealed
    gone = mine.pk
    assert "Your account is deleted." in leave(stella).text
    assert "stella" not in User.objects.get(pk=gone).username
    clear()
    left = dump().lower()
    assert [word for word in words if word in left] == []
    assert not User.objects.filter(pk=gone).exists()
    assert not Export.objects.exists()
    said = Item.objects.get(conversation=theirs.conversation, author=None, response=None)
    assert "Said elsewhere" in str(said.wire)
    page = signed_in(people.owner).get(theirs.conversation.url).text
    assert "Somebody who has left" in page
    assert len(search.find(actor=people.owner, query="quoll")) >= 1
    assert not Response.objects.filter(instructions__contains="Xylo").exists()


def test_files_go_with_what_one_had_and_stay_with_what_others_read(people: Cast, stella: Client) -> None:
    mine = people.stranger
    team = team_of(people.owner, mine)
    theirs = talk(people.owner, "Ours", "Reply").conversation.pk
    sharing.move(actor=people.owner, conversation_id=theirs, team_id=team.pk)
    sharing.with_team(actor=people.owner, conversation_id=theirs, access="write")
    put_in(mine, b"lemurlike", "okapihidden.txt")  # what they call it elsewhere
    uses = [put_in(mine, name.encode(), f"{name}.txt") for name in ("gnuology", "lemurlike", "tapirwise")]
    for use, into in zip(uses, (None, theirs), strict=False):
        messages.send(actor=mine, conversation_id=into, text="Look", held=[Held(use.pk)])
    leave(stella)
    clear()
    left = dump().lower()
    assert [word for word in ("gnuology", "lemurlike", "tapirwise", "okapihidden") if word in left] == ["lemurlike"]
    while removing.purge(clock.now()) is not None:
        pass
    kept = File.objects.get()
    assert (kept.pk, kept.owner) == (uses[1].file_id, None)
    assert b"".join(signed_in(people.owner).get(f"/files/{kept.pk}/").streaming_content) == b"lemurlike"  # type: ignore[attr-defined]
    for use in (uses[0], uses[2]):
        with pytest.raises(errors.NotFound):
            storage.read(uploads.place(use.file))


def test_from_that_moment_nobody_comes_in_with_it_and_the_name_is_free(people: Cast, stella: Client) -> None:
    other = Client()
    sign_in(other, "stella")
    epoch = User.objects.get(pk=people.stranger.pk).auth_epoch
    leave(stella)
    assert [client.get("/settings/").status_code for client in (stella, other)] == [302, 302]
    assert "is not right" in sign_in(Client(), "stella").text
    now = User.objects.get(pk=people.stranger.pk)
    assert (now.is_active, now.shown_name, now.has_usable_password()) == (False, "Somebody who has left", False)
    assert now.auth_epoch > epoch
    assert not UserSession.objects.filter(user=now).exists()
    assert not EmailAddress.objects.filter(user=now).exists()
    panel = signed_in(people.owner).get("/admin/chat/user/").text
    assert "mateo" in panel
    assert not re.search(r"left-[0-9a-f]{16}", panel)
    assert sign_up(Client(), "stella", email="stella@example.org").status_code == 302
    clear()
    assert User.objects.filter(username="stella").count() == 1


def test_a_mail_tells_so_where_mail_is_sent(people: Cast, stella: Client, settings: Any, mailoutbox: list[Any]) -> None:
    leave(signed_in_afresh("mateo"), "mateo")
    assert mailoutbox == []
    settings.ACCOUNT_EMAIL_NOTIFICATIONS = True
    leave(stella)
    (mail,) = mailoutbox
    assert (mail.to, mail.subject) == (["stella@example.org"], "[Parley] Your account is deleted")
    assert "stella has been deleted" in mail.body


def test_replies_stop_first(people: Cast, stella: Client) -> None:
    runs = talk(people.stranger, "It runs")
    waits = talk(people.stranger, "It waits", into=runs.conversation.pk)
    taken = responses.take(runs.response.pk)
    assert taken is not None
    leave(stella)
    assert responses.verdicts({taken.pk: responses.Held(taken.epoch, standing=0)}) == {taken.pk: "cancelled"}
    assert Response.objects.get(pk=waits.response.pk).status == "cancelled"
    clear()
    assert Departure.objects.exists()  # it lives as long as it runs
    Response.objects.filter(pk=taken.pk).update(status="cancelled")
    clear()
    assert not User.objects.filter(pk=people.stranger.pk).exists()


def test_what_is_shared_in_a_team_is_its_longest_serving_owners(people: Cast, stella: Client) -> None:
    team = team_of(people.owner, people.mate, people.stranger)
    teams.change_role(actor=people.owner, team_id=team.pk, user_id=people.mate.pk, role="owner")
    shared, own = talk(people.stranger, "For all of us", "Yes"), talk(people.stranger, "For me", "No")
    for begun in (shared, own):
        sharing.move(actor=people.stranger, conversation_id=begun.conversation.pk, team_id=team.pk)
    sharing.with_person(actor=people.stranger, conversation_id=shared.conversation.pk, user_id=people.mate.pk, access="read")
    assert "1 of yours" in stella.get(PATH).text
    leave(stella)
    clear()
    found = Conversation.objects.get()
    assert (found.pk, found.owner) == (shared.conversation.pk, people.owner)
    assert search.find(actor=people.owner, query="all of us")
    assert "Somebody who has left" in signed_in(people.mate).get(found.url).text
    assert not team.memberships.filter(user=people.stranger.pk).exists()


def test_what_was_shared_with_one_alone_is_shared_with_nobody(people: Cast, stella: Client) -> None:
    team = team_of(people.owner, people.stranger)
    begun = talk(people.owner, "Between us", "Yes")
    sharing.move(actor=people.owner, conversation_id=begun.conversation.pk, team_id=team.pk)
    sharing.with_person(actor=people.owner, conversation_id=begun.conversation.pk, user_id=people.stranger.pk, access="write")
    assert Conversation.objects.get().shared
    leave(stella)
    clear()
    assert not Conversation.objects.get().shared
    assert Response.objects.count() == 1


def test_a_team_must_keep_an_owner_and_one_of_nobody_else_goes_too(people: Cast, stella: Client) -> None:
    team, alone = team_of(people.stranger, people.mate, name="Botany"), team_of(people.stranger, name="Alone")
    begun = talk(people.stranger, "Mine", "Yes")
    sharing.move(actor=people.stranger, conversation_id=begun.conversation.pk, team_id=alone.pk)
    page = stella.get(PATH).text
    assert f"/teams/{team.pk}/" in page
    assert "Alone" not in page
    refused = leave(stella)
    assert (refused.status_code, "only owner of Botany" in refused.text) == (422, True)
    assert not Departure.objects.exists()
    teams.hand_over(actor=people.stranger, team_id=team.pk, user_id=people.mate.pk)
    leave(stella)
    assert not Team.objects.filter(pk=alone.pk).exists()
    clear()
    assert not Conversation.objects.exists()
    assert Team.objects.filter(personal_of=None).get() == team


def test_the_server_is_handed_over_first(people: Cast) -> None:
    olivia = signed_in_afresh("olivia")
    assert "/settings/server/#hand-over" in olivia.get(PATH).text
    assert "This server is yours." in leave(olivia, "olivia").text
    olivia.post("/settings/server/hand-over/", {"username": "stella"})
    leave(olivia, "olivia")
    clear()
    assert not User.objects.filter(username="olivia").exists()
    assert Server.objects.get().owner == people.stranger


def test_an_address_that_was_not_confirmed_withdraws_nobodys_invitation(people: Cast, stella: Client) -> None:
    kept, _ = invitations.make(actor=people.owner, days=7, uses=1, email="ada@example.org")
    past, _ = invitations.make(actor=people.owner, days=7, uses=1, email="ada@example.org")
    Invitation.objects.filter(pk=past.pk).update(expires=timezone.now())
    EmailAddress.objects.create(user=people.stranger, email="ada@example.org", verified=False)
    leave(stella)
    assert list(Invitation.objects.all()) == [kept]


@pytest.mark.django_db(transaction=True)
def test_asked_for_twice_at_once_it_is_done_once() -> None:
    person("olivia")
    somebody = person("stella")
    assert simultaneously(3, lambda _: departures.begin(actor=somebody)) == [None] * 3
    assert Departure.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_two_owners_who_leave_at_once_one_stays() -> None:
    olivia, others = person("olivia"), [person("mateo"), person("stella")]
    team = team_of(others[0], others[1], olivia)
    teams.change_role(actor=others[0], team_id=team.pk, user_id=others[1].pk, role="owner")
    refused = [result for result in simultaneously(2, lambda number: departures.begin(actor=others[number])) if result]
    assert [type(result) for result in refused] == [errors.Refused]
    assert team.memberships.filter(role="owner").count() == 1
    assert Departure.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_whose_something_becomes_may_leave_at_that_moment() -> None:
    olivia, mateo, stella = person("olivia"), person("mateo"), person("stella")
    team = team_of(stella, mateo, olivia)
    for one in (mateo, olivia):
        teams.change_role(actor=stella, team_id=team.pk, user_id=one.pk, role="owner")
    for number in range(6):
        begun = talk(stella, f"Precious {number}", "Yes")
        sharing.move(actor=stella, conversation_id=begun.conversation.pk, team_id=team.pk)
        sharing.with_team(actor=stella, conversation_id=begun.conversation.pk, access="write")
        messages.send(actor=mateo, conversation_id=begun.conversation.pk, text="It waits")
    departures.begin(actor=stella)
    acts = [clear, lambda: departures.begin(actor=mateo)]
    assert simultaneously(2, lambda number: acts[number]()) == [None, None]
    clear()
    assert set(Conversation.objects.values_list("owner", flat=True)) == {olivia.pk}
    assert Conversation.objects.count() == 6


def test_much_goes_in_pieces_and_nobody_waits_for_more_than_one(people: Cast, stella: Client) -> None:
    begun = talk(people.stranger, "Begin", "Yes")
    said = Item(conversation=begun.conversation, role="user", author=people.stranger, wire={})
    said.save()
    Response.objects.bulk_create(
        Response(conversation=begun.conversation, input=said, author=people.stranger, status="completed") for _ in range(450)
    )
    leave(stella)
    counts = [Response.objects.count()]
    while departures.step():
        counts.append(Response.objects.count())
    assert max(one - other for one, other in itertools.pairwise(counts)) == conversations.PURGE_SLICE
    assert counts[-1] == 0


def test_one_under_way_holds_up_no_other(people: Cast, stella: Client) -> None:
    talk(people.stranger, "It runs")
    other = person("ada")
    taken = responses.take(str(Response.objects.get().pk))
    assert taken is not None
    leave(stella)
    departures.begin(actor=other)
    clear()
    assert [each.user_id for each in Departure.objects.all()] == [people.stranger.pk]


def test_one_that_cannot_be_gone_on_with_is_told_once_and_holds_up_no_other(
    people: Cast, stella: Client, caplog: pytest.LogCaptureFixture
) -> None:
    leave(stella)
    departures.begin(actor=person("ada"))
    clearing = Clearing()
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE holds (id integer REFERENCES chat_user (id))")
        cursor.execute("INSERT INTO holds VALUES (%s)", [people.stranger.pk])
    for _ in range(2):
        while clearing.step():
            pass
    assert [each.user_id for each in Departure.objects.all()] == [people.stranger.pk]
    assert caplog.text.count("cannot be removed") == 1


def test_a_link_for_anyone_shows_nothing_any_more_whoever_has_the_conversation_then(people: Cast, stella: Client) -> None:
    team = team_of(people.owner, people.stranger)
    begun = talk(people.stranger, "For all of us", "Yes")
    mine = {"actor": people.stranger, "conversation_id": begun.conversation.pk}
    sharing.move(**mine, team_id=team.pk)
    sharing.with_team(**mine, access="read")
    public = links.make(**mine, live=False, audience="anyone", days=None)
    kept = links.make(**mine, live=False, audience="team", days=None)
    assert Client().get(f"/s/{public.pk}/").status_code == 200
    leave(stella)
    clear()
    assert Conversation.objects.get().owner == people.owner
    assert Client().get(f"/s/{public.pk}/").status_code == 404
    assert signed_in(people.owner).get(f"/s/{kept.pk}/").status_code == 200


def test_a_sign_in_that_was_given_up_before_its_second_step_goes_too(people: Cast, stella: Client) -> None:
    set_up(stella)
    sign_in(other := Client(), "stella")
    sign_in(Client(), "mateo")
    assert "stella" in str(other.session.items())
    leave(stella)
    clear()
    assert not User.objects.filter(pk=people.stranger.pk).exists()
    found = [session.get_decoded() for session in Session.objects.all()]
    assert "mateo" in str(found)
    assert "stella" not in str(found)


def test_sessions_that_have_run_out_are_removed(people: Cast, stella: Client) -> None:
    sign_in(Client(), "mateo")
    Session.objects.filter(pk=stella.session.session_key).update(expire_date=timezone.now() - timedelta(seconds=1))
    while sessions.purge():
        pass
    assert [session.get_decoded()["_auth_user_id"] for session in Session.objects.all()] == [str(people.mate.pk)]


def test_what_a_provider_goes_on_with_is_ended_there_first(people: Cast, stella: Client) -> None:
    begun = talk(people.stranger, "It runs")
    taken = responses.take(begun.response.pk)
    assert taken is not None
    Turn.objects.create(response=taken, index=0, epoch=taken.epoch, provider="p", background=True, upstream_id="resp_1")
    leave(stella)
    for minutes, there in ((2, True), (70, False)):
        Departure.objects.update(created=timezone.now() - timedelta(minutes=minutes))
        clear()
        assert Turn.objects.exists() is there


def test_an_export_under_way_ends(people: Cast, stella: Client) -> None:
    stella.post("/settings/data/exports/")
    export = exports.take()
    assert export is not None
    leave(stella)
    with pytest.raises(exports.Gone):
        exports.note(export, done=0, total=0, size=0)


def test_the_log_holds_nothing_either(people: Cast, stella: Client) -> None:
    begun = messages.send(actor=people.stranger, conversation_id=None, text="Hello")
    answer(begun, "World")
    assert LogRow.objects.exists()
    leave(stella)
    clear()
    assert not LogRow.objects.exists()


def test_what_somebody_did_in_the_panel_stays_on_record_without_their_name(people: Cast, stella: Client) -> None:
    team = team_of(people.owner, people.stranger, people.mate)
    teams.change_role(actor=people.owner, team_id=team.pk, user_id=people.stranger.pk, role="admin")
    with record.asked_from(lambda: "203.0.113.7"):
        teams.rename(actor=people.stranger, team_id=team.pk, name="Quokkas")
    page = "/admin/chat/adminact/?what=team.renamed"
    for shown in ("203.0.113.7", "Quokkas", "stella"):
        assert shown in signed_in(people.owner).get(page).text
    leave(stella)
    clear()
    (row,) = signed_in(people.owner).get(page).context["rows"]
    assert (row.who, row.act.who, row.before, row.after, row.address) == (LEFT, f"user:{people.stranger.pk}", "", "", "")
    assert not AdminActDetail.objects.filter(who=people.stranger.pk).exists()
    assert chain.ACTS.verify().broken is None
