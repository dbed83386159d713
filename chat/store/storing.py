"""Whether replies are stored: a policy in levels, server, team, person, each of which may settle it for those below."""

from dataclasses import dataclass
from typing import Final, Literal

from django.db import transaction
from django.db.models import QuerySet

from chat import errors
from chat.models import Conversation, Response, Server, Storing, Team, User
from chat.policy import can
from chat.store import conversations, news, record, server, sql

Level = Literal["server", "team", "person"]


@dataclass(frozen=True, slots=True)
class Rule:
    """`on`: replies are stored. `by`: the level that says so. `settled`: the levels below it have no say. `of_team`: the same
    without the person's say; what is shared in the team is not stored where that is not.
    """

    on: bool
    by: Level
    settled: bool
    of_team: bool

    @property
    def why(self) -> str:
        """Who settled it, for people."""
        if not self.settled:
            return ""
        return f"{'The owner of this server' if self.by == 'server' else 'This team'} has settled that."


LEVELS: Final = """SELECT s.storing, s.storing_settled, t.storing, t.storing_settled, u.storing
FROM chat_team t CROSS JOIN chat_user u LEFT JOIN chat_server s ON s.id = 1 WHERE t.id = %s AND u.id = %s"""


def rule(*, person_id: int, team_id: str) -> Rule:
    """What holds for a new conversation of this person's in this team."""
    for server_, server_settled, team, team_settled, person in sql.rows(LEVELS, team_id, person_id):
        level: Level = "server"
        on, settled = (server_ or Storing.ON) == Storing.ON, bool(server_settled)
        if team and not settled:
            on, level, settled = team == Storing.ON, "team", bool(team_settled)
        of_team = on
        if person and not settled:
            on, level = person == Storing.ON, "person"
        return Rule(on, level, settled, of_team)
    raise errors.NotFound


def heed(conversation: Conversation, author: User) -> None:
    """Before this person says something in it, which is locked. What has been settled above holds from now on for what had been
    begun before, and what the team has chosen for what is shared there; and who wants nothing stored writes in no conversation of
    somebody else in which replies are.
    """
    if not conversation.store:
        return
    theirs = rule(person_id=author.pk, team_id=conversation.team_id)
    if not _may_be_stored(conversation, theirs):
        _set(conversation, on=False)
    elif not theirs.on and author.pk != conversation.owner_id:
        raise errors.Refused(
            "Replies are stored in this conversation, and yours are not to be.",
            next="Ask its owner to switch that off, or change it in your settings.",
        )


def as_it_will_be(conversation: Conversation, held: Rule | None = None) -> Conversation:
    """The same with `store` as it holds for what is said next: what has been settled above is heeded then. `held`: the rule that
    holds in its team, where that is known.
    """
    if conversation.store:
        held = held or rule(person_id=conversation.owner_id, team_id=conversation.team_id)
        conversation.store = _may_be_stored(conversation, held)
    return conversation


def _may_be_stored(conversation: Conversation, held: Rule) -> bool:
    return held.of_team or not (held.settled or conversation.shared)


def pass_on(conversation: Conversation, owner: User) -> None:
    """It becomes somebody else's, and is locked: where they want nothing stored, nothing is from now on."""
    if conversation.store and not rule(person_id=owner.pk, team_id=conversation.team_id).on:
        _set(conversation, on=False)


def moved(conversation: Conversation) -> None:
    """It is in another team, and locked: where that has settled that nothing is stored, nothing is from now on."""
    held = rule(person_id=conversation.owner_id, team_id=conversation.team_id)
    if conversation.store and held.settled and not held.on:
        _set(conversation, on=False)


def _hold_back(waiting: QuerySet[Response]) -> None:
    """It has been settled that nothing is stored: neither is what waits to be written, and its conversation is switched off."""
    due = waiting.filter(status=Response.Status.QUEUED, sequence=0, store=True).exclude(conversation=None)
    for pk in sorted(set(due.values_list("conversation_id", flat=True))):
        _switch_off(pk)


SETTLED_OFF: Final = """SELECT c.id FROM chat_response r JOIN chat_conversation c ON c.id = r.conversation_id
JOIN chat_team t ON t.id = c.team_id LEFT JOIN chat_server s ON s.id = 1 WHERE r.id = %s AND c.store
AND CASE WHEN s.storing_settled THEN s.storing = 'off' ELSE t.storing_settled AND t.storing = 'off' END"""


