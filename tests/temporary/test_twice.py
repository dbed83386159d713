"""What is sent twice at the same time is said once."""

from collections.abc import Callable

import pytest

from chat.models import User
from chat.store import talks
from chat.store.responses import Ending
from chat.store.talks import Asked
from chat.store.temporary import Home
from tests.accounts.conftest import simultaneously
from tests.cast import person


def at_once(send: Callable[[int], Asked]) -> Asked:
    """Both are told of the same, one of them that it is new."""
    found = simultaneously(2, send)
    assert [one for one in found if isinstance(one, Exception)] == []
    assert len({one.reply.id for one in found}) == 1
    assert sorted(one.new for one in found) == [False, True]
    return found[0]  # type: ignore[no-any-return]


@pytest.mark.django_db(transaction=True)
def test_it_begins_one_conversation_and_is_one_message_there(home: Home) -> None:
    actor: User = person("olivia")
    for number in range(4):
        begun = at_once(lambda _, number=number: talks.begin(actor=actor, text="Hello", client_id=f"a{number}"))
        where = {"actor": actor, "talk_id": begun.talk.id}
        assert talks.ended(begun.talk.id, begun.reply.id, Ending(status="completed"), count=1)
        said = at_once(lambda _, where=where: talks.say(**where, text="More", client_id="b"))
        assert len(talks.find(**where).document.exchanges) == 2
        other = talks.begin(actor=actor, text="Something else", client_id=f"a{number}")
        assert other.talk.id != begun.talk.id
        assert said.talk.id == begun.talk.id
        for pk in (begun.talk.id, other.talk.id):
            home.drop(pk)
