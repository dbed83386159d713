"""What a person says: sending, editing, asking again, going on. Each makes a Response that is due; `runs` executes it."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.conf import settings
from django.db import transaction
from pydantic import JsonValue

from chat import errors, markdown
from chat.models import Branch, Conversation, Item, Project, Response, SearchEntry, Team, User
from chat.protocol.types import Json
from chat.store import conversations, mentions, news, presence, projects, rows, search, sharing, sql, storing

TITLED_BY = 2_000  # characters of a first message from which its conversation gets a title
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


@dataclass(frozen=True, slots=True)
class TextFile:
    """A text that came with a message as a file."""

    name: str
    text: str


def user_message(text: str, files: Sequence[TextFile] = ()) -> Json:
    """The wire item. A text file is a part of its own that keeps its name; the request says the name in words."""
    parts: list[JsonValue] = [{"type": "input_text", "text": text}]
    parts += [{"type": "input_text", "text": file.text, "filename": file.name} for file in files]
    return {"type": "message", "role": "user", "content": parts}


def files_of(item: Item) -> list[TextFile]:
    parts = [part for part in item.wire.get("content", []) if isinstance(part, dict) and part.get("filename")]
    return [TextFile(str(part["filename"]), str(part.get("text") or "")) for part in parts]


def checked(text: str) -> str:
    """The text as it will be kept; InvalidInput when it is empty, TooLarge above the bound. NUL cannot be stored everywhere."""
    text = text.replace("\r\n", "\n").replace("\x00", "\ufffd").strip("\n")
    text = text.encode("utf-8", "replace").decode("utf-8")
    if not text.strip():
        raise errors.InvalidInput("There is nothing to send yet.", next="Write a message first.", param="text")
    if (size := len(text.encode())) > settings.MESSAGE_BYTES:
        most = settings.MESSAGE_BYTES // 1000
        raise errors.TooLarge(
            f"This message has {size // 1000} KB; {most} KB is the most.", next="Shorten it, or send it in parts."
        )
    return text


def send(
    *,
    actor: User,
    conversation_id: str | None,
    text: str,
    model: str = "",
    client_id: str = "",
    files: Sequence[TextFile] = (),
    project_id: str = "",
    store: bool | None = None,
) -> Begun:
    """Say something at the end of the branch this person sees; without a conversation, begin one, in a project or in none, with
    replies stored or not (None: as this person's rule is).

    The same `client_id` again gives the same message again, and no second run.
    """
    message = user_message(checked(text), files)
    called, title = (mentions.names(text), "") if conversation_id else ([], first_title(text))
    with transaction.atomic():
        if project_id and (before := _sent_before(actor, client_id, message, conversation_id)) is not None:
            return before  # though the project may have gone meanwhile
        project = projects.enter(actor=actor, project_id=project_id) if project_id else None
        conversation = _locked(actor, conversation_id)
        if (before := _sent_before(actor, client_id, message, conversation_id)) is not None:
            return before
        if conversation is not None and conversation.owner_id != actor.pk:
            sharing.take_part(conversation, actor)
        conversation = conversation or make(actor, title, model, project, store)
        if model and model != conversation.model:
            Conversation.objects.filter(pk=conversation.pk).update(model=model)
            conversation.model = model
        previous = head(conversation, actor) if conversation_id else None
        jumps = conversation.shared and previous is not None and conversation.head_id != previous.pk
        item = _say(conversation, actor, message, previous=previous, client_id=client_id)
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


def _sent_before(actor: User, client_id: str, message: Json, conversation_id: str | None) -> Begun | None:
    """The same message, if it came before. The same id with another text, or elsewhere, is another message: its first answer
    was lost on the way.
    """
    if not (found := rows.fetch(Item, "author_id = %s AND client_id = %s", actor.pk, client_id[:64]) if client_id else []):
        return None
    (item,) = found
    if item.conversation is None or item.wire != message or conversation_id not in (None, item.conversation_id):
        return None
    response = item.responses.order_by("created").first()
    return Begun(item.conversation, response, new=False) if response else None


def first_title(text: str) -> str:
    """What a conversation is called until the model has found something better: how its first message begins. To be asked before
    a transaction: it reads.
    """
    text = text.lstrip()[:TITLED_BY]
    title = " ".join(markdown.plain(text).split()) or " ".join(text.split())
    return title if len(title) <= 60 else title[:59].rsplit(" ", 1)[0] + "…"


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


def words(message: Json) -> str:
    """What search finds of a message: its text and those of its files, with their names."""
    content = message.get("content")
    parts = [part for part in content if isinstance(part, dict)] if isinstance(content, list) else []
    return "\n".join(f"{part.get('filename', '')} {part.get('text', '')}".strip() for part in parts)


def head(conversation: Conversation, viewer: User) -> Response | None:
    """The end of the branch that this viewer sees."""
    branch = Branch.objects.filter(conversation=conversation, user=viewer).select_related("head").first()
    return branch.head if branch else conversation.head


def _say(conversation: Conversation, actor: User, message: Json, *, previous: Response | None, client_id: str) -> Item:
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


def edit(*, actor: User, conversation_id: str, item_id: str, text: str, client_id: str = "") -> Begun:
    """Say it differently: a second message in the same place, with its own reply. The first stays, one version back."""
    text = checked(text)
    called = mentions.names(text)
    with transaction.atomic():
        conversation = conversations.lock(actor=actor, conversation_id=conversation_id, action="conversation.write")
        old = (
            Item.objects.filter(pk=item_id, conversation=conversation, role="user", hidden=False)
            .select_related("previous")
            .first()
        )
        if old is None:
            raise errors.NotFound("This message does not exist any more.")
        message = user_message(text, files_of(old))
        if (before := _sent_before(actor, client_id, message, conversation_id)) is not None:
            return before
        item = _say(conversation, actor, message, previous=old.previous, client_id=client_id)
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
