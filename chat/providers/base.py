"""What a provider is: somewhere a model answers, told in Responses events."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Final, Literal, Protocol

from chat.errors import ResponseGone
from chat.protocol.events import Event
from chat.protocol.types import Request

BUNDLED: Final = "the bundled model"
"""What stands in the place of its address."""


@dataclass(frozen=True, slots=True)
class Status:
    """`sentence` is shown to people; empty when ready."""

    state: Literal["ready", "loading", "restarting", "unavailable"] = "ready"
    sentence: str = ""


class Provider(Protocol):
    """Every method may raise UpstreamError, and nothing else that is not a bug.

    What is said here of background mode is for those that have none: they keep nothing, and nothing can be taken up again.
    """

    name: str
    server: str
    """The address under which its probes are kept; no address for the bundled model."""
    refusals: list[tuple[str, str]]
    """Parameter and model, of what it turned out not to take; whoever has heeded one takes it out."""

    @property
    def background(self) -> bool | None:
        """Whether a request may be sent with `background` and `store`: then the server goes on when nobody listens. None: where
        its newest probe found that it does (`capabilities`).

        It may still answer like one that was not: a server that refuses either is asked without them, and keeps nothing.
        """
        return False

    async def models(self) -> list[str]:
        """The names of the models, the server's favourite first. Not cached here."""
        ...

    def stream(self, request: Request) -> AsyncGenerator[Event, None]:
        """One answer as the events came, not yet normalised; ends after a terminal event, or without one when it was cut.

        Close it (`contextlib.aclosing`) or cancel the reader: the connection closes with it, and the model stops. One in the
        background does not stop (`cancel` it), and is taken up again here when its connection breaks.
        """
        ...

    def resume(self, upstream_id: str, after: int | None) -> AsyncGenerator[Event, None]:
        """What followed the event with the number `after` (None: everything), until the end, which may come without what was
        before it. Raises ResponseGone where it is not kept.
        """
        raise ResponseGone

    async def cancel(self, upstream_id: str) -> None:
        """Stop what goes on in the background; quiet when it has ended, is gone, or never was there."""
        return

    async def forget(self, upstream_id: str) -> bool:
        """Delete what is kept; True when a look afterwards finds nothing, False to try again later."""
        return True

    def status(self) -> Status: ...

    async def close(self) -> None:
        """Give back connections and processes."""
        ...
