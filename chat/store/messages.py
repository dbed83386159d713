"""What a person says: sending, editing, asking again, going on. Each makes a Response that is due; `runs` executes it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from django.db import transaction

from chat import errors
from chat.models import Branch, Conversation, FileUse, Item, Project, Response, SearchEntry, Team, User
from chat.protocol.types import Json
from chat.store import attached, conversations, mentions, news, presence, projects, rows, search, sharing, sql, storing
from chat.store.attached import Held
from chat.store.wording import TextFile, checked, file_parts, first_title, user_message, words

GO_ON = (
    "Your last reply was cut off. Continue it exactly where it stopped, without repeating anything and without a remark about it."
)


@dataclass(frozen=True, slots=True)
class Begun:
    """A message and the Response that will answer it. `new` is False when the same message had been sent before; `tells`: the
    browser of somebody who is named in it is to be notified.
    """

    conversation: Conversation
    response: Response
    new: bool = True
    tells: bool = False


def send(
    *,
    actor: User,
    conversation_id: str | None,
    text: str,
    model: str = "",
    client_id: str = "",
    files: Sequence[TextFile] = (),
    held: Sequence[Held] = (),
    project_id: str = "",
    store: bool | None = None,
) -> Begun:
    """Say something at the end of the branch this person sees; without a conversation, begin one, in a project or in none, with
    replies stored or not (None: as this person's rule is). `held`: what waits in the composer goes with it.

    The same `client_id` again gives the same message again, and no second run.
    """
    uses = attached.wanted(actor, held)
    message = user_message(checked(text, alone=not (files or held)), files, attached.parts(uses, held))
    called, title = (mentions.names(text), "") if conversation_id else ([], first_title(text, message))
    with transaction.atomic():
        if project_id and (before := _sent_before(actor, client_id, message, conversation_id, uses)) is not None:
            return before  # though the project may have gone meanwhile
        project = projects.enter(actor=actor, project_id=project_id) if project_id else None
        conversation = _locked(actor, conversation_id)
        if (before := _sent_before(actor, client_id, message, conversation_id, uses)) is not None:
            return before
        if conversation is not None and conversation.owner_id != actor.pk:
            sharing.take_part(conversation, actor)
        conversation = conversation or make(actor, title, model, project, store)
        if model and model != conversation.model:
            Conversation.objects.filter(pk=conversation.pk).update(model=model)
            conversation.model = model
        previous = head(conversation, actor) if conversation_id else None
        jumps = conversation.shared and previous is not None and conversation.head_id != previous.pk
        item = _say(conversation, actor, message, previous=previous, client_id=client_id, uses=uses)
        response = _ask(conversation, actor, item, instead_of=previous)
        tells = mentions.note(conversation, item, called)
        _tell(conversation, actor, response, previous, jumps=jumps)
    return Begun(conversation, response, tells=tells)


def _tell(conversation: Conversation, actor: User, response: Response, previous: Response | None, *, jumps: bool) -> None:
    """Of what was said. `jumps`: who has chosen no version sees this one from now on."""
    if conversation.shared:
        presence.sent(conversation, actor)
    if jumps:
        _announce(conversation, response, "branch.changed", user=actor.pk)
    else:
        _announce(conversation, response, "entry.added", response=response.pk, previous=previous.pk if previous else None)


def _locked(actor: User, conversation_id: str | None) -> Conversation | None:
    """The conversation that this person writes in. Where there is none yet they themselves are locked: sent twice, it waits."""
    if conversation_id is None:
        sql.rows("SELECT id FROM chat_user WHERE id = %s", actor.pk, lock="FOR NO KEY UPDATE")
        return None
    return news.lock(conversations.find(actor=actor, conversation_id=conversation_id, action="conversation.write").pk)


def _sent_before(
    actor: User, client_id: str, message: Json, conversation_id: str | None, uses: Sequence[FileUse]
) -> Begun | None:
    """The same message, if it came before: files that came again with it wait no longer. The same id with another text, or
    elsewhere, is another message: its first answer was lost on the way.
    """
    if not (found := rows.fetch(Item, "author_id = %s AND client_id = %s", actor.pk, client_id[:64]) if client_id else []):
        return None
    (item,) = found
    if item.conversation is None or item.wire != message or conversation_id not in (None, item.conversation_id):
        return None
    response = item.responses.order_by("created").first()
    attached.let_go(uses)
    return Begun(item.conversation, response, new=False) if response else None


def make(actor: User, title: str, model: str, project: Project | None, store: bool | None) -> Conversation:
    """A conversation in which nothing has been said yet; `store` as for `send`."""
    team = project.team if project else next(iter(rows.fetch(Team, "personal_of_id = %s", actor.pk)), None)
    if team is None:
        raise errors.Conflict(
            "Your account is not set up completely.", next="Sign out and in again; if it stays, tell the owner of this server."
        )
    rule = storing.rule(person_id=actor.pk, team_id=team.pk)
    store = rule.on if store is None or rule.settled else store
    conversation = rows.add(Conversation(owner=actor, team=team, project=project, title=title, model=model, store=store))
    rows.add(SearchEntry(conversation=conversation, text=title, owner=actor))
    return conversation


def head(conversation: Conversation, viewer: User) -> Response | None:
    """The end of the branch that this viewer sees."""
    branch = Branch.objects.filter(conversation=conversation, user=viewer).select_related("head").first()
    return branch.head if branch else conversation.head


def _say(
    conversation: Conversation,
    actor: User,
    message: Json,
    *,
    previous: Response | None,
    client_id: str,
    uses: Sequence[FileUse] = (),
) -> Item:
    known = client_id and sql.rows("SELECT 1 FROM chat_item WHERE author_id = %s AND client_id = %s", actor.pk, client_id[:64])
    item = Item(
        conversation=conversation,
        previous=previous,
        author=actor,
        role="user",
        status="completed",
        wire=message,
        client_id=None if known else client_id[:64] or None,
    )
    rows.add(item)
    attached.claim(item, uses)
    search.index(item, words(message), owner_id=conversation.owner_id)
    return item


FOLLOW = "UPDATE chat_branch SET head_id = %s WHERE conversation_id = %s AND head_id = %s"


def _ask(
    conversation: Conversation,
    actor: User,
    item: Item,
    *,
    continues: Response | None = None,
    instead_of: Response | None = None,
) -> Response:
    """A new Response to the item, the end of this person's branch, and of everybody's who was at `instead_of`: what it follows,
    or another version of it.
    """
    storing.heed(conversation, actor)
    position = conversation.position + 1
    response = Response(
        conversation=conversation,
        input=item,
        author=actor,
        team_id=conversation.team_id,
        model=conversation.model,
        store=conversation.store,
        instructions=projects.instructions_for(conversation, actor),
        continues=continues,
        position=position,
    )
    rows.add(response)
    conversation.head = response
    conversations.show(conversation, actor, response)
    if instead_of is not None:
        sql.run(FOLLOW, response.pk, conversation.pk, instead_of.pk)
    return response


def _announce(conversation: Conversation, end: Response, type_: str, **fields: str | int | None) -> None:
    """Tell that this Response, which has taken the next position, is the conversation's end now."""
    news.announce(conversation, type_, after=1, active=True, change={"head_id": end.pk}, content="", **fields)


def edit(
    *,
    actor: User,
    conversation_id: str,
    item_id: str,
    text: str,
    client_id: str = "",
    keep: Collection[int] | None = None,
    files: Sequence[TextFile] = (),
    held: Sequence[Held] = (),
) -> Begun:
    """Say it differently: a second message in the same place, with its own reply and with what came along as files: of the first
    those at the places in `keep` (None: all), then what is new. The first stays, one version back.
    """
    uses, called = attached.wanted(actor, held), mentions.names(text)
    with transaction.atomic():
        conversation = conversations.lock(actor=actor, conversation_id=conversation_id, action="conversation.write")
        old = (
            Item.objects.filter(pk=item_id, conversation=conversation, role="user", hidden=False)
            .select_related("previous")
            .first()
        )
        if old is None:
            raise errors.NotFound("This message does not exist any more.")
        kept = [part for index, part in enumerate(file_parts(old)) if keep is None or index in keep]
        others = [*kept, *attached.parts(uses, held)]
        attached.counted(len(others) + len(files))
        message = user_message(checked(text, alone=not (others or files)), files, others)
        if (before := _sent_before(actor, client_id, message, conversation_id, uses)) is not None:
            return before
        item = _say(conversation, actor, message, previous=old.previous, client_id=client_id, uses=uses)
        attached.hand_on(old, item)
        response = _ask(conversation, actor, item)
        tells = mentions.note(conversation, item, called, instead_of=old)
        _announce(conversation, response, "branch.changed", user=actor.pk)
    return Begun(conversation, response, tells=tells)


def regenerate(*, actor: User, conversation_id: str, response_id: str, model: str = "") -> Begun:
    """Ask the same again: a second Response to the same message. A continuation is asked again as a whole, with what it
    continues.
    """
    with transaction.atomic():
        conversation, asked = _ended(actor, conversation_id, response_id)
        response = asked
        while response.continues_id:
            response = Response.objects.select_related("input").get(pk=response.continues_id)
        if model:
            Conversation.objects.filter(pk=conversation.pk).update(model=model)
            conversation.model = model
        assert response.input is not None  # a Response in a conversation answers an item
        if (running := response.input.responses.filter(status__in=Response.RUNNING).first()) is not None:
            return Begun(conversation, running, new=False)
        new = _ask(conversation, actor, response.input, instead_of=response)
        sql.run(FOLLOW, new.pk, conversation.pk, asked.pk)
        _announce(conversation, new, "branch.changed", user=actor.pk)
    return Begun(conversation, new)


def carry_on(*, actor: User, conversation_id: str, response_id: str) -> Begun:
    """Continue a reply that was cut: a new Response after it, asked for by a developer item that the page does not show."""
    with transaction.atomic():
        conversation, response = _ended(actor, conversation_id, response_id)
        if response.status not in (Response.Status.INCOMPLETE, Response.Status.CANCELLED, Response.Status.FAILED):
            raise errors.Conflict("This reply is complete; there is nothing to continue.")
        if (running := response.continuations.filter(status__in=Response.RUNNING).first()) is not None:
            return Begun(conversation, running, new=False)
        if response.followers.exclude(conversation=None).exists():
            raise errors.Conflict("The conversation has gone on since.", next="Ask for the rest at its end.")
        wire: Json = {"type": "message", "role": "developer", "content": [{"type": "input_text", "text": GO_ON}]}
        item = Item.objects.create(
            conversation=conversation, previous=response, author=actor, role="developer", wire=wire, hidden=True
        )
        new = _ask(conversation, actor, item, continues=response, instead_of=response)
        _announce(conversation, new, "branch.changed", user=actor.pk)
    return Begun(conversation, new)


def _ended(actor: User, conversation_id: str, response_id: str) -> tuple[Conversation, Response]:
    conversation = conversations.lock(actor=actor, conversation_id=conversation_id, action="conversation.write")
    response = Response.objects.filter(pk=response_id, conversation=conversation).select_related("input").first()
    if response is None:
        raise errors.NotFound("This reply does not exist any more.")
    if response.running:
        raise errors.Conflict("This reply is still being written.", next="Stop it first, or wait for its end.")
    return conversation, response


BELOW = """SELECT r.id, r.status, r.started IS NOT NULL FROM chat_response r JOIN chat_item i ON i.id = r.input_id
WHERE i.previous_id {one_of} ORDER BY r.created"""


def next_due(response: Response) -> list[str]:
    """Ids of the queued Responses that waited for this one to end, also behind one that was stopped before it began."""
    found, ended = [], [response.pk]
    while ended:
        below = sql.rows(BELOW, ended)
        found += [pk for pk, status, _ in below if status == Response.Status.QUEUED]
        ended = [pk for pk, status, began in below if status == Response.Status.CANCELLED and not began]
    return found
