"""What becomes of conversations, however many, when somebody leaves their team, or it ends: statements for all at once. By
the piece, a team of a thousand conversations held everybody up for many seconds. The epochs of people are the caller's to raise.
"""

from collections.abc import Iterator
from typing import Final

from django.db.models import QuerySet

from chat.models import Access, Conversation, Link, Participant, Response, SearchEntry, User
from chat.store import counting, exports, news, sql, storing

SLICE: Final = 500  # conversations in one statement


def _locked(found: QuerySet[Conversation]) -> Iterator[list[str]]:
    """Their ids, locked with their replies in the order in which the log locks them."""
    ids = list(found.select_for_update().order_by("pk").values_list("pk", flat=True))
    for start in range(0, len(ids), SLICE):
        some = ids[start : start + SLICE]
        list(Response.objects.select_for_update().filter(conversation__in=some).order_by("pk").values_list("pk", flat=True))
        yield some


HOME: Final = """UPDATE chat_conversation SET team_access = '', shared = FALSE, project_id = NULL,
team_id = (SELECT t.id FROM chat_team t WHERE t.personal_of_id = chat_conversation.owner_id) WHERE id {one_of}"""
REPLIES: Final = """UPDATE chat_response SET team_id = (SELECT c.team_id FROM chat_conversation c WHERE c.id = conversation_id)
WHERE conversation_id {one_of}"""
KEPT: Final = """UPDATE chat_kept SET team = (SELECT c.team_id FROM chat_conversation c WHERE c.id = conversation_id)
WHERE conversation_id {one_of}"""


def bring_home(found: QuerySet[Conversation]) -> None:
    """Their owners' alone from now on, shared with nobody, by no link and in no project."""
    for some in _locked(found):
        Participant.objects.filter(conversation__in=some).delete()
        Link.objects.filter(conversation__in=some).delete()
        counting.bring_home(some)
        sql.run(HOME, some)
        sql.run(REPLIES, some)
        sql.run(KEPT, some)
        exports.withdraw_moved(some)
        news.announce_all(some, "people.changed")


SHARED: Final = """UPDATE chat_conversation SET shared = (team_access <> '' OR EXISTS (
SELECT 1 FROM chat_participant p WHERE p.conversation_id = chat_conversation.id AND p.access <> '')) WHERE id {one_of}"""


def pass_on(found: QuerySet[Conversation], owner: User) -> None:
    """This person's from now on, in the team still, and where they had them in their list. Who had them reads no more by a live
    link.
    """
    for some in _locked(found):
        there = Participant.objects.filter(conversation__in=some)
        Link.objects.filter(conversation__in=some, head=None).delete()
        Conversation.objects.filter(pk__in=some).update(owner=owner, pinned=None, archived=None)
        for kept in there.filter(user=owner).exclude(pinned=None, archived=None):
            Conversation.objects.filter(pk=kept.conversation_id).update(pinned=kept.pinned, archived=kept.archived)
        SearchEntry.objects.filter(conversation__in=some).update(owner=owner)
        there.filter(user=owner).delete()
        there.filter(access=Access.NONE, conversation__team_access="").delete()
        sql.run(SHARED, some)
        for conversation in Conversation.objects.filter(pk__in=some, store=True):
            storing.pass_on(conversation, owner)
        news.announce_all(some, "people.changed")
