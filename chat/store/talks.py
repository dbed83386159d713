"""What is said in temporary conversations: found through their owner, changed by compare-and-set where they live (`temporary`).

Nothing of it goes to the database but a row for each run (`talk_rows`); an exception says what is wrong, never what was said.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db import transaction
from django.utils import timezone
from django.utils.crypto import salted_hmac

from chat import errors
from chat.models import Server, User
from chat.models.ids import new_id
from chat.protocol.types import Json
from chat.store import messages, talk_files, talk_rows, wording
from chat.store.attached import Held
from chat.store.log import Batch
from chat.store.responses import Ending
from chat.store.talk import Document, Exchange, Reply, Talk, TalkFile, opened, packed
from chat.store.temporary import ALL, EACH, MOST, Away, Taken, TooMany, away, home
from chat.store.wording import TextFile

TRIES: Final = 5


@dataclass(frozen=True, slots=True)
class Asked:
    """A conversation whose last reply is due. `new` is False when the same was asked before; `again`: in place of another."""

    talk: Talk
    new: bool = True
    again: bool = False

    @property
    def reply(self) -> Reply:
        return self.talk.last.reply


class SaidBefore(Exception):
    """The same was said a moment ago, or at the same time."""


OFF: Final = "Its owner has switched them off."
GONE: Final = "This conversation does not exist, or it is not yours."


def switched_off() -> bool:
    """Whether the server's owner wants none. Those that are open take no more questions; they can be kept, until they go."""
    return Server.objects.filter(pk=1, temporary=False).exists()


def why_not() -> str:
    """Why there are none on this server, "" where there are."""
    return OFF if switched_off() else home().why_not()


def heed() -> None:
    """Refused, where there are none on this server: before a file is taken for a new one, too."""
    if reason := why_not():
        kind = errors.NotFound if reason == OFF else errors.Conflict
        raise kind("There are no temporary conversations here.", next=reason)


def find(*, actor: User, talk_id: str) -> Talk:
    """For its owner alone, who has a page of it open now; NotFound for everybody else, and when it has gone."""
    try:
        kept = home().read(talk_id)
        if kept is None or kept.owner != actor.pk or not actor.is_active or actor.suspended:
            raise errors.NotFound(GONE)
        home().look([talk_id])
    except Away:
        raise away() from None
    return opened(talk_id, kept)


def of(actor: User) -> list[str]:
    """Ids of those that this person has; none while that cannot be told."""
    try:
        return home().of(actor.pk)
    except Away:
        return []


def begin(
    *,
    actor: User,
    text: str,
    model: str = "",
    client_id: str = "",
    files: Sequence[TextFile] = (),
    held: Sequence[Held] = (),
) -> Asked:
    """Say something in a new one, with what its composer holds. The same `client_id` again gives the same one again."""
    heed()
    try:
        return _begun(actor, text, model, client_id, files, held)
    except TooMany:
        raise errors.Conflict(f"You have {MOST} temporary conversations.", next="End one of them first.") from None
    except Away:
        raise away() from None


def _begun(actor: User, text: str, model: str, client_id: str, files: Sequence[TextFile], held: Sequence[Held]) -> Asked:
    there, before = talk_files.there(talk_files.new(actor)), _begun_before(actor, client_id)
    wire, named = _message(text, files, held, there | (before.document.files if before else {}))
    if before is not None and _is(before.document, before.document.exchanges[0], wire, named, client_id):
        return _said_before(actor, before, named, None)
    document = Document(model=model, created=timezone.now(), exchanges=[_exchange(wire, model, client_id)], files=named)
    data = _fitting(document)
    with suppress(Taken):
        return _made(_id_for(actor, client_id), actor, document, data)
    before = _begun_before(actor, client_id)  # at the same moment
    if before is not None and _is(before.document, before.document.exchanges[0], wire, named, client_id):
        return _said_before(actor, before, named, None)
    return _made(new_id("temp"), actor, document, data)


def _said_before(actor: User, talk: Talk, named: Mapping[str, TalkFile], composer: Talk | None) -> Asked:
    """Files that came once more with it do not wait in the composer for another message."""
    for pk in named.keys() - talk.document.files.keys():
        talk_files.let_go(actor, composer, pk)
    return Asked(talk, new=False)


def _made(talk_id: str, actor: User, document: Document, data: bytes) -> Asked:
    home().make(talk_id, owner=actor.pk, document=data, run=document.last.reply.id, files=list(document.files))
    return Asked(Talk(talk_id, actor.pk, document, 1))


