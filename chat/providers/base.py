"""What a provider is: somewhere a model answers, told in Responses events."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Literal, Protocol

from chat.protocol.events import Event
from chat.protocol.types import Request


@dataclass(frozen=True, slots=True)
class Status:
    """`sentence` is shown to people; empty when ready."""

    state: Literal["ready", "loading", "restarting", "unavailable"] = "ready"
    sentence: str = ""


class Provider(Protocol):
    """Every method may raise UpstreamError, and nothing else that is not a bug."""

    name: str

    async def models(self) -> list[str]:
        """The names of the models, the server's favourite first. Not cached here."""
        ...

    def stream(self, request: Request) -> AsyncGenerator[Event, None]:
        """One answer as the events came, not yet normalised; ends after a terminal event, or without one when it was cut.

        Close it (`contextlib.aclosing`) or cancel the reader: the connection closes with it, and the model stops.
        """
        ...

    def status(self) -> Status: ...

    async def close(self) -> None:
        """Give back connections and processes."""
        ...
