"""`@name` in a shared conversation tells whom it names, if they may read it, and nobody else."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from chat.live.mentions import _facts
from chat.models import Branch, Conversation, Item, Mention, Response, Team, User
from chat.store import conversations, links, mentions, messages, sharing, teams
from tests.cast import Cast, person
from tests.conftest import signed_in
from tests.notifications.conftest import say
from tests.teams.conftest import add


def named(user: User) -> int:
    return Mention.objects.filter(user=user).count()


def test_who_is_named_is_told_until_they_look(people: Cast, conversation: Conversation) -> None:
    message = say(people.mate, conversation, "What do you think, @olivia?")
    olivia = signed_in(people.owner)
    home = olivia.get("/").text
    assert '<span class="badge mention-count">1</span>' in home
    assert 'class="badge">1' in olivia.get("/settings/").text
    listed = olivia.get("/mentions/").text
    assert f"{conversation.url}?at={message.pk}" in listed
    assert "Mateo in Quarks" in listed
    assert "What do you think, @olivia?" in listed
    assert "· new" in listed
    olivia.get(f"{conversation.url}?at={message.pk}")
    assert '<span class="badge mention-count"></span>' in olivia.get("/").text
    assert "· new" not in olivia.get("/mentions/").text


def test_the_message_marks_whom_it_tells_and_nobody_else(people: Cast, conversation: Conversation) -> None:
    say(people.mate, conversation, "<b>@Olivia</b>, @stella and @nobody: me@olivia.")
    text = signed_in(people.owner).get(conversation.url).text
    assert '&lt;b&gt;<span class="mention">@Olivia</span>&lt;/b&gt;, @stella and @nobody: me@olivia.</div>' in text


def test_the_page_of_a_link_does_not_show_whose_names_are_somebodys(people: Cast, conversation: Conversation) -> None:
    say(people.mate, conversation, "@olivia and @nobody")
    link = links.make(actor=people.mate, conversation_id=conversation.pk, live=True, audience="anyone", days=None)
    assert "@olivia and @nobody" in Client().get(link.url).text


def test_a_page_elsewhere_marks_the_conversation(people: Cast, conversation: Conversation) -> None:
    say(people.owner, conversation, "I write here too.")
    say(people.mate, conversation, "@olivia, again")
    assert (
        f'id="mentioned-{conversation.pk}"><span class="visually-hidden">You are mentioned'
        in signed_in(people.owner).get("/").text
    )
    assert mentions.unseen(people.owner) == {conversation.pk}


def test_without_a_mention_the_page_says_how(people: Cast) -> None:
    assert "Nobody has mentioned you yet" in signed_in(people.stranger).get("/mentions/").text


def test_these_name_somebody(people: Cast, conversation: Conversation) -> None:
    texts = [
        "@olivia",
        "@Olivia!",
        "Hey @OLIVIA, look",
        "(@olivia)",
        "@olivia.",
        "@olivia: yes",
        "**@olivia**",
        "> @olivia",
        "é @olivia’s",
    ]
    for number, text in enumerate(texts, 1):
        say(people.mate, conversation, text)
        assert named(people.owner) == number, text


NOBODY = [
    "olivia",
    "me@olivia",
    "me@olivia.org",
    "@olivia.org",
    "@olivia2",
    "@ olivia",
    "`@olivia`",
    "``a ` @olivia``",
    "```\n@olivia\n```",
    "~~~ py\n@olivia",
    "    @olivia",
    "https://example.org/@olivia",
    "@@olivia",
]


def test_these_name_nobody(people: Cast, conversation: Conversation) -> None:
    for text in NOBODY:
        say(people.mate, conversation, text)
        assert named(people.owner) == 0, text


def test_an_accent_belongs_to_the_name_however_it_is_written(people: Cast, conversation: Conversation, team: Team) -> None:
    for each in (accented := person("ren\u00e9"), plain := person("rene")):
        add(team, each)
    say(people.mate, conversation, "@rene\u0301, look")
    assert (named(accented), named(plain)) == (1, 0)


def test_a_name_may_end_with_a_full_stop_of_its_own(people: Cast, conversation: Conversation, team: Team) -> None:
    add(team, jr := person("sammy.jr."))
    add(team, plain := person("sammy"))
    say(people.mate, conversation, "@sammy.jr. and @sammy.")
    assert (named(jr), named(plain)) == (1, 1)


def test_whoever_may_not_read_it_is_not_told_and_nobody_learns_of_them(
    people: Cast, conversation: Conversation, team: Team
) -> None:
    add(team, guest := person("gus"), "guest")
    mateo = signed_in(people.mate)
    answers = [
        mateo.post(f"{conversation.url}messages/", {"text": f"@{name} hello"}, headers={"HX-Request": "true"})
        for name in ("stella", "nobody", "gus", "mateo")
    ]
    assert {answer.status_code for answer in answers} == {200}
    assert Mention.objects.count() == 0
    sharing.with_person(actor=people.mate, conversation_id=conversation.pk, user_id=guest.pk, access="read")
    say(people.mate, conversation, "@gus now you may")
    assert named(guest) == 1


def test_people_who_are_suspended_are_not_told(people: Cast, conversation: Conversation) -> None:
    User.objects.filter(pk=people.owner.pk).update(suspended=True)
    say(people.mate, conversation, "@olivia")
    assert named(people.owner) == 0


def test_in_a_conversation_of_ones_own_nobody_is_named(people: Cast) -> None:
    messages.send(actor=people.mate, conversation_id=None, text="@olivia, are you there?")
    assert Mention.objects.count() == 0


def test_twenty_are_told_of_one_message(people: Cast, conversation: Conversation, team: Team) -> None:
    crowd = [person(f"crowd{number}") for number in range(22)]
    for one in crowd:
        add(team, one)
    say(people.mate, conversation, " ".join(f"@{one.username}" for one in crowd) + " @crowd0")
    assert list(Mention.objects.order_by("pk").values_list("user__username", flat=True)) == [f"crowd{n}" for n in range(20)]


def test_said_differently_only_who_is_named_anew_is_told(people: Cast, conversation: Conversation, team: Team) -> None:
    add(team, person("ada"))
    old = say(people.mate, conversation, "@olivia, look")
    mentions.seen([(people.owner.pk, conversation.pk)])
    begun = messages.edit(actor=people.mate, conversation_id=conversation.pk, item_id=old.pk, text="@olivia, @ada, look here")
    unseen = Mention.objects.filter(seen=None)
    assert [mention.user.username for mention in unseen] == ["ada"]
    kept = Mention.objects.filter(user=people.owner).order_by("pk")
    assert [mention.item_id for mention in kept] == [old.pk, begun.response.input_id]


def test_another_writer_takes_nobodys_mention_over(people: Cast, conversation: Conversation, team: Team) -> None:
    add(team, ada := person("ada"))
    old = say(people.mate, conversation, "@olivia, look")
    messages.edit(actor=ada, conversation_id=conversation.pk, item_id=old.pk, text="@olivia, nonsense")
    assert Mention.objects.get(user=people.owner, seen=None).item == old


def test_no_wording_tells_again(people: Cast, conversation: Conversation) -> None:
    old = say(people.mate, conversation, "@olivia, look")
    for text in ("look", "@olivia, look again", "Look, @olivia"):
        begun = messages.edit(actor=people.mate, conversation_id=conversation.pk, item_id=old.pk, text=text)
        assert not begun.tells
    assert Mention.objects.get(user=people.owner, seen=None).item == old


def test_what_is_on_another_branch_is_not_seen_before_it_is_shown(people: Cast, conversation: Conversation) -> None:
    first = say(people.mate, conversation, "Look")
    messages.edit(actor=people.mate, conversation_id=conversation.pk, item_id=first.pk, text="Look here")
    conversation.refresh_from_db()
    conversations.show(conversation, people.owner, conversation.head)
    aside = messages.edit(actor=people.mate, conversation_id=conversation.pk, item_id=first.pk, text="@olivia, look")
    olivia = signed_in(people.owner)
    assert '<span class="badge mention-count">1</span>' in olivia.get(conversation.url).text
    assert mentions.unseen(people.owner) == {conversation.pk}
    assert '<span class="badge mention-count">1</span>' not in olivia.get(f"{conversation.url}?at={aside.response.input_id}").text
    assert mentions.unseen(people.owner) == frozenset()


def aside(people: Cast, conversation: Conversation, count: int) -> Item:
    """Olivia stays where she is, while she is named so often on another branch; the last message there."""
    said = Item.objects.filter(conversation=conversation, previous=None).earliest("created")
    if not Branch.objects.filter(user=people.owner).exists():
        say(people.owner, conversation, "I stay here.")
        conversation.refresh_from_db()
        conversations.show(conversation, people.owner, conversation.head)
        messages.edit(actor=people.mate, conversation_id=conversation.pk, item_id=said.pk, text="Another way")
    for _ in range(count):
        Response.objects.filter(status="queued").update(status="completed")
        said = say(people.mate, conversation, "@olivia, look")
    return said


def test_a_look_asks_as_much_for_many_as_for_few_and_less_where_nothing_has_changed(
    people: Cast, conversation: Conversation
) -> None:
    """It is taken every 0.7 s, for all who have a page open."""
    here = {(people.owner.pk, conversation.pk)}
    asked: dict[int, tuple[int, int]] = {}
    for count in (2, 20):
        last = aside(people, conversation, count)
        with CaptureQueriesContext(connection) as first:
            facts, standing = _facts({people.owner.pk}, set(), here, {})
        with CaptureQueriesContext(connection) as again:
            assert _facts({people.owner.pk}, set(), here, standing) == (facts, standing)
        assert facts == {people.owner.pk: {conversation.pk}}
        asked[count] = len(first), len(again)
    assert asked[20] == asked[2]
    assert asked[20][1] == 2
    conversations.show(conversation, people.owner, Response.objects.get(input=last))
    facts, _ = _facts({people.owner.pk}, set(), here, standing)
    assert (facts, mentions.unseen(people.owner)) == ({people.owner.pk: frozenset()}, frozenset())


def test_what_is_committed_late_is_looked_at_though_a_newer_one_was_already(people: Cast, conversation: Conversation) -> None:
    aside(people, conversation, 2)
    here = {(people.owner.pk, conversation.pk)}
    mine = Item.objects.get(conversation=conversation, author=people.owner)
    early = Mention.objects.create(user=people.owner, conversation=conversation, item=mine)
    Mention.objects.filter(pk=early.pk).delete()
    aside(people, conversation, 1)
    _, standing = mentions.still_seen(here, {})
    Mention.objects.create(pk=early.pk, user=people.owner, conversation=conversation, item=mine)
    mentions.still_seen(here, standing)
    assert Mention.objects.get(pk=early.pk).seen is not None


def test_of_very_many_that_wait_the_newest_do(people: Cast, conversation: Conversation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mentions, "MOST_WAITING", 2)
    last = aside(people, conversation, 4)
    assert mentions.seen([(people.owner.pk, conversation.pk)]) == {(people.owner.pk, conversation.pk)}
    named = Mention.objects.order_by("pk")
    assert [mention.seen is None for mention in named] == [False, False, True, True]
    conversations.show(conversation, people.owner, Response.objects.get(input=last))
    assert mentions.seen([(people.owner.pk, conversation.pk)]) == set()
    assert not named.filter(seen=None).exists()


def test_several_wordings_are_one_line_with_the_one_that_is_seen(people: Cast, conversation: Conversation, team: Team) -> None:
    add(team, ada := person("ada"))
    first = say(people.mate, conversation, "@olivia, first wording")
    here = messages.edit(actor=people.mate, conversation_id=conversation.pk, item_id=first.pk, text="@olivia, second wording")
    conversations.show(conversation, people.owner, here.response)
    messages.edit(actor=people.mate, conversation_id=conversation.pk, item_id=first.pk, text="@olivia, third wording")
    messages.edit(actor=ada, conversation_id=conversation.pk, item_id=first.pk, text="@olivia, what Ada makes of it")
    olivia = signed_in(people.owner)
    text = olivia.get("/mentions/").text
    assert [wording for wording in ("first", "second", "third") if f"{wording} wording" in text] == ["second"]
    assert f"{conversation.url}?at={here.response.input_id}" in text
    assert text.count("· new") == 1
    assert "what Ada makes of it" in text
    olivia.get(conversation.url)
    assert "· new" not in olivia.get("/mentions/").text


def test_who_sees_a_later_wording_has_seen_it(people: Cast, conversation: Conversation) -> None:
    old = say(people.mate, conversation, "@olivia, lok")
    messages.edit(actor=people.mate, conversation_id=conversation.pk, item_id=old.pk, text="@olivia, look")
    signed_in(people.owner).get(conversation.url)
    assert mentions.unseen(people.owner) == frozenset()


def test_who_may_not_read_it_any_more_sees_nothing_of_it(people: Cast, conversation: Conversation) -> None:
    say(people.mate, conversation, "@olivia, secretly")
    sharing.with_team(actor=people.mate, conversation_id=conversation.pk, access="")
    olivia = signed_in(people.owner)
    assert mentions.unseen(people.owner) == frozenset()
    assert "secretly" not in olivia.get("/mentions/").text
    sharing.with_team(actor=people.mate, conversation_id=conversation.pk, access="read")
    assert "secretly" in olivia.get("/mentions/").text
    conversations.delete(actor=people.mate, conversation_id=conversation.pk)
    assert mentions.unseen(people.owner) == frozenset()
    assert "secretly" not in olivia.get("/mentions/").text


def test_who_has_left_the_team_sees_nothing_of_it(people: Cast, conversation: Conversation, team: Team) -> None:
    say(people.mate, conversation, "@olivia, secretly")
    teams.leave(actor=people.owner, team_id=team.pk)
    assert mentions.unseen(people.owner) == frozenset()
    assert "secretly" not in signed_in(people.owner).get("/mentions/").text


def test_a_message_without_an_at_and_one_that_nobody_else_sees_ask_for_nothing(people: Cast, conversation: Conversation) -> None:
    alone = messages.send(actor=people.mate, conversation_id=None, text="Mine").conversation

    def asked(where: Conversation, text: str) -> int:
        with CaptureQueriesContext(connection) as queries:
            messages.send(actor=people.mate, conversation_id=where.pk, text=text)
        return len(queries)

    asked(conversation, "First")
    asked(alone, "First")
    assert asked(conversation, "plain") == asked(conversation, "plain") < asked(conversation, "@olivia")
    assert asked(alone, "plain") == asked(alone, "@olivia")
    assert asked(conversation, "me@example.org") == asked(conversation, "plain")
