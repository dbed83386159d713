"""What a provider is: somewhere a model answers, told in Responses events."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, Protocol

from chat.errors import ResponseGone
from chat.protocol.events import Event
from chat.protocol.types import Request

if TYPE_CHECKING:
    from chat.providers.files import Files

Left = Literal["deleted", "absent", "untold", "there"]
"""What a provider says of something that was to be deleted: it has deleted it and finds it no more; it knew nothing of it, and
finds it no more; the same, but it may as well know no address where such things are; it still has it.
"""
Place = Literal["responses", "files", "conversations"]
"""Where a server keeps what it has an id for."""
BUNDLED: Final = "the bundled model"
"""What stands in the place of its address."""


@dataclass(frozen=True, slots=True)
class Status:
    """`sentence` is shown to people; empty when ready."""

    state: Literal["ready", "loading", "restarting", "unavailable"] = "ready"
    sentence: str = ""


class Provider(Protocol):
    """Every method may raise UpstreamError, and nothing else that is not a bug.

    What is said here of keeping and of background mode is for those that have neither: nothing can be built upon, deleted or
    taken up again.
    """

    name: str
    refusals: list[tuple[str, str]]
    """Parameter and model, of what it turned out not to take; whoever has heeded one takes it out."""

    sees: bool = True
    """Whether images may be sent, as far as is known without asking."""

    files: "Files | None" = None
    """Where it may keep files, if it does."""

    def keeps(self, model: str) -> bool:
        """Whether a request may be sent with `store`, as far as is known. It may be answered by one that keeps nothing all the
        same: `stream` says in the request whether it was asked to.
        """
        return False

    @property
    def server(self) -> str:
        """Its address, without what opens it; "" where nothing is kept."""
        return ""

    @property
    def account(self) -> str:
        """A mark of the key with which it is asked, that tells two apart and opens nothing."""
        return ""

    def chains(self, model: str) -> bool:
        """Whether `previous_response_id` may be sent, as far as is known."""
        return False

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
        """One answer as the events came, not yet normalised; ends after a terminal event, or without one when it was cut. Once
        there are events, `request.store` is whether this one was asked to keep it.

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

    async def forget(self, upstream_id: str, place: Place = "responses") -> Left:
        """Delete what is kept there, and look whether it is gone."""
        return "absent"

    def status(self) -> Status: ...

    async def close(self) -> None:
        """Give back connections and processes."""
        ...
