"""What goes over the two pipes of a child: one line of JSON, then bytes. Down: what is to be done, then the file until its end.
Up: what came of it, then as many bytes as the line announces.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, BinaryIO, Final

LINE: Final = 65_536  # bytes


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one child. `memory` is all that it may map, libraries included; `seconds` run by the clock on the wall."""

    memory: int
    cpu: int
    seconds: int


@dataclass(frozen=True, slots=True)
class Task:
    """`work` names one of `chat.decoding.works`; `form` says what the first bytes look like; `given` is what this work needs."""

    work: str
    form: str
    limits: Limits
    given: dict[str, int] = field(default_factory=dict)

    def line(self) -> bytes:
        return json.dumps(asdict(self)).encode() + b"\n"

    @classmethod
    def parsed(cls, line: bytes) -> "Task":
        read = json.loads(line)
        return cls(work=read["work"], form=read["form"], limits=Limits(**read["limits"]), given=read["given"])


@dataclass(frozen=True, slots=True)
class Answer:
    """`said`: what came of it, or `refused`: the kind of error, a sentence, what to do next. `parts`: bytes that belong to it."""

    said: dict[str, Any] = field(default_factory=dict)
    parts: Sequence[bytes] = ()
    refused: tuple[str, str, str] | None = None

    def write(self, pipe: BinaryIO) -> None:
        head = {"said": self.said, "sizes": [len(part) for part in self.parts], "refused": self.refused}
        pipe.write(json.dumps(head).encode() + b"\n")
        for part in self.parts:
            pipe.write(part)
        pipe.flush()


class Refusal(Exception):
    """The file is not taken: `kind` is "invalid" or "large"."""

    def __init__(self, message: str, next: str = "", *, kind: str = "invalid") -> None:
        super().__init__(message)
        self.answer = Answer(refused=(kind, message, next))
