"""`@name` in a shared conversation tells whom it names, if they may read it, and nobody else."""

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from chat.models import Conversation, Mention, Team, User
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
