"""What the scripted model server is asked to say, and the very words it says then."""

import itertools
from dataclasses import dataclass, field

from tests.scripted import Recorded, ScriptedServer
from tests.scripted_script import Script

numbers = itertools.count(1)


@dataclass(frozen=True)
class Speech:
    """So many words, so many a second (0: all at once); `more` is put into the brackets too. Each has a number of its own."""

    tokens: int
    rate: float = 0.0
    more: str = ""
    number: int = field(default_factory=lambda: next(numbers))

    @property
    def directive(self) -> str:
        return f"tokens={self.tokens} rate={self.rate:g} seed={self.number} {self.more}".strip()

    @property
    def prompt(self) -> str:
        """What a person writes to get it."""
        return f"Speech {self.number}: [[{self.directive}]]"

    @property
    def text(self) -> str:
        """The words, one blank between them."""
        options = dict(part.partition("=")[::2] for part in self.directive.split())
        return " ".join("".join(Script(options).words()).split())

    def requests(self, model: ScriptedServer) -> list[Recorded]:
        """Requests for this speech that reached the model server, titles not among them."""
        asked = [request for request in model.requests if request.path.partition("?")[0] == "/v1/responses"]
        return [request for request in asked if self.prompt == last_said(request)]


def last_said(request: Recorded) -> str:
    """What the person said last, "" for a request that is no turn of a conversation."""
    entries = request.body.get("input", []) if isinstance(request.body, dict) else []
    said = [item for item in entries if isinstance(item, dict) and item.get("role") == "user"]
    content = said[-1].get("content", []) if said else []
    return str(content[0].get("text", "")) if content and isinstance(content[0], dict) else ""
