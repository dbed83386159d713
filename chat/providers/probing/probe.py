"""The probe: looks one after the other, bounded in time. A server that is away or speaks otherwise is a result like any other."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from time import monotonic
from typing import Final

from chat.errors import KeyRefused, ModelNotFound, QuotaExceeded, ResponseGone, Slow, Unreachable, UpstreamError
from chat.protocol.client import Client
from chat.providers.openai import speaks_otherwise
from chat.providers.probing import files, keeping, looks
from chat.providers.probing.names import CAPABILITIES
from chat.providers.probing.visit import SHORT, Ledger, Row, Visit, judged, sentence

EACH: Final = 60.0  # seconds of one look
ALL: Final = 420.0  # of all together; then what is left is not asked any more
AWAY: Final = (Unreachable, Slow, KeyRefused, QuotaExceeded)  # the next look would find the same
LONGEST: Final = 600  # characters of a sentence
PATIENCE: Final = 2  # looks in a row that may find it away
Found = dict[str, dict[str, object]]
Told = Callable[[int, int], Awaitable[None]]
"""How many looks are done, and of how many."""


@dataclass(frozen=True)
class Look:
    """`names` are the rows that it gives; `needs` a row without which there is nothing to ask."""

    ask: Callable[[Visit], Awaitable[Mapping[str, Row]]]
    names: tuple[str, ...]
    needs: str = "responses"


LOOKS: Final = (
    Look(looks.models, ("models",), needs=""),
    Look(looks.reply, ("responses", "stream", "sequence", "usage", "unstored", "forgets"), needs=""),
    Look(looks.instructions, ("instructions",)),
    Look(looks.limit, ("max_output_tokens",)),
    Look(looks.tools, ("tools",)),
    Look(looks.tool_choice, ("tool_choice",)),
    Look(looks.strict, ("strict",)),
    Look(looks.image, ("image",)),
    Look(looks.input_file, ("input_file",)),
    Look(looks.reasoning, ("reasoning",)),
    Look(looks.reasoning_replay, ("reasoning_replay",), needs="reasoning"),
    Look(keeping.store, ("store", "get")),
    Look(keeping.input_items, ("input_items",), needs="get"),
    Look(keeping.chain, ("chain",), needs="accepted"),
    Look(keeping.background, ("background", "reattach")),
    Look(keeping.cancel, ("cancel",), needs="background"),
    Look(keeping.delete, ("delete",), needs="get"),
    Look(files.files, ("files",)),
    Look(keeping.conversations, ("conversations",)),
    Look(looks.errors, ("errors",)),
)


async def nobody(done: int, total: int) -> None:
    """Who is told when nobody is."""


async def probe(client: Client, *, model: str = "", told: Told = nobody, ledger: Ledger | None = None) -> tuple[str, Found]:
    """The model that was asked for (the server's first, where none is given), and what was found: the rows of CAPABILITIES that
    were asked for. Raises nothing of the server's, and deletes what it made there, also when it is cancelled; what the server
    does not delete is in the row about that, and left to the `ledger`.
    """
    asking = _Asking(Visit(client, model, ledger or Ledger()))
    try:
        await asking.all(told)
    finally:
        await files.clear(asking.visit)
        await asking.visit.leave(deletes="delete" in asking.rows and asking.rows["delete"].can is True)
    asking.rows["files"] = files.said_of_the_rest(asking.visit, asking.rows["files"])
    left = sum(made.place != files.PLACE for made in asking.visit.made)
    if asking.rows["store"].can and left:
        can, said = asking.rows["delete"]
        asking.rows["delete"] = Row(
            can, f"{said} Of this probe, replies are left there ({left}). Parley goes on trying to delete them."
        )
    took = asking.took
    found = {name: asking.rows[name] for name in CAPABILITIES if name in asking.rows}
    return asking.visit.model, {
        name: {"can": row.can, "said": _plain(row.said), "seconds": round(took.get(name, 0.0), 2)} for name, row in found.items()
    }


class _Asking:
    """The looks of one probe, and their rows."""

    def __init__(self, visit: Visit) -> None:
        self.visit = visit
        self.rows: dict[str, Row] = {}
        self.took: dict[str, float] = {}
        self._until = monotonic() + ALL
        self._away: list[str] = []
        self._nobody_there = False

    async def all(self, told: Told) -> None:
        for number, look in enumerate(LOOKS):
            await told(number, len(LOOKS))
            began = monotonic()
            rows = self._unasked(look) or await self._asked(look)
            self.rows |= rows
            self.took |= dict.fromkeys(rows, monotonic() - began)
        await told(len(LOOKS), len(LOOKS))

    def _unasked(self, look: Look) -> dict[str, Row]:
        """Why there is nothing to be asked; nothing when there is."""
        if monotonic() > self._until:
            return _all(look, None, f"It was not asked: after {ALL:.0f} s the probe ends.")
        if len(self._away) >= PATIENCE or self._nobody_there:
            return _all(look, None, self._away[-1])
        if look.needs == "accepted":
            return {} if self.visit.kept.id else self._without(look, "store")
        return {} if not look.needs or self.rows[look.needs].can else self._without(look, look.needs)

    def _without(self, look: Look, needs: str) -> dict[str, Row]:
        can, said = self.rows[needs]
        if needs == "responses":
            return _all(look, can, said)
        return _all(look, can, f"It was not asked, for want of what comes before (“{CAPABILITIES[needs]}”).")

    async def _asked(self, look: Look) -> dict[str, Row]:
        try:
            async with asyncio.timeout(min(EACH, max(1.0, self._until - monotonic()))):
                rows = dict(await look.ask(self.visit))
            self._away.clear()
            return rows
        except TimeoutError:
            return self._failed(look, Slow(f"It took longer than {EACH:.0f} s."))
        except UpstreamError as error:
            return self._failed(look, error) if look.ask is not looks.reply else await self._no_reply(look, error)

    def _failed(self, look: Look, error: UpstreamError) -> dict[str, Row]:
        self._away = [*self._away, sentence(error)] if isinstance(error, AWAY) else []
        self._nobody_there = "responses" not in self.rows and isinstance(error, Unreachable)
        return _all(look, *judged(error))

    async def _no_reply(self, look: Look, error: UpstreamError) -> dict[str, Row]:
        """The first request of all failed: it may be that the server speaks Chat Completions only."""
        if isinstance(error, ModelNotFound | KeyRefused):
            return _all(look, None, sentence(error))
        if not speaks_otherwise(error) and not isinstance(error, ResponseGone):
            return self._failed(look, error)
        spoken = await self._chat()
        instead = " Parley asks it by Chat Completions." if spoken.can else ""
        return {"chat": spoken} | _all(look, False, f"It does not speak the Responses API. {sentence(error)}{instead}")

    async def _chat(self) -> Row:
        body = {"model": self.visit.model, "max_tokens": SHORT, "messages": [{"role": "user", "content": "Say hello."}]}
        try:
            found = await self.visit.client.post("/chat/completions", body)  # type: ignore[arg-type]
        except UpstreamError as error:
            return judged(error)
        return Row(bool(found.get("choices")), "A reply came." if found.get("choices") else "It answered with something else.")


def _plain(said: str) -> str:
    """What a terminal and a database take, whatever the server wrote."""
    return "".join(letter if letter.isprintable() else " " for letter in said)[:LONGEST]


def _all(look: Look, can: bool | None, said: str) -> dict[str, Row]:
    return dict.fromkeys(look.names, Row(can, said))


_HERE: Final = "The bundled model runs on this server and keeps nothing; Parley asks it in its own way."
BUNDLED: Final[Found] = {
    name: {"can": name in ("models", "stream", "usage", "forgets"), "said": _HERE, "seconds": 0.0}
    for name in CAPABILITIES
    if name != "chat"
}
"""What is known of the bundled model without asking it."""