def _id_for(actor: User, client_id: str) -> str:
    """The same for the same, so that two at once are one, and nothing that anybody could guess."""
    if not client_id:
        return new_id("temp")
    return f"temp_{salted_hmac('chat.temporary', f'{actor.pk} {client_id[:64]}', algorithm='sha256').hexdigest()[:32]}"


def _begun_before(actor: User, client_id: str) -> Talk | None:
    """The one that has the id for it. Reading it does not keep it: nobody has a page of it open."""
    talk_id = _id_for(actor, client_id)
    kept = home().read(talk_id) if client_id else None
    return opened(talk_id, kept) if kept is not None else None


def _message(
    text: str, files: Sequence[TextFile], held: Sequence[Held], there: Mapping[str, TalkFile]
) -> tuple[Json, dict[str, TalkFile]]:
    """What is said, and what is known of the files that it names."""
    named, parts = talk_files.wanted(held, there)
    return wording.user_message(wording.checked(text, alone=not (files or parts)), files, parts), named


def say(
    *,
    actor: User,
    talk_id: str,
    text: str,
    model: str = "",
    client_id: str = "",
    files: Sequence[TextFile] = (),
    held: Sequence[Held] = (),
) -> Asked:
    """Say something at its end, with what its composer holds; once, where the same `client_id` comes again. Refused while a reply
    is being written.
    """
    talk = find(actor=actor, talk_id=talk_id)
    wire, named = _message(text, files, held, talk.document.files | talk_files.there(talk_id) if held else {})
    if _is(talk.document, talk.last, wire, named, client_id):
        return _said_before(actor, talk, named, talk)

    def change(document: Document) -> None:
        if _is(document, document.last, wire, named, client_id):
            raise SaidBefore
        _quiet(document)
        if named.keys() & document.files.keys():  # from another page of it
            raise errors.Conflict("A file has gone along already.", next="Remove it, and send again.")
        document.model = model or document.model
        document.files |= named
        document.exchanges.append(_exchange(wire, document.model, client_id))

    try:
        return Asked(_change(actor, talk_id, change))
    except SaidBefore:
        talk = find(actor=actor, talk_id=talk_id)
        return _said_before(actor, talk, named, talk)


def again(*, actor: User, talk_id: str, response_id: str, model: str = "") -> Asked:
    """Ask for the last reply once more, in its place."""

    def change(document: Document) -> None:
        _quiet(_ending_with(document, response_id))
        document.model = model or document.model
        while document.last.hidden:
            document.exchanges.pop()  # with what it continues
        document.last.reply = _reply(document.model)

    return Asked(_change(actor, talk_id, change), again=True)


def carry_on(*, actor: User, talk_id: str, response_id: str) -> Asked:
    """Ask for the rest of the last reply, which was cut."""

    def change(document: Document) -> None:
        _quiet(_ending_with(document, response_id))
        if document.last.reply.status == "completed":
            raise errors.Conflict("This reply is complete; there is nothing to continue.")
        wire: Json = {"type": "message", "role": "developer", "content": [{"type": "input_text", "text": messages.GO_ON}]}
        document.exchanges.append(_exchange(wire, document.model, hidden=True))

    return Asked(_change(actor, talk_id, change))


@transaction.atomic
def stop(*, actor: User, talk_id: str, response_id: str) -> None:
    """Ask its run to stop; whoever executes it looks twice a second. One that has no row yet finds this when it writes it."""
    reply = _ending_with(find(actor=actor, talk_id=talk_id).document, response_id).last.reply
    if not talk_rows.cancel(response_id) and reply.running:
        talk_rows.write(actor, reply)
        talk_rows.cancel(response_id)


def end(*, actor: User, talk_id: str) -> None:
    """Let go of all of it, now."""
    find(actor=actor, talk_id=talk_id)
    try:
        home().drop(talk_id)
    except Away:
        raise away() from None


def append(batches: Sequence[Batch]) -> dict[str, int | None]:
    """For the tick of temporary runs, as `log.append`: run → position of its last event; None is to be tried again. One that has
    been let go is not in it.
    """
    written: dict[str, int | None] = {}
    for batch in batches:
        try:
            position = home().append(str(batch.conversation_id), batch.response_id, batch.events, first=batch.first)
        except Away:
            written[batch.response_id] = None
            continue
        if position is not None:
            written[batch.response_id] = position
    return written


