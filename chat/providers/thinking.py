"""Thoughts that a model wrote into its text, between <think> and </think> at the very start: apart from the answer."""

from typing import Final, Literal, TypeAlias

OPEN: Final = "<think>"
CLOSE: Final = "</think>"
Piece: TypeAlias = tuple[Literal["reasoning", "text"], str]


class ThinkSplitter:
    """Feed it text as it comes, cut anywhere. A <think> after the first other letter is text like any other."""

    def __init__(self) -> None:
        self._state: Literal["start", "opened", "thinking", "gap", "text"] = "start"
        self._held = ""

    def feed(self, text: str) -> list[Piece]:
        self._held += text
        pieces: list[Piece] = []
        while self._held and (piece := self._step()) is not None:
            if piece[1]:
                pieces.append(piece)
        return pieces

    def end(self) -> list[Piece]:
        """What was held back in case a tag followed."""
        held, self._held = self._held, ""
        return [("reasoning" if self._state == "thinking" else "text", held)] if held and self._state != "gap" else []

    def _step(self) -> Piece | None:
        """One piece, and what is held gets shorter; None when more must come first."""
        match self._state:
            case "start":
                return self._start()
            case "opened":  # the line breaks after the tag, however many pieces they come in
                self._held = self._held.lstrip("\n")
                self._state = "thinking" if self._held else "opened"
                return ("reasoning", "") if self._held else None
            case "thinking":
                return self._thinking()
            case "gap":
                self._held = self._held.lstrip()
                self._state = "text" if self._held else "gap"
                return ("text", "") if self._held else None
            case "text":
                held, self._held = self._held, ""
                return ("text", held)

    def _start(self) -> Piece | None:
        start = self._held.lstrip()
        if start.startswith(OPEN):
            self._held, self._state = start.removeprefix(OPEN), "opened"
            return ("reasoning", "")
        if OPEN.startswith(start):
            return None
        self._state = "text"
        return ("text", "")

    def _thinking(self) -> Piece | None:
        thought, tag, rest = self._held.partition(CLOSE)
        if tag:
            self._held, self._state = rest, "gap"
            return ("reasoning", thought.rstrip("\n"))
        keep = next((size for size in range(len(CLOSE) - 1, 0, -1) if self._held.endswith(CLOSE[:size])), 0)
        ready = self._held[: len(self._held) - keep]
        self._held = self._held[len(ready) :]
        return ("reasoning", ready) if ready else None
