"""The text of a document, page by page, and no more of it than is allowed."""

import json
import re
import time
from typing import Final

from chat.decoding.frames import Answer

UNSEEN: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ufffe\uffff\ud800-\udfff]")
PATIENCE: Final = 0.6  # of the CPU time: what has been read until then is given


class Full(Exception):
    """There is more than is taken."""


class Pages:
    """Written from the first page on. `most` bytes, `count` pages, so many seconds of CPU; then Full."""

    def __init__(self, *, most: int, count: int, seconds: float) -> None:
        self._left, self._count, self._until = most, count, seconds * PATIENCE
        self._found: list[tuple[int, str]] = []
        self._lines: list[str] = []
        self._number = 1
        self._cut = False

    @property
    def empty(self) -> bool:
        """Whether nothing stands on this page yet."""
        return not self._lines

    def line(self, text: str) -> None:
        text = UNSEEN.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
        size = len(text.encode()) + 1
        if size > self._left:
            self._lines.append(text.encode()[: self._left].decode(errors="ignore"))
            raise Full
        self._left -= size
        self._lines.append(text)

    def turn(self) -> None:
        """To the next page."""
        self._close()
        self._number += 1
        if self._number > self._count or time.process_time() > self._until:
            raise Full

    def _close(self) -> None:
        text = "\n".join(self._lines).strip()
        if text:
            self._found.append((self._number, text))
        self._lines = []

    def cut(self) -> None:
        self._cut = True

    def answer(self) -> Answer:
        self._close()
        return Answer({"cut": self._cut}, [json.dumps(self._found, ensure_ascii=False).encode()])