def ended(
    talk_id: str, run: str, ending: Ending, *, count: int, model: str = "", first_token: datetime | None = None
) -> Talk | None:
    """The end of a run where it was said, `count` events further; None where that has gone. May raise Away."""

    def change(document: Document) -> None:
        reply = document.last.reply
        reply.status, reply.output, reply.usage = ending.status, list(ending.items), ending.usage
        reply.model = model or reply.model
        reply.error_code, reply.error_message = ending.error_code, ending.error_message
        reply.incomplete_reason, reply.first_token, reply.ended = ending.incomplete_reason, first_token, timezone.now()

    for _ in range(TRIES):
        kept = home().read(talk_id)
        if kept is None or (talk := opened(talk_id, kept)).last.reply.id != run or not talk.last.reply.running:
            return None
        change(talk.document)
        if home().write(talk_id, packed(talk.document), at=talk.position, count=count):
            return Talk(talk_id, talk.owner, talk.document, talk.position + count)
    return None


def seal(talk: Talk) -> Talk:
    """Have nothing more said in it, for it is being kept."""
    talk.document.kept = True
    try:
        if home().write(talk.id, packed(talk.document), at=talk.position, count=1):
            return Talk(talk.id, talk.owner, talk.document, talk.position + 1)
    except Away:
        raise away() from None
    raise errors.Conflict("Something was said in this conversation just now.", next="Look at it, and keep it then.")


def unseal(talk: Talk) -> None:
    """It could not be kept: it goes on, unless another tab is at it."""
    talk.document.kept = False
    try:
        home().write(talk.id, packed(talk.document), at=talk.position, count=1)
    except Away:
        raise errors.Conflict(
            "This conversation could not be kept, and temporary conversations cannot be reached at the moment.",
            next="Nothing of it has been deleted: keep it again in a moment.",
        ) from None


def _change(actor: User, talk_id: str, change: Callable[[Document], None]) -> Talk:
    """Have a run begin in it, by what this makes of the document; one position further."""
    if switched_off():
        find(actor=actor, talk_id=talk_id)
        raise errors.Conflict("Temporary conversations are switched off here by now.", next="Keep this one, or end it.")
    for _ in range(TRIES):
        talk = find(actor=actor, talk_id=talk_id)
        change(talk.document)
        run = talk.last.reply.id
        try:
            if home().write(talk_id, _fitting(talk.document), at=talk.position, count=1, run=run):
                return Talk(talk_id, talk.owner, talk.document, talk.position + 1)
        except Away:
            raise away() from None
    raise errors.Conflict


def _fitting(document: Document) -> bytes:
    """As bytes, where there is room for a reply, too."""
    data = packed(document)
    if len(data) > EACH * 3 // 4:
        most = EACH // 1_000_000
        raise errors.TooLarge(
            f"A temporary conversation takes {most} MB, and this one is nearly full.", next="Keep it, or begin another."
        )
    if home().size() + len(data) > ALL:
        raise errors.TooLarge(
            "There is no room for temporary conversations at the moment.", next="Try again later, or keep this one."
        )
    return data


def _quiet(document: Document) -> None:
    if document.kept:
        raise errors.Conflict(
            "This conversation is being kept.", next="Go on with it in your list; if it is not there, keep it again."
        )
    if document.last.reply.running:
        raise errors.Conflict("A reply is being written.", next="Wait for its end, or stop it; what you typed is still here.")


def _ending_with(document: Document, response_id: str) -> Document:
    if document.last.reply.id != response_id:
        raise errors.NotFound("This reply does not exist any more.")
    return document


def _is(document: Document, exchange: Exchange, wire: Json, named: Mapping[str, TalkFile], client_id: str) -> bool:
    """Whether that is the same once more, with these files: sent without JavaScript they come anew."""
    if not client_id or exchange.client_id != client_id:
        return False
    return talk_files.by_digest(exchange.wire, document.files) == talk_files.by_digest(wire, named)


def _exchange(wire: Json, model: str, client_id: str = "", *, hidden: bool = False) -> Exchange:
    now = timezone.now()
    return Exchange(id=new_id("msg"), wire=wire, created=now, reply=_reply(model), client_id=client_id[:64], hidden=hidden)


def _reply(model: str) -> Reply:
    return Reply(id=new_id("resp"), model=model, created=timezone.now())
