"""What waits for many people at once is what waits for each of them, and costs no more questions."""

from chat.models import Mention, User
from chat.policy import can
from chat.store import mentions, messages, sharing, teams
from tests import cast
from tests.cast import person
from tests.teams.conftest import add


def test_for_many_it_is_what_it_is_for_each(db: None, django_assert_num_queries) -> None:  # noqa: ANN001
    people = cast.assemble()
    team = teams.create(actor=people.mate, name="Physics")
    member, guest, invited, off = (person(name) for name in ("member", "guest", "invited", "off"))
    for each, role in ((member, "member"), (guest, "guest"), (invited, "guest"), (off, "member")):
        add(team, each, role)
    User.objects.filter(pk=off.pk).update(suspended=True)
    every = list(User.objects.all())
    for access in ("read", "write", ""):
        begun = messages.send(actor=people.mate, conversation_id=None, text="Quarks")
        where = begun.conversation.pk
        sharing.move(actor=people.mate, conversation_id=where, team_id=team.pk)
        sharing.with_team(actor=people.mate, conversation_id=where, access=access)
        sharing.with_person(actor=people.mate, conversation_id=where, user_id=invited.pk, access="read")
        item, conversation = begun.response.input, begun.conversation
        Mention.objects.bulk_create(Mention(item=item, conversation=conversation, user=user) for user in every)
    with django_assert_num_queries(1):
        found = mentions.unseen_by([user.pk for user in every])
    for user in every:
        said = Mention.objects.filter(user=user).select_related("conversation")
        readable = {each.conversation_id for each in said if can(user, "conversation.read", each.conversation)}
        assert found.get(user.pk, frozenset()) == readable, user.username
    assert [len(found.get(user.pk, ())) for user in (people.mate, member, guest, invited, off, people.stranger)] == [
        3,
        2,
        0,
        3,
        0,
        0,
    ]
    pairs = [(user.pk, conversation) for user in every for conversation in found.get(user.pk, ())]
    with django_assert_num_queries(6 + 3):  # one for each branch
        mentions.seen(pairs)
    assert mentions.unseen_by([user.pk for user in every]) == {}