def heed_at_last(response_id: str) -> None:
    """Before a run begins, or begins again: it may have been asked for in the moment in which it was settled that nothing is
    stored, or have been under way then in a process that died. One query where nothing is.
    """
    for (pk,) in sql.rows(SETTLED_OFF, response_id):
        _switch_off(pk)


@transaction.atomic
def _switch_off(conversation_id: str) -> None:
    for conversation in Conversation.objects.select_for_update().filter(pk=conversation_id, store=True):
        moved(conversation)


def alone(conversation: Conversation) -> bool:
    """Whether all that was said in it was said by its owner."""
    return not conversation.items.filter(role="user").exclude(author=conversation.owner_id).exists()


def _set(conversation: Conversation, *, on: bool) -> None:
    Conversation.objects.filter(pk=conversation.pk).update(store=on)
    if not on:  # what waits is written from now on too
        conversation.responses.filter(status=Response.Status.QUEUED, sequence=0).update(store=False)
    conversation.store = on
    news.announce(conversation, "store.changed")


@transaction.atomic
def choose_for_server(*, actor: User, storing: str, settled: bool) -> None:
    was = server.manage(actor)
    if storing not in (Storing.ON, Storing.OFF):
        raise errors.InvalidInput("Choose whether replies are stored.", param="storing")
    changed = Server.objects.filter(pk=1).exclude(storing=storing, storing_settled=settled)
    if changed.update(storing=storing, storing_settled=settled):
        if settled and storing == Storing.OFF:
            _hold_back(Response.objects.all())
        before, after = _said(was.storing, settled=was.storing_settled), _said(storing, settled=settled)
        record.write(actor=actor, what="server.storing", about="server", before=before, after=after)


@transaction.atomic
def choose_for_team(*, actor: User, team: Team, storing: str, settled: bool) -> None:
    """For whoever looks after the team; "" for the server's rule. NotFound for everybody else."""
    was = Team.objects.filter(pk=team.pk).first()
    if was is None or not can(actor, "team.manage", team):
        raise errors.NotFound
    if storing not in Storing.values:
        raise errors.InvalidInput("Choose whether replies are stored.", param="storing")
    settled = settled and bool(storing)
    changed = Team.objects.filter(pk=team.pk).exclude(storing=storing, storing_settled=settled)
    if changed.update(storing=storing, storing_settled=settled):
        if settled and not rule(person_id=actor.pk, team_id=team.pk).on:  # the server's may be another, and settled
            _hold_back(Response.objects.filter(conversation__team=team))
        before, after = _said(was.storing, settled=was.storing_settled), _said(storing, settled=settled)
        record.write(actor=actor, what="team.storing", about=team, team=team, before=before, after=after)


def _said(storing: str, *, settled: bool) -> str:
    return f"{Storing(storing).label.lower()}{', settled' if settled else ''}"


@transaction.atomic
def switch(*, actor: User, conversation_id: str, on: bool, everything: bool = False) -> Conversation:
    """What is said in this conversation from now on is stored, or not. Refused where the rule is stricter; and to switch on what
    holds something that was to be stored nowhere, for the whole of it goes along with the next question: unless `everything`
    says that this is meant, and nobody else has said anything there.
    """
    conversation = conversations.lock(actor=actor, conversation_id=conversation_id, action="conversation.manage")
    held = rule(person_id=actor.pk, team_id=conversation.team_id)
    if held.settled and held.on != on:
        raise errors.Refused(held.why, next="Ask them.")
    if on and not _may_be_stored(conversation, held):
        raise errors.Refused("It is shared in a team whose replies are not stored.", next="Begin one that is yours alone.")
    if on and conversation.removals.exclude(going="").exists():  # who said what is not all there
        raise errors.Refused("Messages are just being deleted here, or had back.", next="Try again in a moment.")
    begun = conversation.responses.exists()
    if on and not conversation.store and begun and not (everything and alone(conversation)):
        raise errors.Refused(
            "What was said here was to be stored nowhere else, and stays so.",
            next="Begin a new conversation to have replies stored.",
        )
    if conversation.store != on:
        _set(conversation, on=on)
        if on and not begun:  # nothing is left of what was said, and its title was made of that
            conversations.untitle(conversation)
    return conversation
