"""What is asked of a server that keeps files: one is sent, found in its list, shown to the model by its name, and deleted."""

import asyncio
import secrets
from base64 import b64decode
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import timedelta
from time import time
from typing import Final

from chat.errors import UpstreamError
from chat.protocol.failures import answer_of
from chat.protocol.inserts import Insert
from chat.protocol.types import Json
from chat.providers.base import Place
from chat.providers.files import Files, Sent, is_refused
from chat.providers.probing.looks import RED, Rows
from chat.providers.probing.paper import PAPER, WORD
from chat.providers.probing.visit import LONG, NAMED, Made, Row, Visit, known

HOUR: Final = timedelta(hours=1)  # the shortest that OpenAI takes: what cannot be deleted is gone then
LEFT: Final = "Of this probe, a file is left there, for an hour where it heeds that. Parley goes on trying to delete it."
MAYBE: Final = "Whether a file of this probe is left there is not known yet. Parley goes on looking for it."
PLACE: Final[Place] = "files"


async def files(visit: Visit) -> Rows:
    if not (visit.sees or visit.reads):
        return {"files": Row(None, "It was not asked: neither an image nor a file could be shown to this model.")}
    there, mark = Files(visit.client), f"parley-{secrets.token_hex(16)}"
    sent = await _sent(visit, there, mark)
    one = Made(PLACE, sent.id)
    if await there.seek(mark, since=time() - 86_400) != sent.id:
        return {"files": Row(False, "It was accepted, but is not in the list of what is there: one could be lost.")}
    if (await visit.client.get(one.path)).get("id") != sent.id:
        return {"files": Row(False, "Asked for the file, it gives something else.")}
    heard = await visit.ask(most=LONG, input=[{"role": "user", "content": _shown(visit, sent.id)}])
    knew = ("red" if visit.sees else WORD.lower()) in heard.text.lower()
    if not knew:
        return {"files": Row(None if heard.cut else False, "It was accepted, but the model did not see what is in it.")}
    left = await there.forget(sent.id)
    if left != "deleted":
        return {"files": Row(False, "It was there and was used, but it cannot be deleted.")}
    await visit.lose(one)
    ends = "It says when it ends." if sent.seconds is not None else "It does not say when one ends."
    return {"files": Row(True, f"It was there, was used, and was not there any more once it was deleted. {ends}")}


async def _sent(visit: Visit, there: Files, mark: str) -> Sent:
    """Under this mark."""
    type_, data = ("image/png", RED) if visit.sees else ("application/pdf", PAPER)
    raw = b64decode(data.partition(",")[2])

    async def once() -> AsyncIterator[bytes]:
        yield raw

    async def noted() -> Sent:
        await visit.ledger.begin(Made(PLACE, mark))
        visit.mark = mark
        try:
            sent = await there.send(Insert("", len(raw), once, raw=True), type=type_, mark=mark, keep=HOUR)
        except UpstreamError as error:
            if (answer := answer_of(error)) is not None and is_refused(answer.status):
                visit.mark = ""
                await visit.ledger.refused(Made(PLACE, mark))
            raise
        await _found(visit, sent.id)
        return sent

    return await known(noted())


async def _found(visit: Visit, name: str) -> None:
    """What was sent under the mark is called so."""
    made, mark = Made(PLACE, name), Made(PLACE, visit.mark)
    visit.made[made], visit.mark = None, ""
    await visit.ledger.named(mark, made)


async def clear(visit: Visit) -> None:
    """Find what was sent and never answered for, so that it is deleted with what else was made. What is not found now is looked
    for by whoever has the ledger.
    """
    if not visit.mark:
        return
    with suppress(UpstreamError, TimeoutError):
        async with asyncio.timeout(NAMED):
            name = await Files(visit.client).seek(visit.mark, since=time() - 86_400)
        if name:
            await _found(visit, name)
        visit.mark = ""


def said_of_the_rest(visit: Visit, row: Row) -> Row:
    """With what the probe has left there."""
    if any(made.place == PLACE for made in visit.made):
        return Row(row.can, f"{row.said} {LEFT}")
    return Row(row.can, f"{row.said} {MAYBE}") if visit.mark else row


def _shown(visit: Visit, name: str) -> list[Json]:
    if visit.sees:
        asked = "Which colour is this picture? Answer with one word."
        return [{"type": "input_text", "text": asked}, {"type": "input_image", "file_id": name, "detail": "low"}]
    asked = "Which word is written in this file? Answer with that word alone."
    return [{"type": "input_text", "text": asked}, {"type": "input_file", "file_id": name}]
