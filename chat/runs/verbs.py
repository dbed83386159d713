"""What people ask for: each writes to the store first and starts the work after the commit."""

from collections.abc import Collection, Sequence
from time import sleep
from typing import Final

from chat.models import Conversation, Response, User
from chat.runs.dispatch import dispatch
from chat.runs.executor import executor
from chat.runs.pushes import pushes
from chat.store import files as files_in
from chat.store import messages, moving, push, removals, responses, wake
from chat.store.attached import Held
from chat.store.messages import Begun
from chat.store.removals import Removed
from chat.store.wording import TextFile

REST: Final = 0.05  # seconds between two pieces, in which others write


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
    """Say something and have it answered. See `store.messages.send`."""
    begun = messages.send(
        actor=actor,
        conversation_id=conversation_id,
        text=text,
        model=model,
        client_id=client_id,
        files=files,
        held=held,
        project_id=project_id,
        store=store,
    )
    _let_go(actor, begun, held)
    return _start(begun)


def _let_go(actor: User, begun: Begun, held: Sequence[Held]) -> None:
    """The same was said before: what has been put in once more for it waits for no other message."""
    for one in () if begun.new else held:
        files_in.let_go(actor=actor, use_id=one.use_id)


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
    """Say it differently and have it answered. See `store.messages.edit`."""
    where = {"conversation_id": conversation_id, "item_id": item_id}
    begun = messages.edit(actor=actor, **where, text=text, client_id=client_id, keep=keep, files=files, held=held)
    _let_go(actor, begun, held)
    return _start(begun)


def regenerate(*, actor: User, conversation_id: str, response_id: str, model: str = "") -> Begun:
    return _start(messages.regenerate(actor=actor, conversation_id=conversation_id, response_id=response_id, model=model))


def carry_on(*, actor: User, conversation_id: str, response_id: str) -> Begun:
    return _start(messages.carry_on(actor=actor, conversation_id=conversation_id, response_id=response_id))


def cancel(*, actor: User, conversation_id: str, response_id: str) -> Response:
    """Stop a run, wherever it is executed: at once in this process, within half a second in another."""
    response = responses.request_cancel(actor=actor, conversation_id=conversation_id, response_id=response_id)
    wake.on_loop(executor.cancel, response_id)
    if not response.running:
        dispatch().start(responses.waiting_after(response_id))
    return response


def remove_message(*, actor: User, conversation_id: str, item_id: str) -> Removed:
    """Delete a message with all that follows it; what is being written there is stopped."""
    removed = removals.remove(actor=actor, conversation_id=conversation_id, item_id=item_id)
    _stop(removed.running)
    for running in moving.pieces(conversation_id):
        _stop(running)
        sleep(REST)
    return removed


def restore_message(*, actor: User, conversation_id: str, item_id: str) -> Conversation:
    """Have it back, with all that followed it."""
    conversation = removals.restore(actor=actor, conversation_id=conversation_id, item_id=item_id)
    for _ in moving.pieces(conversation_id, viewer=actor):
        sleep(REST)
    return conversation


def _stop(response_ids: list[str]) -> None:
    for response_id in response_ids:
        wake.on_loop(executor.cancel, response_id)


def _start(begun: Begun) -> Begun:
    if begun.new:
        dispatch().start([begun.response.pk])
    if begun.tells:
        wake.on_loop(pushes.poke)
    return begun


def try_push(*, actor: User, subscription: int) -> None:
    """Send one of this person's browsers a notification, to see that it comes."""
    push.try_out(actor=actor, subscription=subscription)
    wake.on_loop(pushes.poke)
