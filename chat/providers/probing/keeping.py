"""What is asked of a server that keeps replies. Whatever is kept for it is noted in `Visit.made`, and deleted in the end."""

import asyncio
import secrets
from typing import Final

from chat.errors import UpstreamError
from chat.protocol.failures import answer_of
from chat.protocol.types import Json
from chat.providers.background import forget, path_of
from chat.providers.probing.looks import Rows
from chat.providers.probing.visit import LONG, MISSING, RESPONSES, Heard, Made, Row, Visit, judged, known, sentence

EARLY: Final = 8  # events after which a reply in the background is left alone
PAUSE: Final = 0.5  # seconds between two looks whether it has stopped
LOOKS: Final = 20
UNDER_WAY: Final = ("queued", "in_progress")


async def store(visit: Visit) -> Rows:
    """Kept, and had back: accepting `store: true` and forgetting is no keeping."""
    visit.number = str(10_000 + secrets.randbelow(90_000))
    visit.kept = await visit.ask(f"Remember this number: {visit.number}. Answer with one word: yes.", most=LONG, store=True)
    if not visit.kept.id:
        return {name: Row(False, "It was accepted, and the reply has no id.") for name in ("store", "get")}
    try:
        found = await visit.client.get(path_of(visit.kept.id))
    except UpstreamError as error:
        can, said = judged(error)
        return {"store": Row(can, f"It was accepted, but not found afterwards. {said}"), "get": Row(can, said)}
    if found.get("id") != visit.kept.id:
        return {
            "store": Row(False, "Asked for the reply, it gives something else."),
            "get": Row(False, "It gives something else."),
        }
    return {"store": Row(True, "It was there afterwards."), "get": Row(True, "It was given back.")}


async def input_items(visit: Visit) -> Rows:
    listed = (await visit.client.get(f"{path_of(visit.kept.id)}/input_items")).get("data")
    fits = isinstance(listed, list) and visit.number in str(listed)
    return {"input_items": Row(fits, "It was given back." if fits else "It does not give back what was asked.")}


async def chain(visit: Visit) -> Rows:
    asked = "Which number did I ask you to remember? Answer with the number."
    heard = await visit.ask(asked, most=LONG, store=True, previous_response_id=visit.kept.id)
    if visit.number in heard.text:
        return {"chain": Row(True, "It knew what had been said before.")}
    if heard.cut:
        return {"chain": Row(None, f"It had not answered after {LONG} tokens.")}
    return {"chain": Row(False, "It was accepted, but what had been said before was not known.")}


async def delete(visit: Visit) -> Rows:
    path = path_of(visit.kept.id)
    await visit.client.delete(path)
    try:
        await visit.client.get(path)
    except UpstreamError as error:
        if (answer := answer_of(error)) is None or answer.status not in MISSING:
            return {"delete": Row(None, f"It was accepted; whether it is gone could not be told. {sentence(error)}")}
        await visit.lose(Made(RESPONSES, visit.kept.id))
        return {"delete": Row(True, "It was not there any more.")}
    return {"delete": Row(False, "It was accepted, and the reply is still there.")}


async def background(visit: Visit) -> Rows:
    """Leave one alone in its middle, and take it up again."""
    heard = await visit.ask("Count from 1 to 60, one number a line.", most=LONG, events=EARLY, store=True, background=True)
    if not heard.id:
        nothing = Row(False, "It was accepted, and the reply has no id.")
        return {"background": nothing, "reattach": nothing}
    try:
        found = await visit.client.get(path_of(heard.id))
    except UpstreamError as error:
        forgotten = Row(judged(error).can, f"It was accepted, but not found afterwards. {sentence(error)}")
        return {"background": forgotten, "reattach": forgotten}
    if heard.ended and found.get("background") is not True:
        unknown = Row(None, "The reply had ended before it could be left alone.")
        return {"background": unknown, "reattach": unknown}
    goes_on = found.get("background") is True or await _status(visit, path_of(heard.id), found) == "completed"
    said = "It went on when nobody listened." if goes_on else "It was accepted, and does not go on when nobody listens."
    again = await _taken_up(visit, heard) if goes_on else Row(False, "There is nothing that goes on.")
    return {"background": Row(goes_on, said), "reattach": again}


async def _taken_up(visit: Visit, heard: Heard) -> Row:
    last = heard.numbers[-1] if heard.numbers else None
    if not isinstance(last, int):
        return Row(False, "Its events have no number after which it could be taken up.")
    try:
        rest = await visit.again(f"{path_of(heard.id)}?stream=true&starting_after={last}")
    except UpstreamError as error:
        return judged(error)
    if rest.numbers != list(range(last + 1, last + 1 + len(rest.numbers))) or not rest.numbers:
        return Row(False, f"After event {last} it goes on with {rest.numbers[0] if rest.numbers else 'none'}, or with gaps.")
    if not rest.ended:
        return Row(False, "It is taken up, and breaks off before its end.")
    return Row(True, "It went on with the very next event, to its end.")


async def cancel(visit: Visit) -> Rows:
    heard = await visit.ask("Count from 1 to 300, one number a line.", most=LONG, events=3, store=True, background=True)
    path = path_of(heard.id)
    status = await _status(visit, path, await visit.client.post(f"{path}/cancel"))
    if status == "cancelled":
        return {"cancel": Row(True, "It stopped.")}
    if status == "completed":
        return {"cancel": Row(None, "It had ended before it could be stopped, or was not stopped.")}
    return {"cancel": Row(False, f"It was accepted, and the reply is “{status}”.")}


async def _status(visit: Visit, path: str, found: Json) -> str:
    """How it ended, or what it is when it does not end soon."""
    for _ in range(LOOKS):
        if found.get("status") not in UNDER_WAY:
            break
        await asyncio.sleep(PAUSE)
        found = await visit.client.get(path)
    return str(found.get("status") or "")[:40]


async def conversations(visit: Visit) -> Rows:
    one = await known(_conversation(visit))
    if one is None:
        return {"conversations": Row(False, "It was accepted, and what was made has no id.")}
    if await forget(visit.client, one.name, place=one.place) != "deleted":
        return {"conversations": Row(True, "One was made; that it is gone again could not be found out.")}
    await visit.lose(one)
    return {"conversations": Row(True, "One was made, and deleted again.")}


async def _conversation(visit: Visit) -> Made | None:
    name = (await visit.client.post("/conversations", {})).get("id")
    if not isinstance(name, str) or not name.strip("./ "):
        return None
    one = Made("conversations", name)
    await visit.keep(one)
    return one
